"""`${VAR}`, `${VAR:-default}` and `$$` in the values of a file, replaced from the environment."""

import re
from collections.abc import Mapping

import msgspec

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{)[^}])*))?\}|(?P<broken>\{))",
    re.ASCII,
)


class Expanded(msgspec.Struct, frozen=True):
    """The text after replacement.

    `external` tells that a variable had a part in it; `unset` names those without a value; `broken` that a
    `${` is not closed or holds no name.
    """

    text: str
    external: bool = False
    unset: tuple[str, ...] = ()
    broken: bool = False


def expand(text: str, env: Mapping[str, str]) -> Expanded:
    """Replaces each reference once; what a variable holds is not searched again.

    A default counts when the variable is unset or empty, as in a POSIX shell (XCU 2.6.2).
    """
    if "$" not in text:
        return Expanded(text)
    unset: list[str] = []
    external = broken = False

    def replace(found: re.Match[str]) -> str:
        nonlocal external, broken
        if found["dollar"]:
            return "$"
        if found["broken"]:
            broken = True
            return ""
        external = True
        value, default = env.get(found["name"]), found["default"]
        if default is not None:
            return value or default
        if value is None:
            unset.append(found["name"])
        return value or ""

    result = _REFERENCE.sub(replace, text)
    return Expanded(result, external, tuple(dict.fromkeys(unset)), broken)
