"""Who may use the admin API: keys, known by their digests; roles; and patience with wrong keys."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest

import msgspec
from sqlalchemy import Connection

from gateway.control.admin.answers import Refused
from gateway.store import governance, things

ROLES = ("viewer", "editor", "admin", "owner")
"""Each may do what those before it may."""
ROOT = "root"
ADMIN_PREFIX = "gwa-"
KEY_PREFIX = "gw-"

FAILURES = 10
"""Wrong keys of one address in each PERIOD that are answered as such; further ones are told to wait."""
PERIOD = 60.0
"""Seconds."""
_ADDRESSES = 4096


class Admin(msgspec.Struct, frozen=True):
    """Who asks. With a `team`, nothing outside of it is seen or changed."""

    id: str
    name: str
    role: str
    team: str = ""

    def may(self, role: str) -> bool:
        """Whether this is `role`, or more."""
        return ROLES.index(self.role) >= ROLES.index(role)


class NewKey(msgspec.Struct, frozen=True):
    """A key as it is shown once, and what is kept of it."""

    text: str
    digest: str
    shown: str

    def __repr__(self) -> str:
        return f"NewKey({self.shown})"


def new_key(prefix: str) -> NewKey:
    """256 random bits."""
    text = prefix + secrets.token_urlsafe(32)
    return NewKey(text, digest(text), text[: len(prefix) + 4] + "…")


def digest(key: str) -> str:
    """What is kept of a key: its SHA-256 in hex. A key has 256 random bits, so that nothing slower is needed."""
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def first_key(connection: Connection) -> NewKey | None:
    """The root key, made where nobody has a key yet; None where somebody does."""
    if things.count(connection, governance.admin_keys):
        return None
    key = new_key(ADMIN_PREFIX)
    row = {"id": ROOT, "name": ROOT, "role": "owner", "team": None, "expires": 0, "blocked": False}
    things.add(connection, governance.admin_keys, {**row, "digest": key.digest, "prefix": key.shown})
    return key


def bearer(authorization: str) -> str:
    """The key of an Authorization header; empty without one. Nothing else carries it: no cookie, no parameter."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def admin_of(connection: Connection, key: str) -> Admin | None:
    """Whose key this is; None where it is nobody's, blocked or expired."""
    given = digest(key)
    row = things.find_by(connection, governance.admin_keys, "digest", given)
    if row is None or not compare_digest(row["digest"], given):
        return None
    if row["blocked"] or 0 < row["expires"] <= time.time():
        return None
    return Admin(row["id"], row["name"], row["role"], row["team"] or "")


def keeps_an_owner(connection: Connection) -> bool:
    """Whether somebody could still undo everything: an owner of all, neither blocked nor ending."""
    table = governance.admin_keys
    return (
        things.count(
            *(connection, table, table.c.role == "owner", table.c.team.is_(None)),
            *(table.c.blocked.is_(False), table.c.expires == 0),
        )
        > 0
    )


class Patience:
    """Counts wrong keys by address. A right key is never made to wait: it cannot be guessed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def refusal(self, address: str, given: bool) -> Refused:
        """What a request without a right key is answered; `given` tells whether it had any."""
        now = self._clock()
        began, failures = self._seen.pop(address, (now, 0))
        if now - began >= PERIOD:
            began, failures = now, 0
        self._seen[address] = (began, failures + given)
        if len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)
        if failures >= FAILURES:
            wait = {"retry-after": str(int(began + PERIOD - now) + 1)}
            return Refused(429, "too_many_failures", "too many wrong admin keys: wait", headers=wait)
        message = (
            "the admin key is not valid" if given else "an admin key is needed: Authorization: Bearer gwa-…"
        )
        return Refused(401, "unauthorized", message, headers={"www-authenticate": "Bearer"})
