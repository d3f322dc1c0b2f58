"""How long to wait before the same target is tried again."""

import random
from collections.abc import Callable

from gateway.errors import GatewayError

LONGEST_WAIT = 2.0
"""Seconds that one request may sleep before a retry; a provider that asks for more is left alone."""

_FIRST = 0.25


def pause(
    error: GatewayError, retry: int, longest: float = LONGEST_WAIT, draw: Callable[[], float] = random.random
) -> float | None:
    """Seconds to wait before try number `retry` (1, 2, …), or None when the wait would be longer than `longest`.

    The provider's own Retry-After is honoured; without one, full jitter over an exponential bound.
    """
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= longest else None
    return draw() * min(longest, _FIRST * 2.0 ** min(retry - 1, 16))
