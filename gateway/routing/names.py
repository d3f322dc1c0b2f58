"""From the model's name, as a caller spells it, to a plan of targets."""

import random
from collections.abc import Callable, Mapping
from itertools import accumulate

import msgspec

from gateway.errors import BadRequest, UnknownModel
from gateway.schemas.plan import Plan, Target, Timeouts

LONGEST_NAME = 256


class Route(msgspec.Struct, frozen=True):
    """A declared name: weighted targets, of which one is drawn, then the others, then the fallbacks in order."""

    targets: tuple[tuple[Target, int], ...]
    fallbacks: tuple[Target, ...]
    retries: int | None = None
    strict: bool = False
    timeouts: dict[str, Timeouts] | None = None


class Router:
    """Resolves names against declared routes, configured providers and the catalogue. Holds no I/O."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        providers: frozenset[str],
        providers_for: Callable[[str], tuple[str, ...]],
        *,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._routes = routes
        self._providers = providers
        self._providers_for = providers_for
        self._draw = draw
        self._plans: dict[str, Plan] = {}

    def plan(self, name: str) -> Plan:
        """The ordered targets for `name`: a declared name, `provider/model`, or a bare name the catalogue knows.

        Raises UnknownModel, or BadRequest for a name that no model can have.
        """
        plan = self._plans.get(name)
        if plan is not None:
            return plan
        route = self._routes.get(name)
        if route is not None:
            plan = self._drawn(route)
            if len(route.targets) > 1:
                return plan
        else:
            plan = Plan((self.target(name),))
        if len(self._plans) >= _MEMO:
            self._plans.clear()
        self._plans[name] = plan
        return plan

    def target(self, name: str) -> Target:
        """The one target that an undeclared name means."""
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise BadRequest("`model` must be 1 to 256 printable characters", param="model")
        provider, slash, model = name.partition("/")
        if slash and provider in self._providers and model:
            return Target(provider, model)
        known = self._providers_for(name)
        if len(known) == 1:
            return Target(known[0], name)
        if known:
            choices = ", ".join(f"{one}/{name}" for one in known)
            raise UnknownModel(
                f"several providers serve the model {name!r}; ask for one of: {choices}", param="model"
            )
        raise UnknownModel(
            f"the model {name!r} is not known here: use `provider/model` with one of the configured providers "
            f"({', '.join(sorted(self._providers))}) or a name that the gateway declares",
            param="model",
        )

    def _drawn(self, route: Route) -> Plan:
        pool = list(route.targets)
        ordered: list[Target] = []
        while len(pool) > 1:
            bounds = list(accumulate(weight for _, weight in pool))
            point = self._draw() * bounds[-1]
            ordered.append(pool.pop(next(i for i, bound in enumerate(bounds) if point < bound))[0])
        ordered.append(pool[0][0])
        unique = dict.fromkeys((*ordered, *route.fallbacks))
        return Plan(tuple(unique), route.retries, route.strict, route.timeouts)


_MEMO = 4096
"""Plans kept; callers choose the names, so the memo is bounded."""
