"""A credential that cannot be printed by accident: `reveal` is the only way to its value."""

from hmac import compare_digest
from typing import NoReturn, Self

STARS = "***"


class Secret:
    """Shows stars wherever it is printed, formatted or logged, and refuses to be pickled.

    Encoders that do not know it refuse it too; with `str` as their hook for unknown types they write stars.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value itself: for an upstream header or a digest, never for text that people read."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(
            self.__value.encode("utf-8", "replace"), other.__value.encode("utf-8", "replace")
        )

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __repr__(self) -> str:
        return STARS

    def __str__(self) -> str:
        return STARS

    def __format__(self, spec: str) -> str:
        return format(STARS, spec)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "a Secret is not serialised: hand it to another process by inheritance, or by its reference"
        )

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self.__getstate__()
