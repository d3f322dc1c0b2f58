"""The quality of the semantic cache as one picture: four panels over the threshold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.semantic_scores import DEFAULT, Case, Score

_COLOURS = {"same words": "#009E73", "guards": "#0072B2", "likeness alone": "#D55E00"}
"""Told apart by colour-blind readers, and by the markers."""
_MARKERS = {"same words": None, "guards": "o", "likeness alone": "s"}
_STYLES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)))


def draw(cases: list[Case], embedder: str, path: Path) -> None:
    """Writes a PNG with the curves of one embedder."""
    # Importing pyplot is slow and looks for a display; both only here.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    mpl.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = pyplot.subplots(2, 2, figsize=(13, 10.5), layout="constrained")
    mine = [case for case in cases if case.embedder == embedder]
    pairs = [case for case in mine if case.pairs]
    lookups = [case for case in mine if not case.pairs]
    _panel(
        axes[0][0], pairs, "Look-alikes served wrongly (lower is better)", "share of look-alikes, %", _wrongly
    )
    _panel(axes[0][1], pairs, "Paraphrases served (higher is better)", "recall, % of paraphrases", _recall)
    _panel(
        axes[1][0], lookups, "Look-ups answered rightly (higher is better)", "recall, % of look-ups", _recall
    )
    _panel(
        axes[1][1],
        lookups,
        "Answers that were right (higher is better)",
        "precision, % of answers",
        _precision,
    )
    axes[1][1].set_ylim(90, 100.5)
    axes[0][0].axhline(2.0, color="#57606a", linewidth=0.8)
    axes[0][0].text(0.9895, 2.6, "goal: 2 %", color="#57606a", ha="right", fontsize=8)
    figure.suptitle(
        f"Semantic cache, embedder “{embedder}”: blue guards and threshold, green the same words from .75, "
        "orange likeness alone",
        fontsize=12,
    )
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _panel(axes: Any, cases: list[Case], title: str, unit: str, value: Callable[[Score], float]) -> None:
    axes.set_title(title, loc="left")
    axes.set_xlabel("threshold (cosine, 0 to 1)")
    axes.set_ylabel(unit)
    axes.grid(visible=True, axis="y", color="#d0d7de", linewidth=0.6)
    corpora = list(dict.fromkeys(case.corpus for case in cases))
    for case in cases:
        axes.plot(
            [score.threshold for score in case.scores],
            [100 * value(score) for score in case.scores],
            color=_COLOURS[case.manner],
            marker=_MARKERS[case.manner],
            markersize=4,
            linestyle=_STYLES[corpora.index(case.corpus) % len(_STYLES)],
        )
    for corpus, style in zip(corpora, _STYLES, strict=False):
        axes.plot([], [], color="#57606a", linestyle=style, label=corpus.replace("_", " "))
    axes.axvline(DEFAULT, color="#57606a", linewidth=0.8, linestyle=(0, (1, 3)))
    axes.text(
        DEFAULT, 1.0, " default", color="#57606a", fontsize=8, va="top", transform=axes.get_xaxis_transform()
    )
    axes.set_ylim(bottom=-1.5)
    if cases:
        axes.legend(
            fontsize=8,
            frameon=False,
            handlelength=5,
            ncols=3,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.11),
        )


def _wrongly(score: Score) -> float:
    return score.wrongly


def _recall(score: Score) -> float:
    return score.recall


def _precision(score: Score) -> float:
    return score.precision
