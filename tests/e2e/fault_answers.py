"""What a caller's SDK would make of an answer: its text, and the error that it is or that ends it."""

import json
from dataclasses import dataclass
from typing import Any

import wire
from botocore.eventstream import EventStreamBuffer
from raw_client import Reply


@dataclass(frozen=True)
class Told:
    """`text` came; `error` is the dialect's error object, None where there is none; `finished` tells that the model's
    reason to stop came, `closed` that the dialect's own last event did."""

    text: str
    error: dict[str, Any] | None
    finished: bool = False
    closed: bool = False


def told(caller: str, stream: bool, reply: Reply) -> Told:
    """Reads an answer as the dialect's callers do. Fails on what they could not read."""
    if reply.status != 200 or not stream:
        return _plain(caller, reply)
    kind = "application/vnd.amazon.eventstream" if caller == "bedrock" else "text/event-stream"
    assert reply.headers["content-type"].startswith(kind)
    return _STREAMS[caller](reply)


def code_of(caller: str, error: dict[str, Any]) -> str:
    """The word for programs: OpenAI's code, or its type where there is none."""
    if caller in ("openai", "responses"):
        return str(error.get("code") or error["type"])
    if caller in ("bedrock", "cohere"):
        return ""
    return str(error["type" if caller == "anthropic" else "status"])


def _plain(caller: str, reply: Reply) -> Told:
    body = reply.json()
    if reply.status != 200:
        error = body if caller in ("bedrock", "cohere") else body["error"]
        assert error["message"]
        assert caller != "bedrock" or reply.headers["x-amzn-errortype"].endswith("Exception")
        if caller == "anthropic":
            assert body["type"] == "error"
            assert error["type"]
        if caller == "gemini":
            assert error["code"] == reply.status
            assert error["status"]
        return Told("", error)
    if caller == "openai":
        return Told(body["choices"][0]["message"]["content"], None)
    if caller == "anthropic":
        return Told("".join(block["text"] for block in body["content"]), None)
    if caller == "responses":
        return Told("".join(part["text"] for item in body["output"] for part in item["content"]), None)
    if caller == "bedrock":
        return Told("".join(block["text"] for block in body["output"]["message"]["content"]), None)
    if caller == "cohere":
        return Told("".join(block["text"] for block in body["message"]["content"]), None)
    return Told("".join(part["text"] for part in body["candidates"][0]["content"]["parts"]), None)


def _openai(reply: Reply) -> Told:
    text, error, finished, closed = "", None, False, False
    for _, data in wire.events_of(reply.body):
        assert error is None, f"{data} after the error"
        assert not closed, f"{data} after the end"
        if data == "[DONE]":
            closed = True
            continue
        event = json.loads(data)
        error = event.get("error")
        for choice in event.get("choices", ()):
            text += choice["delta"].get("content") or ""
            finished = finished or choice["finish_reason"] is not None
    return Told(text, error, finished, closed)


def _anthropic(reply: Reply) -> Told:
    text, error, finished, closed = "", None, False, False
    for name, data in wire.events_of(reply.body):
        assert error is None, f"{data} after the error"
        assert not closed, f"{data} after the end"
        event = json.loads(data)
        assert event["type"] == name
        if name == "error":
            error = event["error"]
        elif name == "content_block_delta":
            text += event["delta"].get("text", "")
        elif name == "message_delta":
            finished = event["delta"]["stop_reason"] is not None
        elif name == "message_stop":
            closed = True
    return Told(text, error, finished, closed)


def _gemini(reply: Reply) -> Told:
    text, error, finished = "", None, False
    for _, data in wire.events_of(reply.body.replace(b"\r\n", b"\n")):
        assert error is None, f"{data} after the error"
        event = json.loads(data)
        error = event.get("error")
        for candidate in event.get("candidates", ()):
            text += "".join(part.get("text", "") for part in candidate.get("content", {}).get("parts", ()))
            finished = finished or "finishReason" in candidate
    return Told(text, error, finished, finished and error is None)


def _responses(reply: Reply) -> Told:
    text, error, closed = "", None, False
    for name, data in wire.events_of(reply.body):
        assert error is None, f"{data} after the error"
        assert not closed, f"{data} after the end"
        event = json.loads(data)
        assert event["type"] == name
        if name == "error":
            error = event
        elif name == "response.output_text.delta":
            text += event["delta"]
        elif name == "response.completed":
            closed = True
            assert (
                "".join(part["text"] for item in event["response"]["output"] for part in item["content"])
                == text
            )
    return Told(text, error, closed, closed)


def _cohere(reply: Reply) -> Told:
    text, error, closed = "", None, False
    for name, data in wire.events_of(reply.body):
        assert error is None, f"{data} after the error"
        assert not closed, f"{data} after the end"
        event = json.loads(data)
        assert event["type"] == name
        if name == "content-delta":
            text += event["delta"]["message"]["content"]["text"]
        elif name == "message-end":
            closed = event["delta"]["finish_reason"] == "COMPLETE"
            error = None if closed else event["delta"]
    return Told(text, error, closed, closed)


def _bedrock(reply: Reply) -> Told:
    """As botocore takes the messages apart, and checks them."""
    text, error, finished = "", None, False
    buffer = EventStreamBuffer()
    buffer.add_data(reply.body)
    for message in buffer:
        assert error is None, "a message after the error"
        event = json.loads(message.payload)
        if message.headers[":message-type"] == "exception":
            error = {**event, "type": message.headers[":exception-type"]}
            continue
        name = message.headers[":event-type"]
        if name == "contentBlockDelta":
            text += event["delta"]["text"]
        finished = finished or name == "messageStop"
    assert sum(message_sizes(reply.body)) == len(reply.body), "half a message at the end"
    return Told(text, error, finished, finished)  # usage, which comes last, nobody can make up


def message_sizes(body: bytes) -> list[int]:
    """The lengths of binary messages, as they say them."""
    sizes, at = [], 0
    while at < len(body):
        sizes.append(int.from_bytes(body[at : at + 4], "big"))
        at += sizes[-1]
    return sizes


_STREAMS = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "responses": _responses,
    "cohere": _cohere,
    "bedrock": _bedrock,
}
