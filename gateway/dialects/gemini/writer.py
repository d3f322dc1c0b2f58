"""Writes neutral events as a stream of Gemini's.

A call is written when it is whole. The reason to finish and the usage come in one last event, as Google has it.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import Raw

from gateway._speedups.translate import framed
from gateway.dialects.framing import one_line
from gateway.dialects.gemini.answers import CANDIDATE, PROMPT, call_part, finish_reason, thought_part
from gateway.dialects.gemini.citations import Sources, Spot
from gateway.dialects.gemini.errors import NAME, error_event
from gateway.dialects.gemini.joined import TEXT, THOUGHT, Span, Told
from gateway.dialects.gemini.logprobs import KIND, OWNER, write_logprobs
from gateway.dialects.gemini.signatures import unseal
from gateway.dialects.gemini.usage import write_usage
from gateway.errors import GatewayError
from gateway.schemas.chat import ChatRequest, Citation, Reasoning, SealedReasoning, ToolCall
from gateway.schemas.events import (
    Cited,
    Closed,
    Ended,
    Event,
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
    Used,
)
from gateway.schemas.usage import Usage
from gateway.schemas.wire import gemini as wire
from gateway.schemas.wire.common import ABSENT

_encode = msgspec.json.Encoder().encode
_feedback = msgspec.json.Decoder(wire.PromptFeedback).decode
_END = b"\r\n\r\n"


class _Call(msgspec.Struct):
    started: ToolStarted
    arguments: list[str] = msgspec.field(default_factory=list)


class Writer:
    """One stream to one caller."""

    __slots__ = (
        "_calls",
        "_cited",
        "_feedback",
        "_finishes",
        "_id",
        "_logprobs",
        "_model",
        "_rest",
        "_tail",
        "_thoughts",
        "_told",
        "_usage",
    )

    def __init__(self, request: ChatRequest, reply_id: str = "", created: int = 0) -> None:  # noqa: ARG002  (Gemini has no date)
        self._model = request.model
        self._id = reply_id
        self._usage: Usage | None = None
        self._calls: dict[tuple[int, int], _Call] = {}
        self._thoughts: dict[tuple[int, int], Reasoning] = {}
        self._told: dict[int, Told] = {}
        self._cited: dict[int, list[tuple[int, Citation]]] = {}
        self._finishes: list[Finished] = []
        self._rest: dict[int, bytes] = {}
        self._logprobs: dict[int, list[bytes]] = {}
        self._feedback = b""
        self._tail = b"}" + _END

    def write(self, event: Event) -> bytes:
        """The caller's bytes for one event; b"" when it waits for a later one."""
        kind = type(event)
        writer = _WRITERS.get(kind)
        if writer is None:
            return b""
        if self._thoughts and kind in _AFTER_THOUGHT:
            return self._signed(getattr(event, "choice", 0)) + writer(self, event)
        return writer(self, event)

    def error(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that failed."""
        return error_event(error)

    # --- frames ---

    def start(self, event: Started) -> bytes:
        self._usage = event.usage
        self._model = event.model or self._model
        self._id = event.id or self._id
        about = {"modelVersion": self._model, **({"responseId": self._id} if self._id else {})}
        self._tail = b"," + _encode(about)[1:] + _END
        return b""

    def _chunk(self, choice: int, part: bytes, kind: str = "") -> bytes:
        told = self._told.get(choice)
        if told is None:
            told = self._told[choice] = Told()
        told.piece(kind)
        index = b',"index":%d' % choice if choice else b""
        head = b'data: {"candidates":[{"content":{"parts":[' + part + b'],"role":"model"}'
        return one_line(head + index + b"}]") + self._tail

    # --- content ---

    def _text(self, event: TextDelta | RefusalDelta) -> bytes:
        if not event.text:
            return b""
        told = self._told.get(event.choice)
        if told is None:
            told = self._told[event.choice] = Told()
        if type(event) is TextDelta:
            told.text(event.part, event.text)
        else:
            told.piece(TEXT)
        index = b',"index":%d}]' % event.choice if event.choice else b"}]"
        return framed(_TEXT_HEAD, event.text, _TEXT_TAIL + index + self._tail)

    def _thought(self, event: ReasoningDelta) -> bytes:
        """Another maker's signature may come in pieces, after the thought: it is said when the thought is over."""
        key = (event.choice, event.part)
        before = self._thoughts.get(key) or Reasoning(
            "", id=event.id, format=event.format, summary=event.summary
        )
        out = b"" if key in self._thoughts else self._signed(event.choice)
        signature = before.signature + event.signature
        self._thoughts[key] = msgspec.structs.replace(before, signature=signature)
        if not event.text:
            return out
        return out + self._chunk(event.choice, _encode(wire.Part(text=event.text, thought=True)), THOUGHT)

    def _signed(self, choice: int) -> bytes:
        """The signatures of the thoughts that are over."""
        over = [key for key in self._thoughts if key[0] == choice]
        parts = [thought_part(self._thoughts.pop(key)) for key in over]
        return b"".join([self._signature(choice, part) for part in parts if part.thought_signature])

    def _signature(self, choice: int, part: wire.Part) -> bytes:
        """Clients put it on the thought, or on the text, that it follows, which is over then."""
        out = self._chunk(choice, _encode(part), THOUGHT if part.thought else TEXT)
        self._told[choice].sign()
        return out

    def _sealed(self, event: SealedDelta) -> bytes:
        """A call's signature is said with the call."""
        own = unseal(event.data, event.format)
        if own is None:
            foreign = thought_part(SealedReasoning(event.data, event.id, event.format))
            return self._signature(event.choice, foreign)
        if event.id or not own:
            return b""
        return self._signature(event.choice, wire.Part(text="", thought_signature=own))

    def _citation(self, event: Cited) -> bytes:
        self._cited.setdefault(event.choice, []).append((event.part, event.citation))
        return b""

    def _sources(self, choice: int) -> dict[str, Any] | None:
        """A citation without a place is of the whole part it hangs on."""
        cited = self._cited.get(choice)
        if cited is None:
            return None
        sources = Sources()
        spans = self._told[choice].spans() if choice in self._told else {}
        for part, citation in cited:
            span = spans.get(part, _NOWHERE)
            if citation.start is None or citation.end is None:
                citation = msgspec.structs.replace(citation, start=span.start, end=span.end)
            sources.add(citation, span.spot)
        return sources.out()

    def _tool(self, event: ToolStarted) -> bytes:
        self._calls[event.choice, event.part] = _Call(event)
        return b""

    def _arguments(self, event: ToolDelta) -> bytes:
        call = self._calls.get((event.choice, event.part))
        if call is not None:
            call.arguments.append(event.arguments)
        return b""

    def _closed(self, event: Closed) -> bytes:
        call = self._calls.pop((event.choice, event.part), None)
        return b"" if call is None else self._called(call)

    def _called(self, call: _Call) -> bytes:
        start = call.started
        kind: Literal["function", "custom"] = "custom" if start.kind == "custom" else "function"
        whole = ToolCall(start.id, start.name, "".join(call.arguments), kind, start.signature)
        return self._chunk(start.choice, _encode(call_part(whole)))

    def _opened(self, event: Opened) -> bytes:
        if event.dialect != NAME:
            return b""
        if event.kind == CANDIDATE:
            self._rest[event.choice] = event.raw
            return b""
        if event.kind == PROMPT:
            self._feedback = event.raw
            return b""
        return self._chunk(event.choice, event.raw)

    def _fragment(self, event: Fragment) -> bytes:
        if (event.dialect, event.kind) == (OWNER, KIND):
            self._logprobs.setdefault(event.choice, []).append(event.raw)
        return b""

    # --- the end ---

    def _finish(self, event: Finished) -> bytes:
        self._finishes.append(event)
        due = sorted(key for key in self._calls if key[0] == event.choice)
        return b"".join([self._called(self._calls.pop(key)) for key in due])

    def _used(self, event: Used) -> bytes:
        self._usage = event.usage
        return b""

    def _end(self, _event: Ended) -> bytes:
        out = wire.ReplyOut(
            candidates=[self._last(finish) for finish in self._finishes] or None,
            prompt_feedback=Raw(self._feedback) if self._feedback else ABSENT,
            usage_metadata=None if self._usage is None else write_usage(self._usage),
        )
        if self._feedback and _feedback(self._feedback).block_reason:
            out.candidates = None
        body = _encode(out)[:-1]
        return b"data: " + one_line(body) + (self._tail if body != b"{" else self._tail[1:])

    def _last(self, finish: Finished) -> wire.CandidateOut | Raw:
        rest = self._rest.get(finish.choice, b"")
        out = wire.CandidateOut(
            content=wire.ContentOut(role="model", parts=[wire.Part(text="")]),
            finish_reason=finish_reason(finish.finish, finish.native),
            finish_message=finish.explanation or None if not rest else None,
            index=finish.choice,
            logprobs_result=None if rest else write_logprobs(self._logprobs.get(finish.choice, [])),
            grounding_metadata=None if rest else self._sources(finish.choice),
        )
        return Raw(_encode(out)[:-1] + b"," + rest[1:]) if rest else out


_NOWHERE = Span(Spot(0, "", 0), 0, 0)
_TEXT_HEAD = b'data: {"candidates":[{"content":{"parts":[{"text":'
_TEXT_TAIL = b'}],"role":"model"}'
_AFTER_THOUGHT = frozenset({TextDelta, RefusalDelta, SealedDelta, ToolStarted, Closed, Opened, Finished})
_WRITERS: dict[type, Callable[[Writer, Any], bytes]] = {
    TextDelta: Writer._text,
    Started: Writer.start,
    RefusalDelta: Writer._text,
    ReasoningDelta: Writer._thought,
    SealedDelta: Writer._sealed,
    Cited: Writer._citation,
    ToolStarted: Writer._tool,
    ToolDelta: Writer._arguments,
    Closed: Writer._closed,
    Opened: Writer._opened,
    Fragment: Writer._fragment,
    Finished: Writer._finish,
    Used: Writer._used,
    Ended: Writer._end,
}
