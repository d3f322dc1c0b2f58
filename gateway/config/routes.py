"""The declared model names: weighted targets and fallbacks, followed down to providers' models."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import gcd, lcm

import msgspec

from gateway.config.model import ModelRoute, Retries, RouteTarget, TimeoutChanges
from gateway.config.nodes import Node, Where
from gateway.config.problems import ConfigError, Problem, nearest
from gateway.config.reading import Section, boolean, choice, list_of, named, optional_mapping, section
from gateway.config.sections import retries, timeouts, weight
from gateway.config.values import declared_name, model_name

_EXAMPLE = "such as [openai/gpt-4o-mini, {model: my-vllm/llama-3.1-8b, weight: 2}]"
_FINEST = 1_000_000
"""Into how many parts at most a route's traffic is divided when routes stand in routes."""


class Reference(msgspec.Struct, frozen=True):
    """A name as a route mentions it, with its place."""

    name: str
    where: Where
    weight: int = 1


class Draft(msgspec.Struct, frozen=True):
    """A route as written, its references not followed yet."""

    targets: tuple[Reference, ...]
    fallbacks: tuple[Reference, ...] = ()
    timeouts: TimeoutChanges | None = None
    retries: Retries | None = None
    strict: bool = False

    def references(self) -> tuple[Reference, ...]:
        return self.targets + self.fallbacks


class Names(msgspec.Struct, frozen=True):
    """What a route may mention: `provider/model` of `providers`, or a name of `declared`."""

    providers: frozenset[str]
    declared: frozenset[str]

    def reference(self, node: Node) -> Reference:
        """A mentioned name. Raises ConfigError where it leads nowhere."""
        name = model_name(node)
        if name not in self.declared and not is_direct(name, self.providers):
            raise node.where.error(*self._why_unknown(name))
        return Reference(name, node.where)

    def target(self, node: Node) -> Reference:
        """A mentioned name, with its weight where it has one."""
        return section(self._weighted)(node) if node.kind == "mapping" else self.reference(node)

    def draft(self, name: str, node: Node) -> Draft:
        """The route `name`; text alone is its one target."""
        declared_name(name, node)
        return Draft((self.reference(node),)) if node.kind == "text" else section(self._draft)(node)

    def _draft(self, given: Section) -> Draft:
        given.get("strategy", choice("weighted"), "weighted")
        targets = given.need("targets", list_of(self.target, example=_EXAMPLE), (), _EXAMPLE)
        if given.has("targets") and not targets and not given.problems:
            given.fail("targets", "is empty", _EXAMPLE)
        return Draft(
            targets=targets,
            fallbacks=given.get("fallbacks", list_of(self.reference), ()),
            timeouts=given.get("timeouts", section(timeouts), None),
            retries=given.get("retries", section(retries), None),
            strict=given.get("strict", boolean, False),
        )

    def _weighted(self, given: Section) -> Reference:
        found = given.need("model", self.reference, Reference("", given.where), "such as openai/gpt-4o-mini")
        return msgspec.structs.replace(found, weight=given.get("weight", weight, 1))

    def _why_unknown(self, name: str) -> tuple[str, str]:
        provider, slash, model = name.partition("/")
        listed = ", ".join(sorted(self.providers))
        configured = f"configured: {listed}" if listed else "no provider is configured"
        if not slash:
            near = nearest(name, self.declared)
            hint = f"did you mean {near}?" if near else configured
            return "is neither provider/model nor a declared name", hint
        if not model:
            return "names no model after the slash", "write it as provider/model"
        near = nearest(provider, self.providers)
        return "names a provider that is not configured", f"did you mean {near}/…?" if near else configured


def routes(node: Node, providers: frozenset[str]) -> dict[str, ModelRoute]:
    """Every declared name with targets that are all `provider/model`. Raises ConfigError.

    A route may be called `provider/model` itself, to give that model fallbacks; as a target it means the model.
    """
    names = frozenset(name for name in optional_mapping(node) if not is_direct(name, providers))
    drafts = named(Names(providers, names).draft)(node)
    inner = {name: draft for name, draft in drafts.items() if name in names}
    problems = list(_circles(inner))
    if problems:
        raise ConfigError(problems)
    done: dict[str, ModelRoute] = {}
    for name in inner:
        _follow(name, inner, done)
    return {name: done[name] if name in inner else _flat(draft, done) for name, draft in drafts.items()}


def is_direct(name: str, providers: frozenset[str]) -> bool:
    """Whether `name` is `provider/model` of a configured provider."""
    provider, _, model = name.partition("/")
    return bool(model) and provider in providers


def _circles(drafts: Mapping[str, Draft]) -> Iterator[Problem]:
    """References that lead back to a route on the way to them."""
    seen: set[str] = set()
    for start in drafts:
        if start in seen:
            continue
        way: list[tuple[str, Iterator[Reference]]] = [(start, iter(drafts[start].references()))]
        while way:
            one = next(way[-1][1], None)
            names = [name for name, _ in way]
            if one is None:
                seen.add(names[-1])
                way.pop()
            elif one.name in names:
                circle = [*names[names.index(one.name) :], one.name]
                yield one.where.problem("leads back to itself", " → ".join(circle))
            elif one.name in drafts and one.name not in seen:
                way.append((one.name, iter(drafts[one.name].references())))


def _follow(name: str, drafts: Mapping[str, Draft], done: dict[str, ModelRoute]) -> None:
    """Puts the route `name` into `done`, after the routes that it mentions."""
    waiting = [name]
    while waiting:
        draft = drafts[waiting[-1]]
        missing = [one.name for one in draft.references() if one.name in drafts and one.name not in done]
        if missing:
            waiting += missing
        else:
            done[waiting.pop()] = _flat(draft, done)


def _flat(draft: Draft, done: Mapping[str, ModelRoute]) -> ModelRoute:
    nested = [done[one.name] for one in draft.targets if one.name in done]
    fallbacks = [name for one in draft.fallbacks for name in _in_order(one.name, done)]
    fallbacks += [name for route in nested for name in route.fallbacks]
    targets = _shares(draft, done) if nested else _targets(draft)
    tried = {target.model for target in targets}  # all of them are, before the first fallback
    return ModelRoute(
        targets=targets,
        fallbacks=tuple(name for name in dict.fromkeys(fallbacks) if name not in tried),
        timeouts=draft.timeouts,
        retries=draft.retries,
        strict=draft.strict,
    )


def _targets(draft: Draft) -> tuple[RouteTarget, ...]:
    return tuple(RouteTarget(one.name, one.weight) for one in draft.targets)


def _in_order(name: str, done: Mapping[str, ModelRoute]) -> list[str]:
    """What a fallback stands for: itself, or a route's targets, the heaviest first, and its fallbacks."""
    route = done.get(name)
    if route is None:
        return [name]
    heaviest = sorted(route.targets, key=lambda target: -target.weight)
    return [*(target.model for target in heaviest), *route.fallbacks]


def _shares(draft: Draft, done: Mapping[str, ModelRoute]) -> tuple[RouteTarget, ...]:
    """The targets of a route that holds routes; each inner target gets its share of its route's share."""
    total = sum(one.weight for one in draft.targets)
    shares: dict[str, Fraction] = {}
    for one in draft.targets:
        inner = done[one.name].targets if one.name in done else (RouteTarget(one.name),)
        inside = sum(target.weight for target in inner)
        for target in inner:
            share = Fraction(one.weight * target.weight, total * inside)
            shares[target.model] = shares.get(target.model, Fraction(0)) + share
    parts = min(lcm(*(share.denominator for share in shares.values())), _FINEST)
    weights = {model: max(1, round(share * parts)) for model, share in shares.items()}
    common = gcd(*weights.values())
    return tuple(RouteTarget(model, number // common) for model, number in weights.items())
