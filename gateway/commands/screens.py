"""What commands show: tables that fit the terminal, money to the nano-dollar, texts of others made harmless."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

Row = Sequence[str]

NARROWEST = 8
"""Letters that are left of a text which has to give way."""
UNKNOWN = "unknown"


def shown(text: str) -> str:
    """`text` of unknown origin, fit for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text[:500])


def width() -> int:
    """The columns of the terminal; 0 where the output goes into a file or a pipe, which has no end."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def table(
    names: Row,
    rows: Iterable[Row],
    numbers: Iterable[int] = (),
    whole: Iterable[int] = (),
    room: int = 0,
    spare: Iterable[int] = (),
) -> Iterator[str]:
    """Columns as wide as their widest entry, two spaces apart; `numbers` are the columns of numbers.

    Where that is wider than `room`, the columns `spare` are left out, one after the other; then texts are shortened,
    the longest first, but for those of the columns `whole`; where that is not enough, each row becomes a paragraph,
    with all that it has. Without `room` everything is there.
    """
    listed = [tuple(names), *(tuple(row) for row in rows)]
    widths = {at: max(map(len, column)) for at, column in enumerate(zip(*listed, strict=True))}
    right = frozenset(numbers)
    for column in spare:
        if room and _over(widths, room) > 0:
            del widths[column]
    if room and not _fits(widths, right.union(whole), room):
        yield from _paragraphs(names, listed[1:], room)
        return
    for row in listed:
        yield "  ".join(_cell(row[at], wide, at in right) for at, wide in widths.items()).rstrip()


def _over(widths: Mapping[int, int], room: int) -> int:
    """By how much the columns are wider than there is room."""
    return sum(widths.values()) + 2 * (len(widths) - 1) - room


def _fits(widths: dict[int, int], whole: frozenset[int], room: int) -> bool:
    """Whether it fits, now that texts have given way."""
    texts = [at for at in widths if at not in whole]
    over = _over(widths, room)
    while over > 0 and texts:
        longest = max(texts, key=widths.__getitem__)
        if widths[longest] <= NARROWEST:
            return False
        widths[longest] -= 1
        over -= 1
    return over <= 0


def _cell(text: str, wide: int, number: bool) -> str:
    if len(text) > wide:
        text = text[: wide - 1] + "…"
    return text.rjust(wide) if number else text.ljust(wide)


def _paragraphs(names: Row, rows: Iterable[Row], room: int) -> Iterator[str]:
    label = max(map(len, names[1:]), default=0)
    for number, (first, *rest) in enumerate(rows):
        if number:
            yield ""
        yield _cell(first, min(len(first), room), number=False)
        yield from (
            f"  {name.ljust(label)}  {cell}" for name, cell in zip(names[1:], rest, strict=True) if cell
        )


def dollars(amounts: Sequence[int | None]) -> list[str]:
    """A column of nano-dollars as dollars: exact, with as many decimals as the finest needs, two at least."""
    decimals = max((_decimals(amount) for amount in amounts if amount is not None), default=2)
    return [UNKNOWN if amount is None else dollar(amount, decimals) for amount in amounts]


def dollar(amount: int, decimals: int = 0) -> str:
    """Nano-dollars as dollars, exact."""
    whole, rest = divmod(abs(amount), 1_000_000_000)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}.{f'{rest:09d}'[: decimals or _decimals(amount)]}"


def _decimals(amount: int) -> int:
    return max(2, len(f"{abs(amount) % 1_000_000_000:09d}".rstrip("0")))


def moment(seconds: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A Unix time, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime(form)
