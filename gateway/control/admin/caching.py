"""What can be asked of the cache: its figures, and that answers be forgotten, one by one or a whole tenant's."""

from typing import Protocol

import msgspec
from sqlalchemy import Connection

from gateway.control.admin.answers import Refused, missing
from gateway.control.admin.queries import wrong
from gateway.control.admin.resources import Asked
from gateway.store import audit

TENANTS = ("key", "user", "team", "org")
PARAMETERS = (*TENANTS, "scope")
"""Each names a tenant by its id; a scope is KIND:ID, or all for what all callers share."""


class Cache(Protocol):
    """The cache, as control has it."""

    @property
    def is_open(self) -> bool: ...
    def forget(self, id: str) -> bool: ...
    def purge(self, kind: str, name: str) -> bool:
        """False where it has to be asked again. What is not open remembers it until it is. Raises OSError."""

    def figures(self) -> dict[str, int]: ...


class Figures(msgspec.Struct):
    """What the cache holds, and how many requests were answered in which way, since the gateway was started."""

    entries: int = 0
    bytes: int = 0
    evicted: int = 0
    hit: int = 0
    semantic: int = 0
    coalesced: int = 0
    miss: int = 0
    bypass: int = 0


def look(cache: Cache | None) -> Figures:
    """The figures; without a cache there is nothing to count."""
    return Figures() if cache is None else msgspec.convert(cache.figures(), Figures)


def forget(connection: Connection, id: str, asked: Asked, cache: Cache | None) -> None:
    """One answer, by its id. Raises Refused."""
    _note(connection, "delete", id, asked)
    if not _open(cache).forget(id):
        raise missing()


def purge(connection: Connection, given: dict[str, str], asked: Asked, cache: Cache | None) -> None:
    """All that one tenant has. Raises Refused."""
    if len(given) != 1:
        raise wrong("scope", f"exactly one of {', '.join(PARAMETERS)} says whose answers are meant")
    kind, name = next(iter(given.items()))
    if kind == "scope":
        kind, _, name = name.partition(":")
    if (kind, name) != ("all", "") and (kind not in TENANTS or not name):
        raise wrong("scope", "must be all, or the kind and id of a tenant, such as team:research")
    _note(connection, "purge", f"{kind}:{name}" if name else kind, asked)
    if not _open(cache).purge(kind, name):
        raise Refused(503, "busy", "the cache cannot take this now; try again")


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
