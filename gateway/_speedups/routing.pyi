"""The planner: from a route's tree and what a request needs to an ordered list of targets, in one synchronous pass."""

from collections.abc import Callable, Sequence
from typing import Any, final

from gateway._speedups.health import TargetHealth
from gateway._speedups.jsonscan import Facts

LARGEST_ROUTE: int
STRATEGIES: tuple[str, ...]
NEEDS: tuple[str, ...]
LEFT_OUT: frozenset[str]
"""The reasons of `explain` for targets that are no part of the plan."""

class Leaf:
    """One target of a route, with what the planner must know of it.

    `able` and `unable` are masks of NEEDS: what the model is known to do, and known not to; the rest is unknown, and
    is tried. `window` and `max_output` are in tokens, prices in nano-dollars a million tokens; 0 and -1 are unknown.
    `tags` is a mask of the operator's tags.
    """

    target: Any
    health: TargetHealth

    def __init__(
        self,
        target: Any,
        health: TargetHealth,
        *,
        unable: int = 0,
        window: int = 0,
        max_output: int = 0,
        price_in: float = -1.0,
        price_out: float = -1.0,
        tags: int = 0,
        mark: int = 0,
    ) -> None: ...

@final
class Glance:
    """What tells at a glance that a request of one endpoint needs nothing special: it has none of `looks` (see
    `Facts.mentions`) and, where the route is `sized`, its prompt and what it asks for are `most` tokens at the most."""

    def __init__(
        self,
        plan: Callable[[tuple[Any, ...]], Any],
        *,
        looks: tuple[tuple[int, bytes, bytes], ...] = (),
        sized: bool = False,
        bytes_a_token: int = 1,
        most: int = 0,
    ) -> None: ...

class Planner:
    """A route. `tree` is (strategy, ((member, weight), …)); a member is a leaf's number, or a tree of its own.
    `fallbacks` are members, tried in their order after the tree's. ValueError for a tree that is none."""

    def __init__(
        self, leaves: Sequence[Leaf], tree: tuple[Any, ...], fallbacks: Sequence[Any] = (), seed: int = 0
    ) -> None: ...
    def plan(
        self,
        now: int,
        needs: int = 0,
        tokens: int = 0,
        output: int = 0,
        sticky: int = 0,
        tags: int = 0,
    ) -> tuple[Any, ...]:
        """The targets in the order in which to try them, each once; open ones last, the soonest to shut first.

        `tokens` are the prompt's, `output` the most that may be answered; `sticky` is a hash of what requests that
        belong together share (0: nothing). () when no target is able."""

    def looks(self, glances: dict[str, Glance], blind: Glance | None) -> None:
        """Says what to look at, by endpoint; `blind` of all others, None where a glance never suffices."""

    def glance(self, endpoint: str, facts: Facts) -> Any | None:
        """What the endpoint's `Glance.plan` makes of the targets in their order now, remembered by that order; None for
        a request that needs a closer look, and where no target is able."""

    def explain(
        self,
        now: int,
        needs: int = 0,
        tokens: int = 0,
        output: int = 0,
        sticky: int = 0,
        tags: int = 0,
    ) -> list[tuple[Any, str]]:
        """A plan with the reason for each place; then the targets that are left out, and why."""
