"""Writes neutral events as a stream of OpenAI chat completion chunks.

Order, as OpenAI's: the role, content, one chunk with the finish reason, the usage when it was asked for, `[DONE]`.
"""

from collections.abc import Callable
from time import time
from typing import Any

import msgspec

from gateway._speedups.translate import framed
from gateway.dialects.framing import one_line
from gateway.dialects.ids import answer_id
from gateway.dialects.openai_chat.answers import annotation, finish_word, tier_out, usage_out
from gateway.dialects.openai_chat.errors import error_event
from gateway.dialects.openai_chat.messages_out import NAME, detail, signed
from gateway.errors import GatewayError
from gateway.schemas.chat import ChatRequest, Citation, Reasoning, SealedReasoning
from gateway.schemas.events import (
    Cited,
    Ended,
    Event,
    Finished,
    Fragment,
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
from gateway.schemas.wire import openai_chat_answers as answers

_encode = msgspec.json.Encoder().encode


class _Calls(msgspec.Struct):
    """A tool call's place among the calls, and whether any of its arguments came."""

    place: int
    spoke: bool = False
    field: bytes = b'"function":{"arguments":'
    head: bytes = b""


class _ChoiceWriter(msgspec.Struct):
    """What must be remembered of one choice until it finishes."""

    calls: dict[int, _Calls] = msgspec.field(default_factory=dict)
    thoughts: dict[int, int] = msgspec.field(default_factory=dict)
    spans: dict[int, list[int]] = msgspec.field(default_factory=dict)
    length: int = 0
    cited: list[tuple[int, Citation]] = msgspec.field(default_factory=list)
    refused: bool = False


class Writer:
    """One stream to one caller."""

    __slots__ = (
        "_call_tail",
        "_choices",
        "_created",
        "_head",
        "_id",
        "_model",
        "_tail",
        "_text_head",
        "_text_tail",
        "_usage",
        "_with_usage",
    )

    def __init__(self, request: ChatRequest, reply_id: str = "", created: int = 0) -> None:
        self._with_usage = request.stream_usage
        self._tail = b',"usage":null}\n\n' if self._with_usage else b"}\n\n"
        self._text_tail = _TEXT_TAIL + self._tail
        self._call_tail = b"}}]" + _TEXT_TAIL + self._tail
        self._model = request.model
        self._id = reply_id
        self._created = created
        self._choices: dict[int, _ChoiceWriter] = {}
        self._usage: Usage | None = None
        self._head = b""
        self._text_head = b""

    def write(self, event: Event) -> bytes:
        """The caller's bytes for one event; b"" when it waits for a later one."""
        writer = _WRITERS.get(type(event))
        return b"" if writer is None else writer(self, event)

    def error(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that failed."""
        return error_event(error)

    # --- frames ---

    def start(self, event: Started) -> bytes:
        """The chunk that says the role."""
        self._usage = event.usage
        head = {
            "id": answer_id("chatcmpl-", event.id or self._id),
            "object": "chat.completion.chunk",
            "created": event.created or self._created or int(time()),
            "model": event.model or self._model,
        }
        tier = tier_out(event.service_tier)
        if tier is not None:
            head["service_tier"] = tier
        if event.fingerprint:
            head["system_fingerprint"] = event.fingerprint
        self._head = b"data: " + _encode(head)[:-1] + b',"choices":['
        self._text_head = self._head + b'{"index":0,"delta":{"content":'
        return self._chunk(0, b'{"role":"assistant","content":"","refusal":null}')

    def _choice(self, index: int) -> _ChoiceWriter:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _ChoiceWriter()
        return choice

    def _chunk(self, choice: int, delta: bytes, finish: bytes = b"null") -> bytes:
        return (
            self._head
            + b'{"index":%d,"delta":' % choice
            + delta
            + b',"logprobs":null,"finish_reason":'
            + finish
            + b"}]"
            + self._tail
        )

    # --- content ---

    def _text(self, event: TextDelta) -> bytes:
        choice = self._choices.get(event.choice) or self._choice(event.choice)
        size = len(event.text)
        span = choice.spans.get(event.part)
        if span is None:
            choice.spans[event.part] = [choice.length, size]
        else:
            span[1] += size
        choice.length += size
        if event.choice == 0:
            return framed(self._text_head, event.text, self._text_tail)
        return self._chunk(event.choice, b'{"content":' + _encode(event.text) + b"}")

    def _refusal(self, event: RefusalDelta) -> bytes:
        self._choice(event.choice).refused = True
        return self._chunk(event.choice, b'{"refusal":' + _encode(event.text) + b"}")

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        entry, first = self._thought(event.choice, event.part)
        form, identity = (event.format, event.id) if first else ("", "")
        thought = detail(Reasoning(event.text, event.signature, identity, form, event.summary), entry)
        if not event.text:
            # Text of a piece that is only a signature is left out, so that joining the pieces joins the text.
            thought.text = thought.summary = None
            return self._chunk(event.choice, b'{"reasoning_details":[' + _encode(thought) + b"]}")
        delta = (
            b'{"reasoning_content":'
            + _encode(event.text)
            + b',"reasoning_details":['
            + _encode(thought)
            + b"]}"
        )
        return self._chunk(event.choice, delta)

    def _seal(self, event: SealedDelta) -> bytes:
        entry, first = self._thought(event.choice, event.part)
        form, identity = (event.format, event.id) if first else ("", "")
        thought = detail(SealedReasoning(event.data, identity, form), entry)
        return self._chunk(event.choice, b'{"reasoning_details":[' + _encode(thought) + b"]}")

    def _thought(self, index: int, part: int) -> tuple[int, bool]:
        """The place of a thought, and whether this is its first piece: `format` and `id` are said once, because
        clients join the strings of all pieces."""
        thoughts = self._choice(index).thoughts
        place = thoughts.get(part)
        if place is not None:
            return place, False
        thoughts[part] = len(thoughts)
        return thoughts[part], True

    def _tool(self, event: ToolStarted) -> bytes:
        calls = self._choice(event.choice).calls
        place = len(calls)
        call = calls[event.part] = _Calls(place)
        head = b'{"tool_calls":[{"index":%d,"id":' % place + _encode(event.id)
        if event.kind == "custom":
            call.spoke, call.field = True, b'"custom":{"input":'
            inner = b',"type":"custom","custom":{"name":' + _encode(event.name) + b',"input":""}'
        else:
            inner = b',"type":"function","function":{"name":' + _encode(event.name) + b',"arguments":""}'
        extra = b',"extra_content":' + _encode(signed(event.signature)) if event.signature else b""
        return self._chunk(event.choice, head + inner + extra + b"}]}")

    def _arguments(self, event: ToolDelta) -> bytes:
        call = self._choice(event.choice).calls.get(event.part)
        if call is None or not event.arguments:
            return b""
        call.spoke = True
        return self._piece(event.choice, call, event.arguments)

    def _piece(self, choice: int, call: _Calls, arguments: str) -> bytes:
        if not call.head:
            delta = b'{"index":%d,"delta":{"tool_calls":[{"index":%d,%b' % (choice, call.place, call.field)
            call.head = self._head + delta
        return framed(call.head, arguments, self._call_tail)

    def _cited(self, event: Cited) -> bytes:
        """Kept until the finish: where the cited text ends is known then, and joining clients want one list."""
        self._choice(event.choice).cited.append((event.part, event.citation))
        return b""

    def _fragment(self, event: Fragment) -> bytes:
        if event.dialect != NAME:
            return b""
        raw = one_line(event.raw)
        if event.kind == "logprobs":
            delta = b'{"index":%d,"delta":{},"logprobs":' % event.choice + raw + b',"finish_reason":null}]'
            return self._head + delta + self._tail
        return self._chunk(event.choice, b'{"' + event.kind.encode() + b'":' + raw + b"}")

    # --- the end ---

    def _finish(self, event: Finished) -> bytes:
        choice = self._choice(event.choice)
        out = [self._piece(event.choice, call, "{}") for call in choice.calls.values() if not call.spoke]
        notes = [
            note
            for part, citation in choice.cited
            if (note := self._note(choice, part, citation)) is not None
        ]
        if notes:
            out.append(self._chunk(event.choice, b'{"annotations":' + _encode(notes) + b"}"))
        if event.explanation and not choice.refused:
            out.append(self._chunk(event.choice, b'{"refusal":' + _encode(event.explanation) + b"}"))
        out.append(self._chunk(event.choice, b"{}", _encode(finish_word(event.finish, event.native))))
        return b"".join(out)

    def _note(self, choice: _ChoiceWriter, part: int, citation: Citation) -> answers.Annotation | None:
        start, size = choice.spans.get(part, [0, choice.length])
        return annotation(citation, start, size)

    def _used(self, event: Used) -> bytes:
        self._usage = event.usage
        return b""

    def _end(self, _event: Ended) -> bytes:
        if not self._with_usage or self._usage is None:
            return _DONE
        return self._head + b'],"usage":' + _encode(usage_out(self._usage)) + b"}\n\n" + _DONE


_DONE = b"data: [DONE]\n\n"
_TEXT_TAIL = b'},"logprobs":null,"finish_reason":null}]'
_WRITERS: dict[type, Callable[[Writer, Any], bytes]] = {
    TextDelta: Writer._text,
    Started: Writer.start,
    RefusalDelta: Writer._refusal,
    ReasoningDelta: Writer._reasoning,
    SealedDelta: Writer._seal,
    ToolStarted: Writer._tool,
    ToolDelta: Writer._arguments,
    Cited: Writer._cited,
    Fragment: Writer._fragment,
    Finished: Writer._finish,
    Used: Writer._used,
    Ended: Writer._end,
}
