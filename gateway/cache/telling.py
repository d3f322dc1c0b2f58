"""From a whole reply to the events of a stream that says the same: each part at once, in order.

What a stream cannot say stays where its writers look for it: the members that only Bedrock's last event has come after
the finish, log probabilities after the first word.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from gateway.cache.fragments import audio_events, block_events, image_events
from gateway.dialects.bedrock.blocks_in import METADATA
from gateway.dialects.bedrock.blocks_in import NAME as BEDROCK
from gateway.dialects.openai_chat.messages_out import NAME as OPENAI
from gateway.schemas.chat import (
    Audio,
    Choice,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Reply,
    SealedReasoning,
    Text,
    ToolCall,
)
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

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode
_ONLY_WHOLE = "additionalModelResponseFields"
"""What a stream of Bedrock's says with the stop reason."""


def events_of(reply: Reply) -> list[Event]:
    """The events of a reply; each text in one piece."""
    usage = reply.usage
    asked = None if usage is None else replace(usage, output=0, reasoning=0, output_audio=0)
    events: list[Event] = [
        Started(reply.id, reply.model, reply.created, asked, reply.service_tier, reply.fingerprint)
    ]
    for choice in reply.choices:
        events += _choice(choice, reply.dialect)
    if usage is not None:
        events.append(Used(usage))
    events.append(Ended())
    return events


def _choice(choice: Choice, dialect: str) -> list[Event]:
    index = choice.index
    events: list[Event] = []
    said = Fragment(_spoken(choice), OPENAI, "logprobs", choice.logprobs, index) if choice.logprobs else None
    for place, part in enumerate(choice.parts):
        teller = _TELLERS.get(type(part))
        if teller is None:
            continue
        pieces = teller(part, place, index)
        if said is not None and said.part == place:
            pieces[1:1] = [said]
            said = None
        events += pieces
    if said is not None:
        events.append(said)
    own = dialect == BEDROCK
    events.append(
        Finished(
            choice.finish,
            index,
            choice.native,
            choice.stop_sequence,
            choice.explanation,
            b"" if own else choice.details,
        )
    )
    if own and choice.details:
        rest = {name: raw for name, raw in _members(choice.details).items() if name != _ONLY_WHOLE}
        events.append(Opened(len(choice.parts), BEDROCK, METADATA, _encode(rest), index))
    return events


def _spoken(choice: Choice) -> int:
    """The number of the first text, which log probabilities are of."""
    return next(
        (place for place, part in enumerate(choice.parts) if isinstance(part, Text)), len(choice.parts)
    )


def _text(part: Text, place: int, choice: int) -> list[Event]:
    if not part.text:
        return []
    cited: list[Event] = [Cited(place, each, choice) for each in part.citations]
    return [TextDelta(place, part.text, choice), *cited, Closed(place, choice)]


def _refusal(part: Refusal, place: int, choice: int) -> list[Event]:
    return [RefusalDelta(place, part.text, choice), Closed(place, choice)] if part.text else []


def _reasoning(part: Reasoning, place: int, choice: int) -> list[Event]:
    thought = ReasoningDelta(place, part.text, part.signature, part.id, part.format, part.summary, choice)
    return [thought, Closed(place, choice)]


def _sealed(part: SealedReasoning, place: int, choice: int) -> list[Event]:
    return [SealedDelta(place, part.data, part.id, part.format, choice), Closed(place, choice)]


def _call(part: ToolCall, place: int, choice: int) -> list[Event]:
    begun = ToolStarted(place, part.id, part.name, part.kind, part.origin, choice, part.signature)
    pieces: list[Event] = [ToolDelta(place, part.arguments, choice)] if part.arguments else []
    return [begun, *pieces, Closed(place, choice)]


def _opaque(part: Opaque, place: int, choice: int) -> list[Event]:
    return [*block_events(part, place, choice), Closed(place, choice)]


def _image(part: Image, place: int, choice: int) -> list[Event]:
    return [*image_events(part, place, choice), Closed(place, choice)]


def _audio(part: Audio, place: int, choice: int) -> list[Event]:
    return audio_events(part, place, choice)


_TELLERS: dict[type[Part], Callable[[Any, int, int], list[Event]]] = {
    Text: _text,
    Refusal: _refusal,
    Reasoning: _reasoning,
    SealedReasoning: _sealed,
    ToolCall: _call,
    Opaque: _opaque,
    Image: _image,
    Audio: _audio,
}
