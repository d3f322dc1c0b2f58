"""What may be logged of an error: never what a statement was given, for that is callers' words, keys and bodies.

Errors of the database are known here by `orig`, the driver's own: importing SQLAlchemy is for those who use it.
"""

import traceback
from collections.abc import Iterator

LONGEST = 300
VALUES = ("22", "23")
"""Classes of SQLSTATE whose messages repeat values: of data, and of constraints."""


def cause(error: BaseException) -> str:
    """What went wrong, in one short line."""
    said = _first(error)
    origin = getattr(said, "orig", None) or said
    state = getattr(origin, "sqlstate", None) or ""
    if state.startswith(VALUES):
        return f"{type(origin).__name__}: SQLSTATE {state}"
    lines = str(origin).splitlines()
    return f"{type(origin).__name__}: {lines[0].strip() if lines else ''}".removesuffix(": ")[:LONGEST]


def trace(error: BaseException) -> str:
    """Where it came from; of an error of the database the places alone, for drivers' messages repeat whole rows."""
    if not any(getattr(one, "orig", None) for one in _within(error)):
        return "".join(traceback.format_exception(error))
    first = _first(error)
    return "".join(traceback.format_tb(first.__traceback__)) + cause(first)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _within(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was made of and what it came from."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [one.__cause__, one.__context__]
            left += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
