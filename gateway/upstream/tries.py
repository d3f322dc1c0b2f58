"""What a failed try leads to: again at the same target, on to the next one, or straight to the caller."""

import random
from collections.abc import Callable

from gateway.errors import (
    GatewayError,
    UpstreamConnectError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamTimeout,
)

RETRY_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""A second try at the same target may go better."""

FALL_BACK_STATUS = RETRY_STATUS | {401, 402, 403, 404}
"""Another target may serve what this one cannot."""

LONGEST_WAIT = 2.0
"""Seconds that one request may sleep before a retry; a provider that asks for more is left alone."""


def may_retry(error: GatewayError) -> bool:
    """Whether the same target is worth another try. A silent target is not tried twice."""
    if isinstance(error, UpstreamStatus):
        return error.upstream_status in RETRY_STATUS
    if isinstance(error, UpstreamTimeout):
        return error.phase == "connect"
    return isinstance(error, UpstreamError)


def may_fall_back(error: GatewayError) -> bool:
    """Whether the next target is worth a try."""
    if isinstance(error, UpstreamStatus):
        return error.upstream_status in FALL_BACK_STATUS
    return error.may_fall_back


def pause(error: GatewayError, retry: int, draw: Callable[[], float] = random.random) -> float | None:
    """Seconds to wait before try number `retry` (1, 2, …), or None when the wait would be too long.

    The provider's own Retry-After is honoured; without one, full jitter over an exponential bound.
    """
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    return draw() * min(LONGEST_WAIT, 0.25 * 2.0 ** (retry - 1))


def kind(error: GatewayError) -> str:
    """The metric label of a failed try; a small, closed set."""
    if isinstance(error, UpstreamStatus):
        return f"status_{error.upstream_status}" if error.upstream_status in _COUNTED else "status_other"
    if isinstance(error, UpstreamTimeout):
        return f"timeout_{error.phase}"
    if isinstance(error, UpstreamConnectError):
        return "connect"
    if isinstance(error, UpstreamProtocolError):
        return "protocol"
    return error.code


_COUNTED = FALL_BACK_STATUS | {400, 413, 422}
