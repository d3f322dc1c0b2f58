"""Pydantic AI's agents, by base URL alone: each of its models' dialects reaches every provider through the gateway."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from all_vendors import CACHED, INPUT, MODELS, OUTPUT, WEATHER_CALL, Say, Vendors
from anthropic import AsyncAnthropic
from fault_server import CLOSE
from google import genai
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, ModelHTTPError, NativeOutput, ThinkingPart
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

TEXT = "hello wörld 🙂"
PONDERED = "they greet me"
PROVIDERS = list(MODELS)
SPEAKERS = ["chat", "responses", "anthropic", "google"]

pytestmark = [pytest.mark.usefixtures("loopback_only"), pytest.mark.asyncio(loop_scope="module")]


class City(BaseModel):
    """Where it rains."""

    name: str
    days: int


class Speakers:
    """Models of every dialect on the SDKs' own clients, which do not try again."""

    def __init__(self, vendors: Vendors, key: str) -> None:
        openai = AsyncOpenAI(base_url=f"{vendors.url}/openai/v1", api_key=key, max_retries=0)
        claude = AsyncAnthropic(base_url=f"{vendors.url}/anthropic", api_key=key, max_retries=0)
        google = genai.Client(
            api_key=key, http_options=genai.types.HttpOptions(base_url=f"{vendors.url}/genai")
        )
        self.clients: list[Any] = [openai, claude, google.aio]
        self._kinds = {
            "chat": (OpenAIChatModel, OpenAIProvider(openai_client=openai)),
            "responses": (OpenAIResponsesModel, OpenAIProvider(openai_client=openai)),
            "anthropic": (AnthropicModel, AnthropicProvider(anthropic_client=claude)),
            "google": (GoogleModel, GoogleProvider(client=google)),
        }

    def model(self, speaker: str, provider: str, **more: Any) -> Any:
        kind, through = self._kinds[speaker]
        make: Any = kind
        return make(MODELS[provider], provider=through, **more)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speakers(vendors: Vendors) -> AsyncIterator[Speakers]:
    found = Speakers(vendors, vendors.key)
    yield found
    async with AsyncExitStack() as stack:
        for client in found.clients:
            stack.push_async_callback(getattr(client, "aclose", None) or client.close)


async def ask(agent: Agent[Any, Any], words: str, stream: bool, **more: Any) -> Any:
    """A whole run: the output, all its messages, its usage."""
    if not stream:
        return await agent.run(words, **more)
    async with agent.run_stream(words, **more) as run:
        run.output = await run.get_output()
        return run


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_text_and_usage_are_the_same_streamed_or_not(
    vendors: Vendors, speakers: Speakers, speaker: str, provider: str
) -> None:
    vendors.say(Say(TEXT))
    agent = Agent(speakers.model(speaker, provider), instructions="be brief")
    cached = 0 if provider == "cohere" else CACHED
    for stream in (False, True):
        run = await ask(agent, "hi", stream)
        assert run.output == TEXT
        usage = run.usage
        assert (usage.input_tokens, usage.output_tokens) == (INPUT, OUTPUT)
        assert usage.cache_read_tokens == cached
        assert "be brief" in json.dumps(vendors.asked[-1])


async def test_a_stream_comes_in_pieces(vendors: Vendors, speakers: Speakers) -> None:
    vendors.say(Say("one two three four"))
    for speaker in SPEAKERS:
        agent = Agent(speakers.model(speaker, "anthropic"))
        async with agent.run_stream("hi") as run:
            pieces = [piece async for piece in run.stream_text(delta=True, debounce_by=None)]
        assert len(pieces) > 2
        assert "".join(pieces) == "one two three four"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_tool_is_called_and_answered(
    vendors: Vendors, speakers: Speakers, speaker: str, provider: str, stream: bool
) -> None:
    vendors.say(Say(calls=(WEATHER_CALL,)), Say("rain, then"))
    agent = Agent(speakers.model(speaker, provider))
    cities: list[str] = []

    @agent.tool_plain
    def weather(city: str) -> str:
        cities.append(city)
        return f"rain in {city}"

    run = await ask(agent, "weather?", stream)
    assert run.output == "rain, then"
    assert cities == ["Genève"]
    assert "rain in Gen" in json.dumps(vendors.asked[-1])
    assert len(vendors.asked) == 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_structured_output_by_a_tool(
    vendors: Vendors, speakers: Speakers, speaker: str, provider: str, stream: bool
) -> None:
    vendors.say(Say(calls=(("call_1", "final_result", '{"name": "Oslo", "days": 3}'),)))
    agent = Agent(speakers.model(speaker, provider), output_type=City)
    assert (await ask(agent, "where?", stream)).output == City(name="Oslo", days=3)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", ["chat", "responses", "google"])
async def test_structured_output_by_a_schema(
    vendors: Vendors, speakers: Speakers, speaker: str, provider: str
) -> None:
    vendors.say(Say('{"name": "Oslo", "days": 3}'))
    agent = Agent(speakers.model(speaker, provider), output_type=NativeOutput(City))
    assert (await ask(agent, "where?", False)).output == City(name="Oslo", days=3)
    assert "days" in json.dumps(vendors.asked[-1])


THINKERS = [
    *((speaker, provider) for speaker in SPEAKERS for provider in ("anthropic", "gemini")),
    ("responses", "responses"),  # others ask OpenAI in its chat form, which shows no thought
]
PROFILES: dict[str, Any] = {  # by a model's name alone, it takes no prefixed one for a model that thinks
    "responses": {"openai_supports_encrypted_reasoning_content": True, "supports_thinking": True}
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("speaker", "provider"), THINKERS)
async def test_signed_thought_goes_back_to_its_maker(
    vendors: Vendors, speakers: Speakers, speaker: str, provider: str, stream: bool
) -> None:
    vendors.say(Say(TEXT, thought=PONDERED))
    model = speakers.model(speaker, provider, profile=PROFILES.get(speaker))
    agent = Agent(model, model_settings=THINKING[speaker])
    first = await ask(agent, "hi", stream)
    assert first.output == TEXT
    thoughts = [part for part in first.all_messages()[-1].parts if isinstance(part, ThinkingPart)]
    assert "".join(part.content for part in thoughts) == PONDERED
    await ask(agent, "go on", stream, message_history=first.all_messages())
    sent = vendors.asked[-1]
    if speaker == "chat":  # this model sends back the text alone
        assert TEXT in json.dumps(sent, ensure_ascii=False)
    elif provider == "anthropic":
        thought = sent["messages"][1]["content"][0]
        assert thought == {"type": "thinking", "thinking": PONDERED, "signature": Say.seal}
    else:
        assert Say.seal in json.dumps(sent)


THINKING: dict[str, Any] = {
    "chat": {"openai_reasoning_effort": "low"},
    "responses": OpenAIResponsesModelSettings(
        openai_reasoning_effort="low", openai_reasoning_summary="auto", openai_store=False
    ),
    "anthropic": AnthropicModelSettings(
        max_tokens=5000, anthropic_thinking={"type": "enabled", "budget_tokens": 2000}
    ),
    "google": {"google_thinking_config": {"include_thoughts": True}},
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_an_error_has_its_class(
    vendors: Vendors, speakers: Speakers, speaker: str, provider: str
) -> None:
    agent = Agent(speakers.model(speaker, provider))
    for status in (400, 429):
        for stream in (False, True):
            vendors.say(Say("out of luck", status=status))
            with pytest.raises(ModelHTTPError, match="out of luck") as raised:
                await ask(agent, "hi", stream)
            assert raised.value.status_code == status


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_cut_stream_is_an_error(
    vendors: Vendors, speakers: Speakers, speaker: str, provider: str
) -> None:
    vendors.say(Say("one two three four", breaks=CLOSE))
    # Toward Gemini's callers the connection breaks off behind the event: whichever their client notices first counts.
    with pytest.raises(Exception, match=r"before its answer was complete|payload is not completed"):
        await ask(Agent(speakers.model(speaker, provider)), "hi", True)
