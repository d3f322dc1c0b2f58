"""From the model's name, as a caller spells it, and what its request needs, to a plan of targets."""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from gateway._speedups.routing import LEFT_OUT
from gateway.config.model import PerRequest
from gateway.errors import BadRequest, UnknownModel
from gateway.routing.trees import Question, Route, refusal
from gateway.routing.wishes import EXPLAIN, RETRIES, TAGS, TIMEOUT, Wishes, take_names, wishes_of
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target, Timeouts

LONGEST_NAME = 256


class Asked(Protocol):
    """What the router reads of a request's head."""

    headers: dict[bytes, bytes]


class Served(msgspec.Struct, frozen=True):
    """The configured providers with their time-outs, and what they serve: `having` tells who knows a bare name.
    `native` are those for which a body's `models` is a field of their own."""

    timeouts: Mapping[str, Timeouts]
    having: Callable[[str], tuple[str, ...]]
    native: frozenset[str] = frozenset()


class Part(msgspec.Struct, frozen=True):
    """What one of a request's names comes to: its usual plan, and each target with the reason for its place."""

    usual: Plan
    reasons: tuple[tuple[Target, str], ...]
    question: Question = Question()


class Router:
    """Resolves names against declared routes, configured providers and the catalogue. Holds no I/O.

    `build` makes the routes of what is known of their models now; `forget` calls it again.
    """

    def __init__(
        self, build: Callable[[], Mapping[str, Route]], served: Served, bounds: PerRequest | None = None
    ) -> None:
        self._build = build
        self._routes = build()
        self._served = served
        self._bounds = bounds or PerRequest()
        self._plans: dict[str, Plan] = {}

    def plan(self, call: Call, asked: Asked) -> Plan:
        """The ordered targets for a request to a declared name, `provider/model`, or a bare name that one provider has.

        Names of other models are taken out of the call's body. Raises UnknownModel, or BadRequest for a name that no
        model can have, for a wish that cannot be read, and when no target can serve the request.
        """
        headers = asked.headers
        if (
            call.facts.wishes
            or EXPLAIN in headers
            or TIMEOUT in headers
            or RETRIES in headers
            or TAGS in headers
        ):
            return self._wished(call, headers)
        plan = self._plans.get(call.model)
        if plan is not None:
            return plan
        route = self._routes.get(call.model)
        if route is not None and route.fixed is None:
            return route.glance(call.endpoint, call.facts) or route.plan(call, headers)
        return self.named(call.model)

    def named(self, name: str) -> Plan:
        """The targets for a request of which nothing is known but the model's name. Raises as `plan` does."""
        plan = self._plans.get(name)
        if plan is not None:
            return plan
        route = self._routes.get(name)
        if route is None:
            plan = Plan((self.target(name),))
        elif route.fixed is not None:
            plan = route.fixed
        else:
            return route.named()
        if len(self._plans) >= _MEMO:
            self._plans.clear()
        self._plans[name] = plan
        return plan

    def forget(self) -> None:
        """Other models are served now: routes are made and names are resolved anew."""
        self._routes = self._build()
        self._plans.clear()

    def target(self, name: str) -> Target:
        """The one target that an undeclared name means."""
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise BadRequest("`model` must be 1 to 256 printable characters", param="model")
        provider, slash, model = name.partition("/")
        if slash and provider in self._served.timeouts and model:
            return Target(provider, model)
        known = self._served.having(name)
        if len(known) == 1:
            return Target(known[0], name)
        if known:
            choices = ", ".join(f"{one}/{name}" for one in known)
            raise UnknownModel(
                f"several providers serve the model {name!r}; ask for one of: {choices}", param="model"
            )
        raise UnknownModel(
            f"the model {name!r} is not known here: use `provider/model` with one of the configured providers "
            f"({', '.join(sorted(self._served.timeouts))}) or a name that the gateway declares",
            param="model",
        )

    # --- what a request asks of its own plan ---

    def _wished(self, call: Call, headers: Mapping[bytes, bytes]) -> Plan:
        wishes = wishes_of(headers, self._bounds)
        others = take_names(call, self._is_native(call), self._bounds) if call.facts.wishes else ()
        parts = [self._part(name, call, headers, wishes) for name in (call.model, *others)]
        reasons: dict[Target, str] = {}
        for part in parts:
            for target, why in part.reasons:
                reasons.setdefault(target, why)
        able = [target for target, why in reasons.items() if why not in LEFT_OUT]
        if not able:
            raise refusal(call.model, tuple(reasons.items()), parts[0].question)
        plan = msgspec.structs.replace(
            parts[0].usual,
            targets=tuple(able),
            explained=tuple(reasons.items()) if wishes.explain else (),
        )
        return self._bounded(plan, wishes)

    def _part(self, name: str, call: Call, headers: Mapping[bytes, bytes], wishes: Wishes) -> Part:
        """One of the names that the request may go to, with the reason for each of its targets."""
        route = self._routes.get(name)
        if route is None:
            why = NO_TAGS if wishes.tags else ONLY
            return Part(Plan(()), ((self.target(name), why),))
        question = route.question(call, headers, wishes.tags)
        if not wishes.explain and (targets := route.ordered(question)):
            return Part(route.usual, tuple([(target, "") for target in targets]), question)
        return Part(route.usual, route.explained(question), question)

    def _bounded(self, plan: Plan, wishes: Wishes) -> Plan:
        if wishes.retries is not None:
            plan = msgspec.structs.replace(plan, retries=wishes.retries)
        if wishes.timeout is None:
            return plan
        usual = {**self._served.timeouts, **(plan.timeouts or {})}
        changed = {
            one: msgspec.structs.replace(usual[one], total=min(wishes.timeout, self._bounds.timeout))
            for one in {target.provider for target in plan.targets}
        }
        return msgspec.structs.replace(plan, timeouts=changed)

    def _is_native(self, call: Call) -> bool:
        """Whether `models` is for the one provider that the request goes to; a body that names no model asks us."""
        if call.facts.model is None or call.model in self._routes:
            return False
        return self.target(call.model).provider in self._served.native


ONLY = "asked for by name"
NO_TAGS = "has not all of the tags asked for"

_MEMO = 4096
"""Plans kept; callers choose the names, so the memo is bounded."""
