"""The floors of the house hold: imports go down only, never sideways, and no file outgrows one idea."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_LINES = 450

FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("schemas",),
    ("config", "_speedups"),
    ("dialects", "store", "telemetry"),
    ("providers", "tokens"),
    ("upstream", "routing", "access", "cache", "guardrails", "prompts", "mcp"),
    ("delivery",),
    ("keepalive",),
    ("caching",),
    ("pipeline",),
    ("api", "control"),
    ("app", "wiring", "listening", "supervisor", "cli", "commands", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
TOP = len(FLOORS) - 1  # the wiring: its files may import each other

CYTHON_IMPORT = re.compile(r"^\s*(?:from\s+(?P<source>[\w.]+)\s+)?c?import\s+(?P<names>.+)$")
DYNAMIC = ("import_module", "__import__")


def python_imports(source: str, package: str) -> Iterator[str]:
    """Absolute names of all that `source` imports, anywhere in it; `package` resolves relative imports."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                yield from absolute(module, [name.name for name in names], level, package)
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(target)), *_]
            ):
                if name in DYNAMIC:
                    yield target


def cython_imports(source: str, package: str) -> Iterator[str]:
    """The same for Cython, line by line: `import`, `cimport` and the `from` forms of both."""
    for line in source.splitlines():
        found = CYTHON_IMPORT.match(line)
        if found is None:
            continue
        names = [name.split(" as ")[0].strip("( )") for name in found["names"].split(",")]
        if found["source"] is None:
            yield from names
            continue
        dots = len(found["source"]) - len(found["source"].lstrip("."))
        yield from absolute(found["source"].lstrip("."), names, dots, package)


def absolute(module: str | None, names: Iterable[str], level: int, package: str) -> Iterator[str]:
    """`from module import names` with `level` leading dots, as seen from `package`."""
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - level + 1]) if level else ""
    full = ".".join(part for part in (base, module) if part)
    yield from (f"{full}.{name}" for name in names)


def room_of(name: str) -> str | None:
    """The room of an absolute module name; None for other packages and for the package `gateway` itself."""
    parts = name.split(".")
    if parts[0] != "gateway" or len(parts) < 2:
        return None
    return parts[1]


def violations(importer: str, imported: Iterable[str]) -> list[str]:
    """What room `importer` imports against the floors, one sentence each."""
    found = []
    for name in imported:
        room = room_of(name)
        if room is None or room == importer or room not in LEVEL:
            continue  # the package's own constants, such as gateway.__version__, belong to no room
        sideways = LEVEL[room] == LEVEL[importer] and LEVEL[room] != TOP
        if LEVEL[room] > LEVEL[importer] or sideways:
            found.append(f"{importer} may not import {name}")
    return found


def sources() -> list[tuple[Path, str]]:
    """Every source file of the product, with its room."""
    files = [
        (path, path.relative_to(ROOT / "gateway").parts[0].removesuffix(".py"))
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        if path != ROOT / "gateway" / "__init__.py"
    ]
    compiled = [
        *(ROOT / "_speedups").glob("*.p[yx][xid]"),
        *(ROOT / "gateway" / "_speedups").glob("*.p[yx][xid]"),
    ]
    return files + [(path, "_speedups") for path in sorted(compiled)]


SOURCES = [pytest.param(path, room, id=str(path.relative_to(ROOT))) for path, room in sources()]


def imports_of(path: Path, room: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".py", ".pyi"):
        package = ".".join(path.relative_to(ROOT).with_suffix("").parts[:-1])
        return list(python_imports(text, package))
    return list(cython_imports(text, "gateway._speedups"))


@pytest.mark.parametrize(
    ("path", "room"), [pytest.param(p, r, id=str(p.relative_to(ROOT))) for p, r in sources()]
)
def test_file_stands_on_its_floor(path: Path, room: str) -> None:
    assert room in LEVEL, (
        f"{path.name}: the room {room!r} has no floor; give it one in FLOORS and in the docs"
    )
    assert violations(room, imports_of(path, room)) == []


@pytest.mark.parametrize(("path", "room"), SOURCES)
def test_file_holds_one_idea(path: Path, room: str) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES, f"{lines} lines: look for the second idea"


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("schemas", "from gateway.dialects import anthropic"),
        ("config", "import gateway.providers.catalog"),
        ("dialects", "def f():\n    from gateway.telemetry.metrics import Metrics\n"),
        (
            "upstream",
            "if TYPE_CHECKING:\n    from gateway.access import keys\n",
        ),
        ("telemetry", "from ..dialects import taps"),
        ("telemetry", "from .. import dialects"),
        ("telemetry", "import importlib\nimportlib.import_module('gateway.pipeline')"),
        ("api", "from gateway import app"),
    ],
)
def test_a_violation_is_found(room: str, source: str) -> None:
    assert violations(room, python_imports(source, f"gateway.{room}")) != []


@pytest.mark.parametrize(
    "source",
    [
        "from gateway.dialects cimport x",
        "cimport gateway.telemetry.metrics as m",
        "from gateway.config import load",
    ],
)
def test_a_violation_in_cython_is_found(source: str) -> None:
    assert violations("_speedups", cython_imports(source, "gateway._speedups")) != []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("pipeline", "from gateway.upstream.dispatch import Dispatcher\nimport gateway.errors"),
        (
            "telemetry",
            "from gateway.telemetry import metrics\nfrom . import logs\nfrom gateway import x",
        ),
        ("cli", "from gateway.app import build\nimport orjson"),
    ],
)
def test_the_way_down_is_free(room: str, source: str) -> None:
    assert violations(room, python_imports(source, f"gateway.{room}")) == []


def test_the_product_is_found() -> None:
    assert {room for _, room in sources()} >= {"errors", "schemas"}
