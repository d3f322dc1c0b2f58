"""Providers of every dialect behind one gateway, all saying what a test tells them to, each in its own words."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anthropic_wire
import openai_wire
import responses_wire
import wire
from fault_server import Answer, FaultServer, Seen, Step
from gateway_process import CALLER_KEY, Gateway
from openai_wire import Call, in_words

from gateway._speedups.eventstream import frame

INPUT, CACHED, OUTPUT, THOUGHT = 20, 4, 7, 2  # tokens of every answer: CACHED of INPUT, THOUGHT of OUTPUT

PROVIDER_KEY = "provider-canary-key"

MODELS = {
    "openai": "openai/gpt-4o-mini",
    "responses": "openai/gpt-5-mini",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-2.5-flash",
    "cohere": "cohere/command-a-03-2025",
    "bedrock": "bedrock/eu.amazon.nova-lite-v1:0",
}
"""One model for each kind of provider, as callers name it."""

WEATHER_CALL: Call = ("call_1", "weather", '{"city": "Genève"}')


@dataclass(frozen=True)
class Say:
    """One answer: thought first, then text, then calls; or an error with a status."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    thought: str = ""
    seal: str = "c2VhbA=="  # of the thought, where the dialect has a place for it
    status: int = 200
    breaks: Step | None = None  # HANG or CLOSE in the middle of its stream


@dataclass
class Vendors:
    """The providers and the gateway in front of them."""

    server: FaultServer
    gateway: Gateway
    _turns: list[Say] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def key(self) -> str:
        return CALLER_KEY

    @property
    def asked(self) -> list[Any]:
        """The bodies that reached a provider."""
        return [seen.json() for seen in self.server.seen]

    def say(self, *turns: Say) -> None:
        """Answers one request after the other with these; the last one repeats. What was seen is forgotten."""
        self._turns = list(turns)
        self.server.seen.clear()

    def answer(self, seen: Seen) -> Answer:
        assert CALLER_KEY.encode() not in seen.head + seen.body
        assert PROVIDER_KEY.encode() in seen.head
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        path = unquote(seen.path.partition("?")[0])
        for ending, speak in _SPEAKERS.items():
            if path.endswith(ending):
                steps = list(speak(turn, seen))
                return [*steps[: len(steps) // 2 + 1], turn.breaks] if turn.breaks else steps
        return wire.as_json(openai_wire.error(f"unknown path {path}"), 404)


@contextmanager
def running(folder: Path) -> Iterator[Vendors]:
    """A gateway with a provider of each dialect, all on one server; the path tells which is meant."""
    held: list[Vendors] = []
    server = FaultServer(lambda seen: held[0].answer(seen)).start()
    of_openai, plain = (
        {"base_url": f"{server.url}/v1", "keys": [PROVIDER_KEY]},
        {"base_url": server.url, "keys": [PROVIDER_KEY]},
    )
    providers = {"openai": of_openai, "anthropic": plain, "gemini": plain, "cohere": plain, "bedrock": plain}
    gateway = Gateway({"auth": {"keys": [CALLER_KEY]}, "retries": {"max": 0}, "providers": providers}, folder)
    held.append(Vendors(server, gateway))
    try:
        yield held[0]
        server.wait(gateway.at_rest)
        gateway.stop()
        assert not server.failures, server.failures
    finally:
        if gateway.process.poll() is None:
            gateway.kill()
        server.stop()


# --- each dialect's words ---


def _chat(turn: Say, seen: Seen) -> Answer:
    if turn.status != 200:
        return wire.as_json(openai_wire.error(turn.text, code="scripted"), turn.status)
    usage = {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
        "completion_tokens_details": {"reasoning_tokens": THOUGHT},
    }
    body = seen.json()
    if not body.get("stream"):
        reply = openai_wire.completion(turn.text or None, calls=turn.calls)
        return wire.as_json({**reply, "usage": usage})
    events = [openai_wire.delta({"role": "assistant", "content": ""})]
    events += [openai_wire.delta({"content": piece}) for piece in in_words(turn.text)]
    events += openai_wire.tool_events(turn.calls, usage=False)[1:-2] if turn.calls else []
    events.append(openai_wire.delta({}, "tool_calls" if turn.calls else "stop"))
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append(openai_wire.usage_chunk(usage))
    return wire.stream([*events, openai_wire.DONE])


def _responses(turn: Say, seen: Seen) -> Answer:
    if turn.status != 200:
        return wire.as_json(openai_wire.error(turn.text, code="scripted"), turn.status)
    items = [responses_wire.reasoning(turn.thought, turn.seal)] if turn.thought else []
    items += [responses_wire.message(turn.text)] if turn.text else []
    items += [responses_wire.call(*call) for call in turn.calls]
    usage = {
        "input_tokens": INPUT,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": THOUGHT},
        "total_tokens": INPUT + OUTPUT,
    }
    if seen.json().get("stream"):
        return wire.stream(responses_wire.events(items, usage))
    return wire.as_json(responses_wire.response(items, usage))


def _messages(turn: Say, seen: Seen) -> Answer:
    if turn.status != 200:
        kind = {429: "rate_limit_error", 400: "invalid_request_error"}.get(turn.status, "api_error")
        return wire.as_json(anthropic_wire.error(kind, turn.text), turn.status)
    blocks = [anthropic_wire.thinking(turn.thought, turn.seal)] if turn.thought else []
    blocks += [anthropic_wire.text(turn.text)] if turn.text else []
    blocks += [anthropic_wire.tool_use(ident, name, json.loads(raw)) for ident, name, raw in turn.calls]
    if seen.json().get("stream"):
        return wire.stream(anthropic_wire.message_events(*blocks, usage=_CLAUDE_USAGE))
    return wire.as_json({**anthropic_wire.message(*blocks), "usage": _CLAUDE_USAGE})


_CLAUDE_USAGE = {
    "input_tokens": INPUT - CACHED,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": CACHED,
    "output_tokens": OUTPUT,
}


def _gemini(turn: Say, seen: Seen) -> Answer:
    if turn.status != 200:
        status = {429: "RESOURCE_EXHAUSTED", 400: "INVALID_ARGUMENT"}.get(turn.status, "INTERNAL")
        error = {"code": turn.status, "message": turn.text, "status": status}
        return wire.as_json({"error": error}, turn.status)
    streams = "stream" in seen.path
    parts: list[Any] = [{"text": turn.thought, "thought": True}] if turn.thought else []
    parts += [{"text": piece} for piece in (in_words(turn.text) if streams else [turn.text]) if piece]
    parts += [{"functionCall": {"name": name, "args": json.loads(raw)}} for _, name, raw in turn.calls]
    if turn.thought:
        parts[-1]["thoughtSignature"] = turn.seal
    if not streams:
        return wire.as_json(_gemini_reply(parts, "STOP"))
    last = len(parts) - 1
    pieces = [_gemini_reply([part], "STOP" if at == last else None) for at, part in enumerate(parts)]
    return wire.stream(wire.data(piece) for piece in pieces)


def _gemini_reply(parts: list[Any], finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = {
        "promptTokenCount": INPUT,
        "cachedContentTokenCount": CACHED,
        "candidatesTokenCount": OUTPUT - THOUGHT,
        "thoughtsTokenCount": THOUGHT,
        "totalTokenCount": INPUT + OUTPUT,
    }
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r1",
    }


def _cohere(turn: Say, seen: Seen) -> Answer:
    if turn.status != 200:
        return wire.as_json({"id": "e", "message": turn.text}, turn.status)
    tokens = {"input_tokens": INPUT, "output_tokens": OUTPUT}
    usage = {"billed_units": tokens, "tokens": tokens}
    calls = [openai_wire.tool_call(call) for call in turn.calls]
    finish = "TOOL_CALL" if calls else "COMPLETE"
    if not seen.json().get("stream"):
        message: dict[str, Any] = {"role": "assistant", "tool_calls": calls}
        if turn.text:
            message["content"] = [{"type": "text", "text": turn.text}]
        return wire.as_json({"id": "c1", "finish_reason": finish, "message": message, "usage": usage})
    told: list[dict[str, Any]] = [
        {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": []}}}
    ]
    if turn.text:
        told.append(_cohere_delta("content-start", 0, {"content": {"type": "text", "text": ""}}))
        told += [
            _cohere_delta("content-delta", 0, {"content": {"text": piece}}) for piece in in_words(turn.text)
        ]
        told.append({"type": "content-end", "index": 0})
    for index, call in enumerate(calls):
        function = call["function"]
        opening = {**call, "function": {"name": function["name"], "arguments": ""}}
        told.append(_cohere_delta("tool-call-start", index, {"tool_calls": opening}))
        pieces = {"tool_calls": {"function": {"arguments": function["arguments"]}}}
        told.append(_cohere_delta("tool-call-delta", index, pieces))
        told.append({"type": "tool-call-end", "index": index})
    told.append({"type": "message-end", "delta": {"finish_reason": finish, "usage": usage}})
    return wire.stream(wire.named(event) for event in told)


def _cohere_delta(kind: str, index: int, message: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def _bedrock(turn: Say, seen: Seen) -> Answer:
    if turn.status != 200:
        kind = {429: "ThrottlingException", 400: "ValidationException"}.get(
            turn.status, "InternalServerException"
        )
        return wire.as_json({"message": turn.text}, turn.status, **{"x-amzn-errortype": kind})
    usage = {
        "inputTokens": INPUT - CACHED,
        "outputTokens": OUTPUT,
        "totalTokens": INPUT + OUTPUT,
        "cacheReadInputTokens": CACHED,
        "cacheWriteInputTokens": 0,
    }
    blocks: list[Any] = [{"text": turn.text}] if turn.text else []
    blocks += [
        {"toolUse": {"toolUseId": ident, "name": name, "input": json.loads(raw)}}
        for ident, name, raw in turn.calls
    ]
    stop, metrics = "tool_use" if turn.calls else "end_turn", {"latencyMs": 1}
    if not seen.path.endswith("-stream"):
        message = {"role": "assistant", "content": blocks}
        return wire.as_json(
            {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": metrics}
        )
    told: list[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(blocks):
        told += [(name, {"contentBlockIndex": index, **rest}) for name, rest in _bedrock_block(block)]
    told += [("messageStop", {"stopReason": stop}), ("metadata", {"usage": usage, "metrics": metrics})]
    frames = [wire.chunk(frame(name, json.dumps(payload).encode())) for name, payload in told]
    head = wire.head(content_type="application/vnd.amazon.eventstream", transfer_encoding="chunked")
    return [head, *frames, wire.END]


def _bedrock_block(block: Any) -> Iterator[tuple[str, Any]]:
    if "text" in block:
        for piece in in_words(block["text"]):
            yield "contentBlockDelta", {"delta": {"text": piece}}
    else:
        use = block["toolUse"]
        raw = json.dumps(use.pop("input"))
        yield "contentBlockStart", {"start": {"toolUse": use}}
        for at in range(0, len(raw), 3):
            yield "contentBlockDelta", {"delta": {"toolUse": {"input": raw[at : at + 3]}}}
    yield "contentBlockStop", {}


def _embeddings(turn: Say, seen: Seen) -> Answer:
    return openai_wire.echo(seen)


_SPEAKERS = {
    "/chat/completions": _chat,
    "/responses": _responses,
    "/embeddings": _embeddings,
    "/v1/messages": _messages,
    "enerateContent": _gemini,
    "/v2/chat": _cohere,
    "/converse": _bedrock,
    "/converse-stream": _bedrock,
}
