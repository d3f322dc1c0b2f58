"""The table of everything that can be asked: method, path, the least role, and what is then done.

The server's routes, the OpenAPI document and the test of every refusal are made from this table.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.control.admin import caching, resources
from gateway.control.admin.bodies import AuditEntry, Rotation, page_of
from gateway.control.admin.checks import Store
from gateway.control.admin.kinds import ADMIN_KEY, KEY, KINDS, Kind
from gateway.control.admin.queries import Query, position
from gateway.control.admin.resources import Asked, Made
from gateway.store import things
from gateway.store.governance import audit
from gateway.store.things import Row

AuditPage = page_of(AuditEntry, "AuditPage")


class Call(msgspec.Struct, frozen=True):
    """One request, read and allowed."""

    asked: Asked
    store: Store
    id: str = ""
    query: Query = Query()
    body: Any = None
    cache: caching.Cache | None = None


class Done(msgspec.Struct, frozen=True):
    """Its answer; `version` is the thing's, for the ETag. One that `waits` holds a key that is to be of use at once.
    `left` is a tenant who is no more, by kind and id: whoever has the id next is somebody else."""

    body: Any
    version: int = 0
    waits: bool = False
    left: tuple[str, str] | None = None


Work = Callable[[Connection, Call], Done]


class Action(msgspec.Struct, frozen=True):
    """What can be asked for. `writes` tells that it changes something; `scoped`, that admins of one team may ask.
    `filters` are those of a list; `parameters` are others, which are texts."""

    method: str
    path: str
    role: str
    summary: str
    work: Work
    body: type[msgspec.Struct] | None = None
    answer: type[msgspec.Struct] | None = None
    status: int = 200
    kind: Kind | None = None
    filters: tuple[str, ...] | None = None
    scoped: bool = False
    parameters: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        return self.method != "GET"


def _page(rows: list[Row], most: int) -> Done:
    more = len(rows) > most
    rows = rows[:most]
    return Done({"data": rows, "next": position(rows[-1]["id"]) if more else None})


def _list(kind: Kind, connection: Connection, call: Call) -> Done:
    query = call.query
    rows = resources.listed(
        *(connection, kind, call.asked, query.filters, query.after, query.most + 1, call.store)
    )
    return _page(rows, query.most)


def _get(kind: Kind, connection: Connection, call: Call) -> Done:
    return _versioned(resources.one(connection, kind, call.id, call.asked, call.store))


def _create(kind: Kind, connection: Connection, call: Call) -> Done:
    return _made(resources.create(connection, kind, call.body, call.asked, call.store))


def _change(kind: Kind, connection: Connection, call: Call) -> Done:
    return _made(resources.change(connection, kind, call.id, call.body, call.asked, call.store))


def _delete(kind: Kind, connection: Connection, call: Call) -> Done:
    resources.delete(connection, kind, call.id, call.asked, call.store)
    return Done(None, left=(kind.name, call.id) if kind.name in caching.TENANTS else None)


def _rotate(kind: Kind, connection: Connection, call: Call) -> Done:
    grace = call.body.grace if isinstance(call.body, Rotation) else 0
    return _made(resources.rotate(connection, kind, call.id, grace, call.asked, call.store))


def _block(blocked: bool, connection: Connection, call: Call) -> Done:
    return _made(resources.block(connection, call.id, blocked, call.asked, call.store))


def _revoke(connection: Connection, call: Call) -> Done:
    return _made(resources.revoke(connection, call.id, call.asked, call.store))


def _audit(connection: Connection, call: Call) -> Done:
    query = call.query
    rows = things.page(connection, audit, query.filters, query.after, query.most + 1, newest_first=True)
    return _page(rows, query.most)


def _who(_: Connection, call: Call) -> Done:
    return Done(call.asked.admin)


def _cached(_: Connection, call: Call) -> Done:
    return Done(caching.look(call.cache))


def _forget(connection: Connection, call: Call) -> Done:
    caching.forget(connection, call.id, call.asked, call.cache)
    return Done(None)


def _purge(connection: Connection, call: Call) -> Done:
    caching.purge(connection, call.query.filters, call.asked, call.cache, call.store.declared)
    return Done(None)


def _made(made: Made) -> Done:
    body = made.view if made.key is None else {**made.view, "key": made.key.text}
    return Done(body, made.view["version"], made.key is not None)


def _versioned(view: Row) -> Done:
    return Done(view, view["version"])


def keyed(kind: Kind) -> type[msgspec.Struct]:
    """The view of a thing together with its key, which is shown this once."""
    if kind not in (KEY, ADMIN_KEY):
        return kind.view
    return msgspec.defstruct(f"New{kind.view.__name__}", [("key", str)], bases=(kind.view,), kw_only=True)


_NEW = {kind.name: keyed(kind) for kind in KINDS}


def _of(kind: Kind) -> Iterator[Action]:
    root, name = f"/api/{kind.path}", kind.name.replace("_", " ")
    one = f"{root}/{{id}}"
    bound: dict[str, Any] = {"kind": kind, "scoped": kind.scoped}
    lists = partial(_list, kind)
    yield Action(
        *("GET", root, kind.read, f"Lists: {name}", lists), answer=kind.page, filters=kind.filters, **bound
    )
    new = _NEW[kind.name]
    create = partial(_create, kind)
    yield Action(*("POST", root, kind.write, f"Makes: {name}", create, kind.draft, new), status=201, **bound)
    yield Action("GET", one, kind.read, f"Reads: {name}", partial(_get, kind), answer=kind.view, **bound)
    change = partial(_change, kind)
    yield Action("PATCH", one, kind.write, f"Changes: {name}", change, kind.patch, kind.view, **bound)
    yield Action("DELETE", one, kind.write, f"Deletes: {name}", partial(_delete, kind), status=204, **bound)
    if kind in (KEY, ADMIN_KEY):
        body = Rotation if kind is KEY else None
        rotate = partial(_rotate, kind)
        yield Action(
            *("POST", f"{one}/rotate", kind.write, f"Gives another secret to: {name}", rotate, body, new),
            **bound,
        )


def _on_keys() -> Iterator[Action]:
    bound: dict[str, Any] = {"answer": KEY.view, "kind": KEY, "scoped": True}
    one = "/api/keys/{id}"
    yield Action("POST", f"{one}/block", KEY.write, "Refuses a key for now", partial(_block, True), **bound)
    yield Action("POST", f"{one}/unblock", KEY.write, "Admits a key again", partial(_block, False), **bound)
    yield Action("POST", f"{one}/revoke", KEY.write, "Ends a key for ever", _revoke, **bound)


def _on_the_cache() -> Iterator[Action]:
    root = "/api/cache"
    yield Action(*("GET", root, "viewer", "Tells what the cache holds", _cached), answer=caching.Figures)
    yield Action(
        *("DELETE", root, "editor", "Forgets all kept answers of a tenant and its keys, or of all", _purge),
        status=204,
        parameters=caching.PARAMETERS,
    )
    yield Action(*("DELETE", f"{root}/{{id}}", "editor", "Forgets one kept answer", _forget), status=204)


class Who(msgspec.Struct):
    """The admin key that asks."""

    id: str
    name: str
    role: str
    team: str


ACTIONS = (
    *(action for kind in KINDS for action in _of(kind)),
    *_on_keys(),
    *_on_the_cache(),
    Action(
        *("GET", "/api/audit", "admin", "Lists changes, newest first", _audit),
        answer=AuditPage,
        filters=("actor", "action", "kind", "subject"),
    ),
    Action("GET", "/api/me", "viewer", "Tells whose key asks", _who, answer=Who, scoped=True),
)
