"""What the store adds to the file: its providers, credentials and routes, read as the file's own would be.

Of equal names the file's counts. What cannot be served beside the file as it is now is left out and named in the log,
and the rest holds: a mistake in one place takes nobody else's routes away.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway.config import Config, ConfigError, ProviderConfig
from gateway.config.model import ModelRoute
from gateway.config.nodes import Where
from gateway.config.problems import Problem
from gateway.config.providers import Surroundings, providers
from gateway.config.routes import routes
from gateway.control.admin.declared import members, node
from gateway.providers.registry import known
from gateway.store.compiling import Opened, Stored


def added(config: Config, stored: Stored) -> tuple[Config, tuple[str, ...]]:
    """The file's configuration with what the store says beside it; and what of that was left out, with its reason."""
    left_out: list[str] = list(stored.broken)
    served = _providers(config, stored, left_out)
    models = _routes(config, stored.routes, frozenset(served), left_out)
    whole = msgspec.structs.replace(config, providers=served, models={**config.models, **models})
    return whole, tuple(left_out)


def _providers(config: Config, stored: Stored, left_out: list[str]) -> dict[str, ProviderConfig]:
    found = dict(config.providers)
    lent: dict[str, list[Opened]] = {}
    for one in stored.credentials:
        lent.setdefault(one.provider, []).append(one)
    around = Surroundings(
        *(known(), Path("/"), config.timeouts, config.retries, config.breaker),
        config.limits.upstream_connections,
    )
    for name, given in stored.providers.items():
        if name not in config.providers:
            try:
                found |= _read(name, _with(given, lent.get(name, ())), around)
            except ConfigError as error:
                left_out += _said(f"provider {name}", error.problems)
    for name, more in lent.items():
        if name in config.providers:
            found[name] = _helped(config.providers[name], name, more, around, left_out)
    return found


def _read(name: str, given: Mapping[str, Any], around: Surroundings) -> dict[str, ProviderConfig]:
    return providers(node({name: given}, Where("", 0, "providers")), around)


def _with(given: Mapping[str, Any], lent: Iterable[Opened]) -> dict[str, Any]:
    """A provider as the file would declare it, its secrets where they belong."""
    whole = dict(given)
    for one in lent:
        kind, _, name = one.use.partition(":")
        if kind == "header":
            whole["headers"] = {**whole.get("headers", {}), name: one.value.reveal()}
        elif kind == "setting":
            whole[name] = one.value.reveal()
        else:
            key = {"value": one.value.reveal(), "weight": one.weight, "models": list(one.models)}
            whole["keys"] = [*whole.get("keys", ()), key]
    return whole


def _helped(
    had: ProviderConfig, name: str, more: list[Opened], around: Surroundings, left_out: list[str]
) -> ProviderConfig:
    """A provider of the file with the store's secrets behind its own."""
    given = {"type": had.type, "base_url": had.base_url, **had.settings}
    plain = {key: value for key, value in given.items() if value is not None}
    try:
        read = _read(name, _with(plain, more), around)[name]
    except ConfigError as error:
        left_out += _said(f"credentials of {name}", error.problems)
        return had
    return msgspec.structs.replace(
        had,
        keys=(*had.keys, *(one for one in read.keys if one not in had.keys)),
        headers={**read.headers, **had.headers},
        secrets={**read.secrets, **had.secrets},
    )


def _routes(
    config: Config, made: Mapping[str, Any], names: frozenset[str], left_out: list[str]
) -> dict[str, ModelRoute]:
    """The store's routes that can be served: those that lead to one that cannot be are left out with it."""
    declared = {name: members(msgspec.to_builtins(one)) for name, one in config.models.items()}
    kept = {name: given for name, given in made.items() if name not in declared}
    while kept:
        try:
            found = routes(node({**kept, **declared}, Where("", 0, "routes")), names)
            return {name: found[name] for name in kept}
        except ConfigError as error:
            wrong = [name for name in kept if any(_is_in(one, name) for one in error.problems)]
            left_out += _said("route", error.problems)
            kept = {name: given for name, given in kept.items() if name not in wrong} if wrong else {}
    return {}


def _is_in(problem: Problem, route: str) -> bool:
    own = Where("", 0, "routes").key(route).path
    return problem.path == own or problem.path.startswith((f"{own}.", f"{own}["))


def _said(what: str, problems: Iterable[Problem]) -> list[str]:
    return [f"{what}: {one.path}: {one.message}" for one in problems]
