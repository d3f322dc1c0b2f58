"""The guards as the semantic cache asks them: what they read in a question is written beside it, for all workers.

Reading a question takes some microseconds, what was written down of a candidate one.
"""

import hashlib
from functools import lru_cache

from gateway import __version__
from gateway.cache.guards import Gist, gist_of, objection, pack, rewords, signature, unpack

REMEMBERED = 256
"""Texts lately read: what was looked for in vain is written down soon."""

FORM = 3
"""Of notes."""

EDITION = hashlib.sha256(f"{__version__} {FORM}".encode()).digest()[:4]
"""What another release wrote down is read anew: its guards may have read otherwise."""

MARK = 8
"""Bytes of a mark."""


class Agreement:
    """Whether an answer may be told for another question. Nothing of it raises."""

    def __init__(self) -> None:
        self._read = lru_cache(REMEMBERED)(_read)

    def note(self, text: str) -> bytes:
        """What there is to be known of a text."""
        gist, mark = self._read(text)
        return EDITION + mark + pack(gist)

    def mark(self, text: str, note: bytes = b"") -> int:
        """64 bits that are the same for all texts that agree; of a text of which `note` was written down."""
        if note.startswith(EDITION) and len(note) > len(EDITION) + MARK:
            return int.from_bytes(note[len(EDITION) : len(EDITION) + MARK], "little")
        return int.from_bytes(self._read(text)[1], "little")

    def agree(self, asked: str, kept: str, note: bytes) -> bool:
        """Whether `kept`, of which `note` was written down, may mean what `asked` means."""
        return not objection(self._read(asked)[0], self._noted(note) or self._read(kept)[0])

    def rewords(self, asked: str, kept: str, note: bytes) -> bool:
        """Whether nothing but words speaks against it."""
        return rewords(self._read(asked)[0], self._noted(note) or self._read(kept)[0])

    def _noted(self, note: bytes) -> Gist | None:
        return unpack(note[len(EDITION) + MARK :]) if note.startswith(EDITION) else None


def _read(text: str) -> tuple[Gist, bytes]:
    gist = gist_of(text)
    return gist, signature(gist)[:MARK]
