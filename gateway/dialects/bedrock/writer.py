"""Writes neutral events as a stream of Bedrock ConverseStream: binary messages, one for each event.

Bedrock's clients expect one block at a time, in order.
"""

from typing import Any

import msgspec
from msgspec import Raw

from gateway._speedups.eventstream import frame
from gateway._speedups.translate import framed
from gateway.dialects.bedrock import blocks_out as out
from gateway.dialects.bedrock.answers import stop_reason, tier_out
from gateway.dialects.bedrock.blocks_in import METADATA, NAME
from gateway.dialects.bedrock.errors import error_event
from gateway.dialects.bedrock.pictures import picture
from gateway.dialects.bedrock.tokens import usage_out
from gateway.dialects.blockwise import NONE, BlockWriter
from gateway.errors import GatewayError
from gateway.schemas.chat import ChatRequest, Reasoning, SealedReasoning, ToolCall
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
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


class Writer(BlockWriter):
    """One stream to one caller."""

    __slots__ = (
        "_called",
        "_closed",
        "_index",
        "_is_text",
        "_metadata",
        "_thought",
        "_tier",
    )

    def __init__(self, request: ChatRequest, reply_id: str = "", created: int = 0) -> None:  # noqa: ARG002 (nothing of it is said)
        super().__init__()
        self._tier = ""
        self._metadata: dict[str, Raw] = {}
        self._index = -1
        self._is_text = False
        self._thought: ReasoningDelta | None = None
        self._closed: set[int] = set()
        self._called = False

    def error(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that failed."""
        return error_event(error)

    # --- the frame ---

    def _started(self, event: Started) -> bytes:
        self._tier = event.service_tier
        return frame("messageStart", b'{"role":"assistant"}')

    def _ended(self) -> bytes:
        finish = self._finish
        stop: dict[str, Any] = {"stopReason": stop_reason(finish.finish, finish.native, self._called)}
        if finish.stop_sequence is not None:
            stop["additionalModelResponseFields"] = {"stop_sequence": finish.stop_sequence}
        metadata: dict[str, Any] = {"usage": usage_out(self._usage or Usage()), "metrics": {"latencyMs": 0}}
        tier = tier_out(self._tier)
        if tier is not None:
            metadata["serviceTier"] = tier
        metadata.update(self._metadata)
        return frame("messageStop", _encode(stop)) + frame("metadata", _encode(metadata))

    # --- blocks in order ---

    def _enter(self, event: Any) -> bytes:
        """Closes the open block and opens the event's. A text that goes on after another block goes on in a new one."""
        kind = type(event)
        if kind not in _BEGINS:
            return b""
        if kind is Opened and event.dialect != NAME:
            return self._picture(event)
        if kind is Opened and event.kind == METADATA:
            self._metadata = _decode_object(event.raw)
            return b""
        if kind is ToolStarted and event.part in self._closed:
            return b""
        written = self._close()
        self._open, self._is_text, self._is_tool = event.part, kind is TextDelta, kind is ToolStarted
        self._index += 1
        if kind is ToolStarted:
            self._called, self._custom = True, event.kind == "custom"
            start = {"toolUse": {"toolUseId": out.tool_id(event.id), "name": event.name}}
            return written + self._message("contentBlockStart", "start", start)
        if kind is Opened:
            return written + self._message("contentBlockStart", "start", Raw(event.raw))
        return written + self._piece(event)

    def _picture(self, event: Opened) -> bytes:
        """A picture that another dialect's model made; every other part that only that dialect knows is left out."""
        image = picture(event.dialect, event.kind, event.raw)
        if image is None:
            return b""
        written = self._close()
        self._open, self._is_text, self._is_tool = event.part, False, False
        self._index += 1
        written += self._message("contentBlockStart", "start", {"image": {"format": image["format"]}})
        return written + self._delta({"image": {"source": image["source"]}})

    def _message(self, name: str, member: str, value: Any) -> bytes:
        return frame(name, _encode({"contentBlockIndex": self._index, member: value}))

    def _delta(self, value: Any) -> bytes:
        return self._message("contentBlockDelta", "delta", value)

    def _piece(self, event: Any) -> bytes:
        """The delta of an event for the open block."""
        kind = type(event)
        if kind is TextDelta:
            return frame(_DELTA_EVENT, framed(_TEXT_DELTA % self._index, event.text, b"}}"))
        if kind is ToolDelta:
            self._arguments.append(event.arguments)
            if self._custom:
                return b""
            return frame(_DELTA_EVENT, framed(_INPUT_DELTA % self._index, event.arguments, b"}}}"))
        if kind is ReasoningDelta:
            # Clients take the last signature they get: pieces of one are joined and said at the end of the block.
            self._keep(event)
            return self._delta({"reasoningContent": {"text": event.text}}) if event.text else b""
        return self._rare_piece(event)

    def _keep(self, event: ReasoningDelta) -> None:
        known = self._thought
        if known is not None:
            event = ReasoningDelta(
                event.part,
                "",
                known.signature + event.signature,
                known.id or event.id,
                known.format or event.format,
                known.summary or event.summary,
            )
        self._thought = event

    def _rare_piece(self, event: Any) -> bytes:
        if isinstance(event, RefusalDelta):
            return self._delta({"text": event.text})
        if isinstance(event, SealedDelta):
            block = out.thought_for_caller(SealedReasoning(event.data, event.id, event.format))
            return self._delta(block) if block is not None else b""
        if isinstance(event, Cited):
            citation = out.citation_out(event.citation)
            return self._delta({"citation": citation}) if citation is not None else b""
        if isinstance(event, Fragment) and event.dialect == NAME:
            return self._delta(Raw(event.raw))
        # A text stays open until another part begins, for the citations that some providers send after it.
        return self._close() if isinstance(event, Closed) and not self._is_text else b""

    def _close(self) -> bytes:
        if self._open == NONE:
            return b""
        signed = b""
        if self._thought is not None:
            known = self._thought
            proof = out.signature_for_caller(
                Reasoning("", known.signature, known.id, known.format, known.summary)
            )
            signed = self._delta({"reasoningContent": {"signature": proof}}) if proof else b""
        if self._custom:
            # Free text goes into an object, which takes all of it.
            whole = ToolCall("", "", "".join(self._arguments), "custom")
            signed = self._delta({"toolUse": {"input": out.call_input(whole).decode()}})
            self._custom = False
        self._closed.add(self._open)
        self._open, self._is_tool, self._thought = NONE, False, None
        self._arguments = []
        return signed + frame("contentBlockStop", b'{"contentBlockIndex":%d}' % self._index)


_DELTA_EVENT = "contentBlockDelta"
_TEXT_DELTA = b'{"contentBlockIndex":%d,"delta":{"text":'
_INPUT_DELTA = b'{"contentBlockIndex":%d,"delta":{"toolUse":{"input":'
_BEGINS = frozenset({TextDelta, RefusalDelta, ReasoningDelta, SealedDelta, ToolStarted, Opened})
