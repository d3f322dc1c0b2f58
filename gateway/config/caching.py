"""Reading the section `cache`, and the settings of that name in routes, teams and keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast, get_args

from gateway.config.caching_model import CacheConfig
from gateway.config.nodes import Node
from gateway.config.problems import ConfigError, Problem, nearest
from gateway.config.reading import (
    Read,
    Section,
    boolean,
    byte_size,
    choice,
    decimal,
    duration,
    integer,
    list_of,
    optional_mapping,
    section,
    text,
)
from gateway.config.resilience import share
from gateway.config.values import path
from gateway.schemas.caching import (
    LOWEST_SAME_WORDS,
    LOWEST_THRESHOLD,
    SCOPES,
    SEMANTIC_ANYWAY,
    Changes,
    Mode,
    Scope,
    Semantic,
    Settings,
    Verifier,
)

_ttl: Read[float] = duration(1, 366 * 86_400)
_scope: Read[str] = choice(*SCOPES)
_EMBEDDERS = "static, onnx with a path, or provider/model"


def mode(node: Node) -> Mode:
    """off, asked, exact or semantic; YAML takes `off` for a boolean."""
    if node.kind == "boolean":
        if node.text.lower() in ("false", "no", "off"):
            return "off"
        raise node.where.error("must be off, asked, exact or semantic", "exact answers equal requests")
    return cast(Mode, choice(*get_args(Mode))(node))


def threshold(node: Node) -> float:
    """How alike two questions have to be."""
    found = float(decimal(node))
    if found > 1:
        raise node.where.error("must be a number from 0.9 to 1")
    if found < LOWEST_THRESHOLD:
        hint = "below 0.90 half of the look-alikes are answered wrongly; 0.93 is the default"
        raise node.where.error("is too low to tell questions apart", hint)
    return found


def changes(node: Node) -> Changes:
    """What a route, a team or a key has otherwise; a mode alone is one, too."""
    if node.kind in ("text", "boolean"):
        return Changes(mode=mode(node))
    return section(_changes)(node)


def _changes(given: Section) -> Changes:
    for name, hint in _ONE_FOR_ALL.items():
        if given.has(name):
            given.get(name, _anything, None)
            given.fail(name, "is the same for all requests", hint)
    return Changes(
        mode=given.get("mode", mode, None),
        ttl=given.get("ttl", _ttl, None),
        scope=cast(Scope | None, given.get("scope", _scope, None)),
        threshold=given.get("threshold", threshold, None),
    )


def _anything(node: Node) -> Node:
    return node


_AT_THE_TOP = "write it in cache at the top of the file"
_MEANT_AT_THE_TOP = (
    "write it in cache.semantic at the top of the file: questions that are kept are all compared in one way"
)
_OF_MEANING = tuple(Semantic.__struct_fields__)
_ONE_FOR_ALL = {
    "semantic": "here only mode and threshold may be others; write the rest in cache.semantic at the top of the file",
    **{name: _MEANT_AT_THE_TOP for name in _OF_MEANING if name != "threshold"},
    **dict.fromkeys(("max_size", "max_entry", "replay", "coalesce"), _AT_THE_TOP),
}
"""Settings of the section that routes, teams and keys cannot change."""


def cache(top: Section, base: Path) -> CacheConfig | None:
    """The whole of it; None where the file has no such section. What a route or account says without one, or of a
    meaning that nobody looks for, is a mistake."""
    found = top.get("cache", lambda node: _read(node, base, frozenset(_providers(top))), None)
    accounts = _accounts(top)
    if top.has("cache"):
        if found is not None:
            top.problems += _misplaced(top, found)
        return None if found is None else CacheConfig(found, accounts)
    for node in _nodes(top):
        hint = (
            "write cache: {mode: exact} at the top of the file, or {mode: asked} for what else is not cached"
        )
        top.problems.append(node.where.problem("changes a cache that there is not", hint))
    return None


def _read(node: Node, base: Path, providers: frozenset[str]) -> Settings:
    if node.kind in ("text", "boolean"):
        return Settings(mode=mode(node), semantic=Semantic() if node.text == "semantic" else None)
    return section(lambda given: _settings(given, base, providers))(node)


def _settings(given: Section, base: Path, providers: frozenset[str]) -> Settings:
    usual = Settings()
    for name in _OF_MEANING:
        if given.has(name):
            given.get(name, _anything, None)
            given.fail(name, "is a setting of cache.semantic", f"write semantic: {{{name}: …}}")
    if given.has("enabled"):
        given.get("enabled", _anything, None)
        given.fail("enabled", "is said by the mode", "mode: exact, or mode: off")
    found = Settings(
        mode=given.get("mode", mode, usual.mode),
        ttl=given.get("ttl", _ttl, usual.ttl),
        scope=cast(Scope, given.get("scope", _scope, usual.scope)),
        max_size=given.get("max_size", byte_size(1 << 20, 1 << 40), usual.max_size),
        max_entry=given.get("max_entry", byte_size(1 << 10, 64 << 20), usual.max_entry),
        replay="paced" if given.get("replay", choice("at_once", "paced"), "") == "paced" else "at_once",
        coalesce=given.get("coalesce", boolean, usual.coalesce),
        semantic=given.get("semantic", lambda node: _semantic_at(node, base, providers), None),
    )
    if found.max_entry > found.max_size:
        given.fail("max_entry", "is more than all entries may take together", "raise max_size")
    if found.mode == "semantic" and not given.has("semantic"):
        return Settings(**{name: getattr(found, name) for name in _PLAIN}, semantic=Semantic())
    return found


_PLAIN = tuple(name for name in Settings.__struct_fields__ if name != "semantic")


def _semantic_at(node: Node, base: Path, providers: frozenset[str]) -> Semantic:
    if node.kind == "boolean":
        hint = "semantic: {} for the usual ones; without it nothing is found by its meaning"
        raise node.where.error("must be a mapping of settings", hint)
    return section(lambda given: _semantic(given, base, providers))(node)


def _semantic(given: Section, base: Path, providers: frozenset[str]) -> Semantic:
    usual = Semantic()
    embedder = given.get("embedder", lambda node: _embedder(node, providers), usual.embedder)
    where = given.get("path", path(base), "")
    if embedder == "onnx" and not given.has("path"):
        given.fail("path", "onnx needs the model's directory", "path: /models/all-MiniLM-L6-v2")
    elif embedder != "onnx" and where:
        given.fail("path", "belongs to embedder: onnx")
    allow = given.get("allow", list_of(choice(*SEMANTIC_ANYWAY), example="such as [tools]"), ())
    return Semantic(
        threshold=given.get("threshold", threshold, usual.threshold),
        same_words=given.get("same_words", _same_words, usual.same_words),
        embedder=embedder,
        path=where,
        verifier=given.get("verifier", lambda node: _verifier(node, base), None),
        max_tokens=given.get("max_tokens", integer(1, 8192), usual.max_tokens),
        max_temperature=given.get("max_temperature", _temperature, usual.max_temperature),
        allow=tuple(dict.fromkeys(allow)),
        verify=given.get("verify", share, usual.verify),
        error_bound=given.get("error_bound", share, usual.error_bound),
    )


def _same_words(node: Node) -> float:
    found = float(decimal(node))
    if not LOWEST_SAME_WORDS <= found <= 1:
        hint = "questions of the same words are hardly ever less alike; the threshold, or more, leaves them to it"
        raise node.where.error("must be a number from 0.5 to 1", hint)
    return found


def _verifier(node: Node, base: Path) -> Verifier:
    if node.kind == "text":
        return Verifier(path(base)(node))
    return section(lambda given: _verifier_settings(given, base))(node)


def _verifier_settings(given: Section, base: Path) -> Verifier:
    where = given.get("path", path(base), "")
    if not given.has("path"):
        given.fail("path", "the verifier needs the model's directory", "path: /models/quora-cross-encoder")
    usual = Verifier(where)
    return Verifier(
        path=where,
        score=given.get("score", _score, usual.score),
        reworded=given.get("reworded", boolean, usual.reworded),
    )


def _score(node: Node) -> float:
    found = float(decimal(node))
    if not 0.5 <= found <= 1:
        raise node.where.error(
            "must be a number from 0.5 to 1", "below, the model says that they are not the same"
        )
    return found


def _temperature(node: Node) -> float:
    return float(decimal(node))


def _embedder(node: Node, providers: frozenset[str]) -> str:
    name = text(node)
    if name in ("static", "onnx"):
        return name
    provider, _, model = name.partition("/")
    if not model or provider not in providers:
        near = nearest(provider, providers) if model else nearest(name, ("static", "onnx"))
        hint = (f"did you mean {near}{'/…' if model else ''}?") if near else f"write {_EMBEDDERS}"
        raise node.where.error("is no embedder and no model of a configured provider", hint)
    return name


# --- routes, teams, keys ---

_HOLDERS = (("models", ""), ("teams", "team:"), ("keys", "key:"))


def _providers(top: Section) -> Mapping[str, Node]:
    return optional_mapping(top.node("providers"))


def _accounts(top: Section) -> dict[str, Changes]:
    """Mistakes are reported where the key or team itself is read."""
    found: dict[str, Changes] = {}
    for holder, prefix in _HOLDERS[1:]:
        for name, entry in optional_mapping(top.node(holder)).items():
            node = optional_mapping(entry).get("cache")
            if node is None or node.kind in ("null", "broken"):
                continue
            try:
                found[prefix + name] = changes(node)
            except ConfigError:
                continue
    return found


def _nodes(top: Section) -> list[Node]:
    """Every `cache` that is not the top one."""
    entries = [entry for holder, _ in _HOLDERS for entry in optional_mapping(top.node(holder)).values()]
    nodes = [optional_mapping(entry).get("cache") for entry in entries]
    return [node for node in nodes if node is not None and node.kind not in ("null", "broken")]


def _misplaced(top: Section, found: Settings) -> list[Problem]:
    """What is said of likeness where nothing is looked for by its meaning."""
    if found.semantic is not None:
        return []
    problems = []
    for node in _nodes(top):
        for name, inner in {"": node, **optional_mapping(node)}.items():
            meant = inner.text == "semantic" if name in ("", "mode") else name == "threshold"
            if meant and inner.kind in ("text", "number"):
                hint = "write cache: {semantic: {}} at the top of the file"
                problems.append(inner.where.problem("needs the semantic cache, which is not set up", hint))
    return problems
