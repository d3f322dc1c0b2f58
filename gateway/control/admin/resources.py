"""Reading and changing things, each in one transaction: checked, kept within a team, written to the audit log."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from gateway.control.admin.access import ADMIN_PREFIX, KEY_PREFIX, Admin, NewKey, keeps_an_owner, new_key
from gateway.control.admin.answers import Refused, invalid, missing
from gateway.control.admin.checks import Store, in_use, named, settled, together
from gateway.control.admin.ending import ended
from gateway.control.admin.kinds import ADMIN_KEY, CREDENTIAL, KEY, Kind, within
from gateway.schemas.governance import Gone
from gateway.store import audit, things
from gateway.store.things import Row

FROM_FILE = "the configuration file declares it: change it there"


class Asked(msgspec.Struct, frozen=True):
    """One request: who asks, from where, and for which version of the thing (0 for whichever). `gone` collects the
    keys that this ends."""

    admin: Admin
    ip: str = ""
    request_id: str = ""
    version: int = 0
    gone: list[Gone] = msgspec.field(default_factory=list)


class Made(msgspec.Struct, frozen=True):
    """A thing as it is shown, and its key where it just got one."""

    view: Row
    key: NewKey | None = None


def shown(kind: Kind, row: Row) -> Row:
    """A row as the API shows it: without what is hidden, an empty text for no reference."""
    view = {name: value for name, value in row.items() if name not in kind.hidden}
    view.update({name: view[name] or "" for name in kind.references if name in view})
    if kind is KEY:
        view["credentials"] = {name: _hint(value) for name, value in row["credentials"].items()}
    return {"origin": "api", **view}


def _hint(value: Any) -> str:
    return value["hint"] if isinstance(value, dict) else hint(value)


def hint(secret: str) -> str:
    """Enough to tell secrets apart, of long ones only."""
    return f"…{secret[-4:]}" if len(secret) >= 16 else "…"


def listed(
    connection: Connection,
    kind: Kind,
    asked: Asked,
    filters: Mapping[str, Any],
    after: str,
    most: int,
    store: Store,
) -> list[Row]:
    """At most `most` things behind the id `after`: the file's and the API's, in one order."""
    origin = filters.get("origin", "")
    equal = {name: value for name, value in filters.items() if name != "origin"}
    rows: list[Row] = []
    if origin in ("", "api"):
        only = {name: value or None for name, value in equal.items() if name in kind.references}
        clauses = () if not asked.admin.team else (within(kind, asked.admin.team, "read"),)
        found = things.page(connection, kind.table, {**equal, **only}, after, most, *clauses)
        rows += [shown(kind, row) for row in found]
    if origin in ("", "file") and not asked.admin.team:
        declared = (row for row in store.declared.all(kind) if row["id"] > after)
        rows += [row for row in declared if all(row.get(name) == value for name, value in equal.items())]
    return sorted(rows, key=_by_id)[:most]


def _by_id(row: Row) -> bytes:
    return str(row["id"]).encode()


def one(connection: Connection, kind: Kind, id: str, asked: Asked, store: Store) -> Row:
    """A thing as it is shown. Raises Refused."""
    declared = None if asked.admin.team else store.declared.find(kind, id)
    return declared or shown(kind, _mine(connection, kind, id, asked, store))


def _mine(
    connection: Connection, kind: Kind, id: str, asked: Asked, store: Store, *, write: bool = False
) -> Row:
    """The row, as far as the caller may see it; for a `write`, as far as it may be changed."""
    row = things.find(connection, kind.table, id)
    if row is None:
        if write and not asked.admin.team and store.declared.find(kind, id):
            raise Refused(409, "read_only", FROM_FILE)
        raise missing()
    if not _visible(connection, kind, id, asked, "read"):
        raise missing()
    if write:
        _allowed(connection, kind, id, asked)
        if asked.version and asked.version != row["version"]:
            raise Refused(
                409, "version_conflict", f"it was changed meanwhile: its version is {row['version']}"
            )
    return row


def _visible(connection: Connection, kind: Kind, id: str, asked: Asked, use: Any) -> bool:
    if not asked.admin.team:
        return True
    clause = within(kind, asked.admin.team, use)
    return (
        connection.execute(select(kind.table.c.id).where(kind.table.c.id == id, clause)).first() is not None
    )


def _allowed(connection: Connection, kind: Kind, id: str, asked: Asked) -> None:
    if not _visible(connection, kind, id, asked, "write"):
        raise Refused(403, "forbidden", "this key is for things of its own team")


def create(connection: Connection, kind: Kind, draft: msgspec.Struct, asked: Asked, store: Store) -> Made:
    """The new thing. Raises Refused."""
    given = msgspec.to_builtins(draft)
    named(kind, given)
    id = given.get("id") or things.new_id(kind.name.replace("_", ""))
    if store.declared.find(kind, id):
        raise Refused(409, "exists", FROM_FILE, "id")
    if things.find(connection, kind.table, id):
        raise Refused(409, "exists", "there is one of this id already", "id")
    row = _stored(kind, settled(connection, kind, {**given, "id": id}, store), store)
    key = _key(kind)
    if key is not None:
        row.update(digest=key.digest, prefix=key.shown)
    if kind is KEY:
        row.update(rotated_digest="", rotated_until=0, revoked=0)
    try:
        new = things.add(connection, kind.table, row)
    except IntegrityError as error:
        raise Refused(409, "conflict", "another change came first: try again") from error
    _finish(connection, kind, "create", None, new, asked, store)
    return Made(shown(kind, new), key)


def _key(kind: Kind) -> NewKey | None:
    if kind is KEY:
        return new_key(KEY_PREFIX)
    return new_key(ADMIN_PREFIX) if kind is ADMIN_KEY else None


def _stored(kind: Kind, row: Row, store: Store) -> Row:
    """As the tables hold it: NULL for no reference, secrets sealed."""
    row = {**row, **{name: row[name] or None for name in kind.references}}
    owner = f"{kind.name}:{row['id']}"
    if kind is CREDENTIAL and "value" in row:
        value = row.pop("value")
        row.update(sealed=store.sealer.seal(value, owner), hint=hint(value))
    if kind is KEY:
        row["credentials"] = {
            name: value
            if isinstance(value, dict)
            else {"sealed": store.sealer.seal(value, f"{owner}:{name}"), "hint": hint(value)}
            for name, value in row["credentials"].items()
        }
    return row


def change(
    connection: Connection, kind: Kind, id: str, patch: msgspec.Struct, asked: Asked, store: Store
) -> Made:
    """The thing with the given fields replaced. Raises Refused."""
    old = _mine(connection, kind, id, asked, store, write=True)
    given = msgspec.to_builtins(patch)
    named(kind, given)
    for name in kind.fixed:
        if name in given and given[name] != (old[name] or ""):
            raise invalid(name, "cannot be changed: make another one")
    merged = {**old, **{name: old[name] or "" for name in kind.references}, **given}
    row = _stored(kind, settled(connection, kind, merged, store), store)
    return Made(shown(kind, update(connection, kind, "change", old, row, asked, store)))


def update(
    connection: Connection, kind: Kind, action: str, old: Row, changes: Row, asked: Asked, store: Store
) -> Row:
    """The row with `changes` written, checked and in the audit log. Raises Refused."""
    new = things.change(connection, kind.table, old, changes)
    if new is None:
        raise Refused(409, "version_conflict", "it was changed meanwhile: read it again")
    _finish(connection, kind, action, old, new, asked, store)
    return new


def delete(connection: Connection, kind: Kind, id: str, asked: Asked, store: Store) -> None:
    """Raises Refused where something refers to it, too."""
    old = _mine(connection, kind, id, asked, store, write=True)
    in_use(connection, kind, id)
    if not things.remove(connection, kind.table, old):
        raise Refused(409, "version_conflict", "it was changed meanwhile: read it again")
    _finish(connection, kind, "delete", old, None, asked, store)


def rotate(connection: Connection, kind: Kind, id: str, grace: int, asked: Asked, store: Store) -> Made:
    """A new key for the same thing; the old one goes on for `grace` seconds, where the kind knows that."""
    old = _mine(connection, kind, id, asked, store, write=True)
    key = new_key(KEY_PREFIX if kind is KEY else ADMIN_PREFIX)
    changes: Row = {"digest": key.digest, "prefix": key.shown}
    if kind is KEY:
        _not_revoked(old)
        until = int(time.time()) + grace if grace else 0
        changes.update(rotated_digest=old["digest"] if grace else "", rotated_until=until)
    return Made(shown(kind, update(connection, kind, "rotate", old, changes, asked, store)), key)


def block(connection: Connection, id: str, blocked: bool, asked: Asked, store: Store) -> Made:
    """The virtual key, refused or admitted again."""
    old = _mine(connection, KEY, id, asked, store, write=True)
    action = "block" if blocked else "unblock"
    return Made(shown(KEY, update(connection, KEY, action, old, {"blocked": blocked}, asked, store)))


def revoke(connection: Connection, id: str, asked: Asked, store: Store) -> Made:
    """The virtual key, never to be used again; it stays to be read."""
    old = _mine(connection, KEY, id, asked, store, write=True)
    _not_revoked(old)
    changes = {"revoked": int(time.time()), "rotated_digest": "", "rotated_until": 0}
    return Made(shown(KEY, update(connection, KEY, "revoke", old, changes, asked, store)))


def _not_revoked(row: Row) -> None:
    if row["revoked"]:
        raise Refused(409, "revoked", "the key is revoked for ever: make another one")


def _finish(
    connection: Connection,
    kind: Kind,
    action: str,
    old: Row | None,
    new: Row | None,
    asked: Asked,
    store: Store,
) -> None:
    """The last checks, which see the change as made; then the entry in the audit log."""
    row = new or old
    assert row is not None
    if new is not None:
        _allowed(connection, kind, new["id"], asked)
    together(connection, kind, row, store)
    if kind is ADMIN_KEY and not keeps_an_owner(connection):
        raise Refused(409, "last_owner", "somebody must stay owner of everything, without an end")
    asked.gone.extend(ended(connection, kind, old, new))
    admin = asked.admin
    audit.append(
        connection,
        {"actor": admin.id, "actor_name": admin.name, "role": admin.role, "ip": asked.ip},
        {"request_id": asked.request_id, "action": action, "kind": kind.name, "subject": row["id"]},
        *(None if one is None else shown(kind, one) for one in (old, new)),
    )
