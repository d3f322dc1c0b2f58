"""Credentials that are lent for a while: what a provider's requests carry until it is renewed, and who lends it."""

from collections.abc import Callable, Mapping
from math import inf
from os import environ

import msgspec

from gateway.providers.auth import Headers
from gateway.providers.sigv4 import Signer


class Lease(msgspec.Struct, frozen=True):
    """A credential until `expires` (Unix seconds). `headers` go with every request; a `signer` proves each by itself.

    `secrets` are what no error may repeat. `poll` is when to ask again whatever the lifetime, in seconds; without it a
    lease is renewed when most of its life is over.
    """

    headers: Headers = ()
    signer: Signer | None = None
    expires: float = inf
    secrets: tuple[bytes, ...] = ()
    poll: float | None = None

    def __repr__(self) -> str:
        return f"Lease(***, expires={self.expires})"


Fetch = Callable[[bool], Lease]
"""Gets a lease, and may block for as long as a network round trip takes; True tells that the provider refused the last
one. Raises NoCredentials, BadSecret."""


class Grant(msgspec.Struct, frozen=True):
    """How a vendor lends credentials to a caller without an API key."""

    def fetch(self, given: Mapping[str, str], env: Mapping[str, str] = environ) -> Fetch:
        """Where leases come from, by the provider's settings. Asks nobody yet."""
        raise NotImplementedError
