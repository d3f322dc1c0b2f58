"""Stars in place of a provider's keys, where it repeats them: as they are, or escaped in JSON or in an address."""

import re
from functools import lru_cache

STARS = b"***"


def masked(said: bytes, secrets: tuple[bytes, ...]) -> bytes:
    """`said` without any of these; the same object where none is in it."""
    for secret in secrets:
        if secret and _spelled(secret).search(said):
            said = _spelled(secret).sub(STARS, said)
    return said


@lru_cache(256)
def _spelled(secret: bytes) -> re.Pattern[bytes]:
    """JSON may escape any letter by its number, a slash by a backslash (RFC 8259, 7), addresses by `%` (RFC 3986)."""
    return re.compile(b"".join([_letter(one) for one in secret]))


def _letter(one: int) -> bytes:
    hexed = b"".join([b"[%c%c]" % (digit, ord(chr(digit).upper())) for digit in b"%02x" % one])
    slash = rb"|\\/" if one == ord("/") else b""
    return rb"(?:%s|\\u00%s|%%%s%s)" % (re.escape(bytes((one,))), hexed, hexed, slash)
