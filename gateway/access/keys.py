"""Static caller keys, and what a gateway without keys refuses."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Protocol

from gateway.errors import Forbidden, Unauthorized
from gateway.schemas.record import Record

LOCAL_HOSTS = frozenset({b"127.0.0.1", b"localhost", b"[::1]"})


CREDENTIALS = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
"""The headers that may carry one."""


def credential(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The caller's credential, from whichever header its SDK uses."""
    bearer = headers.get(b"authorization")
    if bearer is not None:
        scheme, _, token = bearer.partition(b" ")
        if scheme == b"AWS4-HMAC-SHA256":
            return signers_key(token)
        return token.strip() if scheme.lower() == b"bearer" else None
    return headers.get(b"x-api-key") or headers.get(b"api-key") or headers.get(b"x-goog-api-key")


def signers_key(proof: bytes) -> bytes | None:
    """The access key id of a request that AWS's SDKs signed (`Credential=ID/DATE/REGION/SERVICE/aws4_request, …`).

    The gateway's key stands there in the clear, as in any other header, and is compared as such. The signature is made
    with whatever secret key the SDK was given; it could prove no more than the key already does.
    """
    for part in proof.split(b","):
        name, _, value = part.strip().partition(b"=")
        if name == b"Credential":
            return value.rsplit(b"/", 4)[0] if value.count(b"/") >= 4 else None
    return None


class Asked(Protocol):
    """What is read of a request's head."""

    headers: dict[bytes, bytes]


class StaticKeys:
    """Keys from the configuration; every one is compared, in constant time, on their digests."""

    remembers = True

    def __init__(self, keys: Iterable[str]) -> None:
        digests = [sha256(key.encode()).digest() for key in keys]
        self._digests = [(digest, "key-" + digest.hex()[:8]) for digest in digests]

    def authenticate(self, headers: Mapping[bytes, bytes]) -> str:
        """The caller's public key id. Raises Unauthorized."""
        given = credential(headers)
        if given is None:
            raise Unauthorized(
                "no API key: send one of the gateway's keys as your SDK does (Authorization: Bearer …)"
            )
        digest = sha256(given).digest()
        found = ""
        for known, name in self._digests:
            if compare_digest(digest, known):
                found = name
        if not found:
            raise Unauthorized("the API key is not one of this gateway's keys")
        return found

    def admit(self, asked: Asked, record: Record) -> None:
        """Notes who calls. Nothing more stands against any of them. Raises as `authenticate` does."""
        record.key = self.authenticate(asked.headers)


class Shut:
    """Others reach the gateway, and nobody has a key yet: nobody may call."""

    remembers = False

    def authenticate(self, headers: Mapping[bytes, bytes]) -> str:  # noqa: ARG002 - as others
        """Raises Unauthorized."""
        raise Unauthorized("this gateway has no keys yet: its operator must make one at the admin API")

    def admit(self, asked: Asked, record: Record) -> None:
        """Raises as `authenticate` does."""
        record.key = self.authenticate(asked.headers)


class Keyless:
    """No keys are configured: whoever reaches the loopback interface may call, a web page may not.

    A page in the operator's browser can reach loopback too (a form post, DNS rebinding); its requests are told by their
    Origin, or by a Host that is not this machine.
    """

    remembers = False

    def __init__(self, *, local_only: bool) -> None:
        self._local_only = local_only

    def authenticate(self, headers: Mapping[bytes, bytes]) -> str:
        """The empty key id. Raises Forbidden for a request made by a web page."""
        if self._local_only:
            origin = headers.get(b"origin")
            if origin is not None and _host(origin.partition(b"://")[2]) not in LOCAL_HOSTS:
                raise Forbidden(
                    "without caller keys, requests from web pages are refused; configure `auth.keys`"
                )
            if _host(headers.get(b"host", b"localhost")) not in LOCAL_HOSTS:
                raise Forbidden(
                    "without caller keys, only requests to this machine are served; configure `auth.keys`"
                )
        return ""

    def admit(self, asked: Asked, record: Record) -> None:
        """Notes who calls. Nothing more stands against any of them. Raises as `authenticate` does."""
        record.key = self.authenticate(asked.headers)


def _host(authority: bytes) -> bytes:
    if authority.startswith(b"["):
        return authority.partition(b"]")[0] + b"]"
    return authority.partition(b":")[0].lower()
