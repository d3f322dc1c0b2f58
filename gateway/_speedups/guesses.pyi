"""What a request will take of limits and budgets, guessed on the way that nearly every request takes, and what is
learnt of it when it is over.

The ways beside it (another set of targets, a very long prompt, an answer's length by the configuration) are methods
that `wiring/guessing.py` adds: `_look_out`, `_allows`, `_parts`, `_rates`, `_output`, `_count`, `_heard`.
"""

from typing import Protocol, final

from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record

FILE: int
"""Tokens of a file within a prompt."""
ENOUGH: int
"""Reports from which on a guess is one of its own."""
SMALLEST: int
"""Bytes of a prompt that teaches what the next ones are like."""

Amount = tuple[int, int]

class _Wanted(Protocol):
    @property
    def amount(self) -> Amount: ...

@final
class Figure:
    """What 95 % of all that was told is not above, between `least` and `most`; the highest of the first few reports, at
    the beginning."""

    @property
    def value(self) -> float: ...
    @property
    def least(self) -> float: ...
    @property
    def most(self) -> float: ...
    @property
    def reports(self) -> int: ...
    def __init__(self, value: float, least: float, most: float) -> None: ...
    def fresh(self) -> Figure:
        """Another one that begins as this one did, as long as it was told nothing."""

    def tell(self, value: float) -> None:
        """One more report: the figure goes up by much where that was above, down by little where not."""

@final
class Outlook:
    """What is known of requests with these targets: the first one, the rates (the highest nano-dollars for a token in,
    a token out, and a request), tokens for a byte of a prompt, tokens of an answer. `turn` counts its requests, as far
    as its ratio is to be learnt; else it is below 0."""

    @property
    def targets(self) -> tuple[Target, ...]: ...
    @property
    def target(self) -> Target: ...
    @property
    def size(self) -> Figure: ...
    @property
    def answer(self) -> Figure: ...
    def __init__(
        self,
        targets: tuple[Target, ...],
        target: Target,
        rates: tuple[float, float, float],
        size: Figure,
        answer: Figure,
        turn: int,
    ) -> None: ...

@final
class Asked:
    """What one request will take (`amount`), and of what that was made up: tokens that it allows for an answer and for
    how many of them, bytes of text and files in its prompt, and what that is in tokens by count, once it was. Nothing
    that it refers to leads back to it."""

    @property
    def outlook(self) -> Outlook: ...
    @property
    def output(self) -> int: ...
    @property
    def allowed(self) -> int: ...
    @property
    def choices(self) -> int: ...
    @property
    def text(self) -> int: ...
    @property
    def files(self) -> int: ...
    @property
    def counted(self) -> int: ...
    @property
    def amount(self) -> Amount:
        """Tokens and nano-dollars."""

    def exactly(self) -> Amount | None:
        """The same with its prompt counted; None where that cannot be done, or was."""

class Guesser:
    """What requests will take, by one configuration. The endpoints of `plain` say in `max_tokens` how long an answer
    may be and in `n` how many there are; of others `_allows` tells. `learns`: an answer is taken to be as long as those
    before, `most`: as long as there can be, else as long as is asked for."""

    learns: bool
    most: bool

    def __init__(self, plain: frozenset[str], *, learns: bool, most: bool) -> None: ...
    def of(self, call: Call, plan: Plan, key: str) -> Asked:
        """What this request is expected to take at the dearest target; what has no known price costs nothing."""

    def learn(self, record: Record, wanted: _Wanted) -> None:
        """What the request turned out to have taken."""
