"""The operator's rules: the first that holds says where a request goes, what it asks for, or that it ends."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

import msgspec

from gateway.config.expressions import Condition, compiled
from gateway.config.model import Sticky
from gateway.config.rule_model import Refusal, RuleConfig, Split
from gateway.errors import Refused
from gateway.routing.fields import DEAR, Found, View
from gateway.routing.settings import Settings, settable, settle
from gateway.routing.stickiness import sticky_of
from gateway.schemas.call import Call
from gateway.schemas.record import Record

_ABSENT = "NOT_FOUND"
"""CEL's code for a key that a map does not have: a header that was not sent is no mistake of the rule."""


class Watcher(Protocol):
    """Who is told of what rules do; the telemetry room stands behind it."""

    def rule_matched(self, name: str) -> None: ...
    def rule_failed(self, name: str, why: str) -> None: ...


class Rule(msgspec.Struct, frozen=True):
    """One rule, ready. Of the fields that its condition mentions, `dear` are found where the others do not tell."""

    name: str
    condition: Condition | None
    cheap: tuple[str, ...]
    dear: tuple[str, ...]
    to: str
    settings: Settings
    refuse: Refusal | None
    split: Split | None
    by: Sticky


class Rules:
    """An ordered list of rules. `now` gives the time in the zone of `time.hour`."""

    def __init__(
        self, configured: Iterable[RuleConfig], watcher: Watcher, now: Callable[[], datetime] | None = None
    ) -> None:
        self._rules = tuple(map(_ready, configured))
        self._watcher = watcher
        self._now = _local_now if now is None else now
        self._failed: set[str] = set()

    def apply(self, call: Call, headers: Mapping[bytes, bytes], record: Record) -> None:
        """Lets the first rule that holds change the call. Raises Refused where it refuses.

        A condition that cannot be told of this request does not hold: that is counted, and logged once a rule.
        """
        view = View(call, headers, record, self._now)
        found = Found(view)
        for rule in self._rules:
            if rule.condition is None or self._holds(rule, rule.condition, found):
                self._obey(rule, view, record)
                return

    def _holds(self, rule: Rule, condition: Condition, found: Found) -> bool:
        try:
            told = self._told(rule, condition, found)
        except Exception as error:  # whatever a caller's values do to the library or a reader: no match
            told = type(error).__name__
        if told is True or told is False:
            return told
        if not told.startswith(_ABSENT):
            self._fail(rule.name, told)
        return False

    def _told(self, rule: Rule, condition: Condition, found: Found) -> bool | str:
        found.add(rule.cheap)
        if rule.dear:
            told = condition.of(found.values)  # what is missing is an error, which `false && …` does without
            if told is True or told is False:
                return told
            found.add(rule.dear)
        return condition.of(found.values)

    def _fail(self, name: str, why: str) -> None:
        """Only the failure's code is told: what follows may be a caller's value."""
        self._watcher.rule_failed(name, "" if name in self._failed else why.partition(":")[0])
        self._failed.add(name)

    def _obey(self, rule: Rule, view: View, record: Record) -> None:
        record.rule = rule.name
        self._watcher.rule_matched(rule.name)
        if rule.refuse is not None:
            raise Refused(rule.refuse.message, rule.refuse.status)
        call = view.call
        if rule.settings and settable(call):
            settle(call, rule.settings)
        if rule.to:
            call.model = rule.to
        elif rule.split is not None:
            call.model = chosen(rule.name, rule.split, _same(rule.by, view) or record.request_id)


def chosen(salt: str, split: Split, who: str) -> str:
    """The name that `who` is led to, always the same one. Splits of other rules divide independently of this."""
    digest = blake2b(f"{salt}\0{who}".encode("utf-8", "replace"), digest_size=8).digest()
    point = int.from_bytes(digest, "big") / (1 << 64)
    return next((name for bound, name in split.upto if point < bound), split.upto[-1][1])


def _same(by: Sticky, view: View) -> str:
    """What the requests that go the same way have in common; "" where this one does not say."""
    if by.by == "key":
        return view.record.key
    found = sticky_of(view.call, view.headers, by)
    return str(found) if found else ""


def _ready(one: RuleConfig) -> Rule:
    condition = compiled(one.when) if one.when else None
    mentions = () if condition is None else condition.mentions
    return Rule(
        one.name,
        condition,
        tuple(name for name in mentions if name not in DEAR),
        tuple(name for name in mentions if name in DEAR),
        one.to,
        one.settings,
        one.refuse,
        one.split,
        Sticky("key" if one.split is None else one.split.by),
    )


def _local_now() -> datetime:
    return datetime.now().astimezone()
