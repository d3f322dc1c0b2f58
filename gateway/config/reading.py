"""How nodes become values: small readers that combine, and sections that refuse what nobody asked for.

A reader takes a node and returns a value, or raises ConfigError with every mistake below that node.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from gateway.config.nodes import WORDS, Node
from gateway.config.problems import ConfigError, Problem, nearest
from gateway.config.secret import STARS, Secret
from gateway.config.units import seconds, seconds_text, size, size_text

T = TypeVar("T")
D = TypeVar("D")
Read = Callable[[Node], T]

_WHOLE = re.compile(r"[+-]?\d{1,15}(?:_\d+)*", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_NAME_OF_A_SETTING = re.compile(r"[A-Za-z_-]{1,24}", re.ASCII)
_SAID_ELSEWHERE = {
    "api_key": "keys",
    "apikey": "keys",
    "key": "keys",
    "token": "keys",
    "url": "base_url",
    "api_base": "base_url",
    "endpoint": "base_url",
    "routes": "models",
    "logging": "log",
}
"""What other gateways call a setting of ours, by the name used there."""


class Section:
    """A mapping being read: the names that are asked for are its settings, any other is a mistake."""

    def __init__(self, node: Node) -> None:
        if node.kind not in ("mapping", "null"):
            raise _wrong(node, "a mapping of settings")
        self.where = node.where
        self.problems: list[Problem] = []
        self._fields = node.fields
        self._asked: set[str] = set()

    def get(self, name: str, read: Read[T], default: D) -> T | D:
        """The setting's value; `default` when it is absent, empty, or wrong and now reported."""
        self._asked.add(name)
        node = self._fields.get(name)
        if node is None or node.kind in ("null", "broken"):
            return default
        try:
            return read(node)
        except ConfigError as error:
            self.problems.extend(error.problems)
            return default

    def need(self, name: str, read: Read[T], default: D, hint: str = "") -> T | D:
        """As `get`, for a setting that must be given."""
        node = self._fields.get(name)
        if node is None or node.kind == "null":
            self.problems.append(self.where.problem(f"{name} is missing", hint))
        return self.get(name, read, default)

    def has(self, name: str) -> bool:
        """Whether the setting is given, rightly or wrongly."""
        node = self._fields.get(name)
        return node is not None and node.kind != "null"

    def node(self, name: str) -> Node | None:
        return self._fields.get(name)

    def fail(self, name: str, message: str, hint: str = "") -> None:
        """Reports a mistake at the setting `name`, or at the section when the setting is absent."""
        node = self._fields.get(name)
        self.problems.append((self.where if node is None else node.where).problem(message, hint))

    def close(self) -> None:
        """Raises all that was found, unknown names included."""
        for name in self._fields.keys() - self._asked:
            self.problems.append(self._unknown(name))
        if self.problems:
            raise ConfigError(self.problems)

    def _unknown(self, name: str) -> Problem:
        near = nearest(name, self._asked)
        elsewhere = _SAID_ELSEWHERE.get(name.lower().replace("-", "_"))
        meant = elsewhere if elsewhere in self._asked else near
        where = self._fields[name].where
        if meant is None and not _NAME_OF_A_SETTING.fullmatch(name):
            where = self.where.key(STARS, where.line)  # it may be a credential in the wrong place
        known = ", ".join(sorted(self._asked))
        return where.problem("unknown key", f"did you mean {meant}?" if meant else f"known here: {known}")


def section(build: Callable[[Section], T]) -> Read[T]:
    """A mapping with known settings."""

    def read(node: Node) -> T:
        opened = Section(node)
        value = build(opened)
        opened.close()
        return value

    return read


def list_of(read: Read[T], *, example: str = "") -> Read[tuple[T, ...]]:
    """A list; every item's mistakes are reported."""

    def read_list(node: Node) -> tuple[T, ...]:
        if node.kind != "list":
            raise _wrong(node, "a list", example)
        values: list[T] = []
        problems: list[Problem] = []
        for item in node.items:
            if item.kind == "broken":
                continue
            try:
                values.append(read(item))
            except ConfigError as error:
                problems.extend(error.problems)
        if problems:
            raise ConfigError(problems)
        return tuple(values)

    return read_list


def named(read: Callable[[str, Node], T]) -> Read[dict[str, T]]:
    """A mapping whose names are the operator's own."""

    def read_named(node: Node) -> dict[str, T]:
        if node.kind != "mapping":
            raise _wrong(node, "a mapping of names")
        values: dict[str, T] = {}
        problems: list[Problem] = []
        for name, item in node.fields.items():
            if item.kind == "broken":
                continue
            try:
                values[name] = read(name, item)
            except ConfigError as error:
                problems.extend(error.problems)
        if problems:
            raise ConfigError(problems)
        return values

    return read_named


def text(node: Node) -> str:
    """Printable text, not empty; a number or date counts as it is written."""
    if node.kind not in ("text", "number"):
        raise _wrong(node, "text", "put quotes around it" if node.kind == "boolean" else "")
    if not node.text.strip():
        raise node.where.error("is empty")
    if not node.text.isprintable():
        raise node.where.error("holds a line break or control character")
    return node.text.strip()


def secret(node: Node) -> Secret:
    """A credential that an HTTP header can carry."""
    if node.kind not in ("text", "number"):
        raise _wrong(node, "text")
    value = node.text.strip()
    if not value:
        raise node.where.error(
            "is empty", "is the variable that it comes from empty?" if node.external else ""
        )
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise node.where.error("is no usable key", "a key has no spaces, line breaks or letters beyond ASCII")
    return Secret(value)


def boolean(node: Node) -> bool:
    """true or false."""
    word = node.text.lower()
    if node.kind == "boolean" or (node.external and word in _TRUE | _FALSE):
        return word in _TRUE
    raise _wrong(node, "true or false")


_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def integer(low: int, high: int) -> Read[int]:
    """A whole number within bounds."""
    expected = f"a whole number from {low} to {high}"

    def read(node: Node) -> int:
        if not _may_be_number(node) or not _WHOLE.fullmatch(node.text.strip()):
            raise _wrong(node, expected, _unquote(node))
        value = int(node.text)
        if not low <= value <= high:
            raise node.where.error(f"must be {expected}")
        return value

    return read


def decimal(node: Node) -> Decimal:
    """An exact number, 0 or more."""
    expected = "a number, 0 or more"
    if not (_may_be_number(node) or node.kind == "text") or not _DECIMAL.fullmatch(node.text.strip()):
        raise _wrong(node, expected)
    try:
        value = Decimal(node.text.strip())
    except InvalidOperation:
        raise _wrong(node, expected) from None
    if not 0 <= value <= 1_000_000_000:
        raise node.where.error(f"must be {expected}")
    return value


def duration(low: float, high: float) -> Read[float]:
    """Seconds, from "5s", "500ms", "1m30s" or a number."""

    def read(node: Node) -> float:
        value = seconds(node.text) if node.kind in ("text", "number") else None
        if value is None:
            raise node.where.error("must be a duration", "such as 5s, 500ms or 2m; a bare number is seconds")
        if not low <= value <= high:
            raise node.where.error(f"must be from {seconds_text(low)} to {seconds_text(high)}")
        return value

    return read


def byte_size(low: int, high: int) -> Read[int]:
    """Bytes, from "32MiB", "1GB" or a number."""

    def read(node: Node) -> int:
        value = size(node.text) if node.kind in ("text", "number") else None
        if value is None:
            raise node.where.error("must be a size", "such as 64KiB, 32MiB or 1GB; a bare number is bytes")
        if not low <= value <= high:
            raise node.where.error(f"must be from {size_text(low)} to {size_text(high)}")
        return value

    return read


def choice(*names: str) -> Read[str]:
    """One of a few words."""

    def read(node: Node) -> str:
        word = text(node)
        if word not in names:
            raise node.where.error(f"must be {one_of(names)}", _did_you_mean(word, names))
        return word

    return read


def one_of(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def optional_mapping(node: Node | None) -> Mapping[str, Node]:
    """The entries of a mapping; none when it is absent or of another kind, which its own reader reports."""
    return node.fields if node is not None and node.kind == "mapping" else {}


def _did_you_mean(word: str, names: Iterable[str]) -> str:
    near = nearest(word, names)
    return f"did you mean {near}?" if near else ""


def _may_be_number(node: Node) -> bool:
    return node.kind == "number" or (node.kind == "text" and node.external)


def _unquote(node: Node) -> str:
    return "write it without quotes" if node.kind == "text" and _WHOLE.fullmatch(node.text.strip()) else ""


def _wrong(node: Node, expected: str, hint: str = "") -> ConfigError:
    given = "" if node.external else f", not {WORDS[node.kind]}"
    if given and WORDS[node.kind] in expected:
        given = ""
    return node.where.error(f"must be {expected}{given}", hint)
