"""What a failure means, whichever provider says it in whatever words."""

import pytest

from gateway import errors
from gateway.upstream.causes import Cause, cause_of
from gateway.upstream.rules import TABLE, Rule, Rules, ruled


def refused(
    status: int, message: str = "no", *, code: str | None = None, kind: str | None = None
) -> errors.UpstreamStatus:
    return errors.UpstreamStatus(status, message, upstream_code=code, upstream_type=kind)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (errors.UpstreamConnectError("refused"), Cause.CONNECT),
        (errors.UpstreamClosed("reset"), Cause.CLOSED),
        (errors.UpstreamProtocolError("an HTML page"), Cause.PROTOCOL),
        (errors.UpstreamTimeout("silent", phase="first_byte"), Cause.TIMEOUT_FIRST_BYTE),
        (errors.UpstreamTimeout("silent", phase="first_token"), Cause.TIMEOUT_FIRST_TOKEN),
        (errors.UpstreamTimeout("silent", phase="total"), Cause.TIMEOUT_TOTAL),
        (errors.UpstreamPoolTimeout("busy"), Cause.BUSY),
        (errors.UnservedEndpoint("no embeddings"), Cause.UNABLE),
        (errors.BadRequest("yours"), Cause.OWN),
        (errors.ClientDisconnected("gone"), Cause.OWN),
        (refused(429), Cause.RATE_LIMITED),
        (refused(429, code="insufficient_quota"), Cause.QUOTA_EXHAUSTED),
        (refused(429, kind="RESOURCE_EXHAUSTED"), Cause.RATE_LIMITED),
        (refused(402, "Insufficient Balance"), Cause.QUOTA_EXHAUSTED),
        (refused(400, "Your credit balance is too low to access the API"), Cause.QUOTA_EXHAUSTED),
        (refused(401), Cause.CREDENTIAL),
        (refused(403, kind="permission_error"), Cause.CREDENTIAL),
        (refused(400, "API key not valid. Please pass a valid API key."), Cause.CREDENTIAL),
        (refused(404, code="model_not_found"), Cause.NOT_FOUND),
        (refused(400, code="context_length_exceeded"), Cause.CONTEXT_LENGTH),
        (refused(400, "prompt is too long: 210000 tokens > 200000 maximum"), Cause.CONTEXT_LENGTH),
        (refused(400, "input length and `max_tokens` exceed context limit: 2 + 3 > 4"), Cause.CONTEXT_LENGTH),
        (
            refused(400, "The input token count (9) exceeds the maximum number of tokens"),
            Cause.CONTEXT_LENGTH,
        ),
        (refused(400, "This model's maximum context length is 8192 tokens."), Cause.CONTEXT_LENGTH),
        (refused(400, "Input is too long for requested model."), Cause.CONTEXT_LENGTH),
        (refused(400, code="content_filter"), Cause.CONTENT_POLICY),
        (refused(403, "the input was flagged for hate"), Cause.CONTENT_POLICY),
        (refused(400, "`temperature` must be at most 2"), Cause.BAD_REQUEST),
        (refused(422), Cause.BAD_REQUEST),
        (refused(413), Cause.TOO_LARGE),
        (refused(408), Cause.REQUEST_TIMEOUT),
        (refused(409), Cause.CONFLICT),
        (refused(424, kind="modelStreamErrorException"), Cause.SERVER_ERROR),
        (refused(500), Cause.SERVER_ERROR),
        (refused(504), Cause.SERVER_ERROR),
        (refused(503), Cause.OVERLOADED),
        (refused(529, kind="overloaded_error"), Cause.OVERLOADED),
        (refused(200, kind="overloaded_error"), Cause.OVERLOADED),
    ],
)
def test_a_failure_has_one_cause(error: errors.GatewayError, cause: Cause) -> None:
    assert cause_of(error) == cause


def test_every_cause_has_a_rule() -> None:
    assert set(TABLE) == set(Cause)


def test_a_silent_target_is_not_asked_twice() -> None:
    rule = Rules().of(errors.UpstreamTimeout("silent", phase="first_byte"))
    assert (rule.retry, rule.fall_back, rule.harm) == (False, True, True)


def test_what_the_caller_did_wrong_goes_straight_back() -> None:
    assert Rules().of(refused(400, "bad")) == Rule()
    assert Rules().of(refused(400, code="content_filter")) == Rule()


def test_the_operators_rules_go_first_by_code_then_status_then_cause() -> None:
    rules = Rules(
        by_word={"insufficient_quota": ruled(("stop",))},
        by_status={429: ruled(("fallback",))},
        by_cause={Cause.CONTENT_POLICY: ruled(("fallback",), TABLE[Cause.CONTENT_POLICY])},
    )
    assert rules.of(refused(429, code="insufficient_quota")) == Rule()
    assert rules.of(refused(429)) == Rule(fall_back=True)
    assert rules.of(refused(400, code="content_filter")).fall_back
    assert rules.of(refused(500)) == TABLE[Cause.SERVER_ERROR]


def test_an_operators_words_leave_blame_and_bench_as_they_were() -> None:
    rule = ruled(("next_key", "fallback"), TABLE[Cause.CREDENTIAL])
    assert (rule.retry, rule.next_key, rule.fall_back, rule.bench) == (False, True, True, 60.0)
