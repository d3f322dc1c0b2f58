"""What becomes of a record: its price, its metrics, and a log line where something failed."""

import traceback
from collections.abc import Callable
from time import perf_counter_ns, time
from typing import Protocol

import msgspec

from gateway.errors import GatewayError
from gateway.schemas.plan import Target
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.telemetry.journal import Journal
from gateway.telemetry.logs import log
from gateway.telemetry.metrics import Metrics

Price = Callable[[str, str, Usage, int], int | None]
"""(provider, model, usage, Unix seconds) to nano-dollars, or None while the price is unknown."""

Count = Callable[[Record], None]
"""Fills in the usage that `Record.unsaid` is about, of the request and of given-up tries."""


class Bill(Protocol):
    """What a request owes to budgets and limits."""

    def draw(self, record: Record) -> None: ...
    def pay(self) -> None: ...


Bills = dict[int, Bill]
"""The bills of requests under way, by their records' identity."""


class Telemetry:
    """Everything the journey tells of itself passes here; nothing here waits."""

    def __init__(
        self, metrics: Metrics, price: Price, journal: Journal | None = None, count: Count | None = None
    ) -> None:
        """`count` fills in the usage that no provider told."""
        self._metrics = metrics
        self._price = price
        self._journal = journal
        self._count = count
        self.bills: Bills = {}

    def begun(self) -> None:
        """A request came in."""
        self._metrics.request_started()

    def price(self, record: Record) -> None:
        """Fills in the cost once usage is known, that of tries that were given up included; a price that is not known
        leaves it None."""
        if record.unsaid:
            if self._count is not None:
                self._count(record)
            record.unsaid = []
        if record.cost_nano_usd is not None:
            return
        if record.usage is not None:
            record.cost_nano_usd = self._price(record.provider, record.model, record.usage, int(time()))
        if len(record.attempts) > 1 or record.error:
            self._price_attempts(record)

    def _price_attempts(self, record: Record) -> None:
        """Adds what given-up tries cost. To an answer whose own cost is unknown nothing is added: it stays unknown."""
        total = 0
        for one in record.attempts:
            if one.usage is not None:
                one.cost_nano_usd = self._price(one.provider, one.model, one.usage, int(time()))
                total += one.cost_nano_usd or 0
        if record.cost_nano_usd is not None:
            record.cost_nano_usd += total
        elif record.usage is None and record.error and total:
            record.cost_nano_usd = total

    def close(self, record: Record) -> None:
        """All is known of the request, and the last byte of its answer has not left: it is written down, once, and its
        bill paid before anything else is written."""
        if record.kept:
            return
        if record.unsaid or record.cost_nano_usd is None:
            self.price(record)
        bill = self.bills.pop(id(record), None) if self.bills else None
        if bill is not None:
            bill.draw(record)
        if self._journal is not None:
            record.total_ns = perf_counter_ns() - record.started_ns
            self._journal.write(record)
        if bill is not None:
            bill.pay()
        record.kept = True

    def settle(self, record: Record) -> None:
        """The request is over, whatever way it ended."""
        if not record.kept:
            self.close(record)
        self._metrics.record(record)
        self._metrics.request_finished()
        if log.debugs:
            log.debug("request", **summary(record))

    def retry(self, provider: str, model: str) -> None:
        """The same target is tried again."""
        self._metrics.retry(provider, model)

    def fallback(self, provider: str, model: str) -> None:
        """The target was given up for the next one."""
        self._metrics.fallback(provider, model)

    def upstream_error(self, provider: str, kind: str) -> None:
        """A try failed."""
        self._metrics.upstream_error(provider, kind)

    def breaker(self, target: Target, state: str) -> None:
        """A target's breaker moved: from now on it is open, or closed."""
        self._metrics.breaker(target.provider, target.model, state)
        log.warning("breaker", provider=target.provider, model=target.model, state=state)

    def rule_matched(self, name: str) -> None:
        """One of the operator's rules holds of a request."""
        self._metrics.rule(name, "matched")

    def rule_failed(self, name: str, why: str) -> None:
        """A rule's condition could not be told of a request; `why` is empty where that has been logged before."""
        self._metrics.rule(name, "failed")
        if why:
            log.warning("rule_failed", rule=name, cause=why)

    def hedge(self, outcome: str) -> None:
        """A second try was made beside a slow one: which of them won."""
        self._metrics.hedge(outcome)

    def key_benched(self, provider: str, index: int, seconds: float) -> None:
        """A key of a pool is left unused for so long; 0 when it is back."""
        if seconds:
            self._metrics.key_benched(provider, index)
            log.warning("key_benched", provider=provider, index=index, seconds=round(seconds, 3))
        else:
            log.info("key_back", provider=provider, index=index)

    def shadow(self, record: Record, outcome: str) -> None:
        """A copy of a request is over: ok, error, cancelled, or dropped before it began."""
        self._metrics.shadow(record.provider, outcome)
        if outcome != "dropped":
            self.price(record)
            self._metrics.record(msgspec.structs.replace(record, endpoint="shadow"))
            name = f"{record.request_id}:{record.provider}/{record.model}"  # a request may have several
            self.close(msgspec.structs.replace(record, request_id=name))
        if log.debugs:
            log.debug("shadow", outcome=outcome, **summary(record))

    def queued(self, provider: str, ns: int) -> None:
        """A request waited for a place at this provider, whatever came of it."""
        self._metrics.queued(provider, ns)

    def queue_refused(self, provider: str, why: str) -> None:
        """A request was turned away from this provider's line."""
        self._metrics.queue_refused(provider, why)

    def failed_try(self, record: Record, target: Target, error: GatewayError, next_step: str) -> None:
        """A try failed and the journey goes on: the one place where that is logged."""
        log.warning(
            "upstream_failed",
            request_id=record.request_id,
            provider=target.provider,
            model=target.model,
            code=error.code,
            cause=_cause(record, target),
            status=error.http_status,
            message=error.message,
            next=next_step,
        )

    def defect(self, record: Record, error: Exception) -> None:
        """The gateway itself failed: the caller learns the request's id, the log the rest."""
        log.error(
            "defect",
            request_id=record.request_id,
            endpoint=record.endpoint,
            error=f"{type(error).__name__}: {error}",
            trace="".join(traceback.format_exception(error)),
        )


def _cause(record: Record, target: Target) -> str:
    """Why the last try at this target failed; empty where none was made."""
    tried = (
        one
        for one in reversed(record.attempts)
        if (one.provider, one.model) == (target.provider, target.model)
    )
    last = next(tried, None)
    return "" if last is None else last.cause


def summary(record: Record) -> dict[str, object]:
    """The fields of a record that one log line shows."""
    return {
        "request_id": record.request_id,
        "endpoint": record.endpoint,
        "status": record.status,
        "error": record.error,
        "provider": record.provider,
        "model": record.model,
        "stream": record.stream,
        "attempts": len(record.attempts),
        "total_ms": round(record.total_ns / 1e6, 3),
        "waited_ms": round(record.waited_ns / 1e6, 3),
        "queued_ms": round(record.queued_ns / 1e6, 3),
        "cost_nano_usd": record.cost_nano_usd,
        "cache": record.cache,
    }
