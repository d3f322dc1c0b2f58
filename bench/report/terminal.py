"""The bench on the terminal: what runs now, what was found so far, and at the end the conclusions."""

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.load.histogram import Spread
from bench.measure import Run
from bench.report.document import Document, Peak
from bench.scenarios import BY_NAME
from bench.suite import Ear, Step

_PRESSURES = {"one": "1 at a time", "rate": "fixed rate", "peak": "peak"}
_LAST = 14  # rows; more would not fit beside the progress bar


class Screen(Ear):
    """A live view while the suite runs. Use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self.notes: list[str] = []
        self._console = console
        self._runs: list[Run] = []
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._progress.add_task("starting", total=None)
        self._live = Live(console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> "Screen":
        self._live.__enter__()
        self._show()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(None, None, None)

    def stage(self, what: str) -> None:
        self._console.print(f"[dim]{what}[/dim]")
        self._progress.update(self._task, description=what)

    def steps(self, steps: list[Step]) -> None:
        total = self._progress.tasks[0].completed + len(steps)
        self._progress.update(self._task, total=total)

    def begins(self, step: Step) -> None:
        what = f"{step.scenario.name} · {_PRESSURES[step.pressure]} · {step.subject.server.name}"
        self._progress.update(self._task, description=what)
        self._show()

    def done(self, _: Step, found: Run) -> None:
        self._runs.append(found)
        self._progress.advance(self._task)
        self._show()
        if not self._console.is_terminal:
            self._console.print(_line(found))

    def note(self, text: str) -> None:
        self.notes.append(text)
        self._console.print(f"[yellow]note: {text}[/yellow]")

    def _show(self) -> None:
        self._live.update(Group(_runs_table(self._runs[-_LAST:]), self._progress))


def print_document(document: Document, console: Console) -> None:
    """The conclusions, as tables."""
    console.print(_added_table(document))
    console.print(_peak_table(document))
    console.print(_stream_table(document))
    if document.ratios:
        console.print(_ratio_table(document))
    console.print(_goal_table(document))
    for note in document.notes:
        console.print(f"[yellow]note: {note}[/yellow]")


def _line(run: Run) -> str:
    p50, p99 = (f"{run.latency.p50:,.0f}", f"{run.latency.p99:,.0f}") if run.latency else ("-", "-")
    rate = f"{run.chunk_rate:,.0f} chunks/s" if run.chunk_rate else f"{run.rate:,.0f}/s"
    what = f"{run.scenario} · {_PRESSURES[run.pressure]} · {run.server} on {run.cores}"
    return f"{what}: {rate}, p50 {p50} µs, p99 {p99} µs, {run.errors} errors {run.problems or ''}"


def _runs_table(runs: list[Run]) -> Table:
    table = _table(
        None, "scenario", "load", "server", *_right("cores", "rate/s", "p50 µs", "p99 µs", "CPU µs")
    )
    table.add_column("errors", justify="right")
    for run in runs:
        latency = run.latency
        table.add_row(
            run.scenario,
            _PRESSURES[run.pressure],
            run.server,
            str(run.cores),
            f"{run.chunk_rate or run.rate:,.0f}" + (" chunks" if run.chunk_rate else ""),
            f"{latency.p50:,.0f}" if latency else "",
            f"{latency.p99:,.0f}" if latency else "",
            f"{run.cpu_us_per_chunk or run.cpu_us:,.1f}",
            f"[red]{run.errors}[/red]" if run.errors else "0",
        )
    return table


def _added_table(document: Document) -> Table:
    columns = _right("p50", "p90", "p99", "p99.9", "max", "errors")
    table = _table(
        "Added latency, µs (through the server minus direct)", "scenario", "load", "server", *columns
    )
    for entry in document.added:
        what = {"": entry.latency} if entry.chunk is None else {"per chunk": entry.chunk}
        if entry.first is not None and entry.chunk is None:
            what = {"whole stream": entry.latency, "first chunk": entry.first}
        for part, values in what.items():
            scenario = f"{entry.scenario} ({part})" if part else entry.scenario
            row = (scenario, _PRESSURES[entry.pressure], entry.server, *_added(values), str(entry.errors))
            table.add_row(*row, style=_style(entry.server))
    return table


def _added(spread: Spread) -> tuple[str, ...]:
    return tuple(f"{value:,.0f}" for value in (spread.p50, spread.p90, spread.p99, spread.p999, spread.max))


def _peak_table(document: Document) -> Table:
    columns = ("cores", "req/s", "req/s/core", "CPU µs/req", "RSS MB", "× nginx", "errors")
    table = _table("Plain answers at peak", "scenario", "server", *_right(*columns), "limited by")
    for peak in document.peaks:
        if BY_NAME[peak.scenario].stream:
            continue
        table.add_row(
            peak.scenario,
            peak.server,
            str(peak.cores),
            f"{peak.rate:,.0f}",
            f"{peak.rate_per_core:,.0f}",
            *_costs(peak, f"{peak.cpu_us:,.1f}" if peak.cpu_us else ""),
            style=_style(peak.server),
        )
    return table


def _stream_table(document: Document) -> Table:
    columns = ("cores", "chunks/s/core", "deliveries/s/core", "CPU µs/chunk", "RSS MB", "× nginx", "errors")
    table = _table("Streams", "scenario", "server", *_right(*columns), "limited by")
    for peak in document.peaks:
        if not BY_NAME[peak.scenario].stream:
            continue
        table.add_row(
            peak.scenario,
            peak.server,
            str(peak.cores),
            f"{peak.chunk_rate_per_core:,.0f}",
            f"{peak.deliveries_per_core:,.0f}",
            *_costs(peak, f"{peak.cpu_us_per_chunk:,.2f}" if peak.cpu_us_per_chunk else ""),
            style=_style(peak.server),
        )
    return table


def _costs(peak: Peak, cpu: str) -> tuple[str, ...]:
    memory = f"{peak.rss_mb:,.0f}" if peak.rss_mb else ""
    ratio = f"{peak.to_nginx:.2f}" if peak.to_nginx is not None else ""
    return cpu, memory, ratio, str(peak.errors), "its pace" if peak.paced else peak.limited_by


def _ratio_table(document: Document) -> Table:
    title = "The gateway to others, one core (rates compare fairly when both were at full stretch)"
    table = _table(title, "scenario", "other", *_right("by rate", "by CPU time"))
    for ratio in document.ratios:
        table.add_row(
            BY_NAME[ratio.scenario].title, ratio.peer, f"{ratio.by_rate:,.2f} ×", _times(ratio.by_cpu)
        )
    return table


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f} ×"


def _goal_table(document: Document) -> Table:
    table = _table("Goals", "goal", "found", "met")
    marks = {True: "[green]yes[/green]", False: "[red]no[/red]", None: "[dim]-[/dim]"}
    for goal in document.goals:
        table.add_row(goal.what, goal.found, marks[goal.met])
    return table


def _table(title: str | None, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None)
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", no_wrap=True)
    return table


def _right(*columns: str) -> tuple[str, ...]:
    return tuple(f">{column}" for column in columns)


def _style(server: str) -> str:
    return "bold" if server == "gateway" else "dim" if server == "direct" else ""
