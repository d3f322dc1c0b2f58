"""Writes neutral events as a stream of OpenAI's Responses API.

Order, as OpenAI's: `response.created`, `response.in_progress`, the items, `response.completed` or `.incomplete` with
the whole response. An item of text or thought ends when another begins; tool calls may run side by side, each until it
is complete.
"""

from collections.abc import Callable
from time import time
from typing import Any

from msgspec import Raw

from gateway._speedups.translate import framed
from gateway.dialects.framing import one_line
from gateway.dialects.openai_responses.answers import read_logprobs
from gateway.dialects.openai_responses.errors import error_event
from gateway.dialects.openai_responses.items_in import ITEM, NAME
from gateway.dialects.openai_responses.open_items import (
    OpenCall,
    OpenItem,
    OpenMessage,
    OpenOpaque,
    OpenThought,
    Piece,
    Thought,
)
from gateway.dialects.openai_responses.output import (
    Json,
    customs_of,
    encode,
    frame,
    incomplete_reason,
    response_id,
    settle,
    suffix_of,
)
from gateway.dialects.openai_responses.thought import continues
from gateway.errors import GatewayError
from gateway.schemas.chat import ChatRequest
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


class Writer:
    """One stream to one caller. Of several choices only the first has a place here."""

    def __init__(self, request: ChatRequest, reply_id: str = "", created: int = 0) -> None:
        self._request = request
        self._customs = customs_of(request)
        self._id = reply_id
        self._created = created
        self._sequence = 0
        self._frame: Json = {}
        self._suffix = ""
        self._items: list[OpenItem] = []
        self._texts: dict[int, tuple[OpenMessage, Piece, bytes]] = {}
        self._thoughts: dict[int, tuple[OpenThought, Thought]] = {}
        self._calls: dict[int, OpenCall] = {}
        self._early: list[Raw] = []
        self._length = 0
        self._refused = False
        self._finish = Finished("other")
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """The caller's bytes for one event; b"" when it waits for a later one."""
        handler = _HANDLERS.get(type(event))
        return b"" if handler is None else handler(self, event)

    def error(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that failed."""
        return error_event(error, self._sequence)

    def _emit(self, kind: str, fields: Json) -> bytes:
        body = one_line(encode({"type": kind, "sequence_number": self._sequence, **fields}))
        self._sequence += 1
        return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"

    # --- the frame ---

    def start(self, event: Started) -> bytes:
        self._usage = event.usage or self._usage
        identity = response_id(event.id or self._id)
        self._suffix = suffix_of(identity)
        created = event.created or self._created or int(time())
        model = event.model or self._request.model
        self._frame = frame(identity, created, model, event.service_tier, self._request)
        begun = {"response": self._frame}
        return self._emit("response.created", begun) + self._emit("response.in_progress", begun)

    def _finished(self, event: Finished) -> bytes:
        if event.choice != 0:
            return b""
        self._finish = event
        out = b""
        if event.explanation and not self._refused:
            out = self._refusal(RefusalDelta(-1, event.explanation))
        return out + b"".join(
            [data for item in self._items if not item.closed for data in item.close(self._emit)]
        )

    def _used(self, event: Used) -> bytes:
        self._usage = event.usage
        return b""

    def _ended(self, _event: Ended) -> bytes:
        output = [item.whole() for item in self._items]
        reason = incomplete_reason(self._finish.finish, self._finish.native)
        response = settle(self._frame, output, reason, self._usage)
        return self._emit("response." + response["status"], {"response": response})

    # --- items ---

    def _place(self) -> tuple[int, str]:
        index = len(self._items)
        return index, f"{self._suffix}_{index}"

    def _enter(self, item: Any) -> bytes:
        """Ends what need not stay open, and begins the item."""
        out = [
            data for each in self._items if not each.closed and _ends(each) for data in each.close(self._emit)
        ]
        self._items.append(item)
        return b"".join(out) + bytes(item.begin(self._emit))

    def _last(self) -> OpenItem | None:
        return self._items[-1] if self._items and not self._items[-1].closed else None

    def _text(self, event: TextDelta) -> bytes:
        if event.choice != 0 or not event.text:
            return b""
        out = b""
        known = self._texts.get(event.part)
        if known is None or known[0].closed:
            out, known = self._begin_text(event.part, "output_text")
        _, piece, head = known
        piece.said.append(event.text)
        self._length += len(event.text)
        sequence = self._sequence
        self._sequence += 1
        return out + framed(_DELTA + b"%d" % sequence + head, event.text, b',"logprobs":[]}\n\n')

    def _refusal(self, event: RefusalDelta) -> bytes:
        if event.choice != 0 or not event.text:
            return b""
        self._refused = True
        out = b""
        known = self._texts.get(event.part)
        if known is None or known[0].closed:
            out, known = self._begin_text(event.part, "refusal")
        message, piece, _ = known
        piece.said.append(event.text)
        where = message.at(content_index=piece.index, delta=event.text)
        return out + self._emit("response.refusal.delta", where)

    def _begin_text(self, part: int, kind: str) -> tuple[bytes, tuple[OpenMessage, Piece, bytes]]:
        last, out = self._last(), b""
        if isinstance(last, OpenMessage):
            message = last
        else:
            message = OpenMessage(*self._place())
            out = self._enter(message)
        piece = Piece(kind, len(message.pieces), self._length)
        if kind == "output_text":
            piece.logprobs, self._early = self._early, []
        out += message.add(piece, self._emit)
        where = message.at(content_index=piece.index)
        head = b"," + encode(where)[1:-1] + b',"delta":'
        self._texts[part] = (message, piece, head)
        return out, self._texts[part]

    def _thought(self, event: ReasoningDelta) -> bytes:
        if event.choice != 0:
            return b""
        out = b""
        known = self._thoughts.get(event.part)
        if known is None or known[0].closed:
            out, known = self._begin_thought(event.part, Thought(event.id, event.format, event.summary))
        item, thought = known
        thought.signature += event.signature
        return out + b"".join(item.say(thought, event.text, self._emit)) if event.text else out

    def _seal(self, event: SealedDelta) -> bytes:
        if event.choice != 0:
            return b""
        known = self._thoughts.get(event.part)
        if known is not None and known[1].data is not None and not known[0].closed:
            known[1].data += event.data
            return b""
        return self._begin_thought(event.part, Thought(event.id, event.format, False, event.data))[0]

    def _begin_thought(self, part: int, thought: Thought) -> tuple[bytes, tuple[OpenThought, Thought]]:
        last, out = self._last(), b""
        if isinstance(last, OpenThought) and continues(last.thoughts[-1].neutral(), thought.neutral()):
            item = last
            item.thoughts.append(thought)
        else:
            item = OpenThought(*self._place(), thought)
            out = self._enter(item)
        self._thoughts[part] = (item, thought)
        return out, self._thoughts[part]

    def _tool(self, event: ToolStarted) -> bytes:
        if event.choice != 0:
            return b""
        wrapped = event.kind != "custom" and event.name in self._customs
        call = self._calls[event.part] = OpenCall(*self._place(), event.kind, event.id, event.name, wrapped)
        return self._enter(call)

    def _arguments(self, event: ToolDelta) -> bytes:
        call = self._calls.get(event.part) if event.choice == 0 else None
        if call is None or call.closed or not event.arguments:
            return b""
        if not call.head:
            return call.say(event.arguments, self._emit)
        call.said.append(event.arguments)
        self._sequence += 1
        return framed(_ARGUMENTS + b"%d" % (self._sequence - 1) + call.head, event.arguments, b"}\n\n")

    def _opened(self, event: Opened) -> bytes:
        if event.choice != 0 or event.dialect != NAME or not event.kind.startswith(ITEM):
            return b""
        item = OpenOpaque(len(self._items), event.raw)
        return self._enter(item) + b"".join(item.close(self._emit))

    def _closed(self, event: Closed) -> bytes:
        """A call may be run at once; a text's item may go on with another part."""
        call = self._calls.get(event.part) if event.choice == 0 else None
        return b"" if call is None or call.closed else b"".join(call.close(self._emit))

    def _cited(self, event: Cited) -> bytes:
        """Said when the text is complete: where it ends is known then."""
        known = self._texts.get(event.part) if event.choice == 0 else None
        if known is not None and not known[0].closed:
            known[1].citations.append(event.citation)
        return b""

    def _fragment(self, event: Fragment) -> bytes:
        """Log probabilities; they go with the first text, as in the whole answer."""
        if event.choice == 0 and event.kind == "logprobs" and event.dialect == "openai_chat":
            first = next((piece for _, piece, _ in self._texts.values() if piece.kind == "output_text"), None)
            (self._early if first is None else first.logprobs).extend(read_logprobs(event.raw))
        return b""


def _ends(item: OpenItem) -> bool:
    """Whether an open item ends when another begins."""
    return not isinstance(item, OpenCall) or item.is_whole()


_DELTA = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":'
_ARGUMENTS = (
    b"event: response.function_call_arguments.delta\n"
    b'data: {"type":"response.function_call_arguments.delta","sequence_number":'
)
_HANDLERS: dict[type, Callable[[Writer, Any], bytes]] = {
    TextDelta: Writer._text,
    Started: Writer.start,
    RefusalDelta: Writer._refusal,
    ReasoningDelta: Writer._thought,
    SealedDelta: Writer._seal,
    ToolStarted: Writer._tool,
    ToolDelta: Writer._arguments,
    Opened: Writer._opened,
    Cited: Writer._cited,
    Fragment: Writer._fragment,
    Closed: Writer._closed,
    Finished: Writer._finished,
    Used: Writer._used,
    Ended: Writer._ended,
}
