"""From flags, a file and the environment to one Config; of two that say the same, the first wins."""

from collections.abc import Mapping
from pathlib import Path

from gateway.config.caching import cache
from gateway.config.checks import check
from gateway.config.environment import from_environment, from_flags
from gateway.config.governance import governance
from gateway.config.model import Config, Known, PriceOverride, Retries, TimeoutChanges
from gateway.config.nodes import Node, Where, merged
from gateway.config.problems import ConfigError, nearest
from gateway.config.providers import Surroundings, providers
from gateway.config.reading import Section, choice, list_of, named, optional_mapping, section
from gateway.config.records import journal, records, store
from gateway.config.resilience import all_retries, breaker
from gateway.config.routes import Names, routes
from gateway.config.rules import rules
from gateway.config.sections import (
    admin,
    auth,
    discovery,
    keepalive_comments,
    limits,
    log,
    per_request,
    price,
    server,
    timeouts,
)
from gateway.config.source import Source, read_file
from gateway.config.values import existing_file, path
from gateway.schemas.plan import Breaker, Timeouts

NO_FLAGS: Mapping[str, str | None] = {}


def load(
    file: Path | None,
    env: Mapping[str, str],
    *,
    known: Known,
    flags: Mapping[str, str | None] = NO_FLAGS,
) -> Config:
    """The configuration, checked as a whole. Raises ConfigError with every mistake found.

    `flags` are texts by name: host, port, admin_port, workers, data, drain, log_level, log_format.
    """
    source = Source(Node(Where("environment", 0, ""), "null")) if file is None else read_file(file, env)
    tree = merged(source.tree, from_environment(env, known, source.tree))
    tree = merged(from_flags(flags), tree)
    problems = list(source.problems)
    base = Path() if file is None else file.parent
    try:
        config = _config(tree, known, base, "" if file is None else str(file))
        problems += check(config, tree)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(dict.fromkeys(problems)) from None
    return config


def _config(tree: Node, known: Known, base: Path, source: str) -> Config:
    top = Section(tree)
    usual = top.get("timeouts", section(timeouts), TimeoutChanges()).over(Timeouts())
    tries = top.get("retries", section(all_retries), Retries())
    opens = top.get("breaker", breaker(Breaker()), Breaker())
    bounds = top.get("limits", section(limits), Config().limits)
    around = Surroundings(known, base, usual, tries, opens, bounds.upstream_connections)
    found = top.get("providers", lambda node: providers(node, around), {})
    names = _provider_names(top)
    config = Config(
        server=top.get("server", section(server), None) or section(server)(Node(tree.where, "null")),
        auth=top.get("auth", section(auth), Config().auth),
        admin=top.get("admin", admin, Config().admin),
        providers=found,
        models=top.get("models", lambda node: routes(node, names), {}),
        rules=top.get("rules", lambda node: rules(node, _mentionable(top, names)), ()),
        timeouts=usual,
        retries=tries,
        breaker=opens,
        limits=bounds,
        mid_stream=top.get("mid_stream", choice("error", "resume"), "error"),
        keepalive_comments=top.get("keepalive_comments", keepalive_comments, Config().keepalive_comments),
        per_request=top.get("per_request", section(per_request), Config().per_request),
        prices=top.get("prices", named(lambda name, node: _price(name, node, names)), {}),
        price_files=top.get("price_files", list_of(existing_file(base)), ()),
        discovery=top.get("discovery", section(discovery), Config().discovery),
        journal=top.get("journal", section(journal), Config().journal),
        store=top.get("store", section(store), Config().store),
        records=top.get("records", section(records), Config().records),
        cache=cache(top, base),
        data=top.get("data", path(base), Config().data),
        log=top.get("log", section(log), Config().log),
        governance=governance(top),
        source=source,
    )
    top.close()
    return config


def _provider_names(top: Section) -> frozenset[str]:
    """The providers as listed, mistaken ones included: a route to one of these is no second mistake."""
    node = top.node("providers")
    return frozenset(node.fields if node is not None else ())


def _mentionable(top: Section, providers: frozenset[str]) -> Names:
    """What a rule may lead to; mistaken routes included, which are mistakes of their own."""
    declared = optional_mapping(top.node("models"))
    return Names(providers, frozenset(declared))


def _price(name: str, node: Node, names: frozenset[str]) -> PriceOverride:
    provider, _, model = name.partition("/")
    if not model or provider not in names:
        near = nearest(provider, names)
        hint = (
            f"did you mean {near}/…?" if near and model else "write provider/model of a configured provider"
        )
        raise node.where.error("prices no model of a configured provider", hint)
    return section(price)(node)
