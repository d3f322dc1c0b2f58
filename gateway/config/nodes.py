"""Settings as they were written, each with its place: what files, variables and flags become first."""

import re
from typing import Literal

import msgspec

from gateway.config.problems import ConfigError, Problem

Kind = Literal["text", "number", "boolean", "null", "list", "mapping", "broken"]

WORDS: dict[Kind, str] = {
    "text": "text",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
    "list": "a list",
    "mapping": "a mapping",
    "broken": "nothing",
}

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Where(msgspec.Struct, frozen=True):
    """A place to name in a problem; `line` counts from 1 and is 0 outside of files."""

    file: str
    line: int
    path: str

    def key(self, name: str, line: int | None = None) -> "Where":
        """The place of the entry `name` of a mapping."""
        plain = _PLAIN_NAME.fullmatch(name)
        step = f".{name}" if plain else f'["{_shown(name)}"]'
        return Where(self.file, self.line if line is None else line, (self.path + step).removeprefix("."))

    def item(self, index: int, line: int | None = None) -> "Where":
        """The place of the item `index` of a list."""
        return Where(self.file, self.line if line is None else line, f"{self.path}[{index}]")

    def problem(self, message: str, hint: str = "") -> Problem:
        return Problem(self.file, self.line, self.path, message, hint)

    def error(self, message: str, hint: str = "") -> ConfigError:
        return ConfigError([self.problem(message, hint)])


class Node(msgspec.Struct, frozen=True):
    """A value with its place.

    `external` marks text from a variable or flag, which can be written in no other type; `broken` nodes
    have been reported already and are skipped.
    """

    where: Where
    kind: Kind
    text: str = ""
    external: bool = False
    items: tuple["Node", ...] = ()
    fields: dict[str, "Node"] = {}

    def __repr__(self) -> str:
        return f"Node({self.where.path}: {WORDS[self.kind]})"


def merged(over: Node, under: Node) -> Node:
    """`over`, completed from `under` where both are mappings; an empty value in `over` counts as absent."""
    if over.kind == "null":
        return msgspec.structs.replace(under, where=over.where) if under.kind == "mapping" else under
    if over.kind != "mapping" or under.kind == "null":
        return over
    if under.kind != "mapping":  # a section that is none is a mistake of the file, which no flag may hide
        return under if under.where.line else over
    where = over.where if over.where.line else under.where
    fields = dict(over.fields)
    for name, node in under.fields.items():
        fields[name] = merged(fields[name], node) if name in fields else node
    return msgspec.structs.replace(over, where=where, fields=fields)


def _shown(name: str) -> str:
    short = name if len(name) <= 64 else name[:61] + "…"
    return "".join(char if char.isprintable() and char not in '"\\' else "?" for char in short)
