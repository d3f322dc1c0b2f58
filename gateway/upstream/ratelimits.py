"""What a provider says of its limits: how much is left of requests and tokens, and when to come back.

OpenAI, Azure, Groq, Together, Fireworks, xAI, OpenRouter: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, the
reset as a duration such as `1s`, `6m0s` or `20ms` (https://developers.openai.com/api/docs/guides/rate-limits), or as
seconds. Anthropic: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, the
reset as an RFC 3339 time (https://platform.claude.com/docs/en/api/rate-limits). Gemini and Vertex: `RetryInfo` with a
`retryDelay` such as `34.07s` in the error's details (https://google.aip.dev/193).
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

Header = tuple[bytes, bytes]
Limit = tuple[int, int, int]
"""What is left, the limit, nanoseconds until it is full again."""

YEAR = 86_400.0 * 365
MOST = 1 << 53


class Limits(msgspec.Struct, frozen=True):
    """What one answer told; None where it told nothing."""

    requests: Limit | None = None
    tokens: Limit | None = None


def limits_of(headers: Iterable[Header], now: float) -> Limits | None:
    """The limits that an answer's headers tell (names in lower case), or None. `now` is Unix time."""
    found = {name: value for name, value in headers if name.startswith(_PREFIXES)}
    if not found:
        return None
    read = Limits(_first(_REQUESTS, found, now), _first(_TOKENS, found, now))
    return None if read.requests is None and read.tokens is None else read


def wait_of(headers: Iterable[Header], body: bytes, now: float) -> float | None:
    """Seconds to wait where no Retry-After tells: until each limit of which nothing is left is full again, or what the
    body says; None when neither does."""
    found = {name: value for name, value in headers if name.startswith(_PREFIXES)}
    waits = [
        _seconds(found[reset], now)
        for left, _, reset in (*_REQUESTS, *_TOKENS)
        if reset in found and found.get(left, b"").strip() == b"0"
    ]
    return max(waits) if waits else _retry_delay(body)


_PREFIXES = (b"x-ratelimit-", b"anthropic-ratelimit-")
Names = tuple[bytes, bytes, bytes]
"""The headers of what is left, of the limit, and of the reset."""

_REQUESTS: tuple[Names, ...] = (
    (b"x-ratelimit-remaining-requests", b"x-ratelimit-limit-requests", b"x-ratelimit-reset-requests"),
    (
        b"anthropic-ratelimit-requests-remaining",
        b"anthropic-ratelimit-requests-limit",
        b"anthropic-ratelimit-requests-reset",
    ),
    (b"x-ratelimit-remaining", b"x-ratelimit-limit", b"x-ratelimit-reset"),
)
_TOKENS: tuple[Names, ...] = (
    (b"x-ratelimit-remaining-tokens", b"x-ratelimit-limit-tokens", b"x-ratelimit-reset-tokens"),
    *(
        (
            b"anthropic-ratelimit-%s-remaining" % kind,
            b"anthropic-ratelimit-%s-limit" % kind,
            b"anthropic-ratelimit-%s-reset" % kind,
        )
        for kind in (b"tokens", b"input-tokens", b"output-tokens")
    ),
)


def _first(names: tuple[Names, ...], found: dict[bytes, bytes], now: float) -> Limit | None:
    for left, limit, reset in names:
        if left in found and limit in found:
            amounts = _count(found[left]), _count(found[limit])
            if amounts[0] is not None and amounts[1]:
                return amounts[0], amounts[1], int(_seconds(found.get(reset, b""), now) * 1e9)
    return None


def _count(raw: bytes) -> int | None:
    return min(int(raw), MOST) if raw.isdigit() and len(raw) < 19 else None


def _seconds(raw: bytes, now: float) -> float:
    """A reset as a duration, as seconds, as Unix time in seconds or milliseconds, or as an RFC 3339 time; a minute
    when it cannot be read."""
    text = raw.decode("latin-1").strip()[:64]
    try:
        number = float(text)
    except ValueError:
        return _bounded(_duration(text) or _until(text, now))
    if number > 1e12:
        number = number / 1000 - now
    elif number > 1e9:
        number -= now
    return _bounded(number)


def _bounded(seconds: float | None) -> float:
    return seconds if seconds is not None and 0 <= seconds < YEAR else 60.0


def _duration(text: str) -> float | None:
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?)(ms|us|µs|ns|d|h|m|s)")
_DURATION = re.compile(f"(?:{_PART.pattern}){{1,6}}")
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def _until(text: str, now: float) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _retry_delay(body: bytes) -> float | None:
    found = _RETRY_DELAY.search(body[:65_536])
    return None if found is None else float(found[1])


_RETRY_DELAY = re.compile(rb'"retryDelay"\s*:\s*"([0-9]{1,6}(?:\.[0-9]{1,9})?)s"')
