"""The fields of a request that do not fit into the dialect it is written in."""


class Dropped:
    """Names, each once, in the order in which they were met."""

    __slots__ = ("_names",)

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._names = dict.fromkeys(names)

    def add(self, name: str) -> None:
        self._names[name] = None

    def names(self) -> tuple[str, ...]:
        return tuple(self._names)
