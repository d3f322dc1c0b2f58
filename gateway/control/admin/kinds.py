"""The kinds of things that the admin API keeps: what each is made of, who may read and write it, and what is hidden."""

from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Table, false, or_, select

from gateway.control.admin import bodies
from gateway.store import governance as tables

HOLDERS = ("org", "team", "user", "key")
"""The columns that refer to other things; the API says an empty text where the store says NULL."""


class Kind(msgspec.Struct, frozen=True):
    """`name` is one of them, `path` all of them. `read` and `write` are the least roles for it.

    `hidden` columns never leave the store. `named` kinds have ids that their makers must give. `filters` are the
    columns that lists can be narrowed by. Admins of one team see it when it is `scoped`.
    """

    name: str
    path: str
    table: Table
    draft: type[msgspec.Struct]
    patch: type[msgspec.Struct]
    view: type[msgspec.Struct]
    page: type[msgspec.Struct]
    read: str = "viewer"
    write: str = "editor"
    filters: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    scoped: bool = False
    fixed: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(name for name in HOLDERS if name in self.table.c)


def _kind(
    name: str, table: Table, draft: type[msgspec.Struct], further: dict[str, Any] | None = None, **rest: Any
) -> Kind:
    label = draft.__name__.removesuffix("Draft")
    hidden = rest.get("hidden", ())
    view = bodies.view_of(draft, label, (*hidden, *(further or {})), further or {})
    return Kind(
        *(name, table.name.replace("_", "-"), table, draft, bodies.patch_of(draft, f"{label}Patch")),
        *(view, bodies.page_of(view, f"{label}Page")),
        **rest,
    )


ORG = _kind("org", tables.orgs, bodies.OrgDraft, write="admin", filters=("name", "blocked"))
TEAM = _kind(
    "team", tables.teams, bodies.TeamDraft, filters=("org", "name", "blocked"), scoped=True, fixed=("org",)
)
USER = _kind(
    *("user", tables.users, bodies.UserDraft),
    filters=("org", "team", "name", "email", "blocked"),
    scoped=True,
    fixed=("org", "team"),
)
KEY = _kind(
    *("key", tables.keys, bodies.KeyDraft),
    {"credentials": dict[str, str], "prefix": str, "revoked": int, "rotated_until": int},
    filters=("org", "team", "user", "name", "blocked", "revoked"),
    hidden=("digest", "rotated_digest"),
    scoped=True,
)
PROVIDER = _kind("provider", tables.providers, bodies.ProviderDraft, write="admin", filters=("type",))
CREDENTIAL = _kind(
    *("credential", tables.credentials, bodies.CredentialDraft, {"hint": str}),
    read="admin",
    write="admin",
    filters=("provider", "name"),
    hidden=("sealed", "value"),
    fixed=("provider",),
)
ROUTE = _kind("route", tables.routes, bodies.RouteDraft)
_holders: dict[str, Any] = dict.fromkeys(HOLDERS, str)
LIMIT = _kind(
    *("limit", tables.limits, bodies.LimitDraft, _holders), filters=("account", *HOLDERS), scoped=True
)
BUDGET = _kind(
    *("budget", tables.budgets, bodies.BudgetDraft, _holders), filters=("account", *HOLDERS), scoped=True
)
ADMIN_KEY = _kind(
    *("admin_key", tables.admin_keys, bodies.AdminKeyDraft, {"prefix": str}),
    read="admin",
    write="owner",
    filters=("name", "role", "team", "blocked"),
    hidden=("digest",),
)
KINDS = (ORG, TEAM, USER, KEY, PROVIDER, CREDENTIAL, ROUTE, LIMIT, BUDGET, ADMIN_KEY)


def within(kind: Kind, team: str, use: Literal["read", "write"]) -> ColumnElement[bool]:
    """The rows that admins of `team` see, or may change: neither the team itself, nor what bounds it as a whole."""
    columns = kind.table.c
    if kind is TEAM:
        return columns.id == team if use == "read" else false()
    if kind in (USER, KEY):
        return columns.team == team
    if kind not in (LIMIT, BUDGET):
        return false()
    own = or_(
        columns.user.in_(select(tables.users.c.id).where(tables.users.c.team == team)),
        columns.key.in_(select(tables.keys.c.id).where(tables.keys.c.team == team)),
    )
    return or_(own, columns.team == team) if use == "read" else own
