"""The key of a plain request, straight from its body: what its neutral request is hashed as, without reading it."""

from collections.abc import Iterable

FORM: int
"""Of what is hashed, here and in `gateway.cache.keys`: entries of another form are never found."""

def quick_key(
    endpoint: str, body: bytes, scope: bytes, model: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> bytes | None:
    """As `exact_key`; None where the neutral request has to be read. A request that has such a key asks for nothing but
    an answer, and no two readers read it differently."""

def digest_of(text: bytes, instructions: bool = True) -> bytes:
    """The 32 bytes of its SHA-256; without `instructions`, the library's."""
