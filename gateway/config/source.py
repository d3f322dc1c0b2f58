"""From YAML text to nodes: bounded, with every line kept, and with variables replaced."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import yaml

from gateway.config.interpolation import expand
from gateway.config.nodes import Kind, Node, Where
from gateway.config.problems import ConfigError, Problem

LARGEST_FILE = 1 << 20
MAX_NODES = 50_000
MAX_DEPTH = 32

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KINDS: dict[str, Kind] = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "boolean",
    "null": "null",
    "timestamp": "text",
    "merge": "text",
    "value": "text",
}
_PREFIX = "tag:yaml.org,2002:"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


class Source(msgspec.Struct, frozen=True):
    """What a file says, and the mistakes seen so far."""

    tree: Node
    problems: tuple[Problem, ...] = ()


def read_file(path: Path, env: Mapping[str, str]) -> Source:
    """The nodes of a YAML file. Raises ConfigError when it cannot be read or is no YAML."""
    top = Where(str(path), 0, "")
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise top.error("no such file", "check the path given by --config or GATEWAY_CONFIG") from None
    except IsADirectoryError:
        raise top.error("is a directory", "name the YAML file itself") from None
    except OSError as error:
        raise top.error(f"cannot be read ({error.strerror})") from None
    except ValueError:
        raise top.error("is no usable path") from None
    if len(raw) > LARGEST_FILE:
        raise top.error(
            "is larger than 1MiB", "a gateway's configuration is much smaller; is this the right file?"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Where(str(path), line, "").error("is not UTF-8", "save the file as UTF-8") from None
    return read_text(text, str(path), env)


def read_text(text: str, file: str, env: Mapping[str, str]) -> Source:
    """The nodes of YAML text; `file` names it in problems."""
    control = _CONTROL.search(text)
    if control is not None:
        raise Where(file, text.count("\n", 0, control.start()) + 1, "").error("holds a control character")
    try:
        _check_depth(text, file)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, file) from None
    if root is None:
        return Source(Node(Where(file, 1, ""), "mapping"))
    builder = _Builder(file, env)
    return Source(builder.node(root, Where(file, 1, ""), 0), tuple(builder.problems))


class _Builder:
    """Turns composed YAML into nodes; the number of nodes bounds what aliases can expand to."""

    def __init__(self, file: str, env: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._env = env
        self._left = MAX_NODES

    def node(self, raw: yaml.Node, where: Where, depth: int) -> Node:
        self._left -= 1
        if self._left < 0:
            raise where.error("too many values", "do aliases (*name) repeat each other?")
        if depth > MAX_DEPTH:
            raise _too_deep(where)
        if isinstance(raw, yaml.MappingNode) and raw.tag == _PREFIX + "map":
            return self._mapping(raw, where, depth)
        if isinstance(raw, yaml.SequenceNode) and raw.tag == _PREFIX + "seq":
            items = [
                self.node(item, where.item(index, item.start_mark.line + 1), depth + 1)
                for index, item in enumerate(raw.value)
            ]
            return Node(where, "list", items=tuple(items))
        return self._scalar(raw, where)

    def _mapping(self, raw: yaml.MappingNode, where: Where, depth: int) -> Node:
        fields: dict[str, Node] = {}
        for key, value in raw.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Where(self._file, line, where.path).problem("a key must be plain text"))
                continue
            place = where.key(key.value, line)
            if key.tag == _PREFIX + "merge":
                hint = "write the keys out; a whole value can be repeated with *name"
                self.problems.append(place.problem("YAML merge keys are not supported", hint))
                continue
            if key.value in fields:
                first = fields[key.value].where.line
                self.problems.append(place.problem("given twice", f"it is already on line {first}; keep one"))
                continue
            fields[key.value] = self.node(value, place, depth + 1)
        return Node(where, "mapping", fields=fields)

    def _scalar(self, raw: yaml.Node, where: Where) -> Node:
        kind = _KINDS.get(raw.tag.removeprefix(_PREFIX))
        if kind is None or not isinstance(raw, yaml.ScalarNode):
            self.problems.append(
                where.problem("YAML tags (!name) are not supported", "write the plain value")
            )
            return Node(where, "broken")
        expanded = expand(raw.value, self._env)
        for name in expanded.unset:
            said, hint = f"the variable {name} is not set", _unset_hint(name, where.path)
            self.problems.append(Problem(where.file, where.line, where.path, said, hint, name))
        if expanded.broken:
            hint = "write ${NAME} or ${NAME:-default}; a dollar sign itself is $$"
            self.problems.append(where.problem("an unfinished ${", hint))
        if expanded.unset or expanded.broken:
            return Node(where, "broken")
        return Node(where, kind, expanded.text, expanded.external)


def _unset_hint(name: str, path: str) -> str:
    section, _, rest = path.partition(".")
    provider = rest.partition(".")[0]
    if section == "providers" and provider:
        return f"export {name}=…, or remove {provider} from the providers"
    return f"export {name}=…, or give a default: ${{{name}:-…}}"


def _too_deep(where: Where) -> ConfigError:
    return where.error(
        "nested too deeply", "no setting is deeper than a few levels; does an alias hold itself?"
    )


def _check_depth(text: str, file: str) -> None:
    """Composing recurses, events do not: so depth is bounded before anything is composed."""
    depth = line = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            line = event.start_mark.line if event.start_mark else line
            if depth > MAX_DEPTH:
                raise _too_deep(Where(file, line + 1, ""))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_error(error: yaml.YAMLError, text: str, file: str) -> ConfigError:
    """The parser's complaint with its line, but without its excerpt, which may show a credential."""
    mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    context, problem = getattr(error, "context", None), getattr(error, "problem", None)
    at = mark or start
    line = at.line + 1 if at else 1
    if context and mark and start and start.line != mark.line:
        context = f"{context} that begins on line {start.line + 1}"
    said = ", ".join(re.sub(r"'[^' ]{4,}'", "…", word) for word in (context, problem) if word)
    message = said or "cannot be parsed"
    lines = text.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    return Where(file, line, "").error(f"not valid YAML: {message}", _syntax_hint(shown))


def _syntax_hint(line: str) -> str:
    if "${" in line and ("[" in line or line.count("{") > line.count("${")):
        return 'put quotes around references inside [ ] and { }: "${NAME}"'
    if "\t" in line:
        return "indent with spaces, not with tabs"
    if line.lstrip().startswith(("@", "`", "%")) or re.search(r":\s+[@`%]", line):
        return "put quotes around the value"
    return "check the indentation, the quotes and the brackets around this line"
