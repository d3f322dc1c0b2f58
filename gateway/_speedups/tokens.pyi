"""Counts tokens exactly as tiktoken does, with other threads running meanwhile."""

from typing import final

Bytes = bytes | bytearray | memoryview

PATTERNS: tuple[str, ...]
"""The encodings whose way of cutting text into pieces is known."""

@final
class Encoding:
    """One encoding: `pattern` is one of PATTERNS, the rest are the parts of the file of ranks.

    Raises ValueError for parts that do not belong together.
    """

    pattern: str

    def __init__(self, pattern: str, tokens: Bytes, starts: Bytes, slots: Bytes, classes: Bytes) -> None: ...
    def count(self, text: str | Bytes) -> int:
        """The tokens of a text, or of its UTF-8; bytes that are none count as symbols. Names of special tokens are
        text like any other. Time grows with the length (times its logarithm for one endless word)."""

    def encode(self, text: str | Bytes) -> list[int]:
        """The tokens' ranks."""
