"""Declared names as the router plans them: the configuration's trees, the catalogue's facts, the targets' health."""

from collections.abc import Callable, Iterable
from time import time
from typing import Any

from gateway._speedups.health import TargetHealth
from gateway._speedups.routing import Leaf
from gateway.config import Config, ModelRoute, RouteTarget, Sticky, timeouts_for
from gateway.config.routes import is_direct
from gateway.providers.catalog import Catalog
from gateway.providers.facts import ATTO_PER_NANO, ModelFacts
from gateway.providers.prices import rates_at
from gateway.routing import needs
from gateway.routing.names import Router, Served
from gateway.routing.stickiness import hashed
from gateway.routing.trees import Route, Uses
from gateway.schemas.plan import Plan, Shadow, Target

HealthOf = Callable[[Target], TargetHealth]

_ABILITIES = (
    (needs.VISION, "vision"),
    (needs.TOOLS, "tools"),
    (needs.JSON_SCHEMA, "json_schema"),
    (needs.REASONING, "reasoning"),
    (needs.AUDIO, "audio"),
    (needs.DOCUMENTS, "pdf"),
)
_USUAL_TOKENS = 1000
"""The size of prompt whose rates stand for a model's, where long ones have others."""


def router(config: Config, catalog: Catalog, healths: HealthOf) -> Router:
    """Names to plans."""
    served = Served(
        {name: one.timeouts for name, one in config.providers.items()},
        catalog.providers_for,
        frozenset(name for name, one in config.providers.items() if one.type == "openrouter"),
    )
    return Router(lambda: routes(config, catalog, healths), served, config.per_request)


def routes(config: Config, catalog: Catalog, healths: HealthOf) -> dict[str, Route]:
    """Every declared name, with what is known of its targets now."""
    return {name: route(config, name, catalog, healths) for name in config.models}


def target(name: str) -> Target:
    """`provider/model` as a target; the model may hold further slashes."""
    provider, _, model = name.partition("/")
    return Target(provider, model)


def declared(config: Config) -> frozenset[str]:
    """Every `provider/model` that the configuration names."""
    providers = frozenset(config.providers)
    listed = {f"{name}/{model}" for name, one in config.providers.items() for model in one.models}
    for one in config.models.values():
        listed.update(shadow.model for shadow in one.shadow)
        listed.update(
            member.model for member in (*one.targets, *one.fallbacks) if is_direct(member.model, providers)
        )
    return frozenset(listed)


def first_target(config: Config, route: ModelRoute) -> Target:
    """The first target of a route, however deep."""
    providers = frozenset(config.providers)
    name = route.targets[0].model
    while not is_direct(name, providers):
        name = config.models[name].targets[0].model
    return target(name)


class Growth:
    """A route while its tree is put together: its targets by name, with the tags under which they are mentioned."""

    def __init__(self, config: Config) -> None:
        self._models = config.models
        self._providers = frozenset(config.providers)
        self._sticky: list[Sticky] = []
        self.numbers: dict[str, int] = {}
        self.tags: dict[str, int] = {}
        self.tagged: dict[str, int] = {}
        self.strategies: set[str] = set()

    @property
    def sticky(self) -> Sticky | None:
        """What keeps requests together: the outermost route's word counts."""
        return self._sticky[0] if self._sticky else None

    def tree(self, route: ModelRoute, mask: int = 0) -> tuple[str, tuple[tuple[Any, int], ...]]:
        """The route's targets as the planner takes them."""
        self.strategies.add(route.strategy)
        if route.sticky is not None:
            self._sticky.append(route.sticky)
        return route.strategy, tuple([(self.member(one, mask), one.weight) for one in route.targets])

    def fallbacks(self, route: ModelRoute, mask: int = 0) -> list[Any]:
        return [self.member(one, mask) for one in route.fallbacks]

    def member(self, mentioned: RouteTarget, mask: int) -> Any:
        """A target's number, or the tree of a route, its fallbacks after its targets."""
        name = mentioned.model
        for tag in mentioned.tags:
            mask |= self.tags.setdefault(tag, 1 << len(self.tags))
        if is_direct(name, self._providers):
            self.tagged[name] = self.tagged.get(name, 0) | mask
            return self.numbers.setdefault(name, len(self.numbers))
        route = self._models[name]
        tree = self.tree(route, mask)
        after = self.fallbacks(route, mask)
        return ("ordered", ((tree, 1), *((one, 1) for one in after))) if after else tree


def route(config: Config, name: str, catalog: Catalog, healths: HealthOf) -> Route:
    """A declared name with its targets, and what of a request makes a difference to them."""
    given = config.models[name]
    growth = Growth(config)
    tree = growth.tree(given)
    fallbacks = growth.fallbacks(given)
    leaves, known = [], []
    for one in growth.numbers:
        place = target(one)
        facts = catalog.describe(place.provider, place.model)
        known.append(facts)
        leaves.append(leaf(place, facts, healths(place), growth.tagged[one]))
    return Route(
        usual_plan(config, name, {one.partition("/")[0] for one in growth.numbers}),
        leaves,
        tree,
        fallbacks,
        uses(known, growth),
        growth.tags,
    )


def leaf(place: Target, facts: ModelFacts | None, health: TargetHealth, tags: int) -> Leaf:
    """A target with what the catalogue knows of it: what nobody knows is tried."""
    mark = hashed(f"{place.provider}/{place.model}".encode())
    if facts is None:
        return Leaf(place, health, tags=tags, mark=mark)
    price_in, price_out = prices(facts)
    return Leaf(
        place,
        health,
        unable=unable(facts),
        window=facts.context_window or 0,
        max_output=facts.max_output or 0,
        price_in=price_in,
        price_out=price_out,
        tags=tags,
        mark=mark,
    )


def unable(facts: ModelFacts) -> int:
    """The abilities that a model is known not to have."""
    return sum(bit for bit, name in _ABILITIES if getattr(facts.abilities, name) is False)


def prices(facts: ModelFacts) -> tuple[float, float]:
    """Nano-dollars a million tokens in and out, now; -1 where that is unknown."""
    rates = rates_at(facts, _USUAL_TOKENS, int(time()))
    if rates is None or rates.input is None or rates.output is None:
        return -1.0, -1.0
    return rates.input / _ATTO_TO_NANO_A_MILLION, rates.output / _ATTO_TO_NANO_A_MILLION


def uses(known: Iterable[ModelFacts | None], growth: Growth) -> Uses:
    """What of a request the route must know."""
    found = [facts for facts in known if facts is not None]
    lacking = 0
    for facts in found:
        lacking |= unable(facts)
    windows = [facts.context_window for facts in found if facts.context_window]
    return Uses(
        lacking,
        min(windows, default=0),
        any(facts.max_output for facts in found),
        bool(growth.strategies & {"cost", "adaptive"}),
        growth.sticky,
    )


def usual_plan(config: Config, name: str, providers: Iterable[str]) -> Plan:
    """A route's plan but for its targets."""
    given = config.models[name]
    return Plan(
        (),
        retries=None if given.retries is None else given.retries.max,
        strict=given.strict,
        timeouts=None
        if given.timeouts is None
        else {one: timeouts_for(config, one, given) for one in providers},
        mid_stream=given.mid_stream,
        hedge=given.hedge,
        route=name,
        shadow=tuple([Shadow(target(one.model), one.share) for one in given.shadow]),
    )


_ATTO_TO_NANO_A_MILLION = ATTO_PER_NANO / 1_000_000
