"""What the gateway reads of Cohere's answers: v2 chat, whole and streamed.

Source: "Chat" and "Chat with Streaming" of Cohere's API reference. Cohere does not say which model answers.
"""

from typing import Any, ClassVar

import msgspec

from gateway._speedups.sse import Event
from gateway.dialects.cohere.errors import failure
from gateway.dialects.cohere.usage import cohere_usage
from gateway.dialects.leaves import ABSENT, UNREADABLE, as_text, read_reply
from gateway.dialects.taps.reply import ReplyFacts
from gateway.dialects.taps.stream import DONE, StreamTap
from gateway.errors import UpstreamProtocolError

MAX_BODY = 65536  # bytes of the provider's answer that are kept


class Content(msgspec.Struct, gc=False):
    """How a part begins; what stays empty until a delta fills it is no content yet."""

    type: Any = None
    text: Any = None
    thinking: Any = None


class Said(msgspec.Struct, gc=False):
    content: msgspec.Raw = ABSENT


class Delta(msgspec.Struct):
    finish_reason: Any = None
    usage: msgspec.Raw = ABSENT
    error: Any = None
    message: msgspec.Raw = ABSENT


class StreamEvent(msgspec.Struct):
    """`message` is an error's, where one stands in the place of an event."""

    type: Any = None
    delta: Delta | None = None
    message: Any = None


class Answer(msgspec.Struct):
    message: msgspec.Raw = ABSENT
    finish_reason: Any = None
    usage: msgspec.Raw = ABSENT


_event = msgspec.json.Decoder(StreamEvent)
_answer = msgspec.json.Decoder(Answer)
_said = msgspec.json.Decoder(Said)
_content = msgspec.json.Decoder(Content)
_CONTENT = frozenset(
    {
        "content-delta",
        "tool-plan-delta",
        "tool-call-start",
        "tool-call-delta",
        "citation-start",
    }
)


class CohereTap(StreamTap):
    """`POST /v2/chat`, streamed. `message-start` and the start of an empty part commit to nothing."""

    MARKS: ClassVar = (b"message-end", b"error")

    __slots__ = ()

    def _see(self, event: Event) -> bool:
        data = event.data
        if not data or data.startswith(DONE):
            return False  # Cohere may close with OpenAI's terminator; message-end has said all
        try:
            content = _event.decode(data)
        except UNREADABLE:
            return self._leaves_out(data)
        kind = as_text(content.type) or event.name
        if kind == "message-end":
            self._end(content.delta or Delta(), data)
        elif kind in _CONTENT or (kind == "content-start" and _begins(content.delta or Delta())):
            self.committed = True
        elif kind in ("", "error") and as_text(content.message):
            self.error = failure("", as_text(content.message), data[:MAX_BODY])
        return False

    def _end(self, delta: Delta, data: bytes) -> None:
        reason = as_text(delta.finish_reason)
        self.usage = cohere_usage(delta.usage) or self.usage
        self.error = failure(reason, as_text(delta.error), data[:MAX_BODY])
        if self.error is None and reason:
            self.finish = reason
            self.committed = self.finished = self.terminated = True


def _begins(delta: Delta) -> bool:
    """Whether a part begins with something in it."""
    try:
        begun = _content.decode(_said.decode(delta.message).content)
    except UNREADABLE:
        return True
    return begun.type not in ("text", "thinking") or bool(begun.text or begun.thinking)


def cohere_reply_facts(body: bytes) -> ReplyFacts:
    """Of a whole answer. UpstreamProtocolError when it is none."""
    answer = read_reply(_answer, body)
    if not bytes(answer.message).startswith(b"{"):
        raise UpstreamProtocolError("the provider's answer has no message")
    reason = as_text(answer.finish_reason)
    usage = cohere_usage(answer.usage)
    return ReplyFacts(usage=usage, finish=reason, error=failure(reason, body=body[:MAX_BODY]))
