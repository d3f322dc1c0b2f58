"""The store as the workers need it: every key that may still be used, every limit, every budget; and its providers,
their credentials and its routes, as the file would say them."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Table

from gateway.config.secret import Secret
from gateway.schemas.governance import Budget, Governance, Limit, VirtualKey
from gateway.store import governance as tables
from gateway.store import things
from gateway.store.sealing import SealBroken
from gateway.store.things import Row

PIECE = 100
"""Rows, which take a millisecond."""

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


def hurried() -> None:
    """Gives way to nobody."""


def stored_of(connection: Connection, opens: Open, give_way: Callable[[], None] = hurried) -> Stored:
    """Everything, with its secrets opened: for memory alone. `give_way` is called again and again meanwhile."""
    broken: list[str] = []
    found = governance_of(connection, give_way)
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


def governance_of(connection: Connection, give_way: Callable[[], None] = hurried) -> Governance:
    """What the store says of callers. A key whose user, team or organisation is blocked is blocked.

    The provider keys of callers stay sealed, as text for `Sealer.open` with the owner `key:ID:PROVIDER`.
    """
    blocked = _blocked(connection, give_way)
    keys = (row for row in _rows(connection, tables.keys, give_way) if not row["revoked"])
    return Governance(
        keys=tuple(_key(row, any(row[kind] in ids for kind, ids in blocked.items())) for row in keys),
        blocked=tuple(f"{kind}:{id}" for kind, ids in blocked.items() for id in sorted(ids)),
        limits=tuple(
            msgspec.convert(_plain(row), Limit) for row in _rows(connection, tables.limits, give_way)
        ),
        budgets=budgets_of(connection, give_way),
    )


def _blocked(connection: Connection, give_way: Callable[[], None]) -> dict[str, set[str]]:
    """The ids of who is blocked, by kind: a team with its organisation, a user with the team or organisation."""
    found: dict[str, set[str]] = {"org": set(), "team": set(), "user": set()}
    for kind, table in (("org", tables.orgs), ("team", tables.teams), ("user", tables.users)):
        for row in _rows(connection, table, give_way):
            if row["blocked"] or any(row.get(above) in ids for above, ids in found.items()):
                found[kind].add(row["id"])
    return found


def budgets_of(connection: Connection, give_way: Callable[[], None] = hurried) -> tuple[Budget, ...]:
    """Every budget, and nothing else that the store says."""
    rows = _rows(connection, tables.budgets, give_way)
    return tuple(msgspec.convert(_plain(row), Budget) for row in rows)


def _rows(connection: Connection, table: Table, give_way: Callable[[], None]) -> Iterator[Row]:
    for number, row in enumerate(things.each(connection, table)):
        if number % PIECE == 0:
            give_way()
        yield row


def _key(row: Row, blocked: bool) -> VirtualKey:
    sealed = {name: value["sealed"] for name, value in row["credentials"].items()}
    return msgspec.convert(
        {**_plain(row), "credentials": sealed, "blocked": row["blocked"] or blocked}, VirtualKey
    )


def _plain(row: Row) -> dict[str, Any]:
    """NULL, which stands for no reference, as an empty text."""
    return {name: "" if value is None else value for name, value in row.items()}
