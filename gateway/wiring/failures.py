"""What the configuration says of failures: the rules of tries, and when breakers open."""

from gateway.config import Config
from gateway.errors import UpstreamStatus
from gateway.schemas.plan import Breaker
from gateway.upstream.causes import Cause, cause_of
from gateway.upstream.rules import TABLE, Rule, Rules, ruled

_CAUSES = {str(cause): cause for cause in Cause}


def rules(config: Config) -> Rules:
    """The table of tries with the operator's changes."""
    by_word: dict[str, Rule] = {}
    by_status: dict[int, Rule] = {}
    by_cause: dict[Cause, Rule] = {}
    for name, steps in config.retries.on.items():
        if name.isdigit():
            by_status[int(name)] = ruled(steps, _usual(UpstreamStatus(int(name), "")))
        elif name in _CAUSES:
            cause = _CAUSES[name]
            by_cause[cause] = ruled(steps, TABLE[cause])
        else:
            by_word[name] = ruled(steps, _usual(UpstreamStatus(400, "", upstream_code=name)))
    return Rules(by_word, by_status, by_cause)


def _usual(error: UpstreamStatus) -> Rule:
    return TABLE[cause_of(error)]


def breakers(config: Config) -> dict[str, Breaker]:
    """When the targets of each provider are left alone."""
    return {name: one.breaker for name, one in config.providers.items()}
