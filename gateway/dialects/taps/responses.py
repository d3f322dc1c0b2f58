"""What the gateway reads of answers of OpenAI's Responses API, whole and streamed.

Source: the reference of the response object and of its streaming events.
"""

from typing import Any, ClassVar

import msgspec

from gateway._speedups.sse import Event
from gateway.dialects.leaves import ABSENT, UNREADABLE, as_text, read_reply
from gateway.dialects.openai_responses.usage import responses_usage
from gateway.dialects.taps.failure import in_band
from gateway.dialects.taps.reply import ReplyFacts
from gateway.dialects.taps.stream import DONE, StreamTap
from gateway.errors import UpstreamProtocolError

DIALECT = "openai"


class Details(msgspec.Struct, gc=False):
    reason: Any = None


class Response(msgspec.Struct):
    """A whole answer; a stream's first and last events carry one too."""

    model: Any = None
    status: Any = None
    incomplete_details: Details | None = None
    output: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    error: Any = None


class Item(msgspec.Struct, gc=False):
    type: Any = None


class StreamEvent(msgspec.Struct):
    """`item` is what begins or ends with an event."""

    type: Any = None
    response: Response | None = None
    error: Any = None
    item: msgspec.Raw = ABSENT


_response = msgspec.json.Decoder(Response)
_event = msgspec.json.Decoder(StreamEvent)

_item = msgspec.json.Decoder(Item)

_BEFORE = frozenset({"response.created", "response.queued", "response.in_progress"})
_LAST = frozenset({"response.completed", "response.incomplete"})
_ADDED = "response.output_item.added"
_EMPTY = frozenset({"response.content_part.added", "response.reasoning_summary_part.added"})
"""Parts that begin empty."""


class ResponsesTap(StreamTap):
    """`POST /responses`, streamed. The frame's first events commit to nothing, nor does the start of a message or of a
    thought, which deltas fill: a failure may still follow them, and another target can take over. Only
    `response.completed` and `response.incomplete` end a stream rightly."""

    MARKS: ClassVar = (b"response.completed", b"response.incomplete", b"response.failed", b"error")

    __slots__ = ()

    def _see(self, event: Event) -> bool:
        data = event.data
        if not data or data.startswith(DONE):
            return (
                False  # some compatible servers close with Chat Completions' terminator; it says nothing here
            )
        try:
            content = _event.decode(data)
        except UNREADABLE:
            content = StreamEvent()
            if event.name != "error" and self._leaves_out(data):
                return True
        kind = as_text(content.type) or event.name
        response = content.response
        if kind == "error" or event.name == "error" or content.error:
            self.error = in_band(content.error, data, DIALECT)
        elif kind == "response.failed" or (response is not None and response.error):
            self.error = in_band(response.error if response is not None else None, data, DIALECT)
        elif kind in _BEFORE:
            if response is not None:
                self.model = self.model or as_text(response.model)
        elif kind in _LAST:
            self._end(response or Response())
        elif kind.startswith("response.") and not _is_empty(kind, content.item):
            self.committed = True
        return False

    def _end(self, response: Response) -> None:
        self.model = self.model or as_text(response.model)
        self.usage = responses_usage(response.usage) or self.usage
        self.finish = _finish(response)
        self.committed = self.finished = self.terminated = True


def _is_empty(kind: str, item: msgspec.Raw) -> bool:
    """Whether an event says that something begins, and nothing of it."""
    if kind != _ADDED:
        return kind in _EMPTY
    try:
        return _item.decode(item).type in ("message", "reasoning")
    except UNREADABLE:
        return False


def responses_reply_facts(body: bytes) -> ReplyFacts:
    """Of a whole response. UpstreamProtocolError when it is none."""
    response = read_reply(_response, body)
    model = as_text(response.model)
    if response.error or response.status == "failed":
        return ReplyFacts(model=model, error=in_band(response.error, body, DIALECT))
    if not bytes(response.output).startswith(b"["):
        raise UpstreamProtocolError("the provider's answer has no output")
    return ReplyFacts(model=model, usage=responses_usage(response.usage), finish=_finish(response))


def _finish(response: Response) -> str:
    """The reason of an answer that is not whole, else the status."""
    details = response.incomplete_details
    return as_text(details.reason if details is not None else None) or as_text(response.status)
