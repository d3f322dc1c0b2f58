"""Providers' limits, in each of their spellings; what cannot be read is not guessed at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.ratelimits import Limits, limits_of, wait_of

NOW = 1_800_000_000.0
S = 10**9


def openai(reset: bytes, left: bytes = b"3") -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"application/json"),
        (b"x-ratelimit-limit-requests", b"60"),
        (b"x-ratelimit-remaining-requests", left),
        (b"x-ratelimit-reset-requests", reset),
    ]


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        (b"1s", 1),
        (b"6m0s", 360),
        (b"20ms", 0.02),
        (b"1h2m3.5s", 3723.5),
        (b"12.5", 12.5),
        (b"1800000030", 30),
        (b"1800000030000", 30),
        (b"2027-01-15T08:00:10Z", 10),
        (b"soon", 60),
        (b"-5", 60),
        (b"nan", 60),
        (b"1e400", 60),
        (b"", 60),
    ],
)
def test_resets_come_in_many_forms(reset: bytes, seconds: float) -> None:
    assert limits_of(openai(reset), NOW) == Limits(requests=(3, 60, int(seconds * S)))


def test_anthropics_limits() -> None:
    headers = [
        (b"anthropic-ratelimit-requests-limit", b"50"),
        (b"anthropic-ratelimit-requests-remaining", b"49"),
        (b"anthropic-ratelimit-requests-reset", b"2027-01-15T08:00:01Z"),
        (b"anthropic-ratelimit-input-tokens-limit", b"40000"),
        (b"anthropic-ratelimit-input-tokens-remaining", b"0"),
        (b"anthropic-ratelimit-input-tokens-reset", b"2027-01-15T08:00:30+00:00"),
    ]
    assert limits_of(headers, NOW) == Limits((49, 50, S), (0, 40_000, 30 * S))
    assert wait_of(headers, b"", NOW) == 30


def test_answers_without_limits_cost_nothing_and_say_nothing() -> None:
    assert limits_of([(b"content-type", b"text/plain")], NOW) is None
    assert limits_of([(b"x-ratelimit-limit-requests", b"60")], NOW) is None
    assert limits_of(openai(b"1s", left=b"many"), NOW) is None
    assert wait_of(openai(b"1s"), b"", NOW) is None


def test_all_that_is_used_up_must_be_full_again() -> None:
    used_up = openai(b"2s", left=b"0")
    assert wait_of(used_up, b"", NOW) == 2
    tokens = [(b"x-ratelimit-remaining-tokens", b"0"), (b"x-ratelimit-reset-tokens", b"7.5s")]
    assert wait_of([*used_up, *tokens], b"", NOW) == 7.5
    assert wait_of([(b"x-ratelimit-remaining-tokens", b"0")], b"", NOW) is None
    restrictive = [
        (b"anthropic-ratelimit-tokens-remaining", b"500"),
        (b"anthropic-ratelimit-tokens-reset", b"2027-01-15T08:00:01Z"),
        (b"anthropic-ratelimit-output-tokens-remaining", b"0"),
        (b"anthropic-ratelimit-output-tokens-reset", b"2027-01-15T08:00:20Z"),
    ]
    assert wait_of(restrictive, b"", NOW) == 20


def test_geminis_retry_delay() -> None:
    body = b'{"error": {"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}]}}'
    assert wait_of([], body, NOW) == 34.07
    assert wait_of([], b'{"retryDelay": "soon"}', NOW) is None


@given(st.binary(max_size=80), st.binary(max_size=30))
def test_no_provider_can_break_the_reading(reset: bytes, left: bytes) -> None:
    read = limits_of(openai(reset, left), NOW)
    if read is not None and read.requests is not None:
        assert all(0 <= number < 1 << 62 for number in read.requests)
