"""Kept answers: every SDK hits what any other one wrote, plain by streamed; what is wanted, refused, charged."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anthropic
import boto3
import botocore.config
import cohere
import openai
import openai_wire
import psutil
import pytest
import wire
from fault_server import CLOSE, FaultServer
from gateway_process import CALLER_KEY, SECOND_CALLER_KEY, Gateway
from google import genai
from raw_client import Reply

MODEL = "openai/gpt-4o-mini"
CHAT = "/v1/chat/completions"
SYSTEM = "Be brief."


@pytest.fixture
def start(start_gateway: Any) -> Callable[..., Gateway]:
    def started(**changes: Any) -> Gateway:
        gateway: Gateway = start_gateway(**{"cache": {"mode": "exact"}, **changes})
        return gateway

    return started


@pytest.fixture(scope="module")
def shared_gateway(openai_server: FaultServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = {
        "auth": {"keys": [CALLER_KEY]},
        "retries": {"max": 0},
        "breaker": "off",
        "cache": {"mode": "exact"},
        "providers": {"openai": {"base_url": f"{openai_server.url}/v1", "keys": ["k"]}},
    }
    gateway = Gateway(config, tmp_path_factory.mktemp("cached"))
    yield gateway
    gateway.stop()


@pytest.fixture
def cached(shared_gateway: Gateway, openai_upstream: FaultServer) -> Gateway:
    """A gateway that others use too: each test asks questions of its own."""
    return shared_gateway


@pytest.fixture
def hello(request: pytest.FixtureRequest) -> str:
    """What nobody else asks."""
    return f"hello from {request.node.name}"


def ask(gateway: Gateway, text: str, *, key: str = CALLER_KEY, headers: Any = None, **more: Any) -> Reply:
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}
    return gateway.post(CHAT, body, headers, key)


def said(reply: Reply) -> str:
    assert reply.status == 200, reply.body
    if b"data: " not in reply.body:
        return str(reply.json()["choices"][0]["message"]["content"])
    pieces = [json.loads(line[6:]) for line in reply.body.splitlines() if line.startswith(b"data: {")]
    return "".join(piece["choices"][0]["delta"].get("content") or "" for piece in pieces if piece["choices"])


def looked(reply: Reply) -> str:
    return reply.headers.get("x-gateway-cache", "")


# --- every SDK ---


@cache
def openai_client(url: str) -> openai.OpenAI:
    return openai.OpenAI(api_key=CALLER_KEY, base_url=f"{url}/v1")


@cache
def anthropic_client(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key=CALLER_KEY, base_url=url)


@cache
def genai_client(url: str) -> genai.Client:
    return genai.Client(api_key=CALLER_KEY, http_options=genai.types.HttpOptions(base_url=f"{url}/genai"))


@cache
def cohere_client(url: str) -> cohere.ClientV2:
    return cohere.ClientV2(api_key=CALLER_KEY, base_url=f"{url}/cohere")


@cache
def bedrock_client(url: str) -> Any:
    return boto3.client(
        "bedrock-runtime",
        region_name="eu-west-1",
        aws_access_key_id=CALLER_KEY,
        aws_secret_access_key="anything",
        endpoint_url=f"{url}/bedrock",
        config=botocore.config.Config(retries={"max_attempts": 0}),
    )


def by_openai(gateway: Gateway, text: str, stream: bool) -> str:
    client = openai_client(gateway.url)
    messages: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    asked: Any = {"model": MODEL, "messages": messages, "max_tokens": 64}
    if not stream:
        return client.chat.completions.create(**asked).choices[0].message.content or ""
    chunks = client.chat.completions.create(**asked, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def by_responses(gateway: Gateway, text: str, stream: bool) -> str:
    client = openai_client(gateway.url)
    asked: Any = {"model": MODEL, "instructions": SYSTEM, "input": text}
    asked |= {"max_output_tokens": 64, "store": False}
    if not stream:
        return str(client.responses.create(**asked).output_text)
    events = client.responses.create(**asked, stream=True)
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def by_anthropic(gateway: Gateway, text: str, stream: bool) -> str:
    client = anthropic_client(gateway.url)
    asked: Any = {"model": MODEL, "system": SYSTEM, "max_tokens": 64}
    asked["messages"] = [{"role": "user", "content": text}]
    if not stream:
        return "".join(block.text for block in client.messages.create(**asked).content)  # type: ignore[union-attr]
    with client.messages.stream(**asked) as opened:
        return "".join(opened.text_stream)


def by_gemini(gateway: Gateway, text: str, stream: bool) -> str:
    models = genai_client(gateway.url).models
    config = genai.types.GenerateContentConfig(system_instruction=SYSTEM, max_output_tokens=64)
    asked: Any = {"model": MODEL, "contents": text, "config": config}
    if not stream:
        return models.generate_content(**asked).text or ""
    return "".join(chunk.text or "" for chunk in models.generate_content_stream(**asked))


def by_cohere(gateway: Gateway, text: str, stream: bool) -> str:
    client = cohere_client(gateway.url)
    messages: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    asked: Any = {"model": MODEL, "messages": messages, "max_tokens": 64}
    if not stream:
        return str(client.chat(**asked).message.content[0].text)  # type: ignore[index, union-attr]
    events = client.chat_stream(**asked)
    return "".join(
        event.delta.message.content.text or ""  # type: ignore[union-attr]
        for event in events
        if event.type == "content-delta"
    )


def by_bedrock(gateway: Gateway, text: str, stream: bool) -> str:
    client = bedrock_client(gateway.url)
    asked: Any = {
        "modelId": MODEL,
        "system": [{"text": SYSTEM}],
        "messages": [{"role": "user", "content": [{"text": text}]}],
        "inferenceConfig": {"maxTokens": 64},
    }
    if not stream:
        return str(client.converse(**asked)["output"]["message"]["content"][0]["text"])
    events = client.converse_stream(**asked)["stream"]
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    return "".join(delta.get("text", "") for delta in deltas)


SDKS = (by_openai, by_responses, by_anthropic, by_gemini, by_cohere, by_bedrock)
WAYS = [(sdk, stream) for sdk in SDKS for stream in (False, True)]


@pytest.fixture(scope="module")
def shared_by_all(openai_server: FaultServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The provider says no Responses, so that all six dialects are translated into one."""
    config = {
        "auth": {"keys": [CALLER_KEY]},
        "cache": {"mode": "exact"},
        "providers": {"openai": {"type": "groq", "base_url": f"{openai_server.url}/v1", "keys": ["k"]}},
    }
    gateway = Gateway(config, tmp_path_factory.mktemp("cached"))
    yield gateway
    genai_client(gateway.url).close()
    bedrock_client(gateway.url).close()
    with cohere_client(gateway.url):
        pass
    gateway.stop()


@pytest.mark.parametrize(("writer", "streams"), WAYS, ids=[f"{w.__name__}{'-stream' * s}" for w, s in WAYS])
def test_all_hit_what_one_wrote(
    shared_by_all: Gateway,
    openai_upstream: FaultServer,
    writer: Any,
    streams: bool,
) -> None:
    text = f"hello {writer.__name__} {streams} wörld 🙂"
    assert writer(shared_by_all, text, streams) == f"echo: {text}"
    for reader, stream in WAYS:
        assert reader(shared_by_all, text, stream) == f"echo: {text}", (reader.__name__, stream)
        asked = [seen.body for seen in openai_upstream.seen]
        assert len(asked) == 1, (reader.__name__, stream, asked)


# --- whose they are ---


@pytest.mark.parametrize("scope", ["key", "org"])
def test_two_tenants_share_nothing(
    start: Callable[..., Gateway], openai_upstream: FaultServer, scope: str
) -> None:
    gateway = start(cache={"mode": "exact", "scope": scope})
    for key in (CALLER_KEY, SECOND_CALLER_KEY):
        for wish in ("", "all", "org"):
            headers = {"x-gateway-cache-scope": wish} if wish else None
            ask(gateway, "the secret", key=key, headers=headers)
    replies = [ask(gateway, "the secret", key=key) for key in (CALLER_KEY, SECOND_CALLER_KEY)]
    assert [looked(reply) for reply in replies] == ["hit", "hit"]
    assert replies[0].headers["x-gateway-cache-id"] != replies[1].headers["x-gateway-cache-id"]
    assert len(openai_upstream.seen) >= 2
    gateway.stop()


def test_all_share_where_the_operator_says_so(
    start: Callable[..., Gateway], openai_upstream: FaultServer
) -> None:
    gateway = start(cache={"mode": "exact", "scope": "all"})
    assert looked(ask(gateway, "hello")) == "miss"
    assert looked(ask(gateway, "hello", key=SECOND_CALLER_KEY)) == "hit"
    assert len(openai_upstream.seen) == 1
    gateway.stop()


# --- what is not kept ---

TRUNCATED = openai_wire.completion("cut", finish="length")
FILTERED = openai_wire.completion("none", finish="content_filter")


@pytest.mark.parametrize(
    "answer",
    [
        wire.as_json(openai_wire.error("busy"), 500),
        wire.as_json(openai_wire.error("no", code="context_length_exceeded"), 400),
        wire.as_json(TRUNCATED),
        wire.as_json(FILTERED),
    ],
    ids=["error", "refused", "truncated", "filtered"],
)
def test_what_is_no_answer_is_not_kept(
    cached: Gateway, hello: str, openai_upstream: FaultServer, answer: Any
) -> None:
    openai_upstream.script(list(answer))
    for _ in range(2):
        assert looked(ask(cached, hello)) == "miss"
    assert len(openai_upstream.seen) == 2


def test_a_cut_stream_is_not_kept(cached: Gateway, hello: str, openai_upstream: FaultServer) -> None:
    whole = list(wire.stream(openai_wire.text_events(["Hel", "lo"])))
    openai_upstream.script([*whole[:3], CLOSE], whole)
    assert b"error" in ask(cached, hello, stream=True).body
    second = ask(cached, hello, stream=True)
    assert (looked(second), said(second)) == ("miss", "Hello")
    assert looked(ask(cached, hello, stream=True)) == "hit"
    assert len(openai_upstream.seen) == 2


# --- what callers ask for ---


def test_a_hit_tells_what_it_is(cached: Gateway, hello: str, openai_upstream: FaultServer) -> None:
    first, second = ask(cached, hello), ask(cached, hello)
    assert (looked(first), looked(second)) == ("miss", "hit")
    assert said(first) == said(second)
    assert len(second.headers["x-gateway-cache-id"]) == 32
    assert int(second.headers["x-gateway-cache-age"]) <= 60
    assert second.headers["x-gateway-cost-usd"] == "0.000000000"
    assert (second.headers["x-gateway-provider"], second.headers["x-gateway-model"]) == (
        "openai",
        "gpt-4o-mini",
    )
    assert "x-gateway-attempts" not in second.headers
    assert len(openai_upstream.seen) == 1


def test_refresh_asks_again_and_keeps(cached: Gateway, hello: str, openai_upstream: FaultServer) -> None:
    openai_upstream.script(*(list(wire.as_json(openai_wire.completion(text))) for text in ("old", "new")))
    assert said(ask(cached, hello)) == "old"
    assert said(ask(cached, hello, headers={"x-gateway-cache": "refresh"})) == "new"
    assert said(ask(cached, hello)) == "new"
    assert len(openai_upstream.seen) == 2


def test_off_neither_looks_nor_keeps(cached: Gateway, hello: str, openai_upstream: FaultServer) -> None:
    for _ in range(2):
        assert looked(ask(cached, hello, headers={"x-gateway-cache": "off"})) == "bypass"
    assert looked(ask(cached, hello)) == "miss"
    assert len(openai_upstream.seen) == 3


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_only_is_refused_in_the_callers_words(
    cached: Gateway, hello: str, openai_upstream: FaultServer, path: str
) -> None:
    body = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": hello}]}
    wish: dict[str, str | bytes] = {"x-gateway-cache": "only"}
    refused = cached.post(path, body, wish)
    assert refused.status == 504
    assert "cache" in refused.json()["error"]["message"]
    assert not openai_upstream.seen
    cached.post(path, body)
    assert looked(cached.post(path, body, wish)) == "hit"


def test_an_answer_lives_as_long_as_its_caller_wants(
    cached: Gateway, hello: str, openai_upstream: FaultServer
) -> None:
    ask(cached, hello, headers={"x-gateway-cache-ttl": "3"})
    assert looked(ask(cached, hello)) == "hit"
    openai_upstream.wait(lambda: looked(ask(cached, hello, headers={"x-gateway-cache": "only"})) != "hit")


def test_litellms_wishes_do_not_reach_the_provider(
    cached: Gateway, hello: str, openai_upstream: FaultServer
) -> None:
    assert looked(ask(cached, hello, cache={"no-cache": True})) in ("miss", "bypass")
    assert looked(ask(cached, hello, cache={"ttl": 60})) in ("hit", "miss")
    assert looked(ask(cached, hello, cache={"no-cache": True, "no-store": True})) == "bypass"
    assert all("cache" not in seen.json() for seen in openai_upstream.seen)


def test_a_route_may_keep_nothing(start: Callable[..., Gateway], openai_upstream: FaultServer) -> None:
    models = {
        "live": {"targets": [{"model": MODEL}], "cache": "off"},
        "kept": {"targets": [{"model": MODEL}]},
    }
    gateway = start(models=models)
    for model, expected in (("live", ["bypass", "bypass"]), ("kept", ["miss", "hit"])):
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        assert [looked(gateway.post(CHAT, body)) for _ in range(2)] == expected
    gateway.stop()


def test_without_a_cache_nothing_is_said_of_it(gateway: Gateway, openai_upstream: FaultServer) -> None:
    assert [looked(ask(gateway, "hello")) for _ in range(2)] == ["", ""]
    assert len(openai_upstream.seen) == 2


# --- what a hit costs ---


def test_hits_are_counted(cached: Gateway, hello: str, openai_upstream: FaultServer) -> None:
    def counted() -> list[float]:
        return [
            cached.metric("gateway_cache_lookups_total", result="hit"),
            cached.metric("gateway_cache_lookups_total", result="miss"),
            cached.metric("gateway_tokens_total", type="input", endpoint="chat_completions"),
            cached.metric("gateway_cache_saved_tokens_total", result="hit", type="output"),
            cached.metric("gateway_cache_saved_usd_total", result="hit") * 1e6,
            cached.metric("gateway_cost_usd_total", endpoint="chat_completions") * 1e6,
        ]

    before = counted()
    for _ in range(3):
        ask(cached, hello)
    hits, misses, tokens, saved_tokens, saved, cost = (
        now - old for now, old in zip(counted(), before, strict=True)
    )
    assert (hits, misses, tokens, saved_tokens) == (2, 1, 11, 14)
    assert saved == pytest.approx(2 * cost)
    assert saved > 0


def test_a_hit_takes_no_tokens_and_no_money_but_counts_as_a_request(
    start: Callable[..., Gateway], openai_upstream: FaultServer
) -> None:
    limits = [{"requests": 5, "tokens": 2000, "per": "hour"}]
    gateway = start(auth={}, keys={"one": {"value": CALLER_KEY, "limits": limits}})
    first = ask(gateway, "hello", max_tokens=100)
    left = int(first.headers["x-ratelimit-remaining-tokens"])
    for _ in range(4):
        again = ask(gateway, "hello", max_tokens=100)
        assert looked(again) == "hit"
    assert abs(int(again.headers["x-ratelimit-remaining-tokens"]) - left) < 120
    assert again.headers["x-ratelimit-remaining-requests"] == "0"
    assert ask(gateway, "hello", max_tokens=100).status == 429
    gateway.stop()


# --- what happens to its files, and to its processes ---


def data_of(gateway: Gateway) -> Path:
    return gateway.log_path.parent / "data"


def test_entries_survive_a_restart(start: Callable[..., Gateway], openai_upstream: FaultServer) -> None:
    gateway = start()
    ask(gateway, "hello")
    gateway.stop()
    gateway._start(gateway.log_path.parent)
    gateway._wait_ready()
    openai_upstream.wait(lambda: ask(gateway, "hello", headers={"x-gateway-cache": "only"}).status == 200)
    assert len(openai_upstream.seen) == 1
    gateway.stop()


def test_what_one_worker_wrote_outlives_it(
    start: Callable[..., Gateway], openai_upstream: FaultServer
) -> None:
    gateway = start(server={"workers": 2})
    for number in range(20):
        ask(gateway, f"hello {number}")
    for victim in gateway.workers():
        victim.send_signal(signal.SIGKILL)
        psutil.wait_procs([victim], 5)
        openai_upstream.wait(lambda: len(gateway.workers()) == 2)
    replies = [ask(gateway, f"hello {number}") for number in range(20)]
    assert [said(reply) for reply in replies] == [f"echo: hello {number}" for number in range(20)]
    assert [looked(reply) for reply in replies] == ["hit"] * 20
    assert len(openai_upstream.seen) == 20
    gateway.stop()


def test_its_files_may_vanish(start: Callable[..., Gateway], openai_upstream: FaultServer) -> None:
    gateway = start(server={"workers": 1})
    ask(gateway, "before")
    shutil.rmtree(data_of(gateway) / "cache")
    for number in range(3):
        assert said(ask(gateway, f"after {number}")) == f"echo: after {number}"
    for path in (data_of(gateway) / "cache").rglob("*"):
        if path.is_file():
            os.truncate(path, path.stat().st_size // 2)
    for number in range(3):
        assert said(ask(gateway, f"after {number}")) == f"echo: after {number}"
    assert ask(gateway, "before").status == 200
    gateway.stop()


# --- by meaning ---


def test_the_same_question_in_other_words_hits(
    start: Callable[..., Gateway], openai_upstream: FaultServer
) -> None:
    if find_spec("wordllama") is None:
        pytest.skip("the extra `cache` is not installed")
    gateway = start(cache={"mode": "semantic"}, server={"workers": 1})
    asked = "How do I reset my password?"
    assert looked(ask(gateway, asked)) == "miss"
    only: dict[str, str | bytes] = {"x-gateway-cache": "only"}
    openai_upstream.wait(lambda: ask(gateway, "How can I reset my password?", headers=only).status == 200)
    found = ask(gateway, "How can I reset my password?")
    assert looked(found) == "semantic"
    assert 0.93 <= float(found.headers["x-gateway-cache-similarity"]) <= 1
    assert said(found) == f"echo: {asked}"
    assert looked(ask(gateway, "How do I delete my password?")) == "miss"
    assert gateway.metric("gateway_cache_similarity_bucket", le="+Inf") >= 2
    gateway.stop()


# --- embeddings ---


def test_each_input_of_embeddings_is_asked_for_once(cached: Gateway, openai_upstream: FaultServer) -> None:
    client = openai_client(cached.url)

    def vectors(*texts: str) -> Any:
        return client.embeddings.with_raw_response.create(
            model="openai/text-embedding-3-small", input=list(texts)
        )

    said = [vectors("a", "b"), vectors("b", "c", "a"), vectors("c"), vectors("a", "b")]
    assert [one.headers["x-gateway-cache"] for one in said] == ["miss", "miss", "hit", "hit"]
    assert [seen.json()["input"] for seen in openai_upstream.seen] in (
        [["a", "b"], ["c"]],
        [["a", "b"], "c"],
    )
    assert said[1].headers["x-gateway-cache-inputs"] == "2/3"
    assert [len(one.parse().data) for one in said] == [2, 3, 1, 2]
    assert said[0].parse().data[0].embedding == said[3].parse().data[0].embedding
