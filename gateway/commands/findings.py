"""What `gateway doctor` finds: one line each, and what to do where something is not as it should be."""

import textwrap
from collections.abc import Iterable, Iterator

import msgspec

from gateway.commands.screens import shown

COLOURS = {"ok": "32", "warn": "33", "fail": "31"}
WIDE = 100
"""Columns where nobody says how many there are."""
_INDENT = 2


class Finding(msgspec.Struct, frozen=True):
    """`level` is ok, warn or fail; `about` what was looked at, `said` how it is, `todo` what to do about it."""

    level: str
    about: str
    said: str
    todo: str = ""


def ok(about: str, said: str) -> Finding:
    return Finding("ok", about, said)


def warn(about: str, said: str, todo: str) -> Finding:
    """It works, but not as well or as safely as it could, or not for long."""
    return Finding("warn", about, said, todo)


def fail(about: str, said: str, todo: str) -> Finding:
    """The gateway cannot do its work."""
    return Finding("fail", about, said, todo)


def screen(findings: Iterable[Finding], room: int, coloured: bool) -> Iterator[str]:
    """One line for each, as it is found, wrapped where it is too long."""
    for one in findings:
        level = f"{one.level:<4}"
        head = f"\x1b[{COLOURS[one.level]}m{level}\x1b[0m" if coloured else level
        about, said = shown(one.about), shown(one.said)
        indent = " " * (len(level) + _INDENT)
        lines = _wrapped(f"{about:<17} {said}", room - len(indent), " " * 18)
        lines += _wrapped(f"→ {one.todo}", room - len(indent) - 18, "  ", " " * 18) if one.todo else []
        yield f"{head}{' ' * _INDENT}{lines[0]}"
        yield from (indent + line for line in lines[1:])


def _wrapped(text: str, room: int, further: str, before: str = "") -> list[str]:
    fold = textwrap.wrap(
        text, max(room, 30), subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )
    return [before + line for line in fold]


def summary(findings: Iterable[Finding]) -> str:
    """The last line."""
    levels = [one.level for one in findings]
    fails, warns = levels.count("fail"), levels.count("warn")
    if not fails and not warns:
        return "Everything is as it should be."
    parts = [f"{fails} must be put right" if fails else "", f"{warns} could be better" if warns else ""]
    return f"Of {len(levels)}: {', '.join(filter(None, parts))}."
