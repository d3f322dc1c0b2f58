"""Answers as each provider would give them, whole and streamed, for properties over all pairs of dialects."""

import json
from collections.abc import Callable
from typing import Any

import bedrock_journeys
import gemini_journeys
import responses_sdk
import test_bedrock_streams
import test_cohere_streams
import test_dialect_streams
import test_gemini_roundtrip
import test_responses_streams
from hypothesis import assume
from hypothesis import strategies as st

Events = list[tuple[str, bytes]]
Answer = tuple[bytes, bytes]
"""The body of a whole answer, and the bytes of a stream that says the same."""


def sse(events: Events, line: str = "\n", ping: bool = False) -> bytes:
    """Server-sent events; with a comment before each, as servers keep idle connections alive."""
    out = []
    for name, data in events:
        lines = [": ping", ""] if ping else []
        lines += [f"event: {name}"] if name else []
        lines += [f"data: {data.decode()}", "", ""]
        out.append(line.join(lines))
    return "".join(out).encode()


@st.composite
def framed(draw: st.DrawFn, events: Events) -> bytes:
    return sse(events, draw(st.sampled_from(["\n", "\r\n"])), draw(st.booleans()))


def one_name_each(calls: list[str]) -> None:
    assume(len(calls) == len(set(calls)))


@st.composite
def chat_answers(draw: st.DrawFn) -> Answer:
    words = test_dialect_streams.WORDS
    finish = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])
    reply = test_dialect_streams.openai_reply(
        draw(words | st.just("")), draw(words | st.just("")), draw(test_dialect_streams.CALLS), draw(finish)
    )
    stream = draw(test_dialect_streams.openai_stream(reply, draw(st.booleans()), True))
    return json.dumps(reply).encode(), draw(framed(stream))


@st.composite
def responses_answers(draw: st.DrawFn) -> Answer:
    reply = draw(test_responses_streams.replies())
    return json.dumps(reply).encode(), draw(framed(draw(responses_sdk.stream_of(reply))))


@st.composite
def claude_answers(draw: st.DrawFn) -> Answer:
    blocks = [
        block | ({"id": f"toolu_{place}"} if "id" in block else {})
        for place, block in enumerate(draw(test_dialect_streams.CLAUDE_BLOCKS))
    ]
    stop, usage = draw(test_dialect_streams.STOP), draw(test_dialect_streams.CLAUDE_USAGE)
    reply = test_dialect_streams.claude_reply(blocks, stop, usage)
    return json.dumps(reply).encode(), draw(framed(draw(test_dialect_streams.claude_stream(reply))))


@st.composite
def gemini_answers(draw: st.DrawFn) -> Answer:
    parts, usage = draw(test_gemini_roundtrip.answers()), draw(test_gemini_roundtrip.USAGE)
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    one_name_each([call["id"] for call in calls if "id" in call])
    last = gemini_journeys.answer({"text": ""}, finish="STOP", usageMetadata=usage)
    reply = gemini_journeys.answer(*parts, finish="STOP", usageMetadata=usage)
    return json.dumps(reply).encode(), draw(framed(draw(test_gemini_roundtrip.streamed(parts, last))))


@st.composite
def bedrock_answers(draw: st.DrawFn) -> Answer:
    reply, pairs = draw(test_bedrock_streams.answers())
    blocks = reply["output"]["message"]["content"]
    one_name_each([block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block])
    return json.dumps(reply).encode(), bedrock_journeys.binary(pairs)


@st.composite
def cohere_answers(draw: st.DrawFn) -> Answer:
    reply = draw(test_cohere_streams.replies())
    texts = [part for part in reply["message"]["content"] if part["type"] == "text"]
    late = len(texts) < 2 and not reply["message"]["tool_calls"] and draw(st.booleans())
    stream = draw(test_cohere_streams.streams(reply, late))
    return json.dumps(reply).encode(), draw(framed(stream))


ANSWERS: dict[str, Callable[[], st.SearchStrategy[Answer]]] = {
    "chat_completions": chat_answers,
    "responses": responses_answers,
    "messages": claude_answers,
    "generate_content": gemini_answers,
    "converse": bedrock_answers,
    "cohere_chat": cohere_answers,
}
"""By the provider's endpoint."""


def pieces(data: bytes, places: list[int]) -> list[bytes]:
    """The data cut at these places."""
    inside = sorted({place for place in places if 0 < place < len(data)})
    return [data[start:end] for start, end in zip([0, *inside], [*inside, len(data)], strict=True)]


def any_json(text: Any) -> Any:
    """JSON text without its spelling; other text as it is."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text
