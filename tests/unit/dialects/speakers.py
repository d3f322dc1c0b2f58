"""Each dialect as the goldens know it: its target, what its official SDK says of its JSON, and how a chat goes on."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import anthropic.types as at
import bedrock_journeys
import cohere_sdk
import gemini_journeys
import msgspec
import openai.types.chat as ot
import pytest
import responses_sdk
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import message_create_params
from anthropic.types.shared import ErrorResponse
from botocore.eventstream import EventStreamError
from google.genai.errors import ClientError
from journeys import events_of, join_anthropic, join_openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params
from openai.types.shared import ErrorObject
from pydantic import ConfigDict, TypeAdapter

from gateway.dialects.codec import TargetFacts
from gateway.dialects.endpoints import ENDPOINTS, Endpoint

Body = dict[str, Any]
RESULT = "25 °C"
KNOWN = ConfigDict(extra="forbid")
CHAT: TypeAdapter[Any] = TypeAdapter(completion_create_params.CompletionCreateParams, config=KNOWN)
RESPONSES: TypeAdapter[Any] = TypeAdapter(response_create_params.ResponseCreateParams, config=KNOWN)
MESSAGES: TypeAdapter[Any] = TypeAdapter(message_create_params.MessageCreateParams, config=KNOWN)
MESSAGE_EVENT: TypeAdapter[Any] = TypeAdapter(at.RawMessageStreamEvent)


class Speaker(msgspec.Struct, frozen=True):
    """A dialect: `request` (a body toward the provider), `reply`, `stream` and `error` (body and event, toward the
    caller) raise where the SDK's types do not fit. `go_on` is the next request of a caller who got a reply. `beside`
    are fields that callers use and the SDK has no names for: no other dialect's request may be written with them."""

    name: str
    endpoint: Endpoint
    facts: TargetFacts
    request: Callable[[Body], Any]
    reply: Callable[[bytes], Any]
    stream: Callable[[bytes], Any]
    error: Callable[[bytes, bytes], Any]
    go_on: Callable[[Body, Body], Body]
    beside: frozenset[str] = frozenset()


COMPATIBLE = frozenset(
    (
        "cache_control",
        "reasoning_content",
        "reasoning_details",
        "annotations",
        "extra_content",
        "is_error",
        "top_k",
        "min_p",
    )
)
"""What servers that are compatible with OpenAI take beside its own fields."""
OLDER = frozenset({"temperature", "top_p", "top_k"})
"""What Claude takes up to 4.6, though its SDK has no names for it any more."""


def strictly(kind: TypeAdapter[Any], also: frozenset[str] = frozenset()) -> Callable[[Body], None]:
    """Validates a body that may have no field that the type has no name for, but for `also` at its top."""

    def check(body: Body) -> None:
        consume(kind.validate_python({name: body[name] for name in body if name not in also}))

    return check


def without(value: Any, names: frozenset[str]) -> Any:
    """JSON without the members of these names."""
    if isinstance(value, dict):
        return {name: without(item, names) for name, item in value.items() if name not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


def consume(value: Any) -> None:
    """Pydantic looks at an `Iterable` only when it is read."""
    if isinstance(value, Mapping):
        for item in value.values():
            consume(item)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for item in value:
            consume(item)


# --- OpenAI Chat Completions ---


def chat_stream(out: bytes) -> None:
    """OpenAI's SDK joins the chunks as the tests of this directory do."""
    state: Any = ChatCompletionStreamState()
    for name, data in events_of(out):
        assert name == ""
        if data != b"[DONE]":
            ot.ChatCompletionChunk.model_validate_json(data, strict=True)
            state.handle_chunk(ot.ChatCompletionChunk.model_validate_json(data))
    message = state.get_final_completion().choices[0].message.to_dict()
    joined = join_openai(out)
    assert joined["done"]
    expected = joined["message"]
    assert message.get("content", "") == (expected["content"] or "")
    assert message.get("reasoning_details", []) == expected["reasoning_details"]
    for call, known in zip(message.get("tool_calls") or [], expected["tool_calls"], strict=True):
        assert call["function"]["arguments"] == known["function"]["arguments"]


def openai_error(body: bytes, _: bytes) -> None:
    ErrorObject.model_validate(json.loads(body)["error"], strict=True)


def chat_goes_on(request: Body, reply: Body) -> Body:
    said = reply["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": RESULT}
        for call in said.get("tool_calls") or ()
    ]
    return {**request, "messages": [*request["messages"], said, *results]}


# --- OpenAI Responses ---


def responses_reply(body: bytes) -> None:
    responses_sdk.judged(body)


def responses_error(body: bytes, event: bytes) -> None:
    openai_error(body, event)
    for name, data in events_of(event):
        assert responses_sdk.EVENT.validate_json(data).type == name


def responses_go_on(request: Body, reply: Body) -> Body:
    said = reply["output"]
    results = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": RESULT}
        for item in said
        if item["type"] == "function_call"
    ]
    return {**request, "input": [*request["input"], *said, *results]}


# --- Anthropic Messages ---


def messages_stream(out: bytes) -> None:
    """Anthropic's SDK joins the events as the tests of this directory do."""
    snapshot: Any = None
    pieces: dict[int, bytes] = {}
    for name, data in events_of(out):
        assert MESSAGE_EVENT.validate_json(data, strict=True).type == name
        event = MESSAGE_EVENT.validate_json(data)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=pieces)
    joined = join_anthropic(out)
    assert [block.to_dict() for block in snapshot.content] == joined["content"]
    assert joined["stop_reason"]


def messages_error(body: bytes, event: bytes) -> None:
    ErrorResponse.model_validate_json(body, strict=True)
    [(name, data)] = events_of(event)
    assert name == ErrorResponse.model_validate_json(data, strict=True).type


def messages_go_on(request: Body, reply: Body) -> Body:
    said = reply["content"]
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": RESULT}
        for block in said
        if block["type"] == "tool_use"
    ]
    turns = [{"role": "assistant", "content": said}, {"role": "user", "content": results}]
    return {**request, "messages": [*request["messages"], *turns]}


# --- Gemini ---


def gemini_stream(out: bytes) -> None:
    assert gemini_journeys.join_gemini(out)["candidates"][0]["finishReason"] == "STOP"


def gemini_error(body: bytes, _: bytes) -> None:
    error = ClientError(429, json.loads(body))
    assert (error.code, error.status) == (429, "RESOURCE_EXHAUSTED")
    assert error.message


def gemini_goes_on(request: Body, reply: Body) -> Body:
    said = reply["candidates"][0]["content"]
    calls = [part["functionCall"] for part in said["parts"] if "functionCall" in part]
    results = [
        {
            "functionResponse": {
                **{name: call[name] for name in ("id", "name") if name in call},
                "response": {"output": RESULT},
            }
        }
        for call in calls
    ]
    return {**request, "contents": [*request["contents"], said, {"role": "user", "parts": results}]}


# --- Bedrock Converse ---


def converse_stream(out: bytes) -> None:
    assert bedrock_journeys.join_bedrock(out)["stopReason"]


def converse_error(body: bytes, event: bytes) -> None:
    assert list(json.loads(body)) == ["message"]
    with pytest.raises(EventStreamError) as raised:
        bedrock_journeys.parse_stream(event)
    assert raised.value.response["Error"]["Code"] == "throttlingException"


def converse_goes_on(request: Body, reply: Body) -> Body:
    said = reply["output"]["message"]
    results = [
        {"toolResult": {"toolUseId": block["toolUse"]["toolUseId"], "content": [{"text": RESULT}]}}
        for block in said["content"]
        if "toolUse" in block
    ]
    return {**request, "messages": [*request["messages"], said, {"role": "user", "content": results}]}


# --- Cohere ---


def cohere_reply(body: bytes) -> None:
    cohere_sdk.check_reply(body, cohere_sdk.BESIDE)


def cohere_stream(out: bytes) -> None:
    for name, data in events_of(out):
        cohere_sdk.check_event(name, data, cohere_sdk.BESIDE)
    cohere_reply(json.dumps(cohere_sdk.join_cohere(out)).encode())


def cohere_error(body: bytes, event: bytes) -> None:
    assert set(json.loads(body)) <= {"id", "message"}
    cohere_sdk.check_event(*events_of(event)[0])


def cohere_goes_on(request: Body, reply: Body) -> Body:
    said = reply["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": RESULT} for call in said.get("tool_calls", ())
    ]
    return {**request, "messages": [*request["messages"], said, *results]}


SPEAKERS = {
    speaker.name: speaker
    for speaker in (
        Speaker(
            "openai_chat",
            ENDPOINTS["chat_completions"],
            TargetFacts("gpt-5.2"),
            strictly(CHAT),
            lambda body: ot.ChatCompletion.model_validate_json(body, strict=True),
            chat_stream,
            openai_error,
            chat_goes_on,
            COMPATIBLE,
        ),
        Speaker(
            "openai_responses",
            ENDPOINTS["responses"],
            TargetFacts("gpt-5.2"),
            strictly(RESPONSES),
            responses_reply,
            responses_sdk.joined,
            responses_error,
            responses_go_on,
        ),
        Speaker(
            "anthropic",
            ENDPOINTS["messages"],
            TargetFacts("claude-sonnet-4-6", max_output=64000),
            strictly(MESSAGES, OLDER),
            lambda body: at.Message.model_validate_json(body, strict=True),
            messages_stream,
            messages_error,
            messages_go_on,
        ),
        Speaker(
            "gemini",
            ENDPOINTS["generate_content"],
            gemini_journeys.FLASH,
            gemini_journeys.check_request,
            gemini_journeys.check_reply,
            gemini_stream,
            gemini_error,
            gemini_goes_on,
        ),
        Speaker(
            "bedrock",
            ENDPOINTS["converse"],
            bedrock_journeys.FACTS,
            bedrock_journeys.check_request,
            bedrock_journeys.parse_reply,
            converse_stream,
            converse_error,
            converse_goes_on,
        ),
        Speaker(
            "cohere",
            ENDPOINTS["cohere_chat"],
            TargetFacts("command-a-03-2025"),
            cohere_sdk.check_request,
            cohere_reply,
            cohere_stream,
            cohere_error,
            cohere_goes_on,
        ),
    )
}
