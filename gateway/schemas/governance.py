"""Who may do how much: organisations, teams, users, their keys, limits and budgets, as one snapshot holds them.

An *account* is anything that limits and budgets can stand on, named by its kind and id: `key:K`, `user:U`, `team:T`,
`org:O`, `model:NAME`, `provider:NAME`, or two of them joined by `+` for a combination (`team:T+model:NAME`).
"""

from typing import Any

import msgspec

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def same_model(name: str) -> str:
    """A model's name as its account has it: many providers take any case, and one that is written otherwise must not
    be another account."""
    return name.translate(_LOWER)


PERIODS = ("day", "week", "month", "never")
"""Calendar periods in UTC that a budget starts anew with; `rolling:SECONDS` is a sliding one."""


class Limit(msgspec.Struct, frozen=True, gc=False):
    """At most `requests` and `tokens` in each `seconds`; 0 is no limit of that kind. `parallel` bounds requests in
    flight and has no `seconds`."""

    id: str
    account: str
    seconds: int = 60
    requests: int = 0
    tokens: int = 0
    parallel: int = 0


class Budget(msgspec.Struct, frozen=True, gc=False):
    """At most `nano_usd` in each `period`. A soft budget only warns."""

    id: str
    account: str
    nano_usd: int
    period: str = "month"
    soft: bool = False


class VirtualKey(msgspec.Struct, frozen=True, gc=False):
    """A caller's key. `digest` is the SHA-256 of the key in hex; times are Unix seconds, 0 for never.

    `models` are globs of names that callers may ask for, `providers`, `endpoints` and `networks` (CIDR) what else is
    allowed; empty allows all. `credentials` are the caller's own provider keys, by provider. `defaults` and `forced`
    are parameters of a request: the first fill gaps, the second win. `rotated_digest` is valid until `rotated_until`.
    """

    id: str
    digest: str
    name: str = ""
    org: str = ""
    team: str = ""
    user: str = ""
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    credentials: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    forced: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    expires: int = 0
    blocked: bool = False
    keeps_bodies: bool = False
    rotated_digest: str = ""
    rotated_until: int = 0


class Gone(msgspec.Struct, frozen=True, gc=False):
    """The digest of a key that has ended, or is only `blocked`."""

    digest: bytes
    blocked: bool = False


class Governance(msgspec.Struct, frozen=True):
    """Everything that admission needs to know, compiled from the file and the store. `keyed`: callers need keys, though
    there may be none left. `blocked` are users, teams and organisations (`team:ID`), whose keys are blocked already:
    who comes with a token is known by these alone."""

    version: int = 0
    keys: tuple[VirtualKey, ...] = ()
    limits: tuple[Limit, ...] = ()
    budgets: tuple[Budget, ...] = ()
    keyed: bool = False
    blocked: tuple[str, ...] = ()
