"""What a failed try leads to, and how long until the next one."""

import pytest

from gateway import errors
from gateway.upstream.backoff import pause
from gateway.upstream.rules import Rule, Rules, ruled


@pytest.mark.parametrize(
    ("error", "again", "next_key", "elsewhere"),
    [
        (errors.UpstreamStatus(429, "slow down"), True, True, True),
        (errors.UpstreamStatus(429, "pay", upstream_code="insufficient_quota"), False, True, True),
        (errors.UpstreamStatus(408, "the model took too long"), True, False, True),
        (errors.UpstreamStatus(424, "the model failed"), True, False, True),
        (errors.UpstreamStatus(500, "oops"), True, False, True),
        (errors.UpstreamStatus(529, "overloaded"), True, False, True),
        (errors.UpstreamStatus(400, "bad"), False, False, False),
        (errors.UpstreamStatus(400, "prompt is too long"), False, False, True),
        (errors.UpstreamStatus(400, "filtered", upstream_code="content_filter"), False, False, False),
        (errors.UpstreamStatus(401, "key"), False, True, True),
        (errors.UpstreamStatus(403, "key"), False, True, True),
        (errors.UpstreamStatus(404, "model"), False, False, True),
        (errors.UpstreamConnectError("refused"), True, False, True),
        (errors.UpstreamClosed("cut"), True, False, True),
        (errors.UpstreamTimeout("silent", phase="first_byte"), False, False, True),
        (errors.UpstreamTimeout("no connection", phase="connect"), True, False, True),
        (errors.UpstreamTimeout("over", phase="total"), False, False, False),
        (errors.UnservedEndpoint("no embeddings"), False, False, True),
        (errors.BadRequest("yours"), False, False, False),
        (errors.ClientDisconnected("gone"), False, False, False),
    ],
)
def test_the_table_of_failures(
    error: errors.GatewayError, again: bool, next_key: bool, elsewhere: bool
) -> None:
    rule = Rules().of(error)
    assert (rule.retry, rule.next_key, rule.fall_back) == (again, next_key, elsewhere)


def test_an_operator_may_say_otherwise_by_word_status_or_cause() -> None:
    mine = ruled(("fallback",), Rule(harm=True, bench=3.0))
    assert mine == Rule(fall_back=True, harm=True, bench=3.0)
    assert Rules(by_status={400: mine}).of(errors.UpstreamStatus(400, "bad")) == mine
    assert Rules(by_word={"odd": mine}).of(errors.UpstreamStatus(500, "x", upstream_code="odd")) == mine
    assert Rules(by_status={400: mine}).of(errors.UpstreamStatus(422, "bad")) == Rule()


def test_the_providers_own_wait_is_honoured_up_to_a_bound() -> None:
    assert pause(errors.UpstreamStatus(429, "", retry_after=1.5), 1) == 1.5
    assert pause(errors.UpstreamStatus(429, "", retry_after=20), 1) is None
    assert pause(errors.UpstreamStatus(429, "", retry_after=20), 1, longest=30.0) == 20


def test_waits_grow_with_full_jitter_and_stay_bounded() -> None:
    error = errors.UpstreamStatus(500, "")
    assert pause(error, 1, draw=lambda: 0.0) == 0.0
    assert [pause(error, retry, draw=lambda: 1.0) for retry in (1, 2, 3, 9, 9999)] == [
        0.25,
        0.5,
        1.0,
        2.0,
        2.0,
    ]
