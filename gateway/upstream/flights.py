"""Who is on the way to whom: a try's place in its target's health, from take-off to its one ending."""

from collections.abc import Callable, Mapping
from time import monotonic_ns
from typing import Protocol

from gateway._speedups.health import Board, TargetHealth
from gateway.errors import GatewayError
from gateway.schemas.plan import Breaker, Target
from gateway.schemas.record import Attempt
from gateway.upstream.admission import Place
from gateway.upstream.causes import cause_of
from gateway.upstream.rules import Rules

Known = Callable[[str, str], bool]
"""(provider, model): whether this is a model that no caller made up."""

_MEMO = 4096
_S = 1_000_000_000

LONGEST_REST = 3600.0
"""Seconds that a provider may ask to be left alone; an hour later it is asked again, whatever it said."""


class Healths:
    """The health of every target and key. Models that nobody declared share one block per provider, so that names
    that callers make up fill nothing."""

    def __init__(self, board: Board, known: Known, breakers: Mapping[str, Breaker]) -> None:
        self._board = board
        self._known = known
        self._breakers = breakers
        self._memo: dict[Target, TargetHealth] = {}

    def __call__(self, target: Target) -> TargetHealth:
        """The health of `target`."""
        found = self._memo.get(target)
        if found is None:
            if len(self._memo) >= _MEMO:
                self._memo.clear()
            model = target.model if self._known(target.provider, target.model) else "*"
            found = self._memo[target] = self._block(target.provider, model)
        return found

    def of_keys(self, provider: str, count: int) -> tuple[TargetHealth, ...]:
        """The health of a provider's keys, benched for as long as is asked, whatever its breaker's settings."""
        return tuple(
            self._board.target(f"{provider}\0#{index}".encode()[:240], cooldown=0) for index in range(count)
        )

    def _block(self, provider: str, model: str) -> TargetHealth:
        how = self._breakers.get(provider) or Breaker()
        return self._board.target(
            f"{provider}\0{model}".encode()[:240],
            failures=how.failures,
            rate=how.rate,
            minimum=how.minimum,
            window=int(how.window * _S),
            cooldown=int(how.cooldown * _S),
            longest=int(how.longest * _S),
        )


class Moves(Protocol):
    """Who is told when a breaker moves, and of an answer that broke off."""

    def breaker(self, target: Target, state: str) -> None: ...
    def upstream_error(self, provider: str, kind: str) -> None: ...


class Flight:
    """One try on its way. `answered`, `failed` or `dropped` says what came of it; `end` that nothing of it is left.

    What is said twice counts once. An answer that has begun may still fail: that is written into its `attempt`. With it
    ends the `place` that it was given.
    """

    __slots__ = (
        *("_answered", "_attempt", "_began", "_ended", "_failed"),
        *("_health", "_moves", "_place", "_rules", "_target", "probe"),
    )

    def __init__(
        self,
        target: Target,
        health: TargetHealth,
        rules: Rules,
        moves: Moves,
        probe: bool,
        attempt: Attempt | None = None,
        place: Place | None = None,
    ) -> None:
        self._target = target
        self._place = place
        self._health = health
        self._rules = rules
        self._moves = moves
        self.probe = probe
        self._attempt = attempt
        self._answered = self._failed = self._ended = False
        self._began = monotonic_ns()
        health.begin()

    def answered(self) -> None:
        """Its first token has come: the target works. The rest may still be in the air."""
        now = monotonic_ns()
        self._answered, self.probe = True, False
        if self._health.succeeded(now - self._began, now):
            self._moves.breaker(self._target, "closed")

    def failed(self, error: GatewayError, *, alone: bool = False, goes_on: bool = False) -> None:
        """It failed. With `alone` no other key could serve, so a wait that the provider asks for is its target's. What
        `goes_on` at once keeps the claim of a probe, unless the failure settled it."""
        if self._failed:
            return
        self._failed = True
        if self._answered:
            self._breaks_off(error)
        now = monotonic_ns()
        rule = self._rules.of(error)
        rest = int(min(error.retry_after or 0.0, LONGEST_REST) * _S)
        opened = False
        if rule.harm:
            opened = self._health.failed(now, rest)
            if rest and not opened:  # it asks for a rest before it has failed often enough
                opened = self._health.cool(now, rest)
            self.probe = False
        elif rule.bench and alone:
            opened = self._health.cool(now, rest or int(rule.bench * _S))
            self.probe = False
        elif not goes_on:
            self._gives_back()
        if opened:
            self._moves.breaker(self._target, "open")

    def _breaks_off(self, error: GatewayError) -> None:
        cause = cause_of(error)
        self._moves.upstream_error(self._target.provider, cause)
        if self._attempt is not None:
            self._attempt.outcome, self._attempt.status = error.code, error.http_status
            self._attempt.cause = cause

    def dropped(self) -> None:
        """Nobody waits for it any more, and nobody is to blame; but so long it took at least."""
        if not self._answered:
            now = monotonic_ns()
            self._health.outwaited(now - self._began, now)
        self._gives_back()

    def _gives_back(self) -> None:
        if self.probe:  # another's claim is not this one's to give back
            self.probe = False
            self._health.release()

    def end(self) -> None:
        """Nothing of it is in the air any more."""
        if not self._ended:
            self._ended = True
            self._health.end()
            if self._place is not None:
                self._place.end()
