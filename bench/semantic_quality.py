"""The command `python -m bench.semantic_quality`: what a semantic cache serves rightly and wrongly, by threshold.

--data FOLDER adds what is there of adversarial_pairs.jsonl, gptcache_mock_pairs.json, banking77_train.csv and
banking77_test.csv to the project's own pairs; --onnx FOLDER measures the sentence model there too; --out FOLDER gets
semantic_quality.json and a PNG for each embedder. The command ends with 1 where look-alikes are served wrongly beyond
the goal at the default threshold.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

import msgspec
from rich.console import Console
from rich.table import Table

from bench.semantic_chart import draw
from bench.semantic_corpora import Pair, lookup_sets, pair_sets
from bench.semantic_scores import DEFAULT, SAME_WORDS, THRESHOLDS, Case, of_guards, of_lookups, of_pairs
from gateway.cache.embedding.base import Embedder, EmbedderMissing
from gateway.cache.embedding.onnx import OnnxEmbedder
from gateway.cache.embedding.static import installed
from gateway.cache.guards import gist_of, objection, pack

PATIENCE = 30.0
"""Seconds that an embedding may take; here nobody waits for it."""
GOAL = 0.02
"""The most look-alikes that may be served wrongly at the default threshold, as a share."""


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 where the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.semantic_quality", description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with further corpora")
    parser.add_argument("--onnx", type=Path, help="a folder with model.onnx and tokenizer.json")
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    chosen = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 120)
    sets = pair_sets(chosen.data)
    cases = measured(sets, chosen.data, embedders(console, chosen.onnx))
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "semantic_quality.json").write_bytes(msgspec.json.encode(cases))
    console.print(pair_table(cases), lookup_table(cases), guard_table(sets), cost(sets["own, held_out"]))
    for name in dict.fromkeys(case.embedder for case in cases if case.embedder != "guards alone"):
        path = chosen.out / f"semantic_quality-{name}.png"
        draw(cases, name, path)
        console.print(f"curves: {path}")
    missed = [case for case in cases if case.pairs and case.guards and case.at(DEFAULT).wrongly > GOAL]
    for case in missed:
        console.print(f"[red]{case.corpus} ({case.embedder}): more than {GOAL:.0%} served wrongly[/red]")
    return 1 if missed else 0


def embedders(console: Console, onnx: Path | None) -> list[Embedder]:
    """The embedders that can be had here; what is missing is said."""
    makers: list[Callable[[], Embedder]] = [installed]
    if onnx is not None:
        makers.append(partial(OnnxEmbedder, onnx, deadline=PATIENCE))
    found = []
    for make in makers:
        try:
            found.append(make())
        except EmbedderMissing as missing:
            console.print(f"not measured: {missing}")
    return found


def measured(sets: dict[str, list[Pair]], data: Path | None, found: list[Embedder]) -> list[Case]:
    """All corpora under all embedders, and all pairs under the guards alone."""
    cases = []
    for embedder in (None, *found):
        for name, pairs in sets.items():
            cases.extend(of_pairs(name, pairs, embedder))
    wanted = lookup_sets(data)
    cases.extend(of_guards(name, lookups) for name, lookups in wanted.items())
    for embedder in found:
        for name, lookups in wanted.items():
            cases.extend(of_lookups(name, lookups, embedder))
    return cases


def pair_table(cases: list[Case]) -> Table:
    """Pairs at the lowest, the default and a high threshold."""
    table = Table(
        *(
            "pairs",
            "embedder",
            "by",
            "threshold",
            "look-alikes served",
            "paraphrases served",
            "precision",
        ),
        title="Pairs: what must not be served, and what should",
    )
    for case in cases:
        shown = (DEFAULT,) if _is_flat(case) else (THRESHOLDS[0], DEFAULT, 0.96)
        for threshold in shown if case.pairs else ():
            score = case.at(threshold)
            table.add_row(
                *(case.corpus, case.embedder, case.manner),
                _floor(case, threshold),
                f"{score.wrong} of {score.wrongs} ({score.wrongly:.1%})",
                f"{score.right} of {score.rights} ({score.recall:.1%})",
                f"{score.precision:.1%}",
            )
    return table


def lookup_table(cases: list[Case]) -> Table:
    """Look-ups at every threshold, recall beside precision."""
    table = Table(
        *("look-ups", "embedder", "by", "threshold", "answered rightly", "wrongly", "precision"),
        title="Look-ups: the nearest kept text that may serve",
    )
    for case in cases:
        for score in (case.scores[:1] if _is_flat(case) else case.scores) if not case.pairs else ():
            table.add_row(
                *(case.corpus, case.embedder, case.manner),
                _floor(case, score.threshold),
                *(f"{score.recall:.1%}", f"{score.wrongly:.1%}", f"{score.precision:.1%}"),
            )
    return table


def _is_flat(case: Case) -> bool:
    """Whether the threshold plays no part."""
    return case.same_words or case.embedder == "guards alone"


def _floor(case: Case, threshold: float) -> str:
    """From which likeness on it is served."""
    return f"{SAME_WORDS:.2f}" if case.same_words else "none" if _is_flat(case) else f"{threshold:.2f}"


def guard_table(sets: dict[str, list[Pair]]) -> Table:
    """Which guard objected how often: to look-alikes, as it should, and to paraphrases, as it should not."""
    table = Table("pairs", "label", "objections", title="What objected")
    for name, pairs in sets.items():
        for label, said in ((0, "look-alikes"), (1, "paraphrases")):
            found = Counter(
                objection(gist_of(pair.a), gist_of(pair.b)) or "none" for pair in pairs if pair.label == label
            )
            table.add_row(name, said, ", ".join(f"{guard} {count}" for guard, count in found.most_common()))
    return table


def cost(pairs: list[Pair]) -> str:
    """What a gist and a check cost in this run."""
    texts = [text for pair in pairs for text in (pair.a, pair.b)]
    before = perf_counter()
    gists = [gist_of(text) for text in texts * 10]
    read = (perf_counter() - before) / len(gists)
    before = perf_counter()
    for _ in range(20):
        for asked, kept in zip(gists[::2], gists[1::2], strict=True):
            objection(asked, kept)
    checked = (perf_counter() - before) / 10 / len(gists)
    size = sum(len(pack(gist)) for gist in gists) / len(gists)
    return f"a gist: {read * 1e6:.1f} µs a text, {size:.0f} bytes packed; a check: {checked * 1e6:.2f} µs"


if __name__ == "__main__":
    sys.exit(main())
