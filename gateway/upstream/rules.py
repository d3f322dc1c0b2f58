"""What a cause leads to: the one table of tries, which the configuration may change by cause, status or code."""

from collections.abc import Mapping

import msgspec

from gateway.errors import GatewayError, UpstreamStatus
from gateway.upstream.causes import Cause, cause_of


class Rule(msgspec.Struct, frozen=True):
    """What may follow a failed try, in this order: the same target with another key, the same once more, another one.

    `bench` is for how many seconds the key stays unused, when the provider does not say. `harm` tells that the
    target is to blame: the failure counts toward its breaker.
    """

    retry: bool = False
    next_key: bool = False
    fall_back: bool = False
    harm: bool = False
    bench: float = 0.0


_BROKEN = Rule(retry=True, fall_back=True, harm=True)
_SILENT = Rule(fall_back=True, harm=True)
"""A target that said nothing is not asked twice: a second silence would cost as much as the first."""
_STOP = Rule()

TABLE: dict[Cause, Rule] = {
    Cause.CONNECT: _BROKEN,
    Cause.CLOSED: _BROKEN,
    Cause.PROTOCOL: _BROKEN,
    Cause.TIMEOUT_CONNECT: _BROKEN,
    Cause.TIMEOUT_FIRST_BYTE: _SILENT,
    Cause.TIMEOUT_FIRST_TOKEN: _SILENT,
    Cause.TIMEOUT_IDLE: _SILENT,
    Cause.TIMEOUT_TOTAL: _STOP,
    Cause.BUSY: Rule(fall_back=True),
    Cause.RATE_LIMITED: Rule(retry=True, next_key=True, fall_back=True, bench=1.0),
    Cause.QUOTA_EXHAUSTED: Rule(next_key=True, fall_back=True, bench=300.0),
    Cause.OVERLOADED: _BROKEN,
    Cause.SERVER_ERROR: _BROKEN,
    Cause.REQUEST_TIMEOUT: _BROKEN,
    Cause.CONFLICT: Rule(retry=True, fall_back=True),
    Cause.CREDENTIAL: Rule(next_key=True, fall_back=True, bench=60.0),
    Cause.NOT_FOUND: Rule(fall_back=True),
    Cause.CONTEXT_LENGTH: Rule(fall_back=True),
    Cause.CONTENT_POLICY: _STOP,
    Cause.TOO_LARGE: Rule(fall_back=True),
    Cause.BAD_REQUEST: _STOP,
    Cause.UNABLE: Rule(fall_back=True),
    Cause.OWN: _STOP,
}


class Rules(msgspec.Struct, frozen=True):
    """The table with an operator's changes: `by_word` by the provider's code, `by_status` by its status, `by_cause`;
    the first that knows counts."""

    by_word: Mapping[str, Rule] = {}
    by_status: Mapping[int, Rule] = {}
    by_cause: Mapping[Cause, Rule] = {}

    def of(self, error: GatewayError) -> Rule:
        """What may follow this failure."""
        if isinstance(error, UpstreamStatus):
            for word in (error.upstream_code, error.upstream_type):
                if word and word in self.by_word:
                    return self.by_word[word]
            if error.upstream_status in self.by_status:
                return self.by_status[error.upstream_status]
        cause = cause_of(error)
        return self.by_cause.get(cause) or TABLE[cause]


WORDS = ("retry", "next_key", "fallback", "stop")
"""How a configuration spells what may follow."""


def ruled(words: tuple[str, ...], usual: Rule = _STOP) -> Rule:
    """The rule that an operator spelled; what it does to keys and breakers stays as it was."""
    return msgspec.structs.replace(
        usual, retry="retry" in words, next_key="next_key" in words, fall_back="fallback" in words
    )
