"""What Cohere's own SDK says of a request, an answer and a stream; and streams put together as a client would."""

import inspect
import json
from typing import Any

import cohere
import pydantic
from cohere.types import chat_message_v2 as messages
from cohere.v2.types import v2chat_stream_response as stream
from cohere.v2.types.v2chat_response import V2ChatResponse
from journeys import events_of

ROLES: dict[str, type[pydantic.BaseModel]] = {
    "system": messages.SystemChatMessageV2,
    "user": messages.UserChatMessageV2,
    "assistant": messages.AssistantChatMessageV2,
    "tool": messages.ToolChatMessageV2,
}
PARAMETERS = set(inspect.signature(cohere.ClientV2.chat).parameters) - {"self", "request_options"}
EVENTS: dict[str, type[pydantic.BaseModel]] = {
    kind.model_fields["type"].default: kind
    for kind in vars(stream).values()
    if inspect.isclass(kind) and issubclass(kind, pydantic.BaseModel) and "type" in kind.model_fields
}
BESIDE = frozenset({"signature", "data", "format"})
"""What the gateway adds to another provider's thought."""
FIRST = frozenset({"content", "tool_plan", "tool_calls", "citations"})
"""What Cohere sends in its first event, though its SDK has no names for it."""


def check_request(body: dict[str, Any]) -> None:
    assert set(body) <= PARAMETERS | {"stream"}
    for message in body["messages"]:
        known(ROLES[message["role"]].model_validate(message, strict=True))
    for name, kind in (
        ("tools", list[cohere.ToolV2]),
        ("response_format", cohere.ResponseFormatV2),
        ("thinking", cohere.Thinking),
        ("documents", list[str | cohere.Document]),
    ):
        if name in body:
            known(pydantic.TypeAdapter(kind).validate_python(body[name], strict=True))


def check_reply(body: bytes, also: frozenset[str] = frozenset()) -> None:
    known(V2ChatResponse.model_validate_json(body, strict=True), also)


def check_event(name: str, data: bytes, also: frozenset[str] = frozenset()) -> None:
    event = EVENTS[name].model_validate_json(data, strict=True)
    assert json.loads(data)["type"] == name
    known(event, also | FIRST if name == "message-start" else also)


def known(value: Any, also: frozenset[str] = frozenset()) -> None:
    """Nothing in it that the SDK has no name for."""
    if isinstance(value, list):
        for item in value:
            known(item, also)
    elif isinstance(value, pydantic.BaseModel):
        assert set(value.model_extra or ()) <= also, value
        for name in type(value).model_fields:
            known(getattr(value, name), also)


def join_cohere(sse: bytes) -> dict[str, Any]:
    """The answer that a client puts together; checks that parts come one at a time and in order."""
    message: dict[str, Any] = {"role": "assistant"}
    result: dict[str, Any] = {"message": message}
    pieces: dict[int, str] = {}
    last = None
    for name, data in events_of(sse):
        event = json.loads(data)
        assert event["type"] == name
        assert "finish_reason" not in result
        said = event.get("delta", {}).get("message", {})
        if name == "message-start":
            result["id"] = event["id"]
        elif name == "message-end":
            assert last is None
            result.update(event["delta"])
        elif name == "tool-plan-delta":
            message["tool_plan"] = message.get("tool_plan", "") + said["tool_plan"]
        elif name.startswith("citation"):
            message.setdefault("citations", []).extend([said["citations"]] if said else [])
        elif name.endswith("-start"):
            assert last is None
            last = event["index"]
            place = "content" if name == "content-start" else "tool_calls"
            assert last == len(message.setdefault(place, []))
            message[place].append(said[place])
        elif name.endswith("-delta"):
            assert event["index"] == last
            if name == "tool-call-delta":
                pieces[last] = pieces.get(last, "") + said["tool_calls"]["function"]["arguments"]
            else:
                _join(message["content"][last], said["content"])
            if "logprobs" in event:
                result.setdefault("logprobs", []).append(event["logprobs"])
        else:
            assert event["index"] == last
            last = None
    for place, text in pieces.items():
        message["tool_calls"][place]["function"]["arguments"] = text
    return result


def _join(block: dict[str, Any], piece: dict[str, str]) -> None:
    for name, text in piece.items():
        block[name] = block.get(name, "") + text
