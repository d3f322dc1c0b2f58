"""What a changed file may not do to a running gateway: by a slip take away all that it serves, or open it."""

from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.config import Config

_LOOKED_AT = 4096


class Slip(msgspec.Struct, frozen=True):
    """What is wrong with the file, and what to do where it is meant."""

    problem: str
    hint: str


OPENED = Slip(
    "it declares no keys any more: whoever reaches the gateway would need none",
    "the configuration stays as it was; server.allow_insecure: true in the file says that it is meant",
)
EMPTY = Slip("it is empty", "the configuration stays as it was; a restart goes by the environment alone")


def slip(before: Config, after: Config, *, keyed: bool, keyed_by_store: bool) -> Slip | None:
    """What the file that says `after` may not do; None where it may. `keyed` tells of keys of the file as it was,
    `keyed_by_store` of those that stay whatever the file says."""
    if _is_empty(before.source):
        return EMPTY
    needed = keyed or _needs_keys(before)
    insecure = before.server.allow_insecure or after.server.allow_insecure
    return OPENED if needed and not (keyed_by_store or insecure or _needs_keys(after)) else None


def _needs_keys(config: Config) -> bool:
    return bool(config.auth.keys or config.governance.keys or config.auth.jwt)


def _is_empty(source: str) -> bool:
    """Whether the file is there and says nothing, as one that is just being written."""
    with suppress(OSError), Path(source).open("rb") as file:
        return not file.read(_LOOKED_AT).strip()
    return False
