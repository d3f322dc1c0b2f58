"""What the query of a list may say: how many, from where, and which; anything else is a mistake that is named."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Boolean, Integer, Table

from gateway.control.admin.answers import Refused
from gateway.control.admin.bodies import LARGEST

USUAL = 50
MOST = 500
LONGEST = 1024
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_ID = re.compile(r"[!-~](?:[ -~]{0,127})")


class Query(msgspec.Struct, frozen=True):
    """`most` things behind the id `after` that have the values of `filters`."""

    filters: dict[str, Any] = {}
    after: str = ""
    most: int = USUAL


def read(pairs: Iterable[tuple[str, str]], table: Table, filters: tuple[str, ...], *, origins: bool) -> Query:
    """Raises Refused."""
    found: dict[str, Any] = {}
    after, most = "", USUAL
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            raise wrong(name[:64], "is given twice")
        seen.add(name)
        if name == "limit":
            most = _number(name, value, 1, MOST)
        elif name == "after":
            after = _position(value)
        elif name == "origin" and origins:
            if value not in ("api", "file"):
                raise wrong(name, "must be api or file")
            found[name] = value
        elif name in filters:
            found[name] = _filter(table, name, value)
        else:
            known = ", ".join(("limit", "after", *(("origin",) if origins else ()), *filters))
            raise wrong(name[:64], f"is no parameter here; known: {known}")
    return Query(found, after, most)


def texts(pairs: Iterable[tuple[str, str]], known: tuple[str, ...]) -> Query:
    """Parameters that are no filters of a list. Raises Refused."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in known:
            raise wrong(name[:64], f"is no parameter here; known: {', '.join(known)}")
        if name in found:
            raise wrong(name, "is given twice")
        if not value or len(value) > LONGEST or not _PRINTABLE.fullmatch(value):
            raise wrong(name, f"must be 1 to {LONGEST} printable characters")
        found[name] = value
    return Query(found)


def wrong(name: str, message: str) -> Refused:
    return Refused(400, "bad_parameter", message, name)


def position(id: str) -> str:
    """Where the things behind `id` begin, for the next request."""
    return urlsafe_b64encode(id.encode()).decode().rstrip("=")


def _position(value: str) -> str:
    try:
        id = urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("ascii")
    except ValueError:
        id = ""
    if not _ID.fullmatch(id):
        raise wrong("after", "is not what an earlier answer gave as next")
    return id


def _filter(table: Table, name: str, value: str) -> Any:
    kind = table.c[name].type
    if isinstance(kind, Boolean):
        if value not in ("true", "false"):
            raise wrong(name, "must be true or false")
        return value == "true"
    if isinstance(kind, Integer):
        return _number(name, value, 0, LARGEST)
    if len(value) > LONGEST or not _PRINTABLE.fullmatch(value):
        raise wrong(name, f"must be at most {LONGEST} printable characters")
    return value


def _number(name: str, value: str, low: int, high: int) -> int:
    if not _NUMBER.fullmatch(value) or not low <= int(value) <= high:
        raise wrong(name, f"must be a whole number from {low} to {high}")
    return int(value)
