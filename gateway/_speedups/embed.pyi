"""Embeds text by a static table, with other threads running meanwhile."""

from typing import final

DIMENSIONS: int
"""The most that a row may have."""

LONGEST: int
"""Bytes of UTF-8 that are embedded; what is longer is nobody's question."""

@final
class Table:
    """A tokenizer (byte pairs over characters, spaces as U+2581, other bytes as tokens of their own) and its rows.

    `rows` are little-endian float16 (`halves`) or float32; `merges` are pairs in the order of their rank; `named` are
    tokens found in a text as they are written. Raises ValueError or KeyError for parts that do not belong together.
    """

    dimensions: int
    size: int

    def __init__(
        self,
        rows: bytes | memoryview,
        dimensions: int,
        halves: bool,
        vocabulary: dict[str, int],
        merges: list[tuple[str, str]],
        named: dict[str, int],
    ) -> None: ...
    def tokens(self, text: str) -> list[int]:
        """The tokens; ValueError for a text of more than LONGEST bytes, UnicodeEncodeError for lone surrogates."""

    def embed(self, text: str) -> bytes | None:
        """The direction of the sum of the tokens' rows, float32 of length 1; None where there is nothing to embed."""
