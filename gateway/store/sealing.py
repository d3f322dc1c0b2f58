"""Secrets at rest: AES-256-GCM under the master key, each bound to the thing that it belongs to."""

import binascii
import os
import secrets
import stat
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from gateway.config.secret import Secret

VARIABLE = "GATEWAY_MASTER_KEY"
FILE = "master.key"
_FORM = "v1"
_NONCE = 12
"""Bytes; 96 random bits are fit for 2^32 secrets under one key (NIST SP 800-38D, 8.3)."""


class SealBroken(Exception):
    """A secret cannot be opened: it was sealed under another master key, or for another thing, or it was changed."""


class Unusable(Exception):
    """The master key cannot be had: its file is readable by others, or no key at all."""


class Sealer:
    """Seals and opens. `id` names its key, and stands in every sealed text; it tells nothing of the key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.id = sha256(b"gateway master key id" + key).hexdigest()[:8]

    def seal(self, value: str, owner: str) -> str:
        """`value` as text that only this key opens, for the same `owner` (`kind:id`)."""
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, value.encode(), owner.encode())
        return f"{_FORM}.{self.id}.{b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, owner: str) -> Secret:
        """What was sealed. Raises SealBroken."""
        form, _, rest = sealed.partition(".")
        key, _, text = rest.partition(".")
        if form != _FORM or key != self.id:
            raise SealBroken(
                f"a secret of {owner} was sealed under another master key ({key}, not {self.id})"
            )
        try:
            raw = b64decode(text, validate=True)
            return Secret(self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], owner.encode()).decode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"a secret of {owner} was changed since it was sealed") from error


def sealer(given: str, folder: Path, salt: Callable[[], bytes]) -> Sealer:
    """The sealer of this gateway: its key is what GATEWAY_MASTER_KEY says, `given`, or else that of a file in
    `folder`, made when it is first needed. `salt` is asked for where `given` is a passphrase. Raises Unusable."""
    if given:
        return Sealer(_raw(given) or _derived(given, salt()))
    path = folder / FILE
    if not path.exists():
        _make(path)
    return Sealer(_read(path))


def _raw(given: str) -> bytes | None:
    """32 bytes in hex or base64; None for a passphrase."""
    text = given.strip()
    try:
        if len(text) == 64:
            return bytes.fromhex(text)
        key = b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return key if len(key) == 32 else None


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode())


def _make(path: Path) -> None:
    """Writes a new key; another process that does so at the same time may win."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)


def _read(path: Path) -> bytes:
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Unusable(f"{path} may be read by others than its owner: chmod 600 {path}")
    key = _raw(path.read_text(encoding="ascii", errors="replace"))
    if key is None:
        raise Unusable(f"{path} holds no key: 64 hexadecimal digits")
    return key
