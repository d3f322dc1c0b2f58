"""Oracle: what the request families must show for a list of records, added up one by one in plain Python."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from gateway.schemas.record import Record
from gateway.telemetry import cells

Sample = tuple[str, frozenset[tuple[str, str]]]
LARGEST = 2**53
PRICED = ("chat_completions", "completions", "embeddings", "messages")


def bounded(value: int | None) -> int:
    return min(max(value or 0, 0), LARGEST)


def labels_of(record: Record, known: Callable[[str, str], bool]) -> dict[str, str]:
    model = record.model if not record.model or known(record.provider, record.model) else "other"
    return {
        "endpoint": record.endpoint,
        "provider": record.provider,
        "model": model,
        "status": str(record.status) if record.status in range(100, 600) else "0",
        "stream": "true" if record.stream else "false",
    }


def priceless(record: Record) -> bool:
    if record.cost_nano_usd is not None:
        return False
    if record.usage is not None:
        return True
    answered = record.first_token_ns > 0 or record.status in range(200, 400)
    return answered and bool(record.provider) and record.endpoint in PRICED


def spans(record: Record) -> dict[str, int | None]:
    total, waited, first = (bounded(ns) for ns in (record.total_ns, record.waited_ns, record.first_token_ns))
    return {
        "gateway_request_duration_seconds": total,
        "gateway_overhead_seconds": max(0, total - waited),
        "gateway_time_to_first_token_seconds": first or None,
        "gateway_upstream_duration_seconds": waited or None,
    }


def totals(records: Iterable[Record], known: Callable[[str, str], bool]) -> dict[Sample, float]:
    """Every sample of the request families, by name and labels."""
    shown: dict[Sample, float] = defaultdict(float)
    groups: dict[frozenset[tuple[str, str]], list[Record]] = defaultdict(list)
    for record in records:
        groups[frozenset(labels_of(record, known).items())].append(record)
    for labels, group in groups.items():
        shown["gateway_requests_total", labels] = len(group)
        _histograms(shown, labels, group)
        _money(shown, labels, group)
    return dict(shown)


def _histograms(shown: dict[Sample, float], labels: frozenset[tuple[str, str]], group: list[Record]) -> None:
    for histogram in cells.HISTOGRAMS:
        seen = [value for record in group if (value := spans(record)[histogram.name]) is not None]
        if not seen:
            continue
        for bound in histogram.bounds:
            edge = labels | {("le", str(bound))}
            shown[f"{histogram.name}_bucket", edge] = sum(value <= round(bound * 1e9) for value in seen)
        shown[f"{histogram.name}_bucket", labels | {("le", "+Inf")}] = len(seen)
        shown[f"{histogram.name}_count", labels] = len(seen)
        shown[f"{histogram.name}_sum", labels] = sum(seen) / 1e9


def _money(shown: dict[Sample, float], labels: frozenset[tuple[str, str]], group: list[Record]) -> None:
    tokens = {
        kind: sum(bounded(getattr(record.usage, kind, 0)) for record in group)
        for kind in ("input", "output", "cached", "reasoning")
    }
    if any(tokens.values()):
        for kind, count in tokens.items():
            shown["gateway_tokens_total", labels | {("type", kind)}] = count
    unknown = sum(priceless(record) for record in group)
    if unknown:
        shown["gateway_cost_unknown_total", labels] = unknown
    cost = sum(bounded(record.cost_nano_usd) for record in group)
    if (cost or any(tokens.values())) and unknown < len(group):
        shown["gateway_cost_usd_total", labels] = cost / 1e9
