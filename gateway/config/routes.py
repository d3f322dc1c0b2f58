"""The declared model names: routes of weighted targets and fallbacks, which may be routes themselves."""

from collections.abc import Iterator, Mapping

import msgspec

from gateway.config.caching import changes
from gateway.config.model import ModelRoute, Retries, RouteTarget, ShadowTarget, Sticky, TimeoutChanges
from gateway.config.nodes import Node, Where
from gateway.config.problems import ConfigError, Problem, nearest
from gateway.config.reading import Section, boolean, choice, list_of, named, optional_mapping, section
from gateway.config.resilience import concurrency, hedge, route_retries
from gateway.config.sections import timeouts, weight
from gateway.config.shadows import shadows
from gateway.config.stickiness import sticky
from gateway.config.values import declared_name, model_name, tag
from gateway.schemas.caching import Changes
from gateway.schemas.plan import Concurrency, Hedge

STRATEGIES = (
    *(
        "weighted",
        "ordered",
        "round_robin",
        "least_busy",
        "latency",
        "cost",
        "headroom",
        "sticky",
        "adaptive",
    ),
)
LARGEST = 64
"""Targets of a route, those of the routes in it and of its fallbacks included."""

DEEPEST = 6
"""Routes in routes."""

LARGEST_WRITTEN = 512
"""Members of a route when the routes in it are written out, each as often as it is mentioned."""

_EXAMPLE = "such as [openai/gpt-4o-mini, {model: my-vllm/llama-3.1-8b, weight: 2}]"
_MOST_TAGS = 31


class Reference(msgspec.Struct, frozen=True):
    """A name as a route mentions it, with its place."""

    name: str
    where: Where
    weight: int = 1
    tags: tuple[str, ...] = ()
    concurrency: Concurrency | None = None


class Draft(msgspec.Struct, frozen=True):
    """A route as written, its references not followed yet."""

    where: Where
    targets: tuple[Reference, ...]
    fallbacks: tuple[Reference, ...] = ()
    strategy: str = "weighted"
    sticky: Sticky | None = None
    timeouts: TimeoutChanges | None = None
    retries: Retries | None = None
    strict: bool = False
    shadow: tuple[ShadowTarget, ...] = ()
    hedge: Hedge | None = None
    mid_stream: str = ""
    cache: Changes | None = None

    def references(self) -> tuple[Reference, ...]:
        return self.targets + self.fallbacks

    def route(self) -> ModelRoute:
        """Without the places."""
        return ModelRoute(
            targets=tuple(
                RouteTarget(one.name, one.weight, one.tags, one.concurrency) for one in self.targets
            ),
            fallbacks=tuple(RouteTarget(one.name, 1, one.tags, one.concurrency) for one in self.fallbacks),
            strategy=self.strategy,
            sticky=self.sticky,
            timeouts=self.timeouts,
            retries=self.retries,
            strict=self.strict,
            shadow=self.shadow,
            hedge=self.hedge,
            mid_stream=self.mid_stream,
            cache=self.cache,
        )


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

    def direct(self, node: Node) -> str:
        """A `provider/model` of a configured provider."""
        name = self.reference(node).name
        if not is_direct(name, self.providers):
            raise node.where.error("is no provider/model", "a shadow is one model of one provider")
        return name

    def target(self, node: Node) -> Reference:
        """A mentioned name, with its weight and tags where it has any."""
        return section(self._weighted)(node) if node.kind == "mapping" else self.reference(node)

    def fallback(self, node: Node) -> Reference:
        """A mentioned name, with its tags where it has any."""
        return section(self._tagged)(node) if node.kind == "mapping" else self.reference(node)

    def draft(self, name: str, node: Node) -> Draft:
        """The route `name`; text alone is its one target."""
        declared_name(name, node)
        if node.kind == "text":
            return Draft(node.where, (self.reference(node),))
        return section(self._draft)(node)

    def _draft(self, given: Section) -> Draft:
        strategy = given.get("strategy", choice(*STRATEGIES), "weighted")
        targets = given.need("targets", list_of(self.target, example=_EXAMPLE), (), _EXAMPLE)
        if given.has("targets") and not targets and not given.problems:
            given.fail("targets", "is empty", _EXAMPLE)
        if given.has("sticky") and strategy != "sticky":
            given.fail("sticky", "belongs to the strategy sticky", "write strategy: sticky")
        return Draft(
            given.where,
            targets=targets,
            fallbacks=given.get("fallbacks", list_of(self.fallback), ()),
            strategy=strategy,
            sticky=given.get("sticky", sticky, Sticky() if strategy == "sticky" else None),
            timeouts=given.get("timeouts", section(timeouts), None),
            retries=given.get("retries", section(route_retries), None),
            strict=given.get("strict", boolean, False),
            shadow=given.get("shadow", shadows(self.direct), ()),
            hedge=given.get("hedge", section(hedge), None),
            mid_stream=given.get("mid_stream", choice("error", "resume"), ""),
            cache=given.get("cache", changes, None),
        )

    def _weighted(self, given: Section) -> Reference:
        return msgspec.structs.replace(self._tagged(given), weight=given.get("weight", weight, 1))

    def _tagged(self, given: Section) -> Reference:
        found = given.need("model", self.reference, Reference("", given.where), "such as openai/gpt-4o-mini")
        tags = given.get("tags", list_of(tag, example="such as [eu, zero-retention]"), ())
        bound = given.get("concurrency", concurrency, None)
        if bound is not None and found.name and not is_direct(found.name, self.providers):
            given.fail("concurrency", "bounds no route", "write it where its provider/model stands")
        return msgspec.structs.replace(found, tags=tuple(dict.fromkeys(tags)), concurrency=bound)

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
    """Every declared name as a route whose members are `provider/model` or other declared names. Raises ConfigError.

    A route may be called `provider/model` itself, to give that model fallbacks; as a target it means the model.
    """
    names = frozenset(name for name in optional_mapping(node) if not is_direct(name, providers))
    drafts = named(Names(providers, names).draft)(node)
    inner = {name: draft for name, draft in drafts.items() if name in names}
    problems = [*(list(_circles(inner)) or _outgrown(drafts, inner)), *_disagreeing(drafts)]
    if problems:
        raise ConfigError(problems)
    return {name: draft.route() for name, draft in drafts.items()}


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


def _disagreeing(drafts: Mapping[str, Draft]) -> Iterator[Problem]:
    """A model has one bound, wherever it is mentioned."""
    bounds: dict[str, Concurrency] = {}
    for one in [one for draft in drafts.values() for one in draft.references()]:
        if one.concurrency is not None and bounds.setdefault(one.name, one.concurrency) != one.concurrency:
            hint = "it bounds the model by whatever name: once is enough"
            yield one.where.problem("has another concurrency elsewhere", hint)


class Extent(msgspec.Struct, frozen=True):
    """How far a route reaches: its `targets` and their tags, how deep its routes are, how long it is written out."""

    targets: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    depth: int = 1
    written: int = 0


def _outgrown(drafts: Mapping[str, Draft], inner: Mapping[str, Draft]) -> Iterator[Problem]:
    """Routes that are too large to plan. `inner` are those that others may mention; none leads back to itself."""
    done: dict[str, Extent] = {}
    for name, draft in drafts.items():
        for one in _below(name, drafts, inner, done):
            done[one] = _extent(drafts[one], inner, done)
        found = done[name]
        if len(found.targets) > LARGEST or len(draft.references()) > LARGEST:
            yield draft.where.problem(f"has more than {LARGEST} targets", "divide it into several names")
        elif found.depth > DEEPEST:
            yield draft.where.problem(f"is more than {DEEPEST} routes deep", "put its targets together")
        elif found.written > LARGEST_WRITTEN:
            yield draft.where.problem(
                f"has more than {LARGEST_WRITTEN} members with the routes in it written out",
                "mention each of them once",
            )
        elif len(found.tags) > _MOST_TAGS:
            yield draft.where.problem(f"has more than {_MOST_TAGS} different tags")


def _below(
    name: str, drafts: Mapping[str, Draft], inner: Mapping[str, Draft], done: Mapping[str, Extent]
) -> list[str]:
    """The route `name` and those that it mentions, what is mentioned before what mentions it; none that is `done`."""
    found: list[str] = []
    seen: set[str] = set()
    waiting = [(name, False)]
    while waiting:
        one, followed = waiting.pop()
        if followed:
            found.append(one)
        elif one not in seen and one not in done:
            seen.add(one)
            waiting.append((one, True))
            waiting += [(below.name, False) for below in drafts[one].references() if below.name in inner]
    return found


def _extent(draft: Draft, inner: Mapping[str, Draft], done: Mapping[str, Extent]) -> Extent:
    """Beyond the bounds the numbers no longer matter, but they stay small."""
    leaf = Extent(depth=0, written=1)
    parts = [done[one.name] if one.name in inner else leaf for one in draft.references()]
    own = frozenset(one.name for one in draft.references() if one.name not in inner)
    tags = frozenset(tag for one in draft.references() for tag in one.tags)
    return Extent(
        own.union(*(part.targets for part in parts)),
        tags.union(*(part.tags for part in parts)),
        1 + max((part.depth for part in parts), default=0),
        min(LARGEST_WRITTEN + 1, sum(part.written for part in parts)),
    )
