"""What a body cannot tell of itself: whether what it refers to is there, and agrees with the rest of it."""

import re
from collections.abc import Callable
from ipaddress import ip_network

from sqlalchemy import Connection

from gateway.config import Config
from gateway.config.allowances import wrong_endpoints, wrong_parameters
from gateway.control.admin.answers import Refused, invalid
from gateway.control.admin.declared import Declared
from gateway.control.admin.kinds import (
    ADMIN_KEY,
    BUDGET,
    CREDENTIAL,
    HOLDERS,
    KEY,
    LIMIT,
    PROVIDER,
    ROUTE,
    Kind,
)
from gateway.store import governance as tables
from gateway.store import things
from gateway.store.metadata import metadata
from gateway.store.sealing import Sealer
from gateway.store.things import Row

ACCOUNTS = ("key", "user", "team", "org", "model", "provider")
"""The kinds of accounts."""
_PARTS = re.compile(rf"\+(?=(?:{'|'.join(ACCOUNTS)}):)")
_TABLES = {"org": tables.orgs, "team": tables.teams, "user": tables.users, "key": tables.keys}


class Store:
    """What a change is checked against, and sealed with, beside the database itself. `current` is the configuration
    as it is now: its file may be read anew at any time."""

    def __init__(self, current: Callable[[], Config], sealer: Sealer) -> None:
        self.sealer = sealer
        self._current = current
        self._declared = Declared(current())

    @property
    def declared(self) -> Declared:
        """What the file declares now."""
        config = self._current()
        if config is not self._declared.config:
            self._declared = Declared(config)
        return self._declared


def settled(connection: Connection, kind: Kind, row: Row, store: Store) -> Row:
    """`row` with what follows from it. Raises Refused where it leads nowhere or contradicts itself."""
    for name in kind.references:
        if kind not in (LIMIT, BUDGET) and row[name] and name in _TABLES:
            _there(connection, name, row[name], name)
    if kind in (LIMIT, BUDGET):
        return _accounted(connection, kind, row, store)
    if kind is KEY:
        _networks(row["networks"])
        for name in row["credentials"]:
            if not store.declared.is_provider(connection, name):
                raise invalid(f"credentials.{name}", "there is no such provider")
    if kind is CREDENTIAL and not store.declared.is_provider(connection, row["provider"]):
        raise invalid("provider", "there is no such provider")
    if kind is ADMIN_KEY:
        return row
    return _placed(connection, kind, row)


def named(kind: Kind, given: Row) -> None:
    """Raises Refused where a body names endpoints that there are not, or parameters as no request can have them."""
    if kind is not KEY:
        return
    for one in wrong_endpoints(given.get("endpoints", ())):
        raise invalid(f"endpoints[{one.at}]", f"{one.message}: {one.hint}")
    for name in ("defaults", "forced"):
        for one in wrong_parameters(given.get(name, {})):
            raise invalid(f"{name}.{one.at}", f"{one.message}, {one.hint}")


def together(connection: Connection, kind: Kind, row: Row, store: Store) -> None:
    """Raises Refused where providers and routes, as they are now in the transaction, could not be served."""
    if kind in (PROVIDER, ROUTE):
        store.declared.check(connection, row, kind)


def in_use(connection: Connection, kind: Kind, id: str) -> None:
    """Raises Refused where something refers to it."""
    found = []
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table is kind.table:
                found += [(things.count(connection, table, key.parent == id), table.name)]
    if kind is PROVIDER:
        column = tables.credentials.c.provider
        found += [(things.count(connection, tables.credentials, column == id), "credentials")]
    used = ", ".join(f"{number} {name}" for number, name in found if number)
    if used:
        raise Refused(409, "in_use", f"still in use by {used}")


def _there(connection: Connection, kind: str, id: str, path: str) -> Row:
    row = things.find(connection, _TABLES[kind], id)
    if row is None:
        raise invalid(path, f"there is no {kind} of this id")
    return row


def _placed(connection: Connection, kind: Kind, row: Row) -> Row:
    """A user's team and org, and a team's org, are those of what is below them."""
    row = dict(row)
    for below, above in (("user", "team"), ("user", "org"), ("team", "org")):
        if below not in kind.references or above not in kind.references or not row[below]:
            continue
        rightly = _there(connection, below, row[below], below)[above] or ""
        if row[above] and row[above] != rightly:
            raise invalid(above, f"is not the {above} of the {below}")
        row[above] = rightly
    return row


def _accounted(connection: Connection, kind: Kind, row: Row, store: Store) -> Row:
    """With the things that its account stands on."""
    parts = _parts(row["account"])
    found = dict.fromkeys(HOLDERS, "")
    for name in HOLDERS:
        if name in parts and not (name == "key" and store.declared.find(KEY, parts[name])):
            _there(connection, name, parts[name], "account")
            found[name] = parts[name]
    if kind is LIMIT and not (row["requests"] or row["tokens"] or row["parallel"]):
        raise invalid("requests", "limits nothing: give requests, tokens or parallel")
    return {**row, **found}


def _parts(account: str) -> dict[str, str]:
    """The ids of an account by their kinds. Raises Refused."""
    found = [part.partition(":") for part in _PARTS.split(account)]
    kinds = [kind for kind, _, _ in found]
    right = all(kind in ACCOUNTS and id for kind, _, id in found) and len(set(kinds)) == len(kinds) <= 2
    if not right or (len(kinds) == 2 and kinds[1] not in ("model", "provider")):
        known = ", ".join(ACCOUNTS)
        message = f"must be KIND:ID with {known}; or such, then a model or provider (team:ID+model:NAME)"
        raise invalid("account", message)
    return {kind: id for kind, _, id in found}


def _networks(networks: list[str]) -> None:
    for index, network in enumerate(networks):
        try:
            ip_network(network)
        except ValueError:
            raise invalid(
                f"networks[{index}]", "is no network, such as 10.0.0.0/8 or 2001:db8::/32"
            ) from None
