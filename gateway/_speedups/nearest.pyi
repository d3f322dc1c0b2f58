"""The nearest of few vectors. All vectors are float32 in the machine's order, of length 1 where cosines are meant."""

from typing import final

Bytes = bytes | bytearray | memoryview

MOST: int
"""The most neighbours that are told."""

def inner(left: Bytes, right: Bytes, *, plain: bool = False) -> float:
    """The inner product; ValueError for vectors of different or no length. `plain`: as on any processor."""

@final
class Rows:
    """Vectors of one length, in the order in which they came; for one thread. ValueError for one of another length."""

    dimensions: int

    def __init__(self, dimensions: int) -> None: ...
    def __len__(self) -> int: ...
    @property
    def nbytes(self) -> int:
        """Bytes of memory that are held for vectors."""

    def add(self, vector: Bytes) -> None:
        """Adds one behind the others."""

    def oldest(self, count: int) -> bytes:
        """A copy of the `count` oldest; ValueError if there are fewer."""

    def drop(self, count: int) -> None:
        """Takes the `count` oldest away: the one behind them is number 0 from now on."""

    def product(self, row: int, vector: Bytes) -> float:
        """The inner product with one of them; IndexError where there is none of that number."""

    def nearest(self, vector: Bytes, most: int, floor: float, newest: int = -1) -> list[tuple[int, float]]:
        """Number and inner product of at most `most` vectors, the nearest first, none below `floor`.

        Of vectors equally near the older one goes first. With `newest`, only so many of the newest are looked at.
        """
