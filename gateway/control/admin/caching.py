"""What can be asked of the cache: its figures, and that answers be forgotten, one by one or a whole tenant's."""

from collections.abc import Collection, Iterator
from typing import Protocol

import msgspec
from sqlalchemy import Connection, select

from gateway.control.admin.answers import Refused, missing
from gateway.control.admin.declared import Declared
from gateway.control.admin.kinds import KEY
from gateway.control.admin.queries import wrong
from gateway.control.admin.resources import Asked
from gateway.store import audit
from gateway.store import governance as tables

TENANTS = ("key", "user", "team", "org")
"""From narrow to wide."""
PARAMETERS = (*TENANTS, "scope")
"""Each names a tenant by its id; a scope is KIND:ID, or all for everybody."""

Tenant = tuple[str, str]


class Cache(Protocol):
    """The cache, as control has it."""

    @property
    def is_open(self) -> bool: ...
    def forget(self, id: str) -> bool: ...
    def purge(self, kind: str, name: str, members: Collection[Tenant] = ()) -> bool:
        """A tenant, and those within it; all is everybody. False where it has to be asked again. What is not open
        remembers it until it is. Raises OSError."""

    def figures(self) -> dict[str, int]: ...


class Figures(msgspec.Struct):
    """What the cache holds, of how much it may; and since the gateway was started, how many requests were answered in
    which way, and how many answers found no room, could not be written, or not be read."""

    entries: int = 0
    bytes: int = 0
    max_size: int = 0
    evicted: int = 0
    hit: int = 0
    semantic: int = 0
    coalesced: int = 0
    miss: int = 0
    bypass: int = 0
    refused: int = 0
    lost: int = 0
    damaged: int = 0


def look(cache: Cache | None) -> Figures:
    """The figures; without a cache there is nothing to count."""
    return Figures() if cache is None else msgspec.convert(cache.figures(), Figures)


def forget(connection: Connection, id: str, asked: Asked, cache: Cache | None) -> None:
    """One answer, by its id. Raises Refused."""
    _note(connection, "delete", id, asked)
    if not _open(cache).forget(id):
        raise missing()


def purge(
    connection: Connection, given: dict[str, str], asked: Asked, cache: Cache | None, declared: Declared
) -> None:
    """All that one tenant has, with those within it. Raises Refused."""
    if len(given) != 1:
        raise wrong("scope", f"exactly one of {', '.join(PARAMETERS)} says whose answers are meant")
    kind, name = next(iter(given.items()))
    if kind == "scope":
        kind, _, name = name.partition(":")
    if (kind, name) != ("all", "") and (kind not in TENANTS or not name):
        raise wrong("scope", "must be all, or the kind and id of a tenant, such as team:research")
    _note(connection, "purge", f"{kind}:{name}" if name else kind, asked)
    if not _open(cache).purge(kind, name, frozenset(_within(connection, kind, name, declared))):
        raise Refused(503, "busy", "the cache cannot take this now; try again")


def _within(connection: Connection, kind: str, name: str, declared: Declared) -> Iterator[Tenant]:
    """The keys, users and teams of a tenant: where answers are shared by less than the whole of it, they are kept for
    these."""
    if kind not in TENANTS[1:]:
        return
    for below, table in (("key", tables.keys), ("user", tables.users), ("team", tables.teams)):
        if kind in table.c:
            for one in connection.execute(select(table).where(table.c[kind] == name)).mappings():
                holders = {**one, below: one["id"]}
                yield from _narrower(kind, tuple(holders.get(holder) for holder in TENANTS))
    for row in declared.all(KEY):
        if row[kind] == name:
            yield from _narrower(kind, (row["id"], row["user"], row["team"], row["org"]))


def _narrower(kind: str, holders: tuple[str | None, ...]) -> Iterator[Tenant]:
    for narrower, name in zip(TENANTS[: TENANTS.index(kind)], holders, strict=False):
        if name:
            yield narrower, name


def _open(cache: Cache | None) -> Cache:
    if cache is None or not cache.is_open:
        raise Refused(409, "no_cache", "the configuration has no cache, or it is not ready yet")
    return cache


def _note(connection: Connection, action: str, subject: str, asked: Asked) -> None:
    admin = asked.admin
    audit.append(
        connection,
        {"actor": admin.id, "actor_name": admin.name, "role": admin.role, "ip": asked.ip},
        {"request_id": asked.request_id, "action": action, "kind": "cache", "subject": subject},
        None,
        None,
    )
