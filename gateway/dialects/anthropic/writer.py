"""Writes neutral events as a stream of Anthropic Messages.

Anthropic's clients expect one block at a time, in order: start, deltas, stop.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.answers import (
    REST,
    citation_out,
    proof,
    rest_out,
    stop_reason,
    tier_out,
    usage_out,
)
from gateway.dialects.anthropic.content import call_input
from gateway.dialects.anthropic.errors import error_event
from gateway.dialects.anthropic.messages_in import NAME
from gateway.dialects.blockwise import NONE, BlockWriter
from gateway.dialects.framing import one_line
from gateway.dialects.ids import answer_id
from gateway.dialects.sealing import named
from gateway.errors import GatewayError
from gateway.schemas.chat import ChatRequest, ToolCall
from gateway.schemas.events import (
    Cited,
    Closed,
    Fragment,
    Opened,
    ReasoningDelta,
    RefusalDelta,
    SealedDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
)
from gateway.schemas.usage import Usage

_encode = msgspec.json.Encoder().encode


class Writer(BlockWriter):
    """One stream to one caller."""

    __slots__ = (
        "_called",
        "_closed",
        "_delta_head",
        "_envelope",
        "_id",
        "_index",
        "_is_text",
        "_model",
        "_rest",
        "_signature",
    )

    def __init__(self, request: ChatRequest, reply_id: str = "", created: int = 0) -> None:  # noqa: ARG002  (Anthropic has no date)
        super().__init__()
        self._model = request.model
        self._id = reply_id
        self._index = -1
        self._is_text = False
        self._delta_head = b""
        self._signature = self._envelope = ""
        self._closed: set[int] = set()
        self._called = False
        self._rest = b""

    def error(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that failed."""
        return error_event(error)

    # --- the frame ---

    def _started(self, event: Started) -> bytes:
        message: dict[str, Any] = {
            "id": answer_id("msg_", event.id or self._id),
            "type": "message",
            "role": "assistant",
            "model": event.model or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_out(self._usage or Usage(), tier_out(event.service_tier)),
        }
        return _sse(b"message_start", {"type": "message_start", "message": message})

    def _ended(self) -> bytes:
        finish = self._finish
        delta: dict[str, Any] = {
            "stop_reason": stop_reason(finish.finish, self._called),
            "stop_sequence": finish.stop_sequence,
        }
        if finish.details:
            delta["stop_details"] = Raw(finish.details)
        usage = usage_out(self._usage or Usage())
        if self._rest:
            delta |= rest_out(self._rest, usage)
        body = {"type": "message_delta", "delta": delta, "usage": usage}
        return _sse(b"message_delta", body) + _STOP

    # --- blocks in order ---

    def _enter(self, event: Any) -> bytes:
        """Closes the open block and opens the event's. A text that goes on after another block goes on in a new one."""
        kind = type(event)
        if kind is Closed or kind is Cited or kind is Fragment:
            return b""
        if kind is Opened and event.kind == REST and event.dialect == NAME:
            self._rest = event.raw
            return b""
        late = event.part in self._closed
        if late and (kind is ToolDelta or kind is ToolStarted):
            return b""
        block = _START[kind](event)
        if block is None:
            return b""
        out = self._close()
        self._open, self._is_text, self._is_tool = event.part, kind is TextDelta, kind is ToolStarted
        self._index += 1
        index = b"%d" % self._index
        self._delta_head = _DELTA + index + b',"delta":'
        self._called = self._called or self._is_tool
        self._custom = self._is_tool and event.kind == "custom"
        begin = _BLOCK_START + index + b',"content_block":' + block + b"}\n\n"
        return out + begin + self._piece(event)

    def _piece(self, event: Any) -> bytes:
        """The delta of an event for the open block."""
        kind = type(event)
        if kind is TextDelta:
            return self._delta_head + b'{"type":"text_delta","text":' + _encode(event.text) + b"}}\n\n"
        if kind is ToolDelta:
            self._arguments.append(event.arguments)
            return b"" if self._custom else self._input(event.arguments)
        if kind is ReasoningDelta:
            # Clients take the last signature they get: pieces of one are joined and said at the end of the block.
            self._signature += event.signature
            if event.id:
                self._envelope = named(event)
            if not event.text:
                return b""
            return (
                self._delta_head + b'{"type":"thinking_delta","thinking":' + _encode(event.text) + b"}}\n\n"
            )
        return self._rare_piece(event)

    def _input(self, text: str) -> bytes:
        return self._delta_head + b'{"type":"input_json_delta","partial_json":' + _encode(text) + b"}}\n\n"

    def _rare_piece(self, event: Any) -> bytes:
        if isinstance(event, RefusalDelta):
            return self._delta_head + b'{"type":"text_delta","text":' + _encode(event.text) + b"}}\n\n"
        if isinstance(event, Cited):
            raw = citation_out(event.citation)
            if raw is None:
                return b""
            return (
                self._delta_head + b'{"type":"citations_delta","citation":' + one_line(bytes(raw)) + b"}}\n\n"
            )
        if isinstance(event, Fragment) and event.dialect == NAME:
            return self._delta_head + one_line(event.raw) + b"}\n\n"
        # A text stays open until another part begins, for the citations that some providers send after it.
        return self._close() if isinstance(event, Closed) and not self._is_text else b""

    def _close(self) -> bytes:
        if self._open == NONE:
            return b""
        signed = b""
        if self._signature or self._envelope:
            piece = _encode(self._signature or self._envelope)
            signed = self._delta_head + b'{"type":"signature_delta","signature":' + piece + b"}}\n\n"
        if self._custom:
            # Free text goes into an object, which takes all of it.
            whole = ToolCall("", "", "".join(self._arguments), "custom")
            signed = self._input(call_input(whole).decode())
            self._custom = False
        self._closed.add(self._open)
        self._open, self._is_tool, self._signature = NONE, False, ""
        self._envelope = ""
        self._arguments = []
        return signed + _BLOCK_STOP + b"%d}\n\n" % self._index


def _sse(name: bytes, body: dict[str, Any]) -> bytes:
    return b"event: " + name + b"\ndata: " + one_line(_encode(body)) + b"\n\n"


def _start_tool(event: ToolStarted) -> bytes:
    head = (
        b'{"type":"tool_use","id":' + _encode(event.id) + b',"name":' + _encode(event.name) + b',"input":{}'
    )
    return head + (b',"caller":' + one_line(event.origin) if event.origin else b"") + b"}"


def _start_opaque(event: Opened) -> bytes | None:
    return one_line(event.raw) if event.dialect == NAME else None


_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":'
_BLOCK_START = b'event: content_block_start\ndata: {"type":"content_block_start","index":'
_BLOCK_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":'
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_START: dict[type, Callable[[Any], bytes | None]] = {
    TextDelta: lambda _: b'{"type":"text","text":""}',
    RefusalDelta: lambda _: b'{"type":"text","text":""}',
    ReasoningDelta: lambda _: b'{"type":"thinking","thinking":"","signature":""}',
    SealedDelta: lambda event: (
        b'{"type":"redacted_thinking","data":' + _encode(proof(event.data, event.id, event.format)) + b"}"
    ),
    ToolStarted: _start_tool,
    ToolDelta: lambda _: None,
    Opened: _start_opaque,
}
