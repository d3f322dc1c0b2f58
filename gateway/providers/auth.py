"""How a credential becomes request headers: one small struct per scheme."""

import msgspec

Headers = tuple[tuple[bytes, bytes], ...]


class BadSecret(ValueError):
    """A credential that cannot stand in a header. The message never contains any part of it."""


class NoCredentials(ValueError):
    """Nobody gave a credential, or it could not be renewed: where and why, for operators and callers, without any
    part of a secret."""


class Auth(msgspec.Struct, frozen=True):
    """A scheme. `env` names the environment variables that hold the key, most usual first."""

    env: tuple[str, ...] = ()

    def headers(self, secret: str) -> Headers:
        """The headers that carry `secret`, names in lower case. Raises BadSecret."""
        raise NotImplementedError


class NoAuth(Auth, frozen=True):
    """Nothing is sent, whatever the secret."""

    def headers(self, secret: str) -> Headers:  # noqa: ARG002 - the scheme's shape
        return ()


class Bearer(Auth, frozen=True):
    """`Authorization: Bearer SECRET` (RFC 6750)."""

    def headers(self, secret: str) -> Headers:
        return ((b"authorization", b"Bearer " + header_value(secret)),)


class Token(Auth, frozen=True):
    """`Authorization: Token SECRET`."""

    def headers(self, secret: str) -> Headers:
        return ((b"authorization", b"Token " + header_value(secret)),)


class HeaderKey(Auth, frozen=True, kw_only=True):
    """The bare secret in a header of the vendor's own, e.g. `x-api-key` or `api-key`."""

    header: str

    def headers(self, secret: str) -> Headers:
        return ((self.header.encode("ascii"), header_value(secret)),)


def header_value(secret: str) -> bytes:
    """`secret` as a header's value (RFC 9110, 5.5), or BadSecret naming what is wrong and where.

    Everything that could end the header line or be read differently by two HTTP parsers is refused: control
    characters, a space at either end, and characters outside latin-1.
    """
    if not secret:
        raise BadSecret("the key is empty")
    try:
        value = secret.encode("latin-1")
    except UnicodeEncodeError as error:
        raise BadSecret(f"the key has a character outside latin-1 at position {error.start + 1}") from None
    for position, byte in enumerate(value, 1):
        if byte < 0x20 or 0x7F <= byte < 0xA0:
            raise BadSecret(f"the key has a control character (such as a line break) at position {position}")
    if value != value.strip():
        raise BadSecret("the key begins or ends with a space")
    return value
