"""An answer that more than one target may tell: what the caller has of it, and how the next one goes on.

Once a writer has begun a stream, its identity, its numbers and its open parts are the writer's; so the first teller's
events go through a reader and a writer even where its dialect is the caller's, and whoever goes on uses that writer.
"""

from typing import Literal

import msgspec
from msgspec.structs import replace

from gateway.dialects.endpoints import Endpoint
from gateway.errors import Disagreed
from gateway.schemas.chat import ChatRequest, Citation
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
from gateway.upstream.sources import Translated

_LOGPROBS = "logprobs"
_PARTS = (
    *(TextDelta, RefusalDelta, ReasoningDelta, SealedDelta, ToolStarted, ToolDelta),
    *(Cited, Opened, Fragment, Closed),
)
_SAID = (TextDelta, RefusalDelta, ReasoningDelta, SealedDelta, ToolStarted, ToolDelta, Opened, Finished)


class Story:
    """What the caller was told of one answer. `text` joins to what was said; `follows` is the part that a text would go
    on in, -1 where another part came last; `spent` is the usage of those who broke off."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.follows = -1
        self.parts = 0
        self.tangled = False
        self.spent: Usage | None = None

    def leave(self, teller: "Teller | Successor") -> None:
        """Another one goes on: what this one used stays used."""
        self.spent = plus(self.spent, teller.own)

    def note(self, event: Event) -> None:
        """Remembers an event that was told. A call, a refusal, a second choice or a part that only one dialect knows
        are nothing that another model could go on from."""
        if isinstance(event, Finished | Started | Used | Ended):
            return
        self.parts = max(self.parts, event.part + 1)
        if event.choice:
            self.tangled = True
        if isinstance(event, TextDelta):
            self.text.append(event.text)
            self.follows = event.part
        elif isinstance(event, ReasoningDelta | SealedDelta):
            self.follows = -1
        elif isinstance(event, ToolStarted | ToolDelta | RefusalDelta | Opened) or _is_content(event):
            self.tangled = True


class Teller(Translated):
    """The first to tell a story. `own` is the usage that its provider told."""

    def __init__(
        self,
        speaks: Endpoint,
        wanted: Endpoint,
        request: ChatRequest,
        reply_id: str,
        created: int,
        model: str = "",
    ) -> None:
        super().__init__(speaks, wanted, request, reply_id, created, model)
        self.story = Story()
        self.own: Usage | None = None

    def _write(self, event: Event) -> bytes:
        if isinstance(event, Used | Started):
            self.own = event.usage
        out = super()._write(event)
        self.story.note(event)
        return out


class Sequel(msgspec.Struct, frozen=True):
    """How a story goes on. `teller` told it last. What the next one is expected to say again (`again`) is left out; if
    it says something else that is an error (`must`), or was nothing to leave out: the beginning that agreed is told
    (`may`), or not (`space`). `mark` tells the caller of it; `offset` counts the characters that citations do not."""

    teller: "Teller | Successor"
    again: str = ""
    strictly: Literal["must", "may", "space"] = "must"
    mark: bytes = b""
    offset: int = 0


class Successor(Translated):
    """Goes on with a story, in its writer's words: nothing is told before it has something new to say, so that until
    then another one can take its place."""

    def __init__(
        self, speaks: Endpoint, sequel: Sequel, wanted: Endpoint, request: ChatRequest, model: str = ""
    ) -> None:
        super().__init__(speaks, wanted, request, "", 0, model)
        before = sequel.teller
        self.story: Story = before.story
        self.own: Usage | None = None
        self._writer, self._losses = before._writer, before._losses
        self._sequel = sequel
        self._heard = 0
        self._text = 0
        self._places: dict[int, int] = {}

    def _write(self, event: Event) -> bytes:
        if isinstance(event, Started):
            self.model = event.model or self.model
            self.own = event.usage
            return b""
        if isinstance(event, Used):
            self.own = self.usage = event.usage
            return self._count() if self.committed else b""
        self._brought = True
        if isinstance(event, Ended):
            return super()._write(event)
        if event.choice:
            return b""
        return b"".join([self._tell(one) for one in self._new(event)])

    def _count(self) -> bytes:
        return b"" if self.own is None else super()._write(Used(plus(self.story.spent, self.own)))

    def _tell(self, event: Event) -> bytes:
        mark = b""
        if not self.committed and isinstance(event, _SAID):
            mark = self._sequel.mark + self._count()
        elif not self.committed:
            return b""
        out = mark + super()._write(event)
        self.story.note(event)
        return out

    def _new(self, event: Event) -> list[Event]:
        """What of an event the caller does not have yet, in its place in the story."""
        waiting = self._heard < len(self._sequel.again)
        if isinstance(event, TextDelta):
            return [self._placed(one) for one in self._unheard(event)]
        if isinstance(event, ReasoningDelta | SealedDelta):
            return (
                [] if self.story.text else [self._placed(event)]
            )  # it is thought about what was said already
        if waiting and isinstance(event, _SAID):
            return [self._placed(one) for one in (*self._released(), event)]
        if waiting:
            return []
        if isinstance(event, Cited) and self._sequel.offset:
            event = replace(event, citation=_moved(event, self._sequel.offset))
        return [self._placed(event)]

    def _unheard(self, event: TextDelta) -> list[TextDelta]:
        again = self._sequel.again
        self._text = event.part
        if self._heard >= len(again):
            return [event]
        text = event.text
        count = min(len(text), len(again) - self._heard)
        agreed = _common(text, again, self._heard, count)
        self._heard += agreed
        if agreed == count:
            return [replace(event, text=text[count:])] if len(text) > count else []
        return [*self._released(), replace(event, text=text[agreed:])]

    def _released(self) -> list[TextDelta]:
        """It says something else than what was expected: what agreed by chance was new."""
        again, heard = self._sequel.again, self._heard
        if self._sequel.strictly == "must":
            raise Disagreed(
                "asked again, the model did not repeat what had been said before the stream broke off"
            )
        self._heard = len(again)
        return [TextDelta(self._text, again[:heard])] if heard and self._sequel.strictly == "may" else []

    def _placed(self, event: Event) -> Event:
        if not isinstance(event, _PARTS):
            return event
        place = self._places.get(event.part)
        if place is None:
            follows = self.story.follows if isinstance(event, TextDelta) else -1
            place = self._places[event.part] = (
                follows if follows >= 0 else self.story.parts + len(self._places)
            )
        return replace(event, part=place)


def _is_content(event: Event) -> bool:
    return isinstance(event, Fragment) and event.kind != _LOGPROBS


def _moved(event: Cited, offset: int) -> Citation:
    citation = event.citation
    if citation.start is None or citation.end is None:
        return citation
    return replace(citation, start=citation.start + offset, end=citation.end + offset)


def _common(text: str, again: str, at: int, count: int) -> int:
    """How many of the first `count` characters of `text` are those of `again` from `at`."""
    if again.startswith(text[:count], at):
        return count
    return next(place for place in range(count) if text[place] != again[at + place])


def plus(one: Usage | None, other: Usage | None) -> Usage:
    """The sum of what two tries consumed."""
    left, right = one or Usage(), other or Usage()
    return Usage(*[getattr(left, name) + getattr(right, name) for name in Usage.__struct_fields__])
