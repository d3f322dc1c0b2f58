"""The bench as one picture: added latency, peak rates, CPU time, streaming."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.report.document import Document, Peak
from bench.scenarios import BY_NAME

_COLORS = {
    "gateway": "#1f6feb",
    "nginx": "#2da44e",
    "direct": "#8c959f",
    "litellm": "#cf222e",
    "portkey": "#bf8700",
}
_OTHER = "#8250df"
_PERCENTILES = ("p50", "p90", "p99", "p999")
_LABELS = ("p50", "p90", "p99", "p99.9")


def draw(document: Document, path: Path) -> None:
    """Writes a PNG."""
    # Importing pyplot is slow and looks for a display; both only here.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = pyplot.subplots(2, 2, figsize=(13, 9), layout="constrained")
    plain = [peak for peak in document.peaks if not BY_NAME[peak.scenario].stream and not peak.errors]
    streams = [peak for peak in document.peaks if peak.chunk_rate_per_core and not peak.errors]
    _added(axes[0][0], document)
    _bars(
        axes[0][1], plain, "Plain answers per second and core, at peak (log)", lambda peak: peak.rate_per_core
    )
    _bars(axes[1][0], plain, "CPU µs per plain answer, at peak (log)", lambda peak: peak.cpu_us)
    _bars(axes[1][1], streams, "Streamed chunks per second and core (log)", lambda p: p.chunk_rate_per_core)
    machine = document.machine
    title = f"{machine.cpu}, {machine.cores} cores · Python {machine.python} · {document.started}"
    figure.suptitle(title, fontsize=10, color="#57606a")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _added(axes: Any, document: Document) -> None:
    axes.set_title("Added latency (through the server minus direct), µs", loc="left")
    entries = [entry for entry in document.added if entry.pressure == "rate"]
    if not entries:
        _nothing(axes)
        return
    height = 0.8 / len(_PERCENTILES)
    for place, entry in enumerate(entries):
        spread = entry.first or entry.latency
        for number, name in enumerate(_PERCENTILES):
            value = getattr(spread, name)
            where = place + number * height - 0.4 + height / 2
            color = _COLORS.get(entry.server, _OTHER)
            axes.barh(where, max(value, 0.0), height, color=color, alpha=1.0 - 0.22 * number)
            axes.text(max(value, 0.0), where, f" {_LABELS[number]} {value:,.0f}", va="center", fontsize=7)
    axes.set_yticks(range(len(entries)), [f"{entry.scenario} · {entry.server}" for entry in entries])
    axes.invert_yaxis()
    axes.set_xlabel("at a fixed rate, open loop; of streams: to the first chunk")
    axes.margins(x=0.15)


def _bars(axes: Any, peaks: list[Peak], title: str, value: Callable[[Peak], float]) -> None:
    axes.set_title(title, loc="left")
    shown = sorted(
        (peak for peak in peaks if value(peak) and peak.server != "direct"),
        key=lambda peak: [other.scenario for other in peaks].index(peak.scenario),
    )
    if not shown:
        _nothing(axes)
        return
    values = [value(peak) for peak in shown]
    axes.barh(range(len(shown)), values, color=[_COLORS.get(peak.server, _OTHER) for peak in shown])
    for place, found in enumerate(values):
        axes.text(found, place, f" {found:,.0f}", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 3, max(values) * 3)
    axes.set_yticks(range(len(shown)), [f"{peak.scenario} · {_who(peak)}" for peak in shown])
    axes.invert_yaxis()


def _who(peak: Peak) -> str:
    return peak.server if peak.cores == 1 else f"{peak.server}, {peak.cores} cores"


def _nothing(axes: Any) -> None:
    axes.text(0.5, 0.5, "not measured", ha="center", va="center", color="#8c959f", transform=axes.transAxes)
    axes.set_axis_off()
