"""Which keys a change takes away from their callers."""

import time
from collections.abc import Iterable

from sqlalchemy import Connection, select

from gateway.control.admin.kinds import KEY, Kind
from gateway.schemas.governance import Gone
from gateway.store import governance as tables
from gateway.store.things import Row

_HOLDERS = {"org": tables.keys.c.org, "team": tables.keys.c.team, "user": tables.keys.c.user}


def ended(connection: Connection, kind: Kind, old: Row | None, new: Row | None) -> list[Gone]:
    """The digests that were admitted by a thing as it was, and are no more as it is now."""
    if old is None:
        return []
    if kind is KEY:
        blocked = new is not None and bool(new["blocked"]) and not new["revoked"]
        now = time.time()
        return _gone(_admitted(old, now) - (set() if new is None else _admitted(new, now)), blocked=blocked)
    if kind.name in _HOLDERS and new is not None and new["blocked"] and not old["blocked"]:
        now, columns = time.time(), tables.keys.c
        query = select(
            *(columns.digest, columns.rotated_digest, columns.rotated_until),
            *(columns.expires, columns.blocked, columns.revoked),
        ).where(_HOLDERS[kind.name] == new["id"])
        found = connection.execute(query).mappings()
        return _gone({one for row in found for one in _admitted(dict(row), now)}, blocked=True)
    return []


def _gone(digests: Iterable[str], *, blocked: bool) -> list[Gone]:
    return [Gone(bytes.fromhex(one), blocked) for one in digests]


def _admitted(row: Row, now: float) -> set[str]:
    """Digests that a key admits by itself."""
    if row["revoked"] or row["blocked"] or (row["expires"] and now >= row["expires"]):
        return set()
    old = row["rotated_digest"]
    return {row["digest"], old} if old and now < row["rotated_until"] else {row["digest"]}
