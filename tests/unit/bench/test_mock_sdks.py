"""The mock providers' answers, as the official SDKs read them."""

import json
from collections.abc import AsyncIterator

import anthropic
import httpx
import openai
import pytest

from bench.mock import Mock, start_mock

OPENAI_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            },
        },
    }
    for name in ("weather", "trains")
]
ANTHROPIC_TOOLS = [
    {"name": tool["function"]["name"], "input_schema": tool["function"]["parameters"]}
    for tool in OPENAI_TOOLS
]
CALLED = {"city": "a city 🙂", "days": 3}


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    mock = await start_mock(chunks=20, keep=10)
    yield mock
    await mock.close()


@pytest.fixture
async def oai(mock: Mock) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=mock.base_url, api_key="sk-test", max_retries=0) as client:
        yield client


@pytest.fixture
async def claude(mock: Mock) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=mock.url, api_key="sk-test", max_retries=0) as client:
        yield client


async def test_openai_chat_answers_with_text_and_consistent_usage(oai):
    answer = await oai.chat.completions.create(model="gpt-4o-mock-size64-cached32", messages=user("hi"))
    assert len(answer.choices[0].message.content) == 64
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-4o-mock-size64-cached32"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details.cached_tokens == 32


async def test_openai_stream_has_every_chunk_in_order_and_usage_only_when_asked(oai):
    async def texts(**options: object) -> tuple[list[str], list[object]]:
        stream = await oai.chat.completions.create(
            model="gpt-4o-mini", messages=user("hi"), stream=True, **options
        )
        chunks = [chunk async for chunk in stream]
        parts = [choice.delta.content for c in chunks for choice in c.choices if choice.delta.content]
        assert chunks[-1 if not options else -2].choices[0].finish_reason == "stop"
        return parts, [chunk.usage for chunk in chunks if chunk.usage]

    parts, usages = await texts()
    assert [int(part.strip("w ")) for part in parts] == list(range(20))
    assert usages == []
    parts, usages = await texts(stream_options={"include_usage": True})
    assert len(parts) == 20
    assert [usage.completion_tokens for usage in usages] == [20]


@pytest.mark.parametrize("text", ["hello 👩‍🚀 wörld", "a" * 5000])
async def test_echo_returns_the_text_plain_and_streamed(oai, claude, text):
    said = await oai.chat.completions.create(model="m", messages=user(f"echo:{text}"))
    assert said.choices[0].message.content == text
    stream = await oai.chat.completions.create(model="m", messages=user(f"echo:{text}"), stream=True)
    assert "".join([c.choices[0].delta.content or "" async for c in stream]) == text
    replied = await claude.messages.create(model="m", max_tokens=9, messages=user(f"echo:{text}"))
    assert replied.content[0].text == text
    async with claude.messages.stream(model="m", max_tokens=9, messages=user(f"echo:{text}")) as reply:
        assert await reply.get_final_text() == text


@pytest.mark.parametrize("options", ["split1", "split7", "burst0", "burst3", "eof", "pace1ms", "latency1ms"])
async def test_every_way_of_writing_a_stream_carries_the_same_text(oai, options):
    text = "straße 👩‍🚀 " * 5
    stream = await oai.chat.completions.create(
        model=f"mock-{options}", messages=user(f"echo:{text.strip()}"), stream=True
    )
    assert "".join([c.choices[0].delta.content or "" async for c in stream]) == text.strip()


async def test_openai_calls_every_tool_plain_and_streamed(oai):
    request = {"model": "m", "messages": user("call tools"), "tools": OPENAI_TOOLS}
    answer = await oai.chat.completions.create(**request)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    calls = {c.function.name: json.loads(c.function.arguments) for c in answer.choices[0].message.tool_calls}
    assert calls == {"weather": CALLED, "trains": CALLED}
    async with oai.chat.completions.stream(**request) as stream:
        final = (await stream.get_final_completion()).choices[0]
    assert [c.function.name for c in final.message.tool_calls] == ["weather", "trains"]
    assert [json.loads(c.function.arguments) for c in final.message.tool_calls] == [CALLED, CALLED]


async def test_tool_results_get_text_instead_of_more_calls(oai, claude):
    calls = [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
    turns = [
        *user("call tools"),
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c", "content": "call tools"},
    ]
    answer = await oai.chat.completions.create(model="m", messages=turns, tools=OPENAI_TOOLS)
    assert answer.choices[0].finish_reason == "stop"
    result = [{"type": "tool_result", "tool_use_id": "c", "content": "call tools"}]
    reply = await claude.messages.create(
        model="m", max_tokens=9, messages=[{"role": "user", "content": result}], tools=ANTHROPIC_TOOLS
    )
    assert reply.stop_reason == "end_turn"


async def test_anthropic_message_and_stream_agree(claude):
    request = {"model": "claude-mock-chunks7-cached28", "max_tokens": 9, "messages": user("hi")}
    answer = await claude.messages.create(**request)
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (100, 28)
    async with claude.messages.stream(**request) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_message()
    assert kinds.count("content_block_delta") == 7
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert final.usage.output_tokens == 7


async def test_anthropic_calls_every_tool_plain_and_streamed(claude):
    request = {"model": "m", "max_tokens": 9, "messages": user("call tools"), "tools": ANTHROPIC_TOOLS}
    plain = await claude.messages.create(**request)
    async with claude.messages.stream(**request) as stream:
        streamed = await stream.get_final_message()
    for message in (plain, streamed):
        assert message.stop_reason == "tool_use"
        assert [(b.name, b.input) for b in message.content if b.type == "tool_use"] == [
            ("weather", CALLED),
            ("trains", CALLED),
        ]


async def test_anthropic_thinks_when_asked_to(claude):
    request = {"model": "m", "max_tokens": 2048, "messages": user("hi")}
    thinking = {"type": "enabled", "budget_tokens": 1024}
    plain = await claude.messages.create(**request, thinking=thinking)
    async with claude.messages.stream(**request, thinking=thinking) as stream:
        streamed = await stream.get_final_message()
    for message in (plain, streamed):
        assert [block.type for block in message.content] == ["thinking", "text"]
        assert message.content[0].thinking == "Let me think."
        assert message.content[0].signature


async def test_the_other_endpoints_answer(oai, claude):
    completion = await oai.completions.create(model="m", prompt="echo: once")
    assert completion.choices[0].text == "once"
    stream = await oai.completions.create(model="m", prompt="echo: once upon", stream=True)
    assert "".join([c.choices[0].text async for c in stream]) == "once upon"
    vectors = await oai.embeddings.create(model="m", input=["a", "b"], dimensions=8)
    assert [len(entry.embedding) for entry in vectors.data] == [8, 8]
    assert vectors.data[0].embedding != vectors.data[1].embedding
    plain = await oai.embeddings.create(model="m", input=["a"], dimensions=8, encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(vectors.data[0].embedding)
    assert "gpt-4o-mini" in [model.id async for model in oai.models.list()]
    assert (await oai.models.retrieve("gpt-4o")).id == "gpt-4o"
    assert "claude-haiku-4-5" in [model.id async for model in claude.models.list()]
    counted = await claude.messages.count_tokens(model="m", messages=user("hi" * 100))
    assert counted.input_tokens > 50


@pytest.mark.parametrize(
    ("status", "oai_error", "claude_error"),
    [
        (400, openai.BadRequestError, anthropic.BadRequestError),
        (401, openai.AuthenticationError, anthropic.AuthenticationError),
        (404, openai.NotFoundError, anthropic.NotFoundError),
        (429, openai.RateLimitError, anthropic.RateLimitError),
        (500, openai.InternalServerError, anthropic.InternalServerError),
        (529, openai.InternalServerError, anthropic.APIStatusError),
    ],
)
async def test_errors_raise_the_sdk_class_of_their_status(oai, claude, status, oai_error, claude_error):
    with pytest.raises(oai_error) as first:
        await oai.chat.completions.create(model=f"mock-error{status}-retry2", messages=user("hi"))
    assert first.value.response.headers["retry-after"] == "2"
    assert "mock failure" in str(first.value)
    with pytest.raises(claude_error) as second:
        await claude.messages.create(model=f"mock-error{status}", max_tokens=9, messages=user("hi"))
    assert second.value.body["error"]["message"] == "mock failure"


async def test_faults_can_be_limited_to_the_first_requests_or_a_share(oai):
    async def outcomes(model: str, count: int) -> str:
        got = ""
        for _ in range(count):
            try:
                await oai.chat.completions.create(model=model, messages=user("hi"))
                got += "."
            except openai.InternalServerError:
                got += "x"
        return got

    assert await outcomes("mock-error503-first2", 4) == "xx.."
    assert await outcomes("mock-error503-rate50", 6) == ".x.x.x"


async def test_an_unknown_option_is_refused_by_name(oai):
    with pytest.raises(openai.BadRequestError, match="chunk200"):
        await oai.chat.completions.create(model="mock-chunk200", messages=user("hi"))


async def test_a_stream_can_fail_be_cut_or_lack_its_end(oai, claude):
    async def read(model: str) -> str:
        stream = await oai.chat.completions.create(model=model, messages=user("hi"), stream=True)
        return "".join([c.choices[0].finish_reason or "" async for c in stream if c.choices])

    with pytest.raises(openai.APIError, match="mock failure"):
        await read("mock-fail3")
    with pytest.raises((httpx.RemoteProtocolError, openai.APIConnectionError)):
        await read("mock-cut3")
    with pytest.raises(openai.APIConnectionError):
        await read("mock-cut0")
    assert await read("mock-noend") == ""
    assert await read("mock-length") == "length"
    with pytest.raises(anthropic.APIStatusError, match="mock failure"):
        async with claude.messages.stream(model="mock-fail3", max_tokens=9, messages=user("x")) as reply:
            await reply.get_final_message()


@pytest.mark.parametrize("option", ["garbage", "cut0", "cut1"])
async def test_a_broken_connection_is_one_for_the_sdk_too(oai, option):
    with pytest.raises(openai.APIConnectionError):
        await oai.chat.completions.create(model=f"mock-{option}", messages=user("hi"))


async def test_an_html_page_comes_with_its_status(oai):
    with pytest.raises(openai.InternalServerError) as caught:
        await oai.chat.completions.create(model="mock-html", messages=user("hi"))
    assert caught.value.response.headers["content-type"] == "text/html"
