"""Writes neutral events as a stream of Cohere's v2 chat.

Cohere says one thing at a time: a content block or a call is begun, told and ended before the next.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from gateway._speedups.translate import framed
from gateway.dialects.blockwise import NONE, BlockWriter
from gateway.dialects.cohere.answers import call_out, finish_word, sealed_data
from gateway.dialects.cohere.citations import NAME, citation_out
from gateway.dialects.cohere.errors import error_event
from gateway.dialects.cohere.logprobs import logprobs_out
from gateway.dialects.cohere.messages_in import PLAN
from gateway.dialects.cohere.usage import usage_out
from gateway.dialects.framing import one_line
from gateway.dialects.sealing import named
from gateway.errors import GatewayError
from gateway.schemas.chat import ChatRequest, Citation
from gateway.schemas.events import (
    Cited,
    Closed,
    Finished,
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

_encode = msgspec.json.Encoder().encode


class _Block(msgspec.Struct):
    """A text: its place in the content, the length of the answer before it, its pieces, and who is cited in it."""

    place: int
    before: int
    pieces: list[str] = msgspec.field(default_factory=list)
    cited: list[Citation] = msgspec.field(default_factory=list)


class Writer(BlockWriter):
    """One stream to one caller."""

    __slots__ = (
        "_blocks",
        "_calls",
        "_citations",
        "_contents",
        "_early",
        "_envelope",
        "_format",
        "_id",
        "_kind",
        "_length",
        "_plans",
        "_signature",
        "_spoke",
    )

    def __init__(self, request: ChatRequest, reply_id: str = "", created: int = 0) -> None:  # noqa: ARG002  (Cohere has no date)
        self._id = reply_id
        super().__init__()
        self._contents = self._calls = self._citations = 0
        self._length = 0
        self._blocks: dict[int, _Block] = {}
        self._plans: set[int] = set()
        self._kind = ""
        self._signature = self._envelope = self._format = ""
        self._spoke = False
        self._early: list[Fragment] = []

    def error(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that failed."""
        return error_event(error)

    # --- the frame ---

    def _started(self, event: Started) -> bytes:
        message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        body = {"id": event.id or self._id, "type": "message-start", "delta": {"message": message}}
        return b"event: message-start\ndata: " + _encode(body) + b"\n\n"

    def _finished(self, event: Finished) -> bytes:
        out = super()._finished(event)
        if event.explanation and not self._spoke:
            out += self._enter(TextDelta(NONE - 1, event.explanation)) + self._close()
        return out

    def _ended(self) -> bytes:
        delta: dict[str, Any] = {"finish_reason": finish_word(self._finish.finish, self._calls > 0)}
        if self._usage is not None:
            delta["usage"] = usage_out(self._usage)
        return _sse(b"message-end", None, delta)

    # --- parts in order ---

    def _enter(self, event: Any) -> bytes:
        """Ends the open part and begins the event's. A text that goes on after another part goes on in a new block."""
        kind = type(event)
        if kind is Cited:
            return self._late(event)
        if kind is Opened:
            foreign = event.dialect != NAME or event.kind != "citations"
            return b"" if foreign else self._citation(Raw(event.raw))
        if kind is Fragment and event.kind == "logprobs":
            self._early.append(event)
        begin = _BEGIN.get(kind)
        if begin is None:
            return b""
        out = self._close()
        self._open = event.part
        return out + begin(self, event) + self._piece(event)

    def _begin_text(self, event: TextDelta | RefusalDelta) -> bytes:
        self._kind, self._spoke = "text", True
        self._blocks[event.part] = _Block(self._contents, self._length)
        content = {"type": "text", "text": ""}
        begin = _sse(b"content-start", self._contents, {"message": {"content": content}})
        early, self._early = self._early, []
        return begin + b"".join([self._logprobs(each) for each in early])

    def _begin_thought(self, event: ReasoningDelta) -> bytes:
        if event.format == PLAN or event.part in self._plans:
            self._plans.add(event.part)
            self._kind = "plan"
            return b""
        self._kind, self._format = "thought", event.format
        self._envelope = named(event)
        content = {"type": "thinking", "thinking": ""}
        return _sse(b"content-start", self._contents, {"message": {"content": content}})

    def _begin_sealed(self, event: SealedDelta) -> bytes:
        self._kind = "thought"
        content = {"type": "thinking", "thinking": "", "data": sealed_data(event)}
        if event.format:
            content["format"] = event.format
        return _sse(b"content-start", self._contents, {"message": {"content": content}})

    def _begin_call(self, event: ToolStarted) -> bytes:
        self._kind, self._is_tool, self._custom = "call", True, event.kind == "custom"
        call = call_out(event.id, event.name, "")
        return _sse(b"tool-call-start", self._calls, {"message": {"tool_calls": call}})

    def _piece(self, event: Any) -> bytes:
        """What an event says of the open part."""
        kind = type(event)
        if kind is TextDelta or kind is RefusalDelta:
            if self._kind != "text":
                return self._enter(event)  # a provider that calls its thought and its text one part
            self._blocks[event.part].pieces.append(event.text)
            self._length += len(event.text) if kind is TextDelta else 0
            return framed(_TEXT_DELTA % self._contents, event.text, b"}}}}\n\n")
        if kind is ToolDelta:
            self._arguments.append(event.arguments)
            return b"" if self._custom else self._call_delta(event.arguments)
        if kind is ReasoningDelta:
            if self._kind == "plan":
                return _sse(b"tool-plan-delta", None, {"message": {"tool_plan": event.text}})
            self._signature += event.signature
            thought = _THOUGHT_DELTA % self._contents
            return framed(thought, event.text, b"}}}}\n\n") if event.text else b""
        if kind is Cited:
            if self._kind != "text":
                return self._late(event)
            self._blocks[event.part].cited.append(event.citation)
            return b""
        if kind is Fragment and event.kind == "logprobs" and self._kind == "text":
            return self._logprobs(event)
        return self._close() if kind is Closed else b""

    def _content_delta(self, content: dict[str, str]) -> bytes:
        return _sse(b"content-delta", self._contents, {"message": {"content": content}})

    def _call_delta(self, arguments: str) -> bytes:
        return framed(_CALL_DELTA % self._calls, arguments, b"}}}}}\n\n")

    def _logprobs(self, event: Fragment) -> bytes:
        """Log probabilities come with text in Cohere's stream, before or after it in the neutral form."""
        out = []
        for item in logprobs_out(event.raw) or ():
            content = {"message": {"content": {"text": ""}}}
            body = {"type": "content-delta", "index": self._contents, "delta": content, "logprobs": item}
            out.append(b"event: content-delta\ndata: " + one_line(_encode(body)) + b"\n\n")
        return b"".join(out)

    # --- ends ---

    def _close(self) -> bytes:
        if self._open == NONE:
            return b""
        part, kind = self._open, self._kind
        self._open, self._kind, self._is_tool = NONE, "", False
        if kind == "call":
            return self._end_call()
        if kind == "plan":
            return b""
        out = b""
        if kind == "text":
            block = self._blocks[part]
            out = b"".join([self._cite(block, each) for each in block.cited])
            block.cited = []
        elif self._signature or self._envelope:
            # Thought that is signed in pieces is signed whole at its end, and says then whose it is.
            proof = {"thinking": "", "signature": self._signature or self._envelope}
            out = self._content_delta(proof | ({"format": self._format} if self._format else {}))
        self._signature = self._envelope = self._format = ""
        out += b'event: content-end\ndata: {"type":"content-end","index":%d}\n\n' % self._contents
        self._contents += 1
        return out

    def _end_call(self) -> bytes:
        out = b""
        if self._custom:
            out = self._call_delta(_encode({"input": "".join(self._arguments)}).decode())
        elif not any(self._arguments):
            out = self._call_delta("{}")
        self._arguments, self._custom = [], False
        out += b'event: tool-call-end\ndata: {"type":"tool-call-end","index":%d}\n\n' % self._calls
        self._calls += 1
        return out

    # --- citations ---

    def _late(self, event: Cited) -> bytes:
        block = self._blocks.get(event.part)
        return b"" if block is None else self._cite(block, event.citation)

    def _cite(self, block: _Block, citation: Citation) -> bytes:
        raw = citation_out(citation, "".join(block.pieces), block.before, block.place)
        return b"" if raw is None else self._citation(raw)

    def _citation(self, raw: Raw) -> bytes:
        place = self._citations
        self._citations += 1
        begin = _sse(b"citation-start", place, {"message": {"citations": raw}})
        return begin + b'event: citation-end\ndata: {"type":"citation-end","index":%d}\n\n' % place


def _sse(name: bytes, index: int | None, delta: dict[str, Any]) -> bytes:
    place = b"" if index is None else b',"index":%d' % index
    return b'event: %b\ndata: {"type":"%b"%b,"delta":%b}\n\n' % (name, name, place, one_line(_encode(delta)))


_CONTENT_DELTA = b'event: content-delta\ndata: {"type":"content-delta","index":%d,"delta":'
_TEXT_DELTA = _CONTENT_DELTA + b'{"message":{"content":{"text":'
_THOUGHT_DELTA = _CONTENT_DELTA + b'{"message":{"content":{"thinking":'
_CALL_DELTA = (
    b'event: tool-call-delta\ndata: {"type":"tool-call-delta","index":%d,'
    b'"delta":{"message":{"tool_calls":{"function":{"arguments":'
)
_BEGIN: dict[type, Callable[[Writer, Any], bytes]] = {
    TextDelta: Writer._begin_text,
    RefusalDelta: Writer._begin_text,
    ReasoningDelta: Writer._begin_thought,
    SealedDelta: Writer._begin_sealed,
    ToolStarted: Writer._begin_call,
}
