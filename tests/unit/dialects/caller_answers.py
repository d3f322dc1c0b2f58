"""What each caller makes of a stream, in the shape of a whole answer of its dialect."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
from bedrock_journeys import MODEL, join_bedrock, parse_reply
from cohere_sdk import join_cohere
from gemini_journeys import join_gemini
from journeys import chat, events_of, join_anthropic
from openai.lib.streaming._deltas import accumulate_delta
from provider_answers import any_json
from responses_sdk import joined, judged

from gateway.dialects import anthropic, bedrock, cohere, gemini, openai_chat, openai_responses
from gateway.dialects.endpoints import ENDPOINTS, Endpoint
from gateway.schemas.chat import ChatRequest

USER = {"role": "user", "content": "hi"}
Json = dict[str, Any]


class Caller(msgspec.Struct, frozen=True):
    """`whole` reads a whole answer, `join` a stream: both give what the caller learns, in one spelling."""

    endpoint: Endpoint
    request: ChatRequest
    whole: Callable[[bytes], Json]
    join: Callable[[bytes], Json]


def _said(value: Any) -> Any:
    """Without what says nothing: nulls, empty texts and lists."""
    if isinstance(value, dict):
        kept = {name: _said(item) for name, item in value.items() if name != "index"}
        return {name: item for name, item in kept.items() if item not in (None, "", [], {})}
    return [_said(item) for item in value] if isinstance(value, list) else value


# --- OpenAI Chat Completions ---


def chat_whole(body: bytes) -> Json:
    reply = json.loads(body)
    choice = reply["choices"][0]
    return _chat(reply, choice["message"], choice["finish_reason"], choice["logprobs"])


def chat_join(stream: bytes) -> Json:
    message: Json = {}
    last: Json = {}
    finish, usage = None, None
    logprobs: list[Any] = []
    events = events_of(stream)
    assert events[-1] == ("", b"[DONE]")
    for _, data in events[:-1]:
        last = json.loads(data)
        usage = last["usage"] or usage
        for choice in last["choices"]:
            assert choice["index"] == 0
            assert finish is None
            accumulate_delta(message, choice["delta"])
            finish = choice["finish_reason"]
            logprobs += (choice["logprobs"] or {}).get("content", [])
    return _chat({**last, "usage": usage}, message, finish, {"content": logprobs})


def _chat(reply: Json, message: Json, finish: Any, logprobs: Any) -> Json:
    for call in message.get("tool_calls") or ():
        if "function" in call:
            call["function"]["arguments"] = any_json(call["function"]["arguments"])
    about = {name: reply[name] for name in ("id", "created", "model", "usage")}
    return {**about, "message": _said(message), "finish": finish, "logprobs": _said(logprobs or {})}


# --- the others ---


def responses_whole(body: bytes) -> Json:
    return _response(judged(body))


def responses_join(stream: bytes) -> Json:
    return _response(joined(stream))


def _response(reply: Json) -> Json:
    for item in reply["output"]:
        if item["type"] == "function_call":
            item["arguments"] = any_json(item["arguments"])
    return reply


def gemini_whole(body: bytes) -> Json:
    return gemini_join(b"data: " + body + b"\n\n")


def gemini_join(stream: bytes) -> Json:
    """Of a cited piece its words: a whole answer's adjacent texts are parts of their own, in a stream they are one."""
    reply = join_gemini(stream)
    for candidate in reply.get("candidates", ()):
        for support in candidate.get("groundingMetadata", {}).get("groundingSupports", ()):
            support["segment"] = support["segment"]["text"]
    return reply


def bedrock_whole(body: bytes) -> Json:
    reply = parse_reply(body)
    return _converse({**reply, "content": reply.pop("output")["message"]["content"]})


def bedrock_join(stream: bytes) -> Json:
    return _converse(join_bedrock(stream))


def _converse(reply: Json) -> Json:
    return {
        name: reply.get(name) for name in ("content", "stopReason", "usage", "additionalModelResponseFields")
    }


def cohere_whole(body: bytes) -> Json:
    return _cohere(json.loads(body))


def cohere_join(stream: bytes) -> Json:
    return _cohere(join_cohere(stream))


def _cohere(reply: Json) -> Json:
    for call in reply["message"].get("tool_calls") or ():
        call["function"]["arguments"] = any_json(call["function"]["arguments"])
    return {**reply, "message": _said(reply["message"])}


def _asked(body: Json) -> bytes:
    return json.dumps(body).encode()


_STREAMED = chat(USER, stream=True, stream_options={"include_usage": True})
_TURN = {"role": "user", "content": [{"text": "hi"}]}
CALLERS = {
    "chat_completions": Caller(
        ENDPOINTS["chat_completions"], openai_chat.read_request(_asked(_STREAMED)), chat_whole, chat_join
    ),
    "responses": Caller(
        ENDPOINTS["responses"],
        openai_responses.read_request(_asked({"model": "m", "input": "hi", "stream": True})),
        responses_whole,
        responses_join,
    ),
    "messages": Caller(
        ENDPOINTS["messages"],
        anthropic.read_request(_asked(chat(USER, stream=True, max_tokens=9))),
        json.loads,
        join_anthropic,
    ),
    "generate_content": Caller(
        ENDPOINTS["generate_content"],
        gemini.read_request(b'{"contents":[]}', "m", True),
        gemini_whole,
        gemini_join,
    ),
    "converse": Caller(
        ENDPOINTS["converse"],
        bedrock.read_request(_asked({"messages": [_TURN]}), MODEL, True),
        bedrock_whole,
        bedrock_join,
    ),
    "cohere_chat": Caller(
        ENDPOINTS["cohere_chat"],
        cohere.read_request(_asked(chat(USER, stream=True))),
        cohere_whole,
        cohere_join,
    ),
}
"""By the caller's endpoint."""
