"""The fields of a request that do not fit into the dialect it is written in."""

MOST = 40
LONGEST = 100
"""Bounds on what is named, because callers choose the names and the names go into a header."""


class Dropped:
    """Names, each once, in the order in which they were met."""

    __slots__ = ("_names",)

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._names = dict.fromkeys(names)

    def add(self, name: str) -> None:
        if len(self._names) < MOST:
            self._names[name[:LONGEST]] = None

    def names(self) -> tuple[str, ...]:
        return tuple(self._names)
