"""What the gateway reads of Bedrock's answers: Converse, whole and streamed.

Source: "Converse" and "ConverseStream" of the Bedrock API reference. A stream is binary messages, so its tap does not
build on the splitter of server-sent events; it has the same face as `StreamTap`.
"""

from typing import Any

import msgspec

from gateway._speedups.eventstream import Message, MessageReader
from gateway.dialects.bedrock.errors import stream_exception
from gateway.dialects.bedrock.tokens import read_usage
from gateway.dialects.leaves import ABSENT, UNREADABLE, as_text, is_json, read_reply
from gateway.dialects.taps.reply import ReplyFacts
from gateway.dialects.taps.state import State
from gateway.errors import UpstreamError, UpstreamProtocolError


class Stop(msgspec.Struct):
    stopReason: Any = None


class Metadata(msgspec.Struct):
    usage: msgspec.Raw = ABSENT


class Output(msgspec.Struct):
    message: msgspec.Raw = ABSENT


class Answer(msgspec.Struct):
    output: Output | None = None
    stopReason: Any = None
    usage: msgspec.Raw = ABSENT


_stop = msgspec.json.Decoder(Stop)
_metadata = msgspec.json.Decoder(Metadata)
_answer = msgspec.json.Decoder(Answer)

_CONTENT = frozenset({"contentBlockStart", "contentBlockDelta"})


class BedrockTap(State):
    """`POST /model/{id}/converse-stream`. `feed` and `finish_bytes` never raise for what a provider sent.

    `messageStart` commits to nothing. `model` stays "": none is named.
    """

    LAST = b""  # usage comes last, and nobody else can make it up

    __slots__ = ("_reader",)

    def __init__(self, hide_usage: bool = False, choices: int = 1) -> None:  # noqa: ARG002 - usage comes unasked, for one answer
        super().__init__()
        self._reader = MessageReader()

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole yet."""
        return self._reader.pending

    def feed(self, data: bytes) -> bytes:
        """The bytes that may be delivered now, unchanged: whole messages."""
        if self.error is not None:
            return b""
        messages, broken = self._reader.salvage(data)
        passed, pieces, at = self._reader.passed, [], 0
        for message in messages:
            hidden = message.data[-1:] != b"}" and self._leaves_out(message)
            if not hidden:
                self.error = self.error or self._see(message)
            if self.error is not None or hidden:
                pieces.append(passed[at : message.start])
                at = message.end
            if self.error is not None:
                return b"".join(pieces)
        self.error = broken
        return b"".join([*pieces, passed[at:]]) if at else passed

    def finish_bytes(self) -> bytes:
        """At the end of the stream: nothing, since a piece of a message is not delivered."""
        return b""

    def _leaves_out(self, message: Message) -> bool:
        """Whether an event is left out, because it is no JSON."""
        if message.kind != "event" or message.name not in _CONTENT or is_json(message.data):
            return False
        self.leave_out(of_call=b"toolUse" in message.data)
        return True

    def _see(self, message: Message) -> UpstreamError | None:
        """Learns from one message; gives the error that it reports or is."""
        name = message.name
        if name in _CONTENT:
            self.committed = True
        elif message.kind != "event" or name.endswith("Exception"):
            return stream_exception(name, message.data)
        elif name in ("messageStop", "metadata"):
            try:
                self._end(name, message.data)
            except UNREADABLE:
                return UpstreamProtocolError("the provider's stream has an event that is not JSON")
        return None

    def _end(self, name: str, data: bytes) -> None:
        if name == "messageStop":
            self.finish = as_text(_stop.decode(data).stopReason)
            self.committed = self.finished = True
            return
        self.usage = read_usage(_metadata.decode(data).usage) or self.usage
        self.terminated = self.finished


def bedrock_reply_facts(body: bytes) -> ReplyFacts:
    """Of a whole answer of Converse. UpstreamProtocolError when it is none."""
    answer = read_reply(_answer, body)
    if answer.output is None or not bytes(answer.output.message).startswith(b"{"):
        raise UpstreamProtocolError("the provider's answer has no message")
    return ReplyFacts(usage=read_usage(answer.usage), finish=as_text(answer.stopReason))
