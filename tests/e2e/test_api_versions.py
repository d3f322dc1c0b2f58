"""Callers of both versions of Anthropic's API, to an Anthropic that refuses what each version refuses.

Source: https://platform.claude.com/docs/en/api/migration-2026-10-21
"""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import anthropic_wire
import openai
import pytest
import wire
from fault_server import Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, SECOND_CALLER_KEY, Gateway
from raw_client import Reply

from gateway.dialects.sealing import PREFIX, seal
from gateway.schemas.chat import SealedReasoning

FIRST, SECOND = "2023-06-01", "2026-10-21"
MODEL = "anthropic/claude-sonnet-4-5"
SAMPLING = ("temperature", "top_p", "top_k")
CITED = {"type": "text", "text": "so", "citations": [{"type": "char_location", "cited_text": "so"}]}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "so"}}


def refused(seen: Seen) -> str:
    """Why Anthropic would refuse it; "" where it would not."""
    named = [line for line in seen.head.lower().split(b"\r\n") if line.startswith(b"anthropic-version:")]
    if len(named) != 1 or (version := seen.header("anthropic-version")) not in (FIRST, SECOND):
        return f"anthropic-version: {named} is not a valid version"
    if version == FIRST:
        return ""
    body = seen.json()
    for name in SAMPLING:
        if name in body:
            return f"{name}: Extra inputs are not permitted"
    for message in body["messages"]:
        blocks = message["content"] if isinstance(message["content"], list) else []
        wrong = "document" if message["role"] == "assistant" else ""
        if any(block["type"] == wrong or (not wrong and block.get("citations")) for block in blocks):
            return f"messages: {wrong or 'citations'} may not stand here"
    return ""


def claude(seen: Seen) -> Answer:
    why = refused(seen)
    if why:
        error = anthropic_wire.error("invalid_request_error", why)
        error["error"]["details"] = {"error_code": "not_in_this_version"}
        return wire.as_json(error, status=400)
    return anthropic_wire.echo(seen)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    running = FaultServer(claude).start()
    yield running
    running.stop()
    assert [repr(failure) for failure in running.failures] == []


@pytest.fixture(scope="module")
def shared(share_gateway: Any, server: FaultServer) -> Gateway:
    found: Gateway = share_gateway(
        providers={
            "anthropic": {"base_url": server.url, "keys": ["k"]},
            "pinned": {
                "type": "anthropic",
                "base_url": server.url,
                "keys": ["k"],
                "headers": {"Anthropic-Version": SECOND},
            },
        },
        models={"strict": {"strict": True, "targets": ["pinned/claude-sonnet-4-5"]}},
        rules=[{"name": "calm", "when": 'request.user == "calm"', "set": {"temperature": 0.25}}],
        keys={"even": {"value": SECOND_CALLER_KEY, "defaults": {"top_k": 7}}},
        cache={"mode": "exact"},
        server={"workers": 1},
    )
    return found


@pytest.fixture
def gateway(shared: Gateway, server: FaultServer) -> Gateway:
    server.reset()
    return shared


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=CALLER_KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def hello(request: pytest.FixtureRequest) -> list[Any]:
    """What nobody else asks."""
    return [{"role": "user", "content": f"hello from {request.node.name}"}]


def ask(gateway: Gateway, said: list[Any], version: str = SECOND, **more: Any) -> Reply:
    key = more.pop("key", CALLER_KEY)
    body = {"model": MODEL, "max_tokens": 9, "messages": said, **more}
    return gateway.post("/v1/messages", body, {"anthropic-version": version} if version else None, key)


# --- what the caller says ---


def test_the_sdks_version_travels(sdk: anthropic.Anthropic, server: FaultServer, hello: list[Any]) -> None:
    sdk.messages.create(model=MODEL, max_tokens=9, messages=hello)
    assert server.only.header("anthropic-version") == SECOND
    sdk.messages.count_tokens(model=MODEL, messages=hello)
    assert server.seen[-1].header("anthropic-version") == SECOND


@pytest.mark.parametrize(
    ("messages", "more"),
    [
        ([], {"temperature": 1}),
        ([{"role": "assistant", "content": [DOCUMENT]}], {}),
        ([{"role": "user", "content": [CITED]}], {}),
    ],
)
def test_each_version_is_refused_what_it_refuses(
    sdk: anthropic.Anthropic, gateway: Gateway, hello: list[Any], messages: list[Any], more: dict[str, Any]
) -> None:
    said = [*hello, *messages, *hello]
    with pytest.raises(anthropic.BadRequestError) as caught:
        sdk.messages.create(model=MODEL, max_tokens=9, messages=said, extra_body=more)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.error_code == "not_in_this_version"  # Anthropic's own words pass
    assert ask(gateway, said, FIRST, **more).status == 200
    assert ask(gateway, said, "", **more).status == 200  # the gateway's own stands in


def test_what_must_be_written_anew_keeps_the_callers_version(
    sdk: anthropic.Anthropic, server: FaultServer, hello: list[Any]
) -> None:
    """Thought of another provider cannot stay in it: see gateway.dialects.sealing."""
    thought: Any = {"type": "redacted_thinking", "data": seal(SealedReasoning("x", format="gemini"))}
    said = [*hello, {"role": "assistant", "content": [thought, {"type": "text", "text": "so"}]}, *hello]
    sdk.messages.create(model=MODEL, max_tokens=9, messages=said)
    assert server.only.header("anthropic-version") == SECOND
    assert PREFIX.encode() not in server.only.body


def test_the_party_that_it_is_for_travels_but_no_choice_of_a_workspace(
    sdk: anthropic.Anthropic, server: FaultServer, hello: list[Any]
) -> None:
    sdk.messages.create(
        model=MODEL, max_tokens=9, messages=hello, user_profile_id="uprof_1", workspace_id="wrkspc_1"
    )
    assert server.only.header("anthropic-user-profile-id") == "uprof_1"
    assert server.only.header("anthropic-workspace-id") is None


# --- what the operator says ---


def test_a_rule_may_set_what_the_callers_version_does_not_know(
    sdk: anthropic.Anthropic, server: FaultServer, hello: list[Any]
) -> None:
    sdk.messages.create(model=MODEL, max_tokens=9, messages=hello, metadata={"user_id": "calm"})
    assert server.only.json()["temperature"] == 0.25
    assert server.only.header("anthropic-version") == FIRST


def test_so_may_a_keys_defaults(gateway: Gateway, server: FaultServer, hello: list[Any]) -> None:
    reply = ask(gateway, hello, key=SECOND_CALLER_KEY)
    assert reply.status == 200, reply.body
    assert server.only.json()["top_k"] == 7
    assert server.only.header("anthropic-version") == FIRST


@pytest.mark.parametrize("version", [FIRST, SECOND, ""])
def test_the_operators_version_holds_for_all(
    gateway: Gateway, server: FaultServer, hello: list[Any], version: str
) -> None:
    """In place of the vendor's and of the caller's, and nothing that it refuses is sent with it."""
    reply = ask(gateway, hello, version, model="pinned/claude-sonnet-4-5", temperature=1, top_p=0.5)
    assert reply.status == 200, reply.body
    assert server.only.header("anthropic-version") == SECOND
    assert reply.headers["x-gateway-dropped"] == "temperature, top_p"


def test_and_for_callers_of_other_dialects(gateway: Gateway, server: FaultServer, hello: list[Any]) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as client:
        answer = client.chat.completions.with_raw_response.create(
            model="pinned/claude-sonnet-4-5", messages=hello, temperature=0.5
        )
        assert answer.headers["x-gateway-dropped"] == "temperature"
        with pytest.raises(openai.BadRequestError, match="temperature"):
            client.chat.completions.create(model="strict", messages=hello, temperature=0.5)
    assert server.only.header("anthropic-version") == SECOND


def test_other_dialects_are_written_for_the_first_version(
    gateway: Gateway, server: FaultServer, hello: list[Any]
) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as client:
        client.chat.completions.create(model=MODEL, messages=hello, temperature=0.5)
    assert server.only.json()["temperature"] == 0.5
    assert server.only.header("anthropic-version") == FIRST


# --- kept answers ---


@pytest.mark.parametrize("stream", [False, True])
def test_both_versions_share_what_was_answered(
    gateway: Gateway, server: FaultServer, hello: list[Any], stream: bool
) -> None:
    """Their answers have one form, so they are told as they were written, but for the id and what was paid."""
    for one, other in ((FIRST, SECOND), (SECOND, FIRST)):
        said = [{"role": "user", "content": f"{hello[0]['content']} {one}"}]
        asked, hit = (ask(gateway, said, version, stream=stream) for version in (one, other))
        assert hit.headers["x-gateway-cache"] == "hit"
        assert untold(hit.body) == untold(asked.body)
    assert [seen.header("anthropic-version") for seen in server.seen] == [FIRST, SECOND]


def untold(body: bytes) -> Any:
    """The events or the answer, without what no two answers have in common."""
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")] or [body]
    events = [json.loads(line) for line in lines]
    for event in events:
        for name in ("id", "usage"):
            event.get("message", event).pop(name, None)
    return events


def test_a_version_that_nobody_knows_shares_with_none(gateway: Gateway, hello: list[Any]) -> None:
    assert ask(gateway, hello, SECOND).status == 200
    unknown = ask(gateway, hello, "2031-01-01")
    assert unknown.status == 400
    assert b"not a valid version" in unknown.body
