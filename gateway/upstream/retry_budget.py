"""A bound on retries as a share of traffic, so that a failing provider is not asked ever more while it fails.

Each worker keeps one per provider. With `share` 0.2 a provider that fails always is asked at most 1.2 times as often as
its callers ask, plus `floor` retries a second, so that the few requests of a quiet gateway may always be retried.
"""

from collections.abc import Callable
from time import monotonic


class RetryBudget:
    """Credit that requests bring and retries spend; never more than ten seconds' worth is saved up."""

    __slots__ = ("_at", "_clock", "_credit", "_floor", "_most", "_share")

    def __init__(
        self, share: float = 0.2, floor: float = 3.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._share = share
        self._floor = floor
        self._clock = clock
        self._most = max(10 * floor, 10.0)
        self._credit = self._most
        self._at = clock()

    def asked(self) -> None:
        """A request goes to the provider for the first time."""
        if self._credit < self._most:
            self._credit += self._share

    def take(self) -> bool:
        """Whether a retry is within the budget; if so it is spent."""
        now = self._clock()
        self._credit = min(self._most, self._credit + (now - self._at) * self._floor)
        self._at = now
        if self._credit < 1:
            return False
        self._credit -= 1
        return True
