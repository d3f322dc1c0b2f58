"""Which headers cross the gateway: few toward the provider, few back, none unasked."""

from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime
from time import time

from gateway.schemas.usage import Usage

Header = tuple[bytes, bytes]

_BACK = frozenset(
    {
        b"request-id",
        b"x-request-id",
        b"retry-after",
        b"retry-after-ms",
        b"x-should-retry",
        b"x-amzn-requestid",
    }
)
_BACK_PREFIXES = (b"x-ratelimit-", b"anthropic-ratelimit-", b"openai-processing-", b"openai-model")


def returned(headers: Iterable[Header]) -> list[Header]:
    """The provider's headers that a caller gets: request ids, rate limits, when to come back."""
    return [header for header in headers if _RETURNS[header[0]]]


class _Returns(dict[bytes, bool]):
    """Whether a caller gets the header of a name; the names of some hundred headers are remembered."""

    def __missing__(self, name: bytes) -> bool:
        found = name in _BACK or name.startswith(_BACK_PREFIXES)
        if len(self) < _NAMES:
            self[name] = found
        return found


_RETURNS = _Returns()
_NAMES = 512


TOKENS = b"x-amzn-bedrock-input-token-count"
"""How many tokens Bedrock counted, for models whose own answers do not say it."""


def counted(values: Iterable[bytes | None]) -> Usage | None:
    """The sum of such counts; None unless every answer says one."""
    total = 0
    for value in values:
        if value is None or not value.isdigit() or len(value) > 15:
            return None
        total += int(value)
    return Usage(input=total)


_HOP_BY_HOP = frozenset(
    {
        *(
            b"connection",
            b"keep-alive",
            b"proxy-authenticate",
            b"proxy-authorization",
            b"proxy-connection",
            b"te",
        ),
        *(b"trailer", b"transfer-encoding", b"upgrade", b"content-length", b"date", b"server", b"alt-svc"),
        *(b"set-cookie", b"strict-transport-security"),
    }
)


def answered(headers: Iterable[Header]) -> list[Header]:
    """The provider's headers of an answer that passes as it is: all but those of its connection and its own site."""
    return [header for header in headers if header[0] not in _HOP_BY_HOP]


def retry_after(
    value: bytes | None, milliseconds: bytes | None = None, now: Callable[[], float] = time
) -> float | None:
    """Seconds that a provider asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110,
    10.2.3). What cannot be read, or lies a year ahead, counts as absent."""
    seconds = _number(milliseconds)
    if seconds is not None:
        return seconds / 1000
    seconds = _number(value)
    if seconds is None and value is not None:
        seconds = _until(value, now())
    return seconds


def told_to_wait(headers: Iterable[Header], seconds: float) -> list[Header]:
    """These headers with this Retry-After alone, in whole seconds, rounded up (RFC 9110, 10.2.3)."""
    kept = [header for header in headers if header[0] not in _WAITS]
    return [*kept, (b"retry-after", b"%d" % -int(-seconds // 1))]


_WAITS = frozenset({b"retry-after", b"retry-after-ms"})


def _number(raw: bytes | None) -> float | None:
    try:
        seconds = float(raw or b"")
    except ValueError:
        return None
    return seconds if 0 <= seconds < _YEAR else None


def _until(date: bytes, now: float) -> float | None:
    try:
        wait = parsedate_to_datetime(date.decode("ascii")).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return max(wait, 0.0) if wait < _YEAR else None


_YEAR = 86_400 * 365
