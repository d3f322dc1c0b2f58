"""LiteLLM as a client, by base URL alone: each of its dialects reaches every provider through the gateway."""

import asyncio
import gc
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from all_vendors import CACHED, INPUT, MODELS, OUTPUT, WEATHER_CALL, Say, Vendors
from samples import HELLO, OPENAI_TOOLS

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = (
    "True"  # read while LiteLLM is imported; else it asks the network
)
import litellm
from fault_server import CLOSE

litellm.telemetry = False
litellm.suppress_debug_info = True

TEXT = "hello wörld 🙂"
THOUGHT = "they greet me"
PROVIDERS = list(MODELS)
BASES = {
    "openai": ("openai", "/litellm"),
    "anthropic": ("anthropic", "/anthropic"),
    "gemini": ("gemini", "/genai"),
    "cohere": ("cohere_chat", "/cohere/v2/chat"),
    "bedrock": ("bedrock/converse", "/bedrock"),
}
"""LiteLLM's prefix for each dialect, and the gateway's address for it."""
ROUTES = list(BASES)
STREAMING = [route for route in ROUTES if route != "cohere"]  # it cannot read a server-sent event of Cohere's
CALLING = ["openai", "anthropic", "gemini", "bedrock"]

pytestmark = pytest.mark.usefixtures("loopback_only")


@pytest.fixture(autouse=True)
def no_machine_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def streams_left_open() -> Iterator[None]:
    """LiteLLM leaves a stream before its end, in a cycle. Were it collected while the same pool opens a connection,
    closing it would wait for the lock that its own thread holds."""
    gc.freeze()  # what the test leaves is collected after it, and only that is looked at
    gc.disable()
    yield
    gc.collect()
    gc.enable()
    gc.unfreeze()


def asking(vendors: Vendors, route: str, provider: str, **more: Any) -> Any:
    """The arguments of `completion`, for LiteLLM's dialect `route` and a model of `provider`."""
    prefix, path = BASES[route]
    where: dict[str, Any] = {"api_base": vendors.url + path, "api_key": vendors.key}
    if route == "bedrock":
        where |= {"aws_region_name": "us-east-1", "allowed_openai_params": ["tools"]}
    return {
        "model": f"{prefix}/{MODELS[provider]}",
        "messages": HELLO,
        "max_retries": 0,
        "timeout": 20,
        **where,
        **more,
    }


def whole(vendors: Vendors, route: str, provider: str, stream: bool, **more: Any) -> Any:
    """The answer, put together from its pieces by LiteLLM itself where it was streamed."""
    asked = asking(vendors, route, provider, **more)
    if not stream:
        return litellm.completion(**asked)
    usage = (
        {} if "tools" in asked else {"stream_options": {"include_usage": True}}
    )  # it then forgets the finish
    return litellm.stream_chunk_builder(list(litellm.completion(**asked, **usage, stream=True)))


def counted(reply: Any) -> tuple[int, int, int]:
    cached = reply.usage.prompt_tokens_details
    return reply.usage.prompt_tokens, reply.usage.completion_tokens, (cached and cached.cached_tokens) or 0


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("route", ROUTES)
def test_text_and_usage_are_the_same_streamed_or_not(vendors: Vendors, route: str, provider: str) -> None:
    vendors.say(Say(TEXT))
    plain = whole(vendors, route, provider, stream=False)
    assert plain.choices[0].message.content == TEXT
    assert plain.choices[0].finish_reason == "stop"
    cached = 0 if "cohere" in (route, provider) else CACHED
    assert counted(plain) == (INPUT, OUTPUT, cached)
    if route in STREAMING:
        streamed = whole(vendors, route, provider, stream=True)
        assert streamed.choices[0].message.content == TEXT
        assert streamed.choices[0].finish_reason == "stop"
        assert counted(streamed) == counted(plain)
    body = vendors.asked[-1]
    assert TEXT in json.dumps(body, ensure_ascii=False)
    assert body.get("model", "").partition("/")[0] not in BASES


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("route", CALLING)
def test_a_tool_is_called_and_answered(vendors: Vendors, route: str, provider: str, stream: bool) -> None:
    vendors.say(Say(calls=(WEATHER_CALL,)), Say("rain, then"))
    first = whole(vendors, route, provider, stream, tools=OPENAI_TOOLS)
    assert first.choices[0].finish_reason == "tool_calls"
    (call,) = first.choices[0].message.tool_calls
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "Genève"}
    result = {"role": "tool", "tool_call_id": call.id, "name": "weather", "content": "rain"}
    turns = [*HELLO, first.choices[0].message.model_dump(), result]
    second = whole(vendors, route, provider, stream, messages=turns, tools=OPENAI_TOOLS)
    assert second.choices[0].message.content == "rain, then"
    sent = json.dumps(vendors.asked[-1], ensure_ascii=False)
    assert "city" in sent
    assert "rain" in sent


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("route", ["anthropic", "gemini", "openai"])
def test_signed_thought_goes_back_to_its_maker(vendors: Vendors, route: str, stream: bool) -> None:
    """Through the dialect of OpenAI, LiteLLM keeps no signature of what it puts together from a stream."""
    vendors.say(Say(TEXT, thought=THOUGHT))
    thinking: Any = {"reasoning_effort": "low", "allowed_openai_params": ["reasoning_effort"]}
    first = whole(vendors, route, "anthropic", stream, **thinking).choices[0].message
    assert first.reasoning_content == THOUGHT
    turns = [*HELLO, first.model_dump(), {"role": "user", "content": "go on"}]
    whole(vendors, route, "anthropic", stream, messages=turns, **thinking)
    said = vendors.asked[-1]["messages"][1]["content"]
    if route == "openai" and stream:
        assert said == TEXT
        return
    assert said[0] == {"type": "thinking", "thinking": THOUGHT, "signature": Say.seal}
    assert [block["text"] for block in said[1:]] == [TEXT]


ERRORS = {400: litellm.BadRequestError, 401: litellm.AuthenticationError, 429: litellm.RateLimitError}


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.parametrize("route", ["openai", "anthropic", "gemini"])
def test_an_error_of_another_dialect_has_its_class(vendors: Vendors, route: str, status: int) -> None:
    provider = "openai" if route == "anthropic" else "anthropic"
    vendors.say(Say("out of luck", status=status))
    with pytest.raises(ERRORS[status], match="out of luck"):
        litellm.completion(**asking(vendors, route, provider))


CUT = {
    "openai": litellm.exceptions.MidStreamFallbackError,
    "anthropic": litellm.exceptions.MidStreamFallbackError,
    "bedrock": litellm.BadRequestError,  # so it names every exception of Bedrock's streams
}
"""Gemini is not here: LiteLLM passes over an error among the events of its streams, and its words with it."""


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("route", CUT)
def test_a_cut_stream_is_an_error(vendors: Vendors, route: str, provider: str) -> None:
    vendors.say(Say("one two three four", breaks=CLOSE))
    with pytest.raises(CUT[route], match="before its answer was complete"):
        whole(vendors, route, provider, stream=True)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_cut_stream_of_geminis_is_an_error_too(vendors: Vendors, provider: str) -> None:
    vendors.say(Say("one two three four", breaks=CLOSE))
    with pytest.raises(Exception, match=r"(?i)incomplete|closed|disconnected|peer"):
        whole(vendors, "gemini", provider, stream=True)


@pytest.mark.parametrize("route", CALLING)
def test_refusals_of_the_gateway(vendors: Vendors, route: str) -> None:
    with pytest.raises(litellm.AuthenticationError):
        litellm.completion(**asking(vendors, route, "openai", api_key="wrong"))


async def test_many_at_once(vendors: Vendors) -> None:
    vendors.say(Say(TEXT))
    asked = [asking(vendors, route, provider) for route in CALLING[:3] for provider in PROVIDERS]
    replies = await asyncio.gather(*[litellm.acompletion(**each) for each in asked])
    assert {reply.choices[0].message.content for reply in replies} == {TEXT}

    async def streamed(each: Any) -> str:
        pieces = await litellm.acompletion(**each, stream=True)
        return "".join([piece.choices[0].delta.content or "" async for piece in pieces if piece.choices])

    assert set(await asyncio.gather(*[streamed(each) for each in asked])) == {TEXT}


def test_embeddings_and_responses(vendors: Vendors) -> None:
    vendors.say(Say(TEXT))
    where: Any = {"api_base": f"{vendors.url}/litellm", "api_key": vendors.key}
    found = litellm.embedding(model="openai/openai/text-embedding-3-small", input=["a", "b"], **where)
    assert [entry["embedding"] for entry in found.data] == [[1.0, 2.0], [1.0, 2.0]]
    for provider in ("responses", "anthropic"):
        reply = litellm.responses(model=f"openai/{MODELS[provider]}", input=TEXT, **where)
        assert reply.output[0].content[0].text == TEXT
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (INPUT, OUTPUT)
