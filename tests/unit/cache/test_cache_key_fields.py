"""Every field of the neutral request is a part of its key, or left out on purpose: a new one cannot be forgotten."""

from typing import Any

import msgspec
import pytest

from gateway.cache.keys import exact_key
from gateway.schemas.chat import (
    Audio,
    BuiltinTool,
    CacheMark,
    ChatRequest,
    Citation,
    Extra,
    File,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    SealedReasoning,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

CITATION = Citation("u", "t", "q", 1, 2, "openai_chat", b"{}")
SOURCE = Source("image/png", "AAAA", "plain", "http://x", "file-1", "openai_chat")

SAMPLES: dict[type[msgspec.Struct], Any] = {
    Citation: CITATION,
    Source: SOURCE,
    Text: Text("t", None, (CITATION,)),
    Image: Image(SOURCE, "low", None, b"{}"),
    Audio: Audio(SOURCE, "wav", "said", None, b"{}"),
    File: File(SOURCE, "n", "c", True, None),
    ToolCall: ToolCall("3", "f", "{}", "function", "s", b"{}", None, b"{}"),
    Reasoning: Reasoning("t", "s", "i", "f", False),
    SealedReasoning: SealedReasoning("d", "i", "f"),
    Refusal: Refusal("no"),
    Opaque: Opaque("openai_chat", "k", b"{}", "t"),
    ToolResult: ToolResult("1", (Text("r"),), False, "g", None, b"{}"),
    Message: Message("user", (Text("t"),), "n", b"{}"),
    Extra: Extra("n", b"1"),
    Tool: Tool("n", "d", b"{}", True, "function", b"{}", None, (Extra("n", b"1"),), b"{}"),
    BuiltinTool: BuiltinTool("openai_chat", "k", b"{}"),
    ToolChoice: ToolChoice("auto", "n", ("a",)),
    OutputFormat: OutputFormat("json_schema", b"{}", "n", "d", True, b"{}"),
    Thinking: Thinking("low", 1, "on", "omitted", "thinking"),
    ChatRequest: ChatRequest(
        dialect="openai_chat",
        model="m",
        messages=(Message("user", (Text("t"),)),),
        extras=(Extra("n", b"1"),),
    ),
}

LEFT_OUT: dict[type, set[str]] = {
    Text: {"cache"},
    Image: {"cache"},
    Audio: {"cache"},
    File: {"cache"},
    ToolCall: {"id", "cache"},
    ToolResult: {"cache"},
    Tool: {"cache"},
    Thinking: {"spelling"},
    ChatRequest: {
        "model",
        "stream",
        "stream_usage",
        "user",
        "safety_id",
        "metadata",
        "cache",
        "store",
        "unknown",
    },
}
"""What changes no answer; a call's name is known by its place, and of what nobody knows the body is written."""

OTHERS: dict[str, Any] = {
    "cache": CacheMark("1h"),
    "citations": (),
    "source": Source("image/png", "BBBB"),
    "parts": (Text("another"),),
    "extras": (),
    "tools": (Tool("n"),),
    "tool_choice": ToolChoice("none"),
    "output": OutputFormat("json_object"),
    "thinking": Thinking("high"),
    "messages": (),
    "stop": ("x",),
    "allowed": ("b",),
    "unknown": ("x",),
    "role": "assistant",
    "kind": "another",
    "mode": "off",
}


def other(name: str, value: Any) -> Any:
    """A value that is not `value`, of its kind."""
    if name in OTHERS:
        return OTHERS[name]
    match value:
        case bool():
            return not value
        case str():
            return value + "x"
        case bytes():
            return b'{"another":1}'
        case int():
            return value + 7
    return 3


def placed(value: Any) -> ChatRequest:
    """A request that has the value where such values stand."""
    base: ChatRequest = SAMPLES[ChatRequest]
    replace = msgspec.structs.replace
    match value:
        case ChatRequest():
            return value
        case Message():
            return replace(base, messages=(value,))
        case Citation():
            return placed(Text("t", None, (value,)))
        case Source():
            return placed(Image(value))
        case Extra():
            return replace(base, extras=(value,))
        case Tool() | BuiltinTool():
            return replace(base, tools=(value,))
        case ToolChoice():
            return replace(base, tool_choice=value)
        case OutputFormat():
            return replace(base, output=value)
        case Thinking():
            return replace(base, thinking=value)
    call = ToolCall("1", "f")
    return replace(base, messages=(Message("user", (call, ToolCall("2", "f"), value)),))


def key(value: Any) -> bytes:
    return exact_key(placed(value), b"s", "m", body=b"")


def structs(kind: Any, found: set[type]) -> set[type]:
    """All structs that a field of a request may hold."""
    for inner in _kinds(msgspec.inspect.type_info(kind)):
        if inner not in found:
            found.add(inner)
            for field in msgspec.structs.fields(inner):
                structs(field.type, found)
    return found


def _kinds(info: Any) -> list[type]:
    match info:
        case msgspec.inspect.StructType():
            return [info.cls]
        case msgspec.inspect.UnionType():
            return [kind for one in info.types for kind in _kinds(one)]
        case msgspec.inspect.VarTupleType():
            return _kinds(info.item_type)
    return []


FIELDS = [(kind, name) for kind in SAMPLES for name in kind.__struct_fields__]


def test_every_struct_of_a_request_has_a_sample() -> None:
    found = structs(ChatRequest, set()) | structs(Part, set())
    assert found - {CacheMark} == set(SAMPLES)


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[f"{kind.__name__}.{name}" for kind, name in FIELDS])
def test_a_changed_field_is_another_key(kind: type, name: str) -> None:
    sample = SAMPLES[kind]
    value = other(name, getattr(sample, name))
    if kind is ToolResult and name == "call_id":
        value = "2"
    if kind is ToolChoice and name == "mode":
        value = "required"
    assert value != getattr(sample, name)
    changed = msgspec.structs.replace(sample, **{name: value})
    assert (key(changed) == key(sample)) is (name in LEFT_OUT.get(kind, ()))


def test_nothing_can_be_moved_from_one_field_into_another() -> None:
    moved = [
        Message("user", (Text("a"), Text("b"))),
        Message("user", (Text("ab"),)),
        Message("user", (Text("a"), Refusal("b"))),
        Message("user", (Text("a"),), name="b"),
        Message("user", (Text("b"),), name="a"),
        Message("assistant", (Text("a"), Text("b"))),
        Message("user", ()),
        Message("user", (Text(""),)),
        Message("user", (Reasoning("a"),)),
        Message("user", (SealedReasoning("a"),)),
        Message("user", (ToolCall("1", "a"),)),
        Message("user", (ToolCall("1", "", "a"),)),
    ]
    assert len({key(one) for one in moved}) == len(moved)
    whole: ChatRequest = SAMPLES[ChatRequest]
    scopes = {
        exact_key(whole, scope, model, body=b"") for scope, model in ((b"a", "b"), (b"ab", ""), (b"", "ab"))
    }
    assert len(scopes) == 3
