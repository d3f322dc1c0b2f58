"""Google's own SDK, pointed at the gateway by its base URL, reaches every provider; every SDK reaches Gemini."""

from collections.abc import Iterator
from typing import Any

import anthropic
import gemini_wire
import openai
import pytest
import wire
from fault_server import FaultServer
from gateway_process import CALLER_KEY, Gateway
from google import genai
from google.genai import errors
from samples import HELLO
from sdk_calls import opened

WORDS = "hello wörld 🙂"
TEXT = f"echo: {WORDS}"
MODELS = ["gemini/gemini-2.5-flash", "my-vllm/llama", "anthropic/claude-sonnet-4-5"]


@pytest.fixture(scope="module")
def gemini_server() -> Iterator[FaultServer]:
    server = FaultServer(gemini_wire.echo).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def shared(
    share_gateway: Any,
    gemini_server: FaultServer,
    openai_server: FaultServer,
    anthropic_server: FaultServer,
) -> Gateway:
    providers = {
        "gemini": {"base_url": gemini_server.url, "keys": ["canary-gemini"]},
        "my-vllm": {"type": "vllm", "base_url": f"{openai_server.url}/v1"},
        "anthropic": {"base_url": anthropic_server.url, "keys": ["k"]},
    }
    gateway: Gateway = share_gateway(providers=providers, models={})
    return gateway


@pytest.fixture
def all_three(
    shared: Gateway,
    gemini_server: FaultServer,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
) -> Gateway:
    gemini_server.reset()
    return shared


def models(gateway: Gateway, key: str = CALLER_KEY) -> Any:
    """The SDK's calls."""
    options = genai.types.HttpOptions(base_url=f"{gateway.url}/genai")
    return opened(genai.Client(api_key=key, http_options=options)).models


@pytest.mark.parametrize("model", MODELS)
def test_plain(all_three: Gateway, model: str) -> None:
    reply = models(all_three).generate_content(model=model, contents=WORDS)
    assert reply.text == TEXT
    assert reply.candidates is not None
    assert reply.candidates[0].finish_reason == genai.types.FinishReason.STOP
    assert reply.usage_metadata is not None
    assert (reply.usage_metadata.prompt_token_count or 0) > 0


@pytest.mark.parametrize("model", MODELS)
def test_streamed(all_three: Gateway, model: str) -> None:
    pieces = list(models(all_three).generate_content_stream(model=model, contents=WORDS))
    assert "".join(piece.text or "" for piece in pieces) == TEXT
    assert len(pieces) > 2


def test_the_same_dialect_passes(all_three: Gateway, gemini_server: FaultServer) -> None:
    models(all_three).generate_content(model=MODELS[0], contents=WORDS)
    seen = gemini_server.only
    assert seen.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert seen.header("x-goog-api-key") == "canary-gemini"
    assert seen.json() == {"contents": [{"parts": [{"text": WORDS}], "role": "user"}]}


def test_tokens_are_counted(all_three: Gateway) -> None:
    assert models(all_three).count_tokens(model=MODELS[0], contents="x").total_tokens == 5


@pytest.mark.parametrize("stream", [False, True])
def test_openais_sdk_reaches_gemini(all_three: Gateway, gemini_server: FaultServer, stream: bool) -> None:
    with openai.OpenAI(base_url=f"{all_three.url}/v1", api_key=CALLER_KEY, max_retries=0) as sdk:
        asked: Any = {"model": MODELS[0], "messages": HELLO, "stream": stream}
        reply = sdk.chat.completions.create(**asked)
        if stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in reply if chunk.choices)
        else:
            text = reply.choices[0].message.content
            assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (9, 7)
    assert text == TEXT
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    assert gemini_server.only.path == f"/v1beta/models/gemini-2.5-flash:{verb}"


def test_anthropics_sdk_reaches_gemini(all_three: Gateway) -> None:
    with anthropic.Anthropic(base_url=all_three.url, api_key=CALLER_KEY, max_retries=0) as sdk:
        reply: Any = sdk.messages.create(model=MODELS[0], max_tokens=9, messages=HELLO)
    assert reply.content[0].text == TEXT


def test_errors_have_geminis_shape(all_three: Gateway, gemini_server: FaultServer) -> None:
    body = {"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}
    for _ in range(2):
        gemini_server.script(wire.as_json(body, 429))
        with pytest.raises(errors.ClientError) as raised:
            models(all_three).generate_content(model=MODELS[0], contents=WORDS)
    assert (raised.value.code, raised.value.status, raised.value.message) == (
        429,
        "RESOURCE_EXHAUSTED",
        "quota",
    )
    with pytest.raises(errors.ClientError) as unknown:
        models(all_three).generate_content(model="nobody/x", contents=WORDS)
    assert unknown.value.code == 404
    with pytest.raises(errors.ClientError) as denied:
        models(all_three, "wrong").generate_content(model=MODELS[0], contents=WORDS)
    assert denied.value.code == 401


@pytest.mark.parametrize("model", MODELS)
def test_without_server_sent_events_a_stream_is_one_array(
    all_three: Gateway, gemini_server: FaultServer, model: str
) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]}
    reply = all_three.post(f"/v1beta/models/{model}:streamGenerateContent", body)
    assert reply.headers.get("content-type") == "application/json"
    pieces = [genai.types.GenerateContentResponse.model_validate(each) for each in reply.json()]
    assert "".join(piece.text or "" for piece in pieces) == TEXT
    assert len(pieces) > 2
    if model == MODELS[0]:
        assert gemini_server.only.path.endswith(":streamGenerateContent?alt=sse")


@pytest.mark.parametrize("model", MODELS[:1])
def test_an_array_that_breaks_off_ends_with_an_error(
    all_three: Gateway, gemini_server: FaultServer, model: str
) -> None:
    gemini_server.script(wire.stream(gemini_wire.events(["one ", "two "], finish=None)))
    body = {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]}
    reply = all_three.post(f"/v1beta/models/{model}:streamGenerateContent", body)
    *pieces, error = reply.json()
    assert [piece["candidates"][0]["content"]["parts"][0]["text"] for piece in pieces] == ["one ", "two "]
    assert error["error"]["code"] == 502


@pytest.mark.parametrize("model", MODELS[:1])
def test_a_stream_that_breaks_off_raises_with_its_message_and_never_ends_well(
    all_three: Gateway, gemini_server: FaultServer, model: str
) -> None:
    """Some clients read past the error event: for them the connection breaks off."""
    gemini_server.script(wire.stream(gemini_wire.events(["one ", "two "], finish=None)))
    pieces = models(all_three).generate_content_stream(model=model, contents=WORDS)
    assert [next(pieces).text for _ in range(2)] == ["one ", "two "]
    with pytest.raises(errors.APIError, match="ended before it was complete") as raised:
        next(pieces)
    assert raised.value.code == 502
    body = {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]}
    with all_three.connect() as connection:
        connection.send(all_three.encode(f"/v1beta/models/{model}:streamGenerateContent?alt=sse", body))
        reply = connection.reply()
    assert b'"error"' in reply.body
    assert not reply.complete


def test_the_key_may_stand_in_the_query(all_three: Gateway, gemini_server: FaultServer) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]}
    path = f"/v1beta/models/{MODELS[0]}:generateContent"
    assert all_three.post(f"{path}?key={CALLER_KEY}", body, key="").status == 200
    assert all_three.post(f"{path}?key=wrong", body, key="").status == 401
    assert all_three.post(f"{path}?key={CALLER_KEY}", body, key="wrong").status == 401
    assert all_three.post(f"/v1/chat/completions?key={CALLER_KEY}", {}, key="").status == 401
    assert all_three.get(f"/v1beta/models?key={CALLER_KEY}").status == 200
    assert CALLER_KEY.encode() not in gemini_server.only.head
    assert CALLER_KEY not in all_three.log()


def test_hostile_model_names_stay_names(all_three: Gateway, gemini_server: FaultServer) -> None:
    for name in (
        "gemini/..%2f..%2fsecret",
        "gemini/a%0d%0ab",
        "gemini/%2e%2e",
        "gemini/x?y=1",
        "gemini/x%23y",
    ):
        all_three.post(f"/v1beta/models/{name}:generateContent", {"contents": [{"parts": [{"text": "x"}]}]})
    for seen in gemini_server.seen:
        assert seen.path.startswith("/v1beta/models/")
        assert "/" not in seen.path.removeprefix("/v1beta/models/")
        assert "?" not in seen.path
