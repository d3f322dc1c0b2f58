"""What the gateway reads of Anthropic's answers: messages, whole and streamed, and token counts.

Source: "Messages", "Streaming Messages" and "Errors" of Anthropic's API reference.
"""

from typing import Any, ClassVar

import msgspec

from gateway._speedups.sse import Event
from gateway.dialects.leaves import ABSENT, UNREADABLE, as_text, read_reply
from gateway.dialects.taps.failure import in_band
from gateway.dialects.taps.reply import ReplyFacts
from gateway.dialects.taps.stream import DONE, StreamTap
from gateway.dialects.usage import anthropic_counts, anthropic_usage
from gateway.errors import UpstreamProtocolError

DIALECT = "anthropic"


class Message(msgspec.Struct):
    """A whole answer; the `message` of a stream's first event is one too."""

    type: Any = None
    model: Any = None
    stop_reason: Any = None
    content: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    error: Any = None


class Change(msgspec.Struct, gc=False):
    stop_reason: Any = None


class Block(msgspec.Struct, gc=False):
    """How a block begins; what stays empty until a delta fills it is no content yet."""

    type: Any = None
    text: Any = None
    thinking: Any = None

    def is_content(self) -> bool:
        return self.type not in ("text", "thinking") or bool(self.text or self.thinking)


class StreamEvent(msgspec.Struct):
    type: Any = None
    message: Message | None = None
    delta: Change | None = None
    content_block: Block | None = None
    usage: msgspec.Raw = ABSENT
    error: Any = None


class Count(msgspec.Struct):
    type: Any = None
    input_tokens: Any = None
    error: Any = None


_event = msgspec.json.Decoder(StreamEvent)
_message = msgspec.json.Decoder(Message)
_count = msgspec.json.Decoder(Count)


class AnthropicTap(StreamTap):
    """`POST /messages`, streamed. `message_start`, `ping` and the start of an empty block commit to nothing: an
    overloaded server may still follow them with an error, and another target can take over."""

    MARKS: ClassVar = (b"usage", b"stop_reason", b"error", b"message_stop")
    LAST: ClassVar = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    __slots__ = ()

    def _see(self, event: Event) -> bool:
        data = event.data
        if not data or data.startswith(DONE):
            return False  # some compatible servers close with OpenAI's terminator; it says nothing here
        try:
            content = _event.decode(data)
        except UNREADABLE:
            content = StreamEvent()
            if event.name != "error" and self._leaves_out(data):
                return True
        kind = as_text(content.type) or event.name
        if kind == "error" or event.name == "error" or content.error:
            self.error = in_band(content.error, data, DIALECT)
        elif kind == "message_start":
            self._start(content.message)
        elif kind == "content_block_delta":
            self.committed = True
        elif kind == "content_block_start":
            if content.content_block is None or content.content_block.is_content():
                self.committed = True
        elif kind == "message_delta":
            self._change(content)
        elif kind == "message_stop":
            self.committed = self.finished = self.terminated = True
        return False

    def _start(self, message: Message | None) -> None:
        if message is not None:
            self.model = as_text(message.model)
            self._count(message.usage)

    def _change(self, change: StreamEvent) -> None:
        self._count(change.usage)
        if change.delta is not None and change.delta.stop_reason:
            self.finish = as_text(change.delta.stop_reason)
            self.committed = self.finished = True

    def _count(self, raw: msgspec.Raw) -> None:
        counts = anthropic_counts(raw)
        if counts is not None:
            self.usage = anthropic_usage(counts, self.usage)


def anthropic_reply_facts(body: bytes) -> ReplyFacts:
    """Of a whole message. UpstreamProtocolError when it is none."""
    message = read_reply(_message, body)
    model = as_text(message.model)
    if message.error or message.type == "error":
        return ReplyFacts(model=model, error=in_band(message.error, body, DIALECT))
    if not bytes(message.content).startswith(b"["):
        raise UpstreamProtocolError("the provider's answer has no content")
    counts = anthropic_counts(message.usage)
    usage = None if counts is None else anthropic_usage(counts)
    return ReplyFacts(model=model, usage=usage, finish=as_text(message.stop_reason))


def anthropic_count_facts(body: bytes) -> ReplyFacts:
    """Of an answer of `POST /messages/count_tokens`. Counting consumes nothing, so there is no usage in it."""
    count = read_reply(_count, body)
    if count.error or count.type == "error":
        return ReplyFacts(error=in_band(count.error, body, DIALECT))
    if not isinstance(count.input_tokens, int):
        raise UpstreamProtocolError("the provider's answer has no input_tokens")
    return ReplyFacts()
