"""Counts what providers left unsaid: the usage of answers that told none, and of streams that broke off.

None of this is done for answers that tell their usage. What is counted here is marked as estimated.
"""

from msgspec.structs import replace

from gateway.dialects.endpoints import EMBED, ENDPOINTS
from gateway.errors import GatewayError
from gateway.schemas.chat import ChatRequest, Part, Text, ToolCall
from gateway.schemas.embedding import EmbedRequest, Words
from gateway.schemas.embedding import Tokens as Ids
from gateway.schemas.events import ReasoningDelta, RefusalDelta, TextDelta, ToolDelta, ToolStarted
from gateway.schemas.record import Record
from gateway.schemas.unsaid import Unsaid
from gateway.schemas.usage import Usage
from gateway.tokens.conversations import answer_tokens
from gateway.tokens.ratios import Counter
from gateway.wiring import completions
from gateway.wiring.guessing import parts_of

TOKENS_A_BYTE = 0.25
"""Of what cannot be read."""
TOKENS_A_STREAMED_BYTE = 0.006
"""Of a stream of which nothing is known but its size: an event for each token."""
PICTURE = 1100
LONG = 256 << 10
"""Bytes of a request that nobody answered, from which on its prompt is not read to be counted."""


class Accounting:
    """What a record's answers took, where nobody else says it."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def __call__(self, record: Record) -> None:
        """Fills in the record's usage, and that of tries that were given up."""
        for one in _counted(record):
            usage = self._usage(one)
            if one.attempt is not None:
                one.attempt.usage = usage
            else:
                record.usage = usage
            record.estimated = True

    def _usage(self, one: Unsaid) -> Usage:
        reported = one.reported or Usage()
        output = 0 if one.speaks.family == EMBED else self._output(one)
        return replace(
            reported, input=reported.input or self._input(one), output=max(reported.output, output)
        )

    def _input(self, one: Unsaid) -> int:
        call = one.call
        if one.perhaps and len(call.body) > LONG:
            text, files = parts_of(call.body)
            return int(text * TOKENS_A_BYTE) + files * PICTURE
        if one.speaks.name == completions.NAME:
            return self._prompted(one)
        try:
            request = call.request or ENDPOINTS[call.endpoint].read(call)
        except GatewayError:
            return int(len(call.body) * TOKENS_A_BYTE)
        if isinstance(request, ChatRequest):
            return self._counter.count_request(one.model, request)
        if isinstance(request, EmbedRequest):
            return self._counter.scaled(one.model, _embedded(one.model, request))
        return int(len(call.body) * TOKENS_A_BYTE)

    def _prompted(self, one: Unsaid) -> int:
        """A legacy completion's prompts, around which nothing is written."""
        asked = completions.asked(one.call.body)
        if asked is None:
            return int(len(one.call.body) * TOKENS_A_BYTE)
        texts, numbers = asked
        return self._counter.scaled(one.model, answer_tokens(one.model, map(Text, texts)) + numbers)

    def _output(self, one: Unsaid) -> int:
        if one.body is None:
            return round(one.size * (one.rate or TOKENS_A_STREAMED_BYTE))
        try:
            parts = _streamed(one) if one.streamed else _whole(one)
        except GatewayError:
            return int(one.size * (TOKENS_A_STREAMED_BYTE if one.streamed else TOKENS_A_BYTE))
        counted = self._counter.scaled(one.model, answer_tokens(one.model, parts))
        return counted if one.size <= len(one.body) else counted * one.size // len(one.body)


def _counted(record: Record) -> list[Unsaid]:
    """What is to be counted: tries of which nobody knows whether they were answered, where none was."""
    own = record.usage is not None or any(one.attempt is None for one in record.unsaid)
    if record.error and not own:
        return record.unsaid
    return [one for one in record.unsaid if not one.perhaps]


def _whole(one: Unsaid) -> list[Part]:
    if one.speaks.name == completions.NAME:
        return [Text(completions.told(one.speaks, one.body or b"", streamed=False))]
    reply = one.speaks.read_replies([one.body], [one.call.request], one.model)
    return [part for choice in reply.choices for part in choice.parts]


def _streamed(one: Unsaid) -> list[Part]:
    """What the caller was told, up to where the stream can be read."""
    if one.speaks.name == completions.NAME:
        return [Text(completions.told(one.speaks, one.body or b"", streamed=True))]
    framing, reader = one.speaks.framing(), one.speaks.codec.reader(one.model)
    told: list[str] = []
    called: list[str] = []
    calls = 0
    try:
        for framed in framing.feed(one.body):
            for event in reader.read(framed.name, framed.data):
                if isinstance(event, TextDelta | ReasoningDelta | RefusalDelta):
                    told.append(event.text)
                elif isinstance(event, ToolDelta):
                    called.append(event.arguments)
                elif isinstance(event, ToolStarted):
                    called.append(event.name)
                    calls += 1
    except GatewayError:  # what came before it was told
        pass
    return [Text("".join(told)), Text("".join(called)), *[ToolCall("", "")] * calls]


def _embedded(model: str, request: EmbedRequest) -> int:
    found = 0
    for item in request.items:
        for part in item:
            if isinstance(part, Words):
                found += answer_tokens(model, [Text(part.text)])
            else:
                found += len(part.ids) if isinstance(part, Ids) else PICTURE
    return found
