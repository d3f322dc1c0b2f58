"""The bench as one picture: added latency, peak rates, CPU time, streaming."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.report.document import Document, Peak

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
    _added(axes[0][0], document)
    _peaks(
        axes[0][1], document, "Requests per second and core, at peak (log)", lambda peak: peak.rate_per_core
    )
    _peaks(axes[1][0], document, "CPU µs per request, at peak (log)", lambda peak: peak.cpu_us)
    _peaks(axes[1][1], document, "Streamed chunks per second and core (log)", lambda p: p.chunk_rate_per_core)
    machine = document.machine
    title = f"{machine.cpu}, {machine.cores} cores · Python {machine.python} · {document.started}"
    figure.suptitle(title, fontsize=10, color="#57606a")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _added(axes: Any, document: Document) -> None:
    axes.set_title("Added latency (through the server minus direct), µs", loc="left")
    chosen = [
        entry for entry in document.added if entry.pressure == "rate" and entry.server in ("gateway", "nginx")
    ]
    rows = [(f"{entry.scenario}\n{entry.server}", entry) for entry in chosen]
    height = 0.8 / len(_PERCENTILES)
    for place, (_, entry) in enumerate(rows):
        spread = entry.first or entry.latency
        for number, name in enumerate(_PERCENTILES):
            value = max(getattr(spread, name), 0.0)
            shade = 1.0 - 0.22 * number
            where = place + number * height - 0.4 + height / 2
            axes.barh(where, value, height, color=_COLORS.get(entry.server, _OTHER), alpha=shade)
            axes.text(value, where, f" {_LABELS[number]} {value:,.0f}", va="center", fontsize=7)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel("at a fixed rate, open loop; of streams: to the first chunk")
    axes.margins(x=0.15)
    if not rows:
        _nothing(axes)


def _peaks(axes: Any, document: Document, title: str, value: Callable[[Peak], float]) -> None:
    axes.set_title(title, loc="left")
    peaks = [peak for peak in document.peaks if value(peak) and peak.server != "direct"]
    if not peaks:
        _nothing(axes)
        return
    labels = [f"{peak.scenario} · {_who(peak)}" for peak in peaks]
    values = [value(peak) for peak in peaks]
    axes.barh(range(len(peaks)), values, color=[_COLORS.get(peak.server, _OTHER) for peak in peaks])
    for place, found in enumerate(values):
        axes.text(found, place, f" {found:,.0f}", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 3, max(values) * 3)
    axes.set_yticks(range(len(peaks)), labels)
    axes.invert_yaxis()


def _who(peak: Peak) -> str:
    return peak.server if peak.cores == 1 else f"{peak.server}, {peak.cores} cores"


def _nothing(axes: Any) -> None:
    axes.text(0.5, 0.5, "not measured", ha="center", va="center", color="#8c959f", transform=axes.transAxes)
    axes.set_axis_off()
