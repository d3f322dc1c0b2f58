"""LangChain's chat models for OpenAI and Anthropic, by base URL alone, reach every provider through the gateway."""

import json
from typing import Any

import anthropic
import openai
import pytest
from all_vendors import CACHED, INPUT, MODELS, OUTPUT, THOUGHT, WEATHER_CALL, Say, Vendors
from fault_server import CLOSE
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

TEXT = "hello wörld 🙂"
PONDERED = "they greet me"
PROVIDERS = list(MODELS)
SPEAKERS = ["chat", "responses", "anthropic"]

pytestmark = pytest.mark.usefixtures("loopback_only")


class City(BaseModel):
    """Where it rains."""

    name: str
    days: int


@tool
def weather(city: str) -> str:
    """Of a city."""
    return f"rain in {city}"


def model(vendors: Vendors, speaker: str, provider: str, **more: Any) -> Any:
    """A chat model that speaks the dialect `speaker`, for a model of `provider`."""
    key: Any = more.pop("key", vendors.key)
    shared: dict[str, Any] = {"model": MODELS[provider], "max_retries": 0, "timeout": 20, **more}
    if speaker == "anthropic":
        return ChatAnthropic(base_url=f"{vendors.url}/langchain", api_key=key, max_tokens=5000, **shared)
    return ChatOpenAI(
        base_url=f"{vendors.url}/langchain/v1",
        api_key=key,
        stream_usage=True,
        use_responses_api=speaker == "responses",
        **shared,
    )


def ask(chat: Any, stream: bool, turns: Any) -> Any:
    """The answer, put together from its pieces by LangChain itself where it was streamed."""
    if not stream:
        return chat.invoke(turns)
    pieces = list(chat.stream(turns))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole + piece
    return whole


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_text_and_usage_are_the_same_streamed_or_not(vendors: Vendors, speaker: str, provider: str) -> None:
    vendors.say(Say(TEXT))
    chat = model(vendors, speaker, provider)
    plain, streamed = ask(chat, False, TEXT), ask(chat, True, TEXT)
    assert plain.text == streamed.text == TEXT
    cached = 0 if provider == "cohere" else CACHED
    for reply in (plain, streamed):
        usage = reply.usage_metadata
        assert (usage["input_tokens"], usage["output_tokens"]) == (INPUT, OUTPUT)
        assert usage["input_token_details"].get("cache_read", 0) == cached
        if speaker != "anthropic" and provider in ("openai", "gemini"):
            assert usage["output_token_details"]["reasoning"] == THOUGHT
    assert "/" not in vendors.asked[-1].get("model", "")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_tool_is_called_and_answered(vendors: Vendors, speaker: str, provider: str, stream: bool) -> None:
    vendors.say(Say("on it", calls=(WEATHER_CALL,)), Say("rain, then"))
    chat = model(vendors, speaker, provider).bind_tools([weather])
    turns: list[Any] = [HumanMessage("weather?")]
    first = ask(chat, stream, turns)
    (call,) = first.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Genève"})
    assert first.text == "on it"
    turns += [first, weather.invoke(call)]
    assert isinstance(turns[-1], ToolMessage)
    assert ask(chat, stream, turns).text == "rain, then"
    assert "rain in Genève" in json.dumps(vendors.asked[-1], ensure_ascii=False)


@pytest.mark.parametrize("provider", ["openai", "responses", "anthropic", "gemini"])
@pytest.mark.parametrize("speaker", ["chat", "responses"])
def test_structured_output(vendors: Vendors, speaker: str, provider: str) -> None:
    vendors.say(Say('{"name": "Oslo", "days": 3}'))
    chat = model(vendors, speaker, provider).with_structured_output(City, method="json_schema")
    assert chat.invoke("where?") == City(name="Oslo", days=3)
    assert '"days"' in json.dumps(vendors.asked[-1])


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_structured_output_by_a_tool(vendors: Vendors, provider: str) -> None:
    vendors.say(Say(calls=(("call_1", "City", '{"name": "Oslo", "days": 3}'),)))
    chat = model(vendors, "anthropic", provider).with_structured_output(City)
    assert chat.invoke("where?") == City(name="Oslo", days=3)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("speaker", "provider"),
    [
        ("anthropic", "anthropic"),
        ("anthropic", "gemini"),
        ("responses", "responses"),
        ("responses", "anthropic"),
        ("responses", "gemini"),
    ],
)
def test_signed_thought_goes_back_to_its_maker(
    vendors: Vendors, speaker: str, provider: str, stream: bool
) -> None:
    vendors.say(Say(TEXT, thought=PONDERED))
    thinking: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    if speaker == "responses":
        thinking = {
            "reasoning": {"effort": "low", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "store": False,
        }
    chat = model(vendors, speaker, provider, **thinking)
    first = ask(chat, stream, TEXT)
    assert PONDERED in json.dumps(first.content)
    assert first.text == TEXT
    turns = [HumanMessage(TEXT), first, HumanMessage("go on")]
    assert isinstance(first, AIMessage)
    ask(chat, stream, turns)
    sent = vendors.asked[-1]
    if provider == "anthropic":
        thought = sent["messages"][1]["content"][0]
        assert thought == {"type": "thinking", "thinking": PONDERED, "signature": Say.seal}
    else:
        assert Say.seal in json.dumps(sent)


ERRORS = {
    "chat": {400: openai.BadRequestError, 429: openai.RateLimitError, 503: openai.InternalServerError},
    "responses": {400: openai.BadRequestError, 429: openai.RateLimitError},
    "anthropic": {400: anthropic.BadRequestError, 429: anthropic.RateLimitError},
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_an_error_has_its_class(vendors: Vendors, speaker: str, provider: str) -> None:
    chat = model(vendors, speaker, provider)
    for status, kind in ERRORS[speaker].items():
        vendors.say(Say("out of luck", status=status))
        for stream in (False, True):
            with pytest.raises(kind, match="out of luck"):
                ask(chat, stream, TEXT)
    refused: Any = anthropic.AuthenticationError if speaker == "anthropic" else openai.AuthenticationError
    with pytest.raises(refused):
        model(vendors, speaker, provider, key="wrong").invoke(TEXT)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_cut_stream_is_an_error(vendors: Vendors, speaker: str, provider: str) -> None:
    vendors.say(Say("one two three four", breaks=CLOSE))
    kind: Any = anthropic.APIError if speaker == "anthropic" else openai.APIError
    with pytest.raises(kind, match="before its answer was complete"):
        ask(model(vendors, speaker, provider), True, TEXT)


async def test_many_at_once(vendors: Vendors) -> None:
    vendors.say(Say(TEXT))
    for speaker in SPEAKERS:
        replies = await model(vendors, speaker, "gemini").abatch(["hi"] * 8)
        assert {reply.text for reply in replies} == {TEXT}


def test_what_only_its_own_provider_knows_reaches_it_alone(vendors: Vendors) -> None:
    for provider, arrives in (("openai", True), ("anthropic", False)):
        vendors.say(Say(TEXT))
        chat = model(
            vendors, "chat", provider, extra_body={"mystery": {"a": 1.0}}, include_response_headers=True
        )
        reply = chat.invoke("hi")
        assert vendors.asked[-1].get("mystery") == ({"a": 1.0} if arrives else None)
        assert ("mystery" in reply.response_metadata["headers"].get("x-gateway-dropped", "")) is not arrives


def test_embeddings(vendors: Vendors) -> None:
    vendors.say(Say())
    key: Any = vendors.key
    maker = OpenAIEmbeddings(
        model="openai/text-embedding-3-small",
        base_url=f"{vendors.url}/openai/v1",
        api_key=key,
        check_embedding_ctx_length=False,  # it would fetch a tokenizer
    )
    assert maker.embed_documents(["a", "b"]) == [[1.0, 2.0], [1.0, 2.0]]
