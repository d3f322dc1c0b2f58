"""Where a stream's texts stand in the answer that its caller joins, which is what citations are counted in."""

import msgspec

from gateway.dialects.gemini.citations import Spot

TEXT, THOUGHT = "text", "thought"
_NONE = -1


class Span(msgspec.Struct, frozen=True):
    """The text of one part: the joined text that it is in, and from where to where it stands in the whole answer's."""

    spot: Spot
    start: int
    end: int


class _Run(msgspec.Struct):
    """A text as clients join it. `place` is its index among Google's parts, `begins`: which part at which piece."""

    place: int
    pieces: list[str] = msgspec.field(default_factory=list)
    begins: list[tuple[int, int]] = msgspec.field(default_factory=list)


class Told(msgspec.Struct):
    """What of one answer was told. Adjacent pieces of text, or of thought, are one of Google's parts, until a signature
    ends it."""

    _place: int = -1
    _open: str = ""
    _saying: int = _NONE
    _runs: list[_Run] = msgspec.field(default_factory=list)

    def text(self, part: int, text: str) -> None:
        """A piece of a part's text."""
        if part != self._saying:
            self.piece(TEXT)
            if not self._runs or self._runs[-1].place != self._place:
                self._runs.append(_Run(self._place))
            run = self._runs[-1]
            run.begins.append((part, len(run.pieces)))
            self._saying = part
        self._runs[-1].pieces.append(text)

    def piece(self, kind: str) -> None:
        """A piece of thought, or of text that nobody cites; "": a part that is told at once."""
        self._place += kind != self._open or not kind
        self._open, self._saying = kind, _NONE

    def sign(self) -> None:
        """What is open ends."""
        self._open, self._saying = "", _NONE

    def spans(self) -> dict[int, Span]:
        """By part; of one that was told in two places, the first."""
        found: dict[int, Span] = {}
        before = 0
        for run in self._runs:
            spot = Spot(0, "".join(run.pieces), before, run.place)
            stops = [first for _, first in run.begins[1:]] + [len(run.pieces)]
            for (part, first), stop in zip(run.begins, stops, strict=True):
                start, before = before, before + sum(map(len, run.pieces[first:stop]))
                found.setdefault(part, Span(spot, start, before))
        return found
