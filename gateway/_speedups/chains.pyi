"""Numbers under marks: which of many things bear one, without a Python object for each."""

from typing import final

@final
class Chains:
    """The numbers 0, 1, … each under a mark of 64 bits; many may bear one. For one thread."""

    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    @property
    def nbytes(self) -> int:
        """Bytes of memory that are held."""

    def add(self, mark: int) -> None:
        """Gives the next number its mark; OverflowError for more than 64 bits."""

    def find(self, mark: int, most: int) -> list[int]:
        """At most `most` numbers under a mark, the newest first."""
