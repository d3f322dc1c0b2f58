"""Mistakes in the configuration: each named with its place and a hint, all of them reported at once.

A problem never repeats a value, since any value may be a credential in the wrong place: it names the place.
"""

from collections.abc import Iterable
from difflib import get_close_matches

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """One mistake. `path` is the setting, as in `server.port`, or empty; `line` is 0 outside of files. `unset` names
    the variable that has no value, where that is the mistake."""

    file: str
    line: int
    path: str
    message: str
    hint: str = ""
    unset: str = ""

    @property
    def place(self) -> str:
        """`gateway.yaml:12: server.port`, or the variable or flag."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.path) if part)

    def __str__(self) -> str:
        sentence = f"{self.place}: {self.message}"
        return f"{sentence}; {self.hint}" if self.hint else sentence


class ConfigError(Exception):
    """The configuration cannot be used; `problems` says why, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line == 0, problem.line)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be."""
    names = {one.lower().replace("-", "_"): one for one in known}
    plain = name.lower().replace("-", "_")
    found = get_close_matches(plain, names, n=1, cutoff=0.6)
    return names[found[0]] if found else None
