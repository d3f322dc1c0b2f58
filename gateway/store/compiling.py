"""The store as the workers need it: every key that may still be used, every limit, every budget; and its providers,
their credentials and its routes, as the file would say them."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.config.secret import Secret
from gateway.schemas.governance import Budget, Governance, Limit, VirtualKey
from gateway.store import governance as tables
from gateway.store import things
from gateway.store.sealing import SealBroken
from gateway.store.things import Row

Open = Callable[[str, str], Secret]
"""Opens what was sealed, for its owner. Raises SealBroken."""


class Opened(msgspec.Struct, frozen=True):
    """A provider's credential: `use` is key, header:NAME or setting:NAME."""

    provider: str
    use: str
    value: Secret
    weight: int = 1
    models: tuple[str, ...] = ()


class Stored(msgspec.Struct, frozen=True):
    """All that the store says. `providers` and `routes` are as the file would write them; `own` are the provider keys
    of callers, by the key's id and the provider. `broken` says what could not be opened."""

    governance: Governance = Governance()
    providers: dict[str, dict[str, Any]] = {}
    credentials: tuple[Opened, ...] = ()
    routes: dict[str, Any] = {}
    own: dict[str, dict[str, Secret]] = {}
    broken: tuple[str, ...] = ()


def stored_of(connection: Connection, opens: Open) -> Stored:
    """Everything, with its secrets opened: for memory alone."""
    broken: list[str] = []
    found = governance_of(connection)
    return Stored(
        found,
        {row["id"]: _provider(row) for row in things.everything(connection, tables.providers)},
        _credentials(connection, opens, broken),
        {row["id"]: row["route"] for row in things.everything(connection, tables.routes)},
        {key.id: own for key in found.keys if (own := _own(key, opens, broken))},
        tuple(broken),
    )


def _provider(row: Row) -> dict[str, Any]:
    given = {name: row[name] for name in ("type", "base_url", "models") if row[name]}
    return {**row["settings"], **given, "discover": row["discover"]}


def _credentials(connection: Connection, opens: Open, broken: list[str]) -> tuple[Opened, ...]:
    found = []
    for row in things.everything(connection, tables.credentials):
        try:
            value = opens(row["sealed"], f"credential:{row['id']}")
        except SealBroken as error:
            broken.append(str(error))
            continue
        found.append(Opened(row["provider"], row["use"], value, row["weight"] or 1, tuple(row["models"])))
    return tuple(found)


def _own(key: VirtualKey, opens: Open, broken: list[str]) -> dict[str, Secret]:
    """A caller's provider keys."""
    found = {}
    for provider, sealed in key.credentials.items():
        try:
            found[provider] = opens(sealed, f"key:{key.id}:{provider}")
        except SealBroken as error:
            broken.append(str(error))
    return found


def governance_of(connection: Connection) -> Governance:
    """What the store says of callers. A key whose user, team or organisation is blocked is blocked.

    The provider keys of callers stay sealed, as text for `Sealer.open` with the owner `key:ID:PROVIDER`.
    """
    blocked = {
        kind: {row["id"] for row in things.everything(connection, table) if row["blocked"]}
        for kind, table in (("org", tables.orgs), ("team", tables.teams), ("user", tables.users))
    }
    keys = (row for row in things.everything(connection, tables.keys) if not row["revoked"])
    return Governance(
        keys=tuple(_key(row, any(row[kind] in ids for kind, ids in blocked.items())) for row in keys),
        limits=tuple(
            msgspec.convert(_plain(row), Limit) for row in things.everything(connection, tables.limits)
        ),
        budgets=tuple(
            msgspec.convert(_plain(row), Budget) for row in things.everything(connection, tables.budgets)
        ),
    )


def _key(row: Row, blocked: bool) -> VirtualKey:
    sealed = {name: value["sealed"] for name, value in row["credentials"].items()}
    return msgspec.convert(
        {**_plain(row), "credentials": sealed, "blocked": row["blocked"] or blocked}, VirtualKey
    )


def _plain(row: Row) -> dict[str, Any]:
    """NULL, which stands for no reference, as an empty text."""
    return {name: "" if value is None else value for name, value in row.items()}
