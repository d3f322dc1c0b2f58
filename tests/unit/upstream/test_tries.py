"""What a failed try leads to."""

import pytest

from gateway import errors
from gateway.upstream.tries import kind, may_fall_back, may_retry, pause


@pytest.mark.parametrize(
    ("error", "again", "elsewhere"),
    [
        (errors.UpstreamStatus(429, "slow down"), True, True),
        (errors.UpstreamStatus(500, "oops"), True, True),
        (errors.UpstreamStatus(529, "overloaded"), True, True),
        (errors.UpstreamStatus(400, "bad"), False, False),
        (errors.UpstreamStatus(413, "long"), False, False),
        (errors.UpstreamStatus(401, "key"), False, True),
        (errors.UpstreamStatus(404, "model"), False, True),
        (errors.UpstreamConnectError("refused"), True, True),
        (errors.UpstreamClosed("cut"), True, True),
        (errors.UpstreamTimeout("silent", phase="first_byte"), False, True),
        (errors.UpstreamTimeout("no connection", phase="connect"), True, True),
        (errors.UnservedEndpoint("no embeddings"), False, True),
        (errors.BadRequest("yours"), False, False),
        (errors.ClientDisconnected("gone"), False, False),
    ],
)
def test_the_table_of_failures(error: errors.GatewayError, again: bool, elsewhere: bool) -> None:
    assert (may_retry(error), may_fall_back(error)) == (again, elsewhere)


def test_the_providers_own_wait_is_honoured_up_to_a_bound() -> None:
    assert pause(errors.UpstreamStatus(429, "", retry_after=1.5), 1) == 1.5
    assert pause(errors.UpstreamStatus(429, "", retry_after=20), 1) is None


def test_waits_grow_with_full_jitter_and_stay_bounded() -> None:
    error = errors.UpstreamStatus(500, "")
    assert pause(error, 1, draw=lambda: 0.0) == 0.0
    assert [pause(error, retry, draw=lambda: 1.0) for retry in (1, 2, 3, 9)] == [0.25, 0.5, 1.0, 2.0]


def test_kinds_are_a_closed_set() -> None:
    assert kind(errors.UpstreamStatus(429, "")) == "status_429"
    assert kind(errors.UpstreamStatus(499, "")) == "status_other"
    assert kind(errors.UpstreamTimeout("", phase="idle")) == "timeout_idle"
    assert kind(errors.UpstreamConnectError("")) == "connect"
