"""Which model a name means: the price table's rules, in order, over names in lower case."""

import re
from datetime import date
from functools import cache

import msgspec


class Prefix(msgspec.Struct, frozen=True, array_like=True, tag="p", gc=False):
    text: str

    def matches(self, name: str) -> bool:
        return name.startswith(self.text)


class Suffix(msgspec.Struct, frozen=True, array_like=True, tag="s", gc=False):
    text: str

    def matches(self, name: str) -> bool:
        return name.endswith(self.text)


class Within(msgspec.Struct, frozen=True, array_like=True, tag="w", gc=False):
    text: str

    def matches(self, name: str) -> bool:
        return self.text in name


class Same(msgspec.Struct, frozen=True, array_like=True, tag="e", gc=False):
    text: str

    def matches(self, name: str) -> bool:
        return name == self.text


class Pattern(msgspec.Struct, frozen=True, array_like=True, tag="r", gc=False):
    """A regular expression of the table's own; compiled when first needed, since most never are."""

    text: str

    def matches(self, name: str) -> bool:
        return _compiled(self.text).search(name) is not None


class AnyOf(msgspec.Struct, frozen=True, array_like=True, tag="o"):
    rules: tuple["Rule", ...]

    def matches(self, name: str) -> bool:
        return any(rule.matches(name) for rule in self.rules)


class AllOf(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    rules: tuple["Rule", ...]

    def matches(self, name: str) -> bool:
        return all(rule.matches(name) for rule in self.rules)


Rule = Prefix | Suffix | Within | Same | Pattern | AnyOf | AllOf

_COMPACT_DATE = re.compile(r"-(20\d\d)(\d\d)(\d\d)(?=-|:|$)")


def with_dashed_date(name: str) -> str:
    """`m-20251211` as `m-2025-12-11`: some spell a dated model's name so. Unchanged without a real date."""
    return _COMPACT_DATE.sub(_dashed, name)


def _dashed(found: re.Match[str]) -> str:
    try:
        return f"-{date(*map(int, found.groups())).isoformat()}"
    except ValueError:
        return found.group()


@cache  # the patterns are the table's: a bounded number
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
