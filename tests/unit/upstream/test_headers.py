"""Few headers cross the gateway, and none that carries a credential."""

import pytest

from gateway.upstream.headers import retry_after, returned, told_to_wait


def test_only_listed_headers_come_back() -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"x-ratelimit-remaining-requests", b"9"),
        (b"anthropic-ratelimit-tokens-limit", b"1"),
        (b"set-cookie", b"session=1"),
        (b"authorization", b"Bearer leak"),
        (b"content-length", b"5"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"server", b"x"),
    ]
    assert [name for name, _ in returned(headers)] == [
        b"x-ratelimit-remaining-requests",
        b"anthropic-ratelimit-tokens-limit",
    ]


@pytest.mark.parametrize(
    ("value", "milliseconds", "seconds"),
    [
        (b"2", None, 2.0),
        (b"1.5", None, 1.5),
        (None, b"250", 0.25),
        (b"9", b"100", 0.1),
        (None, None, None),
        (b"-1", None, None),
        (b"nan", None, None),
        (b"inf", None, None),
        (b"soon", b"later", None),
    ],
)
def test_how_long_a_provider_asks_to_wait(
    value: bytes | None, milliseconds: bytes | None, seconds: float | None
) -> None:
    assert retry_after(value, milliseconds) == seconds


def test_a_date_to_come_back_at_is_understood() -> None:
    assert retry_after(b"Wed, 21 Oct 2015 07:28:00 GMT", now=lambda: 1445412470.0) == 10.0
    assert retry_after(b"Wed, 21 Oct 2015 07:28:00 GMT", now=lambda: 1445412490.0) == 0.0


@pytest.mark.parametrize(("seconds", "said"), [(0.0, b"0"), (0.2, b"1"), (20.0, b"20"), (20.01, b"21")])
def test_a_wait_is_told_once_in_whole_seconds_rounded_up(seconds: float, said: bytes) -> None:
    headers = [(b"retry-after-ms", b"5"), (b"request-id", b"r"), (b"retry-after", b"7")]
    assert told_to_wait(headers, seconds) == [(b"request-id", b"r"), (b"retry-after", said)]
