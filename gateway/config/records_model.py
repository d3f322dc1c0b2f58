"""What is kept of requests, and where: the settings of the journal, the store and the records."""

import msgspec

from gateway.config.secret import Secret


class Journal(msgspec.Struct, frozen=True):
    """Whether every finished request is written down. A file of `segment` bytes is followed by the next one."""

    enabled: bool = True
    segment: int = 64 << 20


class Store(msgspec.Struct, frozen=True):
    """`url` is SQLAlchemy's, which may hold a password; None is SQLite in the `data` directory."""

    url: Secret | None = None


class Records(msgspec.Struct, frozen=True):
    """How long records are kept: `keep` and `keep_bodies` in seconds, 0 for ever; at most about `most` of them, 0 for
    any number. Sums of their hours are kept for `keep_sums`.

    `client_ip` is full, masked or off. `bodies` says whose prompts and answers are kept, up to `body_bytes` of each:
    off, keys (those that say so), or all; what matches a pattern of `redact` becomes stars.
    """

    keep: float = 90 * 86_400.0
    keep_bodies: float = 7 * 86_400.0
    most: int = 0
    client_ip: str = "full"
    bodies: str = "off"
    body_bytes: int = 16 << 10
    redact: tuple[str, ...] = ()
    keep_sums: float = 400 * 86_400.0
