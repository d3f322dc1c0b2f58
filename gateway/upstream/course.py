"""The way through a plan: whom to try next, and what its failures come to in the end."""

from collections.abc import Callable
from time import monotonic_ns

from gateway._speedups.health import TargetHealth
from gateway.errors import GatewayError, UpstreamStatus
from gateway.schemas.plan import Target
from gateway.upstream.causes import Cause, cause_of
from gateway.upstream.headers import told_to_wait

Window = Callable[[str, str], int | None]
"""(provider, model) to the model's context window in tokens, where that is known."""

Leg = tuple[Target, TargetHealth, int]
"""Whom to try, its health, and how that admitted it."""

_WAITING = frozenset({Cause.RATE_LIMITED, Cause.OVERLOADED, Cause.QUOTA_EXHAUSTED})
"""What passes by itself: such a failure tells its caller when to come back."""


class Course:
    """One request's way through its plan's targets. What most requests never need stands in the class."""

    failed: Target | None = None
    failure: GatewayError | None = None
    _too_long: tuple[Target, ...] = ()
    _passed_over: tuple[TargetHealth, ...] = ()
    _soonest: float | None = None

    def __init__(
        self, targets: tuple[Target, ...], healths: Callable[[Target], TargetHealth], window: Window
    ) -> None:
        self._targets = iter(targets)
        self._healths = healths
        self._window = window

    def next(self) -> Leg | None:
        """The next target that may help and whose health admits it. The claim of a probe comes with it: whoever asks
        must try it, or release it."""
        for target in self._targets:
            if self._too_long and not self._is_larger(target):
                continue
            health = self._healths(target)
            admitted = health.admit(monotonic_ns())
            if admitted:
                return target, health, admitted
            self._passed_over = (*self._passed_over, health)
        return None

    def failed_at(self, target: Target, error: GatewayError) -> None:
        """This target was tried and given up."""
        self.failed, self.failure = target, error
        if cause_of(error) == Cause.CONTEXT_LENGTH:
            self._too_long = (*self._too_long, target)
        if error.retry_after is not None:
            self._soonest = (
                error.retry_after if self._soonest is None else min(self._soonest, error.retry_after)
            )

    def _is_larger(self, target: Target) -> bool:
        """A prompt that was too long needs another model, with a window that is larger than all that were tried."""
        window = self._window(target.provider, target.model)
        for tried in self._too_long:
            known = self._window(tried.provider, tried.model)
            if target.model == tried.model or (window is not None and known is not None and window <= known):
                return False
        return True

    def outcome(self, failure: GatewayError) -> GatewayError:
        """What the caller gets: of waits, the shortest after which some target of the plan may serve it."""
        if not isinstance(failure, UpstreamStatus) or cause_of(failure) not in _WAITING:
            return failure
        now = monotonic_ns()
        waits = [(health.open_until - now) / 1e9 for health in self._passed_over if health.open_until > now]
        soonest = min(waits if self._soonest is None else [*waits, self._soonest], default=None)
        if soonest is not None and soonest != failure.retry_after:
            failure.retry_after = soonest
            failure.headers = told_to_wait(failure.headers, soonest)
        return failure
