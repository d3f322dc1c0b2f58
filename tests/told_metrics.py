"""What a gateway tells Prometheus once everything that it counts has happened."""

from pathlib import Path
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from gateway._speedups import health
from gateway._speedups.ledger import Ledger
from gateway.schemas.record import SERVED, Record
from gateway.schemas.usage import Usage
from gateway.telemetry import cells
from gateway.telemetry.backlog import Backlog, Teller
from gateway.telemetry.caching import RESULTS, VERDICTS, CacheCounts, Figures
from gateway.telemetry.counters import PLAIN, Counters
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.metrics import Metrics


class Route(NamedTuple):
    """What came of the checks of a route's hits."""

    route: str
    checked: int
    wrong: int
    threshold: float


FIGURES = Figures(5, 1000, 1, 0.93, 2, 1, 1, 1, (Route("faq", 10, 1, 0.94), Route("", 1, 0, 0.93)))


def told(folder: Path) -> str:
    """The page, with at least one sample of every family."""
    ledger = Ledger.create(
        folder / "told-ledger", (*cells.sections(series=64, events=256), *health.sections())
    )
    counters, cached = Counters(ledger), CacheCounts(ledger)
    metrics = Metrics(ledger, ledger.join(), _knows)
    _requests(metrics, cached)
    for event in PLAIN:
        counters.add(event)
    Teller(ledger).tell(Backlog(400, 1))
    metrics.retry("openai", "gpt-4o")
    metrics.fallback("openai", "gpt-4o")
    metrics.upstream_error("openai", "timeout_idle")
    for state in ("open", "shut"):
        metrics.breaker("openai", "gpt-4o", state)
    metrics.hedge("won")
    metrics.key_benched("openai", 0)
    metrics.rule("small", "matched")
    metrics.shadow("openai", "done")
    metrics.queued("openai", 1_000_000)
    metrics.queue_refused("openai", "full")
    board = health.Board(ledger, 0)
    for key in (b"openai\0gpt-4o", b"openai\0#0", b"\0topenai\0\0gpt-4o", b"\0wopenai\0\0gpt-4o"):
        board.target(key)
    body, _ = Exposition(ledger, "1", _figures).render("")
    return body.decode()


def families(folder: Path) -> dict[str, Metric]:
    """By the names under which they are asked for, `_total` and all."""
    found = {}
    for family in text_string_to_metric_families(told(folder)):
        found[f"{family.name}_total" if family.type == "counter" else family.name] = family
    return found


def _knows(provider: str, model: str) -> bool:
    return True


def _figures() -> Figures:
    return FIGURES


def _requests(metrics: Metrics, cached: CacheCounts) -> None:
    usual = {"endpoint": "chat_completions", "provider": "openai", "model": "gpt-4o", "status": 200}
    times = {"total_ns": 3_000_000, "waited_ns": 1_000_000, "first_token_ns": 2_000_000}
    usage = Usage(100, 10, cached=5, reasoning=2)
    metrics.record(Record("r1", stream=True, usage=usage, cost_nano_usd=7, **usual, **times))
    metrics.record(Record("r2", usage=usage, **usual, **times))
    for result in RESULTS:
        cached.cache_lookup(result, 1000, 0.95 if result == "semantic" else 0.0)
    for result in SERVED:
        cached.cache_saved(Record("r3", cache=result, usage=usage, saved_nano_usd=7, **usual))
    for verdict in VERDICTS:
        cached.cache_verified(verdict)
