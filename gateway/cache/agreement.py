"""The guards as the semantic cache asks them: what they read in a question is written beside it, for all workers.

Reading a question takes longer than all else in a look-up, what was written down of a candidate a microsecond.
"""

import hashlib
from functools import lru_cache

from gateway import __version__
from gateway.cache.guards import Gist, gist_of, objection, pack, unpack

REMEMBERED = 1024
"""Texts lately read; one takes a few KB."""

EDITION = hashlib.sha256(__version__.encode()).digest()[:4]
"""What another release wrote down is read anew: its guards may have read otherwise."""


class Agreement:
    """Whether an answer may be told for another question. Nothing of it raises."""

    def __init__(self) -> None:
        self._read = lru_cache(REMEMBERED)(gist_of)

    def note(self, text: str) -> bytes:
        """What there is to be known of a text."""
        return EDITION + pack(self._read(text))

    def agree(self, asked: str, kept: str, note: bytes) -> bool:
        """Whether `kept`, of which `note` was written down, may mean what `asked` means."""
        return not objection(self._read(asked), self._noted(note) or self._read(kept))

    def _noted(self, note: bytes) -> Gist | None:
        return unpack(note[len(EDITION) :]) if note.startswith(EDITION) else None
