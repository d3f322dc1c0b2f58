"""What the cache does, counted in the ledger by any worker and told for all of them."""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple, Protocol

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from gateway._speedups.asking import Counts
from gateway._speedups.ledger import Ledger, Table
from gateway.schemas.record import SERVED
from gateway.telemetry.labels import SEPARATOR

RESULTS = ("hit", "semantic", "coalesced", "miss", "bypass")
LIKENESS = (0.75, 0.80, 0.85, 0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 1.0)
VERDICTS = ("agreed", "differed", "failed")
"""What comes of a semantic hit that was asked upstream too."""


class Checked(Protocol):
    """What came of the checks of one route's hits; "" is all that have no route of their own."""

    @property
    def route(self) -> str: ...
    @property
    def checked(self) -> int: ...
    @property
    def wrong(self) -> int: ...
    @property
    def threshold(self) -> float: ...


class Figures(NamedTuple):
    """What the store holds: entries, bytes on disk, and how many entries were given up for room; how alike questions
    must be, where that is checked on (0: it is not), and how many groups of conversations must be more alike; how many
    answers it did not take, how many it could not write, and how often it could not read one; the checks by route."""

    entries: int
    bytes: int
    evicted: int
    threshold: float = 0.0
    groups: int = 0
    refused: int = 0
    lost: int = 0
    damaged: int = 0
    routes: tuple[Checked, ...] = ()


class CacheCounts(Counts):
    """Raises the counters of the cache; in a full table nothing is counted."""

    def __init__(self, ledger: Ledger) -> None:
        events = Table(ledger, "events")

        def located(kind: str, details: Iterable[str]) -> dict[str, int]:
            return {one: events.locate(_name(kind, one).encode()) for one in details}

        read, written, nano_usd = (located(kind, SERVED) for kind in ("input", "output", "nano_usd"))
        saved = {one: (read[one], written[one], nano_usd[one]) for one in SERVED}
        super().__init__(events, located("looked", RESULTS), located("ns", RESULTS), saved)
        self._like = [*located("like", map(str, LIKENESS)).values()]
        self._verdicts = located("verified", VERDICTS)

    def _alike(self, similarity: float) -> None:
        place = sum([similarity > bound for bound in LIKENESS[:-1]])
        self.raised(self._like[place], 1)

    def cache_verified(self, verdict: str) -> None:
        """A semantic hit was compared with what a provider says: one of VERDICTS."""
        self.raised(self._verdicts[verdict], 1)


def _name(kind: str, detail: str) -> str:
    return SEPARATOR.join((f"cache_{kind}", "", detail))


def cache_families(events: Table, figures: Callable[[], Figures] | None) -> Iterator[Metric]:
    """The families of the cache, once it was asked anything."""
    counts = events_of(events)
    if not counts:
        return

    def count(kind: str, detail: str) -> int:
        return counts.get(_name(kind, detail), 0)

    looked = CounterMetricFamily(
        "gateway_cache_lookups", "Requests by what the cache said.", labels=("result",)
    )
    taken = SummaryMetricFamily(
        "gateway_cache_lookup_seconds", "From a request's plan to what the cache says.", labels=("result",)
    )
    tokens = CounterMetricFamily(
        "gateway_cache_saved_tokens", "Tokens that nobody had to generate or read.", labels=("result", "type")
    )
    saved = CounterMetricFamily(
        "gateway_cache_saved_usd", "What the answers cost when they were made.", labels=("result",)
    )
    for result in RESULTS:
        number = count("looked", result)
        looked.add_metric((result,), number)
        taken.add_metric((result,), number, count("ns", result) / 1e9)
        if result in SERVED:
            tokens.add_metric((result, "input"), count("input", result))
            tokens.add_metric((result, "output"), count("output", result))
            saved.add_metric((result,), count("nano_usd", result) / 1e9)
    yield from (looked, taken, tokens, saved)
    yield _likeness([count("like", str(bound)) for bound in LIKENESS])
    yield from _verified(
        {verdict: count("verified", verdict) for verdict in VERDICTS}, count("looked", "semantic")
    )
    if figures is not None:
        yield from _held(figures())


def _verified(verdicts: dict[str, int], hits: int) -> Iterator[Metric]:
    family = CounterMetricFamily(
        "gateway_cache_verified", "Semantic hits that were asked upstream too.", labels=("verdict",)
    )
    for verdict, number in verdicts.items():
        family.add_metric((verdict,), number)
    yield family
    told = verdicts["agreed"] + verdicts["differed"]
    if told:
        share, error = min(1.0, told / max(hits, 1)), verdicts["differed"] / told
        yield GaugeMetricFamily(
            "gateway_cache_verified_ratio", "The share of semantic hits that was judged.", share
        )
        yield GaugeMetricFamily("gateway_cache_error_ratio", "The share of those that were wrong.", error)


def _held(now: Figures) -> Iterator[Metric]:
    yield GaugeMetricFamily("gateway_cache_entries", "Entries that can be found.", now.entries)
    yield GaugeMetricFamily("gateway_cache_bytes", "Bytes of the cache's files.", now.bytes)
    yield CounterMetricFamily("gateway_cache_evicted", "Entries given up for room.", now.evicted)
    yield CounterMetricFamily(
        "gateway_cache_refused", "Answers that were not kept: too large, no room, or no disk.", now.refused
    )
    yield CounterMetricFamily("gateway_cache_lost", "Answers that the disk did not take.", now.lost)
    yield CounterMetricFamily("gateway_cache_damaged", "Entries that could not be read.", now.damaged)
    if now.threshold:
        yield GaugeMetricFamily(
            "gateway_cache_threshold", "How alike questions must be now; above 1 none is.", now.threshold
        )
        yield GaugeMetricFamily(
            "gateway_cache_threshold_groups", "Of 256 groups, those that must be more alike.", now.groups
        )
    if now.routes:
        yield from _by_route(now.routes)


def _by_route(routes: tuple[Checked, ...]) -> Iterator[Metric]:
    """Bounded in labels: routes of the configuration, and `other` for what has none."""
    checked = CounterMetricFamily(
        "gateway_cache_route_checks", "Semantic hits that were judged, by route.", labels=("route",)
    )
    wrong = CounterMetricFamily(
        "gateway_cache_route_wrong", "Those of them that were wrong.", labels=("route",)
    )
    threshold = GaugeMetricFamily(
        "gateway_cache_route_threshold", "How alike a route's questions must be now.", labels=("route",)
    )
    for one in routes:
        labels = (one.route or "other",)
        checked.add_metric(labels, one.checked)
        wrong.add_metric(labels, one.wrong)
        threshold.add_metric(labels, one.threshold)
    yield from (checked, wrong, threshold)


def _likeness(counts: list[int]) -> Metric:
    family = HistogramMetricFamily("gateway_cache_similarity", "How like the question of a semantic hit was.")
    edges = [*(str(bound) for bound in LIKENESS[:-1]), "+Inf"]
    family.add_metric((), list(zip(edges, accumulate(counts), strict=True)), None)
    return family


def looked_up(events: Table) -> dict[str, int]:
    """How often the cache said what."""
    counts = events_of(events)
    return {result: counts.get(_name("looked", result), 0) for result in RESULTS}


def events_of(events: Table) -> dict[str, int]:
    """The cache's events by their names."""
    keys, values = events.snapshot()
    named = zip(keys, values[:: events.width], strict=True)
    return {key.decode(): int(value) for key, value in named if key.startswith(b"cache_")}
