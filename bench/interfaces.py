"""The command `python -m bench.interfaces`: Granian's runtime modes, interfaces and task implementations
compared.

A tiny application on one worker and one core, so that the door alone is measured.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.cores import Layout, available, layout
from bench.load.fleet import LoadFailed
from bench.measure import Run, Settings, Subject, run
from bench.processes import Child, ChildFailed, free_port
from bench.scenarios import BY_NAME, Server

MODES = ("st", "mt")
INTERFACES = ("asgi", "rsgi")
TASKS = ("asyncio", "rust")


class Variant(msgspec.Struct, frozen=True):
    """One way to run Granian."""

    mode: str
    interface: str
    tasks: str

    def argv(self, port: int) -> list[str]:
        """The command that serves the tiny application this way."""
        options = {
            "--interface": self.interface,
            "--runtime-mode": self.mode,
            "--task-impl": self.tasks,
            "--loop": "uvloop",
            "--http": "1",
            "--workers": "1",
            "--host": "127.0.0.1",
            "--port": str(port),
            "--log-level": "warning",
        }
        flat = [part for option in options.items() for part in option]
        target = f"bench.interfaces_app:{self.interface}"
        return [sys.executable, "-m", "granian", *flat, "--no-ws", target]


def variants() -> Iterator[Variant]:
    """All of them."""
    for mode in MODES:
        for interface in INTERFACES:
            for tasks in TASKS:
                yield Variant(mode, interface, tasks)


def main() -> int:
    """Prints a table, and JSON lines with --json."""
    parser = argparse.ArgumentParser(prog="python -m bench.interfaces", description=__doc__)
    parser.add_argument("--duration", type=float, default=3.0, help="seconds of each measurement")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 132)
    where = layout(available())
    settings = Settings(seconds=arguments.duration)
    rows: list[tuple[Variant, Run, Run, Run]] = []
    for variant in variants():
        try:
            rows.append((variant, *_measure(variant, where, settings, arguments.out)))
        except (ChildFailed, LoadFailed) as failure:
            console.print(f"{variant}: {str(failure).splitlines()[-1]}", highlight=False)
    console.print(_table(rows))
    if arguments.json:
        for row in rows:
            print(msgspec.json.encode(row).decode())
    return 0


def _measure(variant: Variant, where: Layout, settings: Settings, out: Path) -> tuple[Run, Run, Run]:
    port = free_port()
    child = Child(variant.argv(port), log=out / "granian.log", cores=where.gateway)
    try:
        child.await_port(port)
        subject = Subject(Server("granian", "direct", "127.0.0.1", port), child.pid)
        plain, stream = BY_NAME["unary"], BY_NAME["stream"]
        return (
            run(plain, subject, None, "peak", where, settings),
            run(stream, subject, None, "peak", where, settings),
            run(plain, subject, None, "one", where, settings),
        )
    finally:
        child.stop()


def _table(rows: list[tuple[Variant, Run, Run, Run]]) -> Table:
    table = Table(title="Granian, one worker on one core", title_justify="left", box=None, header_style="dim")
    for name in ("mode", "interface", "tasks"):
        table.add_column(name)
    for name in (
        "req/s",
        "CPU µs/req",
        "chunks/s",
        "CPU µs/chunk",
        "reads/chunk",
        "p50 µs, 1 at a time",
        "errors",
    ):
        table.add_column(name, justify="right")
    for variant, plain, stream, one in rows:
        table.add_row(
            variant.mode,
            variant.interface,
            variant.tasks,
            f"{plain.rate:,.0f}",
            f"{plain.cpu_us:.1f}",
            f"{stream.chunk_rate:,.0f}",
            f"{stream.cpu_us_per_chunk:.2f}",
            f"{stream.reads_per_chunk:.2f}",
            f"{one.latency.p50:,.0f}" if one.latency else "",
            str(plain.errors + stream.errors + one.errors),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
