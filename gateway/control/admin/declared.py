"""What the file declares, as the admin API shows it; and whether what the API is given could stand in the file."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.config import Config, ConfigError
from gateway.config.nodes import Node, Where
from gateway.config.providers import Surroundings, providers
from gateway.config.routes import routes
from gateway.control.admin.answers import invalid
from gateway.control.admin.kinds import BUDGET, HOLDERS, KEY, LIMIT, PROVIDER, ROUTE, Kind
from gateway.providers.registry import known
from gateway.schemas.governance import Budget, Limit
from gateway.store import governance as tables
from gateway.store import things
from gateway.store.things import Row

_STAND_IN = "placeholder"
"""For the keys of a provider, which are things of their own here."""
_AS_FILE = {"version": 0, "created": 0, "updated": 0, "origin": "file"}


class Declared:
    """The file's things, by kind and id. They are read here, and changed in the file alone."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._rows = {
            PROVIDER.name: _providers(config),
            ROUTE.name: _routes(config),
            KEY.name: _keys(config),
            LIMIT.name: _bounds(config.governance.limits),
            BUDGET.name: _bounds(config.governance.budgets),
        }

    def find(self, kind: Kind, id: str) -> Row | None:
        return self._rows.get(kind.name, {}).get(id)

    def all(self, kind: Kind) -> Iterable[Row]:
        return self._rows.get(kind.name, {}).values()

    def is_provider(self, connection: Connection, name: str) -> bool:
        """Whether the file or the store has it."""
        found = self.find(PROVIDER, name) or things.find(connection, tables.providers, name)
        return found is not None

    def check(self, connection: Connection, row: Row, kind: Kind) -> None:
        """Raises Refused where the providers and routes, this one included, could not be served together."""
        kept = {one["id"]: one for one in things.everything(connection, tables.providers)}
        if kind is PROVIDER:
            self.check_provider(row)
        names = frozenset((*self.config.providers, *kept))
        made = {one["id"]: one["route"] for one in things.everything(connection, tables.routes)}
        declared = {name: members(self._rows[ROUTE.name][name]["route"]) for name in self.config.models}
        tree = node({**made, **declared}, Where("", 0, "routes"))
        try:
            routes(tree, names)
        except ConfigError as error:
            own = node({row["id"]: {}}, Where("", 0, "routes")).fields[row["id"]].where.path
            raise _refused(error, own if kind is ROUTE else "", "route") from None

    def check_provider(self, row: Row) -> None:
        """Raises Refused where the file could not declare it so."""
        vendor = known().get(row["type"] or row["id"])
        secrets = {"keys", "headers", *(one.name for one in (vendor.own if vendor else ()) if one.secret)}
        for name in row["settings"]:
            if name in secrets:
                raise invalid(f"settings.{name}", "is secret: it is a credential (POST /api/credentials)")
            if name in PROVIDER.table.c:
                raise invalid(f"settings.{name}", "is a field of its own")
        fields = {name: row[name] for name in ("type", "base_url", "models") if row[name]}
        whole = {**row["settings"], **fields, "discover": row["discover"], "keys": [_STAND_IN]}
        config = self.config
        around = Surroundings(
            *(known(), Path("/"), config.timeouts, config.retries, config.breaker),
            config.limits.upstream_connections,
        )
        try:
            providers(node({row["id"]: whole}, Where("", 0, "providers")), around)
        except ConfigError as error:
            own = node({row["id"]: {}}, Where("", 0, "providers")).fields[row["id"]].where.path
            raise _refused(error, own, "", row["settings"]) from None


def _refused(error: ConfigError, own: str, field: str, settings: Mapping[str, Any] = {}) -> Exception:
    problem = next((one for one in error.problems if own and one.path.startswith(own)), error.problems[0])
    rest = (
        problem.path.removeprefix(own).lstrip(".") if own and problem.path.startswith(own) else problem.path
    )
    if rest.split(".")[0].split("[")[0] in settings:
        rest = f"settings.{rest}"
    path = ".".join(part for part in (field if own else "", rest) if part)
    said = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    return invalid(path, said)


def node(value: Any, where: Where) -> Node:
    """JSON as the configuration's readers take it. Raises ConfigError for what is nested too deeply."""
    match value:
        case None:
            return Node(where, "null")
        case bool():
            return Node(where, "boolean", "true" if value else "false")
        case int() | float():
            return Node(where, "number", str(value))
        case str():
            return Node(where, "text", value)
        case dict():
            return Node(
                where, "mapping", fields={name: node(one, where.key(name)) for name, one in value.items()}
            )
        case _:
            return Node(where, "list", items=tuple(node(one, where.item(i)) for i, one in enumerate(value)))


def members(route: Mapping[str, Any]) -> dict[str, Any]:
    """What a file's route leads to: enough to find circles through it."""
    return {
        part: [{name: one[name] for name in ("model", "tags")} for one in route[part]]
        for part in ("targets", "fallbacks")
        if route[part]
    }


def _providers(config: Config) -> dict[str, Row]:
    found = {}
    for name, one in config.providers.items():
        plain = {"type": one.type, "base_url": one.base_url or "", "models": list(one.models)}
        rest = {"discover": one.discover, "settings": dict(one.settings)}
        found[name] = {"id": name, **plain, **rest, **_AS_FILE}
    return found


def _routes(config: Config) -> dict[str, Row]:
    return {
        name: {"id": name, "route": msgspec.to_builtins(route), **_AS_FILE}
        for name, route in config.models.items()
    }


def _keys(config: Config) -> dict[str, Row]:
    """Declared keys, and static ones under the ids that records name them by."""
    plain = {**msgspec.to_builtins(KEY.draft()), "prefix": "", "revoked": 0, "rotated_until": 0}
    static = ("key-" + sha256(key.reveal().encode()).hexdigest()[:8] for key in config.auth.keys)
    found = {id: {**plain, "id": id, **_AS_FILE} for id in static}
    for key in config.governance.keys:
        given = msgspec.to_builtins(key)
        own = {name: given[name] for name in plain if name in given and name != "credentials"}
        found[key.id] = {**plain, **own, "id": key.id, **_AS_FILE}
    return found


def _bounds(found: Iterable[Limit | Budget]) -> dict[str, Row]:
    holders = dict.fromkeys(HOLDERS, "")
    rows = {}
    for one in found:
        parts = dict(part.partition(":")[::2] for part in one.account.split("+"))
        own = {name: parts[name] for name in HOLDERS if name in parts}
        rows[one.id] = {**holders, **own, **msgspec.to_builtins(one), **_AS_FILE}
    return rows
