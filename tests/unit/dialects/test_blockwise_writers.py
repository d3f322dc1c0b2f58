"""Dialects that say one block at a time get each part whole, whatever the source interleaves."""

from typing import Any

import pytest

from gateway.dialects import anthropic, bedrock, cohere
from gateway.schemas.chat import ChatRequest
from gateway.schemas.events import Ended, Event, Finished, Started, TextDelta, ToolDelta, ToolStarted

CODECS: list[Any] = [anthropic, bedrock, cohere]
DEEP = '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"


def told(codec: Any, *events: Event) -> bytes:
    writer = codec.writer(ChatRequest(dialect="openai_chat", model="m", messages=()), reply_id="r", created=0)
    return b"".join([writer.write(event) for event in (Started("s"), *events)])


@pytest.mark.parametrize("codec", CODECS)
def test_a_later_part_waits_for_the_open_calls_json(codec: Any) -> None:
    call, first, last = ToolStarted(0, "c", "f"), ToolDelta(0, '{"a":'), ToolDelta(0, "1}")
    out = told(codec, call, first, TextDelta(1, "after"), last, Finished("tool_calls"), Ended())
    assert out.index(b"1}") < out.index(b"after")
    other = TextDelta(0, "no", choice=1), Finished("stop", choice=1)
    assert told(codec, call, first, *other, last) == told(codec, call, first, last)


@pytest.mark.parametrize("codec", CODECS)
def test_arguments_too_deep_to_be_read_are_told_all_the_same(codec: Any) -> None:
    call, deep = ToolStarted(0, "c", "f"), ToolDelta(0, DEEP)
    out = told(codec, call, deep, TextDelta(1, "after"), Finished("tool_calls"), Ended())
    assert out.index(b"]}") < out.index(b"after")
