"""A Config in words and tables, for the person who wrote it; credentials appear as stars."""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from gateway.config.cached import cache_rows, cache_words
from gateway.config.grants import credential_words
from gateway.config.model import (
    Config,
    Known,
    KnownProvider,
    ModelRoute,
    ProviderConfig,
    ProviderKey,
    RouteTarget,
)
from gateway.config.routes import is_direct
from gateway.config.rule_model import RuleConfig
from gateway.config.secret import STARS
from gateway.config.units import seconds_text, size_text
from gateway.schemas.governance import Governance
from gateway.schemas.plan import Concurrency

Row = Sequence[str]

_WIDEST = 60
"""Letters of a condition that are shown."""


def explain(config: Config, known: Known) -> str:
    """Several lines: where it listens, who may call, what it calls, and what names mean."""
    parts = [_facts(config), _providers(config, known), _models(config)]
    if config.cache is not None and (others := cache_rows(config, config.cache)):
        parts.append(_table([("CACHE OF", "IS"), *others]))
    if config.rules:
        parts.append(_table([("RULE", "WHEN", "DOES"), *map(_rule, config.rules)]))
    return "\n\n".join("\n".join(lines) for lines in parts)


def _facts(config: Config) -> Iterator[str]:
    server, limits, waits = config.server, config.limits, config.timeouts
    retries = _count(config.retries.max, "retry", "retries")
    rows = [
        ("Listens on", _url(server.host, server.port)),
        ("Admin API", _url(config.admin.host, server.admin_port) if config.admin.enabled else "off"),
        ("Store", _store(config)),
        ("Workers", f"{server.workers}, draining for up to {seconds_text(server.drain)} when stopped"),
        ("Callers", _callers(config)),
        (
            "Time-outs",
            ", ".join(f"{name} {seconds_text(value)}" for name, value in _waits(waits)) + f"; {retries}",
        ),
        ("Limits", f"request {size_text(limits.max_body)}, answer {size_text(limits.max_answer)}"),
        ("Log", f"{config.log.level}, {config.log.format}"),
    ]
    if config.governance.limits or config.governance.budgets:
        rows.insert(4, ("Bounds", _bounds(config.governance)))
    if config.records.bodies != "off":
        whose = "everybody's" if config.records.bodies == "all" else "those of keys that say so"
        rows.append(("Bodies", f"prompts and answers are kept: {whose}"))
    if config.cache is not None:
        rows.append(("Cache", cache_words(config, config.cache)))
    return _table(rows)


def _store(config: Config) -> str:
    """Where it is, without who may enter."""
    if not (config.admin.enabled or config.journal.enabled):
        return "none is needed"
    if config.store.url is None:
        return f"SQLite, {config.data}/gateway.db"
    parts = urlsplit(config.store.url.reveal())
    if parts.scheme == "sqlite":
        return f"SQLite, {parts.path.removeprefix('/')}"
    return f"PostgreSQL at {parts.hostname or 'this machine'}{parts.path}"


def _bounds(governance: Governance) -> str:
    limits, budgets = len(governance.limits), len(governance.budgets)
    return f"{_count(limits, 'limit', 'limits')}, {_count(budgets, 'budget', 'budgets')}"


def _waits(waits: object) -> Iterator[tuple[str, float]]:
    for name in ("connect", "first_byte", "first_token", "idle", "total"):
        yield name.replace("_", " "), getattr(waits, name)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _callers(config: Config) -> str:
    keys = len(config.auth.keys) + len(config.governance.keys)
    if keys:
        return f"need a key; {_count(keys, 'is', 'are')} configured"
    if config.auth.jwt is not None:
        return f"need a token of {config.auth.jwt.issuer}"
    until = " until one is made" if config.admin.enabled else ""
    if config.server.allow_insecure:
        return f"need no key{until}, WHOEVER THEY ARE"
    return f"need no key{until}; only this machine is served"


def _providers(config: Config, known: Known) -> Iterator[str]:
    bounded = any(one.concurrency is not None for one in config.providers.values())
    rows: list[Row] = [
        ("PROVIDER", "TYPE", "DIALECT", "BASE URL", "KEYS", *(("AT ONCE",) if bounded else ()))
    ]
    for name, one in config.providers.items():
        rules = known.get(one.type, KnownProvider(""))
        row = (name, one.type, rules.dialect, one.base_url or rules.base_url, _keys(one, rules))
        rows.append((*row, _at_once(one.concurrency) or "any number") if bounded else row)
    return _table(rows) if config.providers else iter(["No provider is configured."])


def _at_once(bound: Concurrency | None) -> str:
    """How much may be under way, and who waits beside it; "" where nothing is bounded."""
    if bound is None:
        return ""
    if not bound.queue:
        return f"{bound.max}, nobody waits"
    return f"{bound.max}, {bound.queue} wait up to {seconds_text(bound.wait)}"


def _bounded(target: RouteTarget) -> list[str]:
    words = _at_once(target.concurrency)
    return [f"at once {words}"] if words else []


def _keys(provider: ProviderConfig, rules: KnownProvider) -> str:
    if not provider.keys:
        return credential_words(provider, rules) or "none"
    return f"{len(provider.keys)}: {', '.join(map(_key, provider.keys))}"


def _key(key: ProviderKey) -> str:
    weight = f" weight {key.weight}" if key.weight > 1 else ""
    models = f" for {' '.join(key.models)}" if key.models else ""
    return STARS + weight + models


def _models(config: Config) -> Iterator[str]:
    if not config.models:
        yield "No model names are declared: callers ask for provider/model."
        return
    rows: list[Row] = [("MODEL", "GOES TO", "HOW")]
    for name, route in config.models.items():
        first, *others = _members(route, config)
        rows.append((name, *first))
        rows += [("", *one) for one in others]
    yield from _table(rows)


def _members(route: ModelRoute, config: Config, indent: str = "") -> Iterator[tuple[str, str]]:
    """A route as a tree: each member, below it what it consists of, then the fallbacks."""
    total = sum(target.weight for target in route.targets)
    for number, target in enumerate(route.targets):
        how = [_share(target.weight, total)] if route.strategy == "weighted" else []
        if route.strategy != "weighted":
            how += [_strategy(route)] if number == 0 else []
            how += [f"weight {target.weight}"] if target.weight > 1 else []
        yield indent + target.model, ", ".join([*how, *_bounded(target), *target.tags])
        yield from _inside(target.model, config, indent)
    for number, target in enumerate(route.fallbacks, 1):
        yield indent + target.model, ", ".join([f"fallback {number}", *_bounded(target), *target.tags])
        yield from _inside(target.model, config, indent)


def _inside(name: str, config: Config, indent: str) -> Iterator[tuple[str, str]]:
    """What a member consists of; nothing where it is a provider's model."""
    if name in config.models and not is_direct(name, frozenset(config.providers)):
        yield from _members(config.models[name], config, indent + "  ")


def _strategy(route: ModelRoute) -> str:
    words = route.strategy.replace("_", " ")
    return words if route.sticky is None else f"{words} by {route.sticky.by}"


def _rule(rule: RuleConfig) -> Row:
    when = rule.when or "always"
    return rule.name, when if len(when) <= _WIDEST else f"{when[: _WIDEST - 1]}…", ", ".join(_does(rule))


def _does(rule: RuleConfig) -> Iterator[str]:
    if rule.refuse is not None:
        yield f"refuses with {rule.refuse.status}"
    if rule.settings:
        yield f"sets {' '.join(name for name, _ in rule.settings)}"
    if rule.to:
        yield f"goes to {rule.to}"
    if rule.split is not None:
        bounds = (0.0, *(bound for bound, _ in rule.split.upto))
        shares = zip(bounds, rule.split.upto, strict=False)
        parts = " ".join(f"{100 * (bound - before):.4g}% {name}" for before, (bound, name) in shares)
        yield f"splits by {rule.split.by}: {parts}"


def _share(weight: int, total: int) -> str:
    share = 100 * weight / total
    return f"{share:.0f}%" if share == round(share) else f"{share:.1f}%"


def _table(rows: Iterable[Row]) -> Iterator[str]:
    """Columns as wide as their widest entry, two spaces apart."""
    listed = [tuple(row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*listed, strict=True)]
    for row in listed:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
