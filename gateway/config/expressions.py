"""The conditions of rules: CEL expressions, checked against the types of the fields that a request has.

The language is https://github.com/google/cel-spec, its implementation Google's own in C++: regular expressions are
RE2's, which take linear time, and the steps of one evaluation are bounded.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from gateway.config.nodes import Node
from gateway.config.problems import nearest
from gateway.config.reading import text

MISSING = "rules need the CEL library"
INSTALL = "pip install 'ai-gateway[rules]'"
LONGEST = 4096
"""Characters of one expression."""

FIELDS: Mapping[str, str] = {
    "request.model": "STRING",
    "request.endpoint": "STRING",
    "request.dialect": "STRING",
    "request.stream": "BOOL",
    "request.max_tokens": "INT",
    "request.tokens": "INT",
    "request.messages": "INT",
    "request.has_tools": "BOOL",
    "request.has_images": "BOOL",
    "request.complexity": "DOUBLE",
    "request.user": "STRING",
    "request.header": "TEXTS",
    "request.metadata": "VALUES",
    "key": "STRING",
    "user": "STRING",
    "team": "STRING",
    "org": "STRING",
    "now": "TIMESTAMP",
    "time.hour": "INT",
    "time.minute": "INT",
    "time.weekday": "INT",
}
"""What an expression may mention, with its type. TEXTS and VALUES are maps from text."""

_UNDECLARED = re.compile(r"undeclared reference to '([^']{1,80})'")
_PLACE = re.compile(r"^.*?<input>:(\d+):(\d+): ", re.DOTALL)


class Condition:
    """A compiled expression. `mentions` are the fields whose values it needs."""

    __slots__ = ("_evaluate", "mentions")

    def __init__(self, program: Any) -> None:
        self._evaluate = program.eval
        spelled = program.serialize()
        self.mentions = tuple(
            name for name in FIELDS if bytes((len(name),)) + name.encode("ascii") in spelled
        )

    def of(self, values: Mapping[str, Any]) -> bool | str:
        """Whether it holds; text where it cannot be told: why, beginning with the failure's code (NOT_FOUND …).

        Values that CEL cannot take raise what the library makes of them.
        """
        found: bool | str = self._evaluate(data=values).value()
        return found


def condition(node: Node) -> str:
    """An expression that is true or false of a request. Raises ConfigError."""
    source = node.text.strip() if node.kind == "boolean" else text(_in_one_line(node))
    if len(source) > LONGEST:
        raise node.where.error(f"is longer than {LONGEST} characters")
    try:
        compiled(source)
    except ImportError:
        raise node.where.error(MISSING, INSTALL) from None
    except ValueError as error:
        raise node.where.error(*error.args) from None
    return source


def compiled(source: str) -> Condition:
    """The expression, ready to be asked. Raises ImportError without the library, ValueError (what, hint) where it is
    wrong."""
    environment = _environment()
    try:
        program = environment.compile(source)
    except RuntimeError as error:
        raise ValueError(*_meaning(str(error))) from None
    if program.return_type().name() != "BOOL":
        raise ValueError("is no condition: its value is neither true nor false", "compare it with something")
    return Condition(program)


@cache
def _environment() -> Any:
    from cel_expr_python import cel

    kinds = {
        **{name: getattr(cel.Type, name) for name in ("STRING", "BOOL", "INT", "DOUBLE", "TIMESTAMP")},
        "TEXTS": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
        "VALUES": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    }
    return cel.NewEnv(variables={name: kinds[kind] for name, kind in FIELDS.items()})


def _in_one_line(node: Node) -> Node:
    """An expression may be written over several lines of the file."""
    return Node(node.where, node.kind, " ".join(node.text.split("\n")), node.external)


def _meaning(said: str) -> tuple[str, str]:
    """The compiler's complaint as one line with its place, and a hint where a name was misspelled."""
    line = _PLACE.sub(r"at character \2: ", said).split("\n")[0][:300]
    unknown = _UNDECLARED.search(said)
    if unknown is None:
        return f"is no valid expression: {line}", ""
    near = nearest(unknown[1], FIELDS)
    hint = f"did you mean {near}?" if near else f"known here: {', '.join(FIELDS)}"
    return f"mentions {unknown[1]}, which a request does not have", hint
