"""Exposition: the ledger as Prometheus reads it, for the whole gateway, from whichever process is asked.

prometheus-client negotiates the format and writes every family's header and all families of few series. The
samples of the request families are written here instead: at full cardinality they are 350,000 lines, for
which the client needs seconds of the interpreter. `pieces` yields them in steps of about a millisecond, so
that a worker can go on serving meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from os import sysconf
from re import fullmatch

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import choose_encoder

from gateway._speedups.ledger import Ledger, Table, WorkerState
from gateway.telemetry import cells
from gateway.telemetry.backlog import backlog_families
from gateway.telemetry.caching import Figures, cache_families
from gateway.telemetry.counters import PLAIN
from gateway.telemetry.labels import SEPARATOR
from gateway.telemetry.targets import gate_families, health_families

REQUEST_LABELS = ("endpoint", "provider", "model", "status", "stream")
_SERIES_PER_PIECE = 64
_EOF = b"# EOF\n"

Lines = Callable[[str, Sequence[int]], str]
"""From label text and a block's cells to the lines of one family; empty when there is nothing to say."""


# --- families of many series --------------------------------------------------------------------------------


def _histogram_lines(histogram: cells.Histogram) -> Lines:
    name, total, start, end = histogram.name, histogram.total, histogram.start, histogram.end
    edges = [repr(bound) for bound in histogram.bounds] + ["+Inf"]
    template = "".join(f'{name}_bucket{{@,le="{edge}"}} %d\n' for edge in edges)
    template += f"{name}_sum{{@}} %r\n{name}_count{{@}} %d\n"

    def lines(labels: str, block: Sequence[int]) -> str:
        counts = tuple(accumulate(block[start:end]))
        if not counts[-1]:
            return ""
        # The count is the last bucket, so a histogram is consistent in itself whatever is added meanwhile.
        return template.replace("@", labels) % (*counts, block[total] / 1e9, counts[-1])

    return lines


def _requests(block: Sequence[int]) -> int:
    return sum(block[cells.DURATION.start : cells.DURATION.end])


def _request_lines(labels: str, block: Sequence[int]) -> str:
    count = _requests(block)
    return f"gateway_requests_total{{{labels}}} %d\n" % count if count else ""


def _token_lines(labels: str, block: Sequence[int]) -> str:
    counts = tuple(block[cell] for _, cell in cells.TOKENS)
    if not any(counts):
        return ""
    return (
        "".join(f'gateway_tokens_total{{{labels},type="{kind}"}} %d\n' for kind, _ in cells.TOKENS) % counts
    )


def _cost_lines(labels: str, block: Sequence[int]) -> str:
    # Where every request's price is unknown there is no cost to tell: zero would be a lie.
    bought = block[cells.COST] or any(block[cell] for _, cell in cells.TOKENS)
    if not bought or _requests(block) <= block[cells.COST_UNKNOWN]:
        return ""
    return f"gateway_cost_usd_total{{{labels}}} %r\n" % (block[cells.COST] / 1e9)


def _unknown_lines(labels: str, block: Sequence[int]) -> str:
    unknown = block[cells.COST_UNKNOWN]
    return f"gateway_cost_unknown_total{{{labels}}} %d\n" % unknown if unknown else ""


_REQUEST_FAMILIES: tuple[tuple[Metric, Lines], ...] = (
    (CounterMetricFamily("gateway_requests", "Finished requests."), _request_lines),
    *((HistogramMetricFamily(kind.name, kind.help), _histogram_lines(kind)) for kind in cells.HISTOGRAMS),
    (
        CounterMetricFamily(
            "gateway_tokens", "Tokens; cached ones are part of input, reasoning ones part of output."
        ),
        _token_lines,
    ),
    (
        CounterMetricFamily("gateway_cost_usd", "Cost in US dollars of requests whose price is known."),
        _cost_lines,
    ),
    (CounterMetricFamily("gateway_cost_unknown", "Requests whose price is unknown."), _unknown_lines),
)


def _escaped(value: str) -> str:
    # The percent sign is doubled because the text becomes part of a template.
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"").replace("%", "%%")


def _label_text(key: bytes) -> str:
    values = key.decode(errors="replace").split(SEPARATOR)
    return ",".join(
        f'{name}="{_escaped(value)}"' for name, value in zip(REQUEST_LABELS, values, strict=False)
    )


# --- families of few series ---------------------------------------------------------------------------------


def _resident_bytes(pid: int) -> int:
    """0 when the process has just ended."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _worker_families(workers: Sequence[WorkerState]) -> Iterator[Metric]:
    serving = GaugeMetricFamily("gateway_workers", "Living worker processes.")
    serving.add_metric((), sum(worker.role == "worker" for worker in workers))
    yield serving
    in_flight = GaugeMetricFamily(
        "gateway_in_flight_requests", "Requests being served now, in living processes."
    )
    in_flight.add_metric((), sum(worker.in_flight for worker in workers))
    yield in_flight
    labels = ("role", "worker")
    resident = GaugeMetricFamily("gateway_process_resident_memory_bytes", "Resident memory.", labels=labels)
    started = GaugeMetricFamily("gateway_process_start_time_seconds", "Unix time of start.", labels=labels)
    for worker in workers:
        resident.add_metric((worker.role, str(worker.number)), _resident_bytes(worker.pid))
        started.add_metric((worker.role, str(worker.number)), worker.started_ns / 1e9)
    yield resident
    yield started


def _event_families(events: Table) -> Iterable[Metric]:
    families = {
        "retries": CounterMetricFamily(
            "gateway_retries", "Tries of the same target again.", labels=("provider", "model")
        ),
        "fallbacks": CounterMetricFamily(
            "gateway_fallbacks", "Targets given up for the plan's next one.", labels=("provider", "model")
        ),
        "upstream_errors": CounterMetricFamily(
            "gateway_upstream_errors", "Failed tries, by their cause.", labels=("provider", "kind")
        ),
        "breaker_opened": CounterMetricFamily(
            "gateway_breaker_opened", "Times that a target was taken out.", labels=("provider", "model")
        ),
        "breaker_closed": CounterMetricFamily(
            "gateway_breaker_closed", "Times that a target was let back in.", labels=("provider", "model")
        ),
        "hedges": CounterMetricFamily(
            "gateway_hedges", "Second tries beside a slow one, by what came of them.", labels=("outcome",)
        ),
        "keys_benched": CounterMetricFamily(
            "gateway_keys_benched", "Times that a key was taken out of its pool.", labels=("provider", "key")
        ),
        "rules": CounterMetricFamily(
            "gateway_rule", "Requests of which a rule held, or could not be told.", labels=("rule", "outcome")
        ),
        "shadows": CounterMetricFamily(
            "gateway_shadow", "Copies of requests, by how they ended.", labels=("provider", "outcome")
        ),
        "queue_refused": CounterMetricFamily(
            "gateway_queue_refused", "Requests that got no place at a provider.", labels=("provider", "why")
        ),
        **{event: CounterMetricFamily(name, words) for event, (name, words) in PLAIN.items()},
    }
    lines: dict[str, list[float]] = {}
    keys, values = events.snapshot()
    for key, value in zip(keys, values[:: events.width], strict=True):
        event, *labels = key.decode(errors="replace").split(SEPARATOR)
        if (value or event in PLAIN) and event in families:
            families[event].add_metric(labels[1:] if event == "hedges" else labels, value)
        elif value and event in ("queued", "queued_ns"):
            lines.setdefault(labels[0], [0, 0.0])[event == "queued_ns"] = value
    waits = SummaryMetricFamily(
        "gateway_queue_seconds", "Waiting for a place at a provider.", labels=("provider",)
    )
    for provider, (count, total) in lines.items():
        waits.add_metric((provider,), int(count), total / 1e9)
    return (*families.values(), waits)


class Vitals:
    """A prometheus-client collector of all families whose series are few."""

    def __init__(self, ledger: Ledger, version: str, cached: Callable[[], Figures] | None = None) -> None:
        self._ledger = ledger
        self._events = Table(ledger, "events")
        self._version = version
        self._cached = cached

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("gateway", "The gateway's version.", {"version": self._version})
        yield from _worker_families(self._ledger.workers())
        yield from _event_families(self._events)
        yield from backlog_families(self._events)
        yield from health_families(self._ledger)
        yield from gate_families(self._ledger)
        yield from cache_families(self._events, self._cached)


class _Header:
    """A collector of one family without samples: encoding it gives the family's HELP and TYPE lines."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)


# --- the whole ----------------------------------------------------------------------------------------------


def _understood(accept: str) -> str:
    """The Accept header without what is not offered: other versions, and escapings that rename metrics."""
    kept = []
    for choice in accept.split(","):
        _, *parameters = (part.strip() for part in choice.lower().split(";"))
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        plain = given.get("escaping", "underscores") in ("underscores", "allow-utf-8")
        if plain and fullmatch(r"0\.0\.\d|1\.0\.0", given.get("version", "1.0.0")):
            kept.append(choice)
    return ",".join(kept)


class Exposition:
    """Renders the ledger's metrics. Cheap to make; one per process. `cached` tells what the cache's store holds."""

    def __init__(self, ledger: Ledger, version: str, cached: Callable[[], Figures] | None = None) -> None:
        self._requests = Table(ledger, "requests")
        self._registry = CollectorRegistry()
        self._registry.register(Vitals(ledger, version, cached))
        self._label_texts: dict[bytes, str] = {}

    def render(self, accept: str) -> tuple[bytes, str]:
        """The body and its content type, in the format that the Accept header prefers."""
        pieces, content_type = self.pieces(accept)
        return b"".join(pieces), content_type

    def pieces(self, accept: str) -> tuple[Iterator[bytes], str]:
        """The body in pieces that take about a millisecond each to make, and its content type."""
        encode, content_type = choose_encoder(_understood(accept))
        return self._pieces(encode, _EOF if "openmetrics" in content_type else b""), content_type

    def _pieces(self, encode: Callable[[CollectorRegistry | _Header], bytes], end: bytes) -> Iterator[bytes]:
        yield encode(self._registry).removesuffix(end)
        keys, values = self._requests.snapshot()
        width = self._requests.width
        for family, lines in _REQUEST_FAMILIES:
            yield encode(_Header(family)).removesuffix(end)
            for first in range(0, len(keys), _SERIES_PER_PIECE):
                yield "".join(
                    lines(self._labels(keys[at]), values[at * width : (at + 1) * width].tolist())
                    for at in range(first, min(first + _SERIES_PER_PIECE, len(keys)))
                ).encode()
        yield end

    def _labels(self, key: bytes) -> str:
        text = self._label_texts.get(key)
        if text is None:
            text = self._label_texts[key] = _label_text(key)
        return text
