"""What follows a failure: tries again, what each kind of failure leads to, and when a target is left alone."""

from difflib import SequenceMatcher

from gateway.config.model import Retries
from gateway.config.nodes import Node
from gateway.config.problems import nearest
from gateway.config.reading import (
    Read,
    Section,
    choice,
    decimal,
    duration,
    integer,
    list_of,
    named,
    one_of,
    section,
)
from gateway.schemas.plan import Breaker, Concurrency, Hedge

CAUSES = (
    *(
        "connect",
        "closed",
        "protocol",
        "timeout_connect",
        "timeout_first_byte",
        "timeout_first_token",
        "timeout_idle",
    ),
    *("busy", "rate_limited", "quota_exhausted", "overloaded", "server_error", "request_timeout", "conflict"),
    *("credential", "not_found", "context_length", "content_policy", "too_large", "bad_request", "unable"),
)
"""The causes of failed tries for which an operator may say what follows."""

STEPS = ("retry", "next_key", "fallback", "stop")

_MISSPELLED = 0.85
"""From here on a word is like a cause rather than a provider's code; `overloaded_error` is 0.77 like `overloaded`."""
_LONGEST = 3600.0
_OFF = Breaker(failures=0)


def share(node: Node) -> float:
    """A part of the whole: a number from 0 to 1, or a percentage."""
    text = node.text.strip()
    if node.kind == "text" and text.endswith("%"):
        found = float(decimal(Node(node.where, "text", text[:-1].strip()))) / 100
    else:
        found = float(decimal(node))
    if found > 1:
        raise node.where.error("must be a number from 0 to 1, or a percentage", "such as 0.2 or 20%")
    return found


def retries(base: Retries) -> Read[Retries]:
    """A provider's own bounds on tries, over those of all."""
    return section(lambda given: _retries(given, base))


def all_retries(given: Section) -> Retries:
    """The bounds on tries of all providers, and what each failure leads to."""
    found = _retries(given, Retries())
    return Retries(found.max, found.longest_wait, found.budget, given.get("on", named(_steps), {}))


def route_retries(given: Section) -> Retries:
    """A route bounds the tries at each of its targets."""
    return Retries(max=given.get("max", _most, Retries().max))


def breaker(base: Breaker) -> Read[Breaker]:
    """A breaker's settings over those of all; `off` never opens."""

    def read(node: Node) -> Breaker:
        if node.kind in ("text", "boolean"):
            if node.text.lower() in ("off", "false", "no"):
                return _OFF
            raise node.where.error(
                "must be off, or a mapping of settings", "such as {failures: 5, cooldown: 5s}"
            )
        return section(lambda given: _breaker(given, base if base.failures else Breaker()))(node)

    return read


def hedge(given: Section) -> Hedge:
    """When a slow target gets company, and how often at most."""
    return Hedge(
        share=given.get("share", share, Hedge().share),
        after=given.get("after", duration(0.001, _LONGEST), Hedge().after),
    )


def concurrency(node: Node) -> Concurrency:
    """`{max: …}`, or the number alone; as many as may be under way may wait, unless it says otherwise."""
    if node.kind in ("number", "text"):
        most = _places(node)
        return Concurrency(most, most)
    return section(_concurrency)(node)


def _concurrency(given: Section) -> Concurrency:
    most = given.need("max", _places, 1, "how many requests may be under way at a time, such as 100")
    return Concurrency(
        most,
        given.get("queue", integer(0, 1_000_000), most),
        given.get("wait", duration(0.001, _LONGEST), 2.0),
    )


_most: Read[int] = integer(0, 10)
_places: Read[int] = integer(1, 1_000_000)


def _retries(given: Section, base: Retries) -> Retries:
    return Retries(
        max=given.get("max", _most, base.max),
        longest_wait=given.get("longest_wait", duration(0, _LONGEST), base.longest_wait),
        budget=given.get("budget", share, base.budget),
        on=base.on,
    )


def _breaker(given: Section, base: Breaker) -> Breaker:
    found = Breaker(
        failures=given.get("failures", integer(1, 1_000_000), base.failures),
        rate=given.get("rate", share, base.rate),
        minimum=given.get("minimum", integer(1, 1_000_000), base.minimum),
        window=given.get("window", duration(0.1, _LONGEST), base.window),
        cooldown=given.get("cooldown", duration(0.01, _LONGEST), base.cooldown),
        longest=given.get("longest", duration(0.01, 24 * _LONGEST), max(base.longest, base.cooldown)),
    )
    if found.longest < found.cooldown:
        given.fail("longest", "is shorter than the first cooldown", "it bounds the cooldown, which doubles")
    return found


def _steps(name: str, node: Node) -> tuple[str, ...]:
    """What one status, cause or provider's code leads to."""
    _check_name(name, node)
    step = choice(*STEPS)
    given = (step(node),) if node.kind == "text" else list_of(step, example="such as [retry, fallback]")(node)
    if not given:
        raise node.where.error("is empty", "write stop to give the failure to the caller")
    if "stop" in given and len(given) > 1:
        raise node.where.error("stops and goes on at once", f"stop stands alone; else {one_of(STEPS[:-1])}")
    return given


def _check_name(name: str, node: Node) -> None:
    if name in CAUSES:
        return
    if name.isdigit():
        if not (name.isascii() and 400 <= int(name[:9]) <= 599):
            raise node.where.error("is no status of a failure", "statuses are from 400 to 599")
        return
    if name == "timeout":
        phases = one_of([cause for cause in CAUSES if cause.startswith("timeout_")])
        raise node.where.error("may be one of several", phases)
    near = nearest(name, CAUSES)
    if near and SequenceMatcher(None, name.lower(), near).ratio() >= _MISSPELLED:
        raise node.where.error("is no cause of failures", f"did you mean {near}?")
    if not name.isprintable() or len(name) > 128 or " " in name:
        raise node.where.error("is no status, cause or provider's code", f"causes: {', '.join(CAUSES)}")
