"""What the store adds to the file, kept sealed in `data`: a gateway starts with what it last served, whoever is away.

The file holds secrets, and so is encrypted with the master key. A copy that cannot be opened is no copy: the store is
read a moment later. The supervisor opens nothing of this itself: a fork does, so that no worker inherits what it needs.
"""

import os
import signal
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.config import Config
from gateway.config.secret import Secret
from gateway.providers import sealed
from gateway.providers.sealed import DamagedFile
from gateway.telemetry.logs import log

if TYPE_CHECKING:
    from gateway.store.compiling import Stored
    from gateway.store.sealing import Sealer

MAGIC = b"GWSTORE\x01"
LARGEST = 1 << 30
OWNER = "copy:store"
LONGEST = 5.0
"""Seconds that a start waits for its copy."""
LOOK = 0.005


class Lent(msgspec.Struct, frozen=True, array_like=True):
    """A credential: see gateway.store.compiling.Opened."""

    provider: str
    use: str
    value: str
    weight: int
    models: tuple[str, ...]


class Copy(msgspec.Struct, frozen=True):
    """What of the store is served beside the file; callers have a file of their own."""

    providers: dict[str, dict[str, Any]] = {}
    credentials: tuple[Lent, ...] = ()
    routes: dict[str, Any] = {}
    own: dict[str, dict[str, str]] = {}


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """The copy under the master key; `salt` is that of a passphrase."""

    salt: bytes
    text: str


def copy_path(config: Config) -> Path:
    """Where the copy is."""
    return Path(config.data) / f"stored-{config.server.port}.sealed"


def remember(config: Config, stored: "Stored", sealer: "Sealer", salt: str) -> None:
    """Writes the copy; where there is nothing to remember there is none. Raises OSError."""
    found = Copy(
        stored.providers,
        tuple(
            [
                Lent(one.provider, one.use, one.value.reveal(), one.weight, one.models)
                for one in stored.credentials
            ]
        ),
        stored.routes,
        {id: {name: one.reveal() for name, one in keys.items()} for id, keys in stored.own.items()},
    )
    if found == Copy():
        copy_path(config).unlink(missing_ok=True)
        return
    text = sealer.seal(msgspec.json.encode(found).decode(), OWNER)
    envelope = Envelope(b64decode(salt) if salt else b"", text)
    sealed.write(copy_path(config), MAGIC, msgspec.msgpack.encode(envelope))


def recall(config: Config) -> "Stored | None":
    """The copy; None where there is none. Raises OSError, DamagedFile and the errors of gateway.store.sealing."""
    content = sealed.read(copy_path(config), MAGIC, LARGEST)
    if content is None:
        return None
    from gateway.store.compiling import Opened, Stored
    from gateway.store.sealing import VARIABLE, sealer

    try:
        envelope = msgspec.msgpack.decode(content, type=Envelope)
        given = os.environ.get(VARIABLE, "")
        made = sealer(given, Path(config.data), lambda: envelope.salt)
        found = msgspec.json.decode(made.open(envelope.text, OWNER).reveal(), type=Copy)
    except msgspec.DecodeError as error:
        raise DamagedFile(f"it is of another form: {error}") from None
    return Stored(
        providers=found.providers,
        credentials=tuple(
            [
                Opened(one.provider, one.use, Secret(one.value), one.weight, one.models)
                for one in found.credentials
            ]
        ),
        routes=found.routes,
        own={id: {name: Secret(one) for name, one in keys.items()} for id, keys in found.own.items()},
    )


def recalled(config: Config) -> "Stored | None":
    """As `recall`; what cannot be opened is logged, and the store is waited for."""
    try:
        return recall(config)
    except Exception as error:  # a start that knows less is better than none
        path = str(copy_path(config))
        hint = "what the store adds is served when it has been read"
        log.warning("copy_unreadable", file=path, error=f"{type(error).__name__}: {error}", hint=hint)
        return None


def in_fork(work: Callable[[], None]) -> bool:
    """Whether a fork did its work in time."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            work()
            code = 0
        finally:
            os._exit(code)
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(LOOK)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False
