"""Many vectors, and those near to one of them without looking at all. All are float32 in the machine's order."""

from typing import final

Bytes = bytes | bytearray | memoryview

MOST: int
"""The most neighbours that are told."""

@final
class Graph:
    """Vectors under the numbers 0, 1, …: at most `most` of them. ValueError for one of other dimensions.

    One thread adds, one searches, and neither waits for the other.
    """

    dimensions: int

    def __init__(self, dimensions: int, most: int) -> None: ...
    @property
    def filled(self) -> int:
        """How many can be found."""

    def add(self, rows: Bytes, *, pausing: bool = False) -> None:
        """Adds vectors, one behind the other, with other threads of Python running; early back once `end` was called.

        With `pausing` the processor is left to others after every few, for longer than those take. ValueError for more
        than there is place for, RuntimeError while another thread adds.
        """

    def end(self) -> None:
        """Nothing more is added: `add` returns after the vector that it is at."""

    def product(self, number: int, vector: Bytes) -> float:
        """The cosine with one of them, right to about 0.001; IndexError for one that cannot be found."""

    def nearest(self, vector: Bytes, most: int, floor: float) -> list[tuple[int, float]]:
        """Number and cosine (right to about 0.001) of at most `most` vectors near to this one, none below `floor`.

        The nearest comes first. A few of a thousand are overlooked.
        """
