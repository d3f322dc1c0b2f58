"""The command `python -m bench.translation`: what a translation costs, for every pair of dialects, in one process.

Each number is the least of several repeats: the cost without what else the machine did. Requests and replies are a chat
of 10 messages with 2 tools; an event is one that the provider sends alone, from its bytes to the caller's bytes; the
image is 2 MB of base64 in a request, less the same request without it.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator
from time import perf_counter_ns, process_time_ns

import msgspec
from rich.console import Console
from rich.table import Table

from bench import translation_samples as samples
from bench.translation_parts import Part, parts
from gateway.dialects.codec import TargetFacts
from gateway.dialects.endpoints import ENDPOINTS, Endpoint
from gateway.upstream.sources import Translated

MEASURES = ("request", "reply", "text", "arguments", "image")
EVENTS = 200
"""Events of one stream."""


class Cost(msgspec.Struct, frozen=True):
    """What a pair costs: microseconds, and for `image` milliseconds of CPU."""

    source: str
    target: str
    request: float
    reply: float
    text: float
    arguments: float
    image: float


def least(function: Callable[[], object], repeats: int, loops: int) -> float:
    """Microseconds of one call, from the fastest of the repeats."""
    best = None
    for _ in range(repeats):
        before = perf_counter_ns()
        for _ in range(loops):
            function()
        took = perf_counter_ns() - before
        best = took if best is None else min(best, took)
    return (best or 0) / loops / 1000


def measure(source: Endpoint, target: Endpoint, repeats: int) -> Cost:
    """The request goes from `source` to `target`, what the provider answers goes back."""
    facts = TargetFacts(model=samples.MODELS[target.name])
    body, answer = samples.request(source), samples.reply(target)
    read, write = source.codec.read_request, target.codec.write_request
    read_reply, write_reply = target.codec.read_reply, source.codec.write_reply
    asked = read(body)
    return Cost(
        source.name,
        target.name,
        least(lambda: write(read(body), facts), repeats, 100),
        least(lambda: write_reply(read_reply(answer), request=asked), repeats, 100),
        _event(source, target, samples.text_event(target), repeats),
        _event(source, target, samples.arguments_event(target), repeats),
        _image(source, target, repeats),
    )


def _event(source: Endpoint, target: Endpoint, stream: samples.Stream, repeats: int) -> float:
    """One event of a provider that speaks `target`'s dialect, for a caller that speaks `source`'s."""
    request = source.codec.read_request(samples.request(source))
    best = None
    for _ in range(repeats):
        translated = Translated(target, source, request, "r-1", 1)
        translated.feed(stream.opening)
        feed, event = translated.feed, stream.event
        before = perf_counter_ns()
        for _ in range(EVENTS):
            feed(event)
        took = perf_counter_ns() - before
        if translated.failure is not None:
            raise translated.failure
        best = took if best is None else min(best, took)
    return (best or 0) / EVENTS / 1000


def _image(source: Endpoint, target: Endpoint, repeats: int) -> float:
    """Milliseconds of CPU that 2 MB of base64 add to a request."""
    facts = TargetFacts(model=samples.MODELS[target.name])
    plain, pictured = samples.with_image(source, 64), samples.with_image(source, samples.IMAGE_SIZE)
    read, write = source.codec.read_request, target.codec.write_request

    def cpu(body: bytes) -> float:
        took = []
        for _ in range(repeats):
            before = process_time_ns()
            write(read(body), facts)
            took.append(process_time_ns() - before)
        return min(took) / 1e6

    return cpu(pictured) - cpu(plain)


def costs(names: tuple[str, ...], repeats: int) -> Iterator[Cost]:
    for source in names:
        for target in names:
            yield measure(ENDPOINTS[source], ENDPOINTS[target], repeats)


def main() -> int:
    """Prints a table, and JSON lines with --json."""
    parser = argparse.ArgumentParser(prog="python -m bench.translation", description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--against", help="a file with the JSON lines of another run: its ratios are shown")
    parser.add_argument("dialects", nargs="*", default=list(samples.MODELS), help="endpoints; all by default")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 132)
    rows = list(costs(tuple(arguments.dialects), arguments.repeats))
    if arguments.json:
        for row in rows:
            print(msgspec.json.encode(row).decode())
        return 0
    before = {} if arguments.against is None else _read(arguments.against)
    console.print(_table(rows, before))
    console.print(_parts(list(parts(lambda function: least(function, arguments.repeats, 500)))))
    return 0


def _read(path: str) -> dict[tuple[str, str], Cost]:
    with open(path, "rb") as lines:
        rows = [msgspec.json.decode(line, type=Cost) for line in lines]
    return {(row.source, row.target): row for row in rows}


def _table(rows: list[Cost], before: dict[tuple[str, str], Cost]) -> Table:
    table = Table(title="Translation", title_justify="left", box=None, header_style="dim")
    table.add_column("caller")
    table.add_column("provider")
    for name in ("request µs", "reply µs", "text event µs", "arguments µs", "2 MB image ms"):
        table.add_column(name, justify="right")
    for row in rows:
        old = before.get((row.source, row.target))
        cells = [_cell(getattr(row, name), getattr(old, name, None)) for name in MEASURES]
        table.add_row(row.source, row.target, *cells)
    table.add_section()
    middle = [statistics.median([getattr(row, name) for row in rows]) for name in MEASURES]
    table.add_row("median", "", *[f"{value:.2f}" for value in middle])
    return table


def _parts(rows: list[Part]) -> Table:
    table = Table(title="Compiled and naive", title_justify="left", box=None, header_style="dim")
    table.add_column("part")
    for name in ("compiled µs", "oracle µs", "ratio"):
        table.add_column(name, justify="right")
    for row in rows:
        ratio = f"{row.oracle / row.compiled:.1f}×"
        table.add_row(row.name, f"{row.compiled:.2f}", f"{row.oracle:.2f}", ratio)
    return table


def _cell(value: float, old: float | None) -> str:
    return f"{value:.2f}" if not old or value <= 0 else f"{value:.2f} ({old / value:.1f}×)"


if __name__ == "__main__":
    sys.exit(main())
