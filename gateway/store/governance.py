"""The tables of governance: organisations, teams, users, keys, providers, routes, limits, budgets, admin keys, audit.

Every thing has an id that callers may choose, a version that each change raises, and its times in Unix seconds.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from gateway.store.metadata import metadata

Id = String(128).with_variant(String(128, collation="C"), "postgresql")
"""Ordered by its bytes in either database, so that pages have one order."""


def _thing(name: str, *columns: Any) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Id, primary_key=True),
        Column("version", Integer, nullable=False),
        Column("created", BigInteger, nullable=False),
        Column("updated", BigInteger, nullable=False),
        *columns,
    )


def _text(name: str, size: int = 256) -> Column[str]:
    return Column(name, String(size), nullable=False, default="")


def _json(name: str) -> Column[Any]:
    return Column(name, JSON, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=0)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False)


def _of(name: str, table: str) -> Column[str]:
    """A reference that may be empty (NULL); what is referred to cannot be deleted."""
    return Column(name, Id, ForeignKey(f"{table}.id"), index=True)


orgs = _thing("orgs", _text("name"), _json("metadata"), _flag("blocked"))
teams = _thing("teams", _of("org", "orgs"), _text("name"), _json("metadata"), _flag("blocked"))
users = _thing(
    "users",
    *(_of("org", "orgs"), _of("team", "teams"), _text("name"), _text("email", 320)),
    *(_json("metadata"), _flag("blocked")),
)
keys = _thing(
    "keys",
    *(_text("name"), _of("org", "orgs"), _of("team", "teams"), _of("user", "users")),
    *(_json(name) for name in ("models", "providers", "endpoints", "networks", "credentials")),
    *(_json(name) for name in ("defaults", "forced", "tags", "metadata")),
    *(_number("expires"), _flag("blocked"), _flag("keeps_bodies"), _number("revoked")),
    *(_text("prefix", 16), Column("digest", String(64), nullable=False, unique=True)),
    *(_text("rotated_digest", 64), _number("rotated_until")),
)
providers = _thing(
    "providers",
    *(_text("type", 64), _text("base_url", 2048), _json("models"), _flag("discover"), _json("settings")),
)
credentials = _thing(
    "credentials",
    *(Column("provider", Id, nullable=False, index=True), _text("name"), _text("use", 160)),
    *(_number("weight"), _json("models"), _text("hint", 16), Column("sealed", Text, nullable=False)),
)
routes = _thing("routes", _json("route"))
_holders = (("org", "orgs"), ("team", "teams"), ("user", "users"), ("key", "keys"))
limits = _thing(
    "limits",
    *(Column("account", String(1024), nullable=False, index=True), _number("seconds")),
    *(_number("requests"), _number("tokens"), _number("parallel")),
    *(_of(name, table) for name, table in _holders),
)
budgets = _thing(
    "budgets",
    *(Column("account", String(1024), nullable=False, index=True), _number("nano_usd")),
    *(_text("period", 32), _flag("soft")),
    *(_of(name, table) for name, table in _holders),
)
admin_keys = _thing(
    "admin_keys",
    *(_text("name"), _text("role", 16), _of("team", "teams"), _number("expires"), _flag("blocked")),
    *(_text("prefix", 16), Column("digest", String(64), nullable=False, unique=True)),
)
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    *(_text("actor", 128), _text("actor_name"), _text("role", 16), _text("ip", 64), _text("request_id", 64)),
    *(_text("action", 32), _text("kind", 32), _text("subject", 128)),
    *(Column("before", JSON), Column("after", JSON)),
    Index(None, "kind", "subject"),
)
facts = Table(
    "facts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What is known of the store itself: the salt of its master key, and that key's id."""
