"""Plain messages cross as the codecs read and write them; anything else is left to the codecs."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference import translate_oracle as oracle

from gateway._speedups.translate import plain_blocks, plain_message
from gateway.dialects import anthropic, openai_chat
from gateway.dialects.anthropic import content
from gateway.dialects.codec import TargetFacts
from gateway.dialects.openai_chat import messages_in
from gateway.schemas.chat import CacheMark, Part, Reasoning, Text, ToolCall, ToolResult
from gateway.schemas.wire import openai_chat as wire

words = st.sampled_from(
    ["", " ", "\n", "Hello", " é😀 ", 'a"b\\', "\x00", "\u2003", "call_1", "call/1", "{}"]
)
texts = words | st.text(st.characters(codec="utf-8"), max_size=9)
arguments = (
    st.sampled_from(
        [
            '{"a":1}',
            "{}",
            "",
            " {}",
            "{} ",
            "[]",
            "null",
            '"{}"',
            '{"a":',
            '{"a":1,}',
            "{" * 50,
            '{"é":"\\ud800"}',
        ]
    )
    | texts
)
calls = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({"name": words, "arguments": arguments | st.just({"a": 1})})},
    optional={
        "id": words | st.none(),
        "type": st.just("function"),
        "custom": st.just({"name": "n", "input": "i"}),
        "extra_content": st.just({"google": {"thought_signature": "c2ln"}}),
    },
)
parts = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": texts}), max_size=2)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"])},
    optional={
        "content": texts | st.none() | parts,
        "name": words | st.none(),
        "tool_calls": st.lists(calls, max_size=2) | st.none(),
        "tool_call_id": words | st.none(),
        "is_error": st.booleans(),
        "refusal": st.none() | words,
        "reasoning_content": st.none() | words,
        "cache_control": st.none() | st.just({"type": "ephemeral"}),
    },
)


def chat(said: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode({"model": "m", "messages": said})


def nothing(*_: object) -> None:
    """In the place of the compiled function: all is left to the codec."""


@given(st.lists(messages, max_size=4))
def test_messages_are_read_as_the_codec_reads_them(said: list[dict[str, Any]]) -> None:
    found = openai_chat.read_request(chat(said))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages_in, "plain_message", nothing)
        assert found == openai_chat.read_request(chat(said))


@given(st.lists(messages, max_size=4))
def test_requests_are_written_as_the_codec_writes_them(said: list[dict[str, Any]]) -> None:
    request, facts = openai_chat.read_request(chat(said)), TargetFacts(model="claude-sonnet-4-5")
    found = anthropic.write_request(request, facts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "plain_blocks", nothing)
        assert found == anthropic.write_request(request, facts)


@given(messages)
def test_a_plain_message_is_the_oracles(said: dict[str, Any]) -> None:
    message = msgspec.json.decode(msgspec.json.encode(said), type=wire.Message)
    found = plain_message(message)
    assert found is None or found == oracle.message(message)


neutral: st.SearchStrategy[Part] = (
    st.builds(Text, texts)
    | st.builds(ToolCall, words, words, arguments)
    | st.builds(ToolResult, words, st.tuples(st.builds(Text, texts)))
)


@given(st.lists(neutral, max_size=3))
@example([ToolCall("half", "f", '{"a":"\\ud800"}')])
def test_plain_blocks_are_the_oracles(said: list[Part]) -> None:
    found = plain_blocks(tuple(said))
    encode = msgspec.json.encode
    assert found is None or encode(found) == encode([oracle.block(part) for part in said])


@pytest.mark.parametrize(
    "part",
    [
        Text(" \n"),
        Text("a", CacheMark()),
        Reasoning("thought"),
        ToolCall("call/1", "f", "{}"),
        ToolCall("c", "f", "[]"),
        ToolCall("c", "f", '{"a":}'),
        ToolCall("c", "f", "\ud800"),
        ToolCall("c\ud800", "f", "{}"),
        ToolCall("c", "f", '{"\ud800":1}'),
        ToolCall("c", "f", "text", "custom"),
        ToolCall("c", "f", "{}", signature="s"),
        ToolResult("c", ()),
        ToolResult("c", (Text("a"), Text("b"))),
        ToolResult("c", (Text("a"),), is_error=True),
        ToolResult("c", (Text("a"),), cache=CacheMark()),
    ],
)
def test_what_is_not_plain_is_left_to_the_codec(part: Part) -> None:
    assert plain_blocks((Text("a"), part)) is None
