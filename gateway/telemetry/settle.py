"""What becomes of a record: its price, its metrics, and a log line where something failed."""

import traceback
from collections.abc import Callable
from time import time

from gateway.errors import GatewayError
from gateway.schemas.plan import Target
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.telemetry.logs import log
from gateway.telemetry.metrics import Metrics

Price = Callable[[str, str, Usage, int], int | None]
"""(provider, model, usage, Unix seconds) to nano-dollars, or None while the price is unknown."""


class Telemetry:
    """Everything the journey tells of itself passes here; nothing here waits."""

    def __init__(self, metrics: Metrics, price: Price) -> None:
        self._metrics = metrics
        self._price = price

    def begun(self) -> None:
        """A request came in."""
        self._metrics.request_started()

    def price(self, record: Record) -> None:
        """Fills in the cost once usage is known; a price that is not known leaves it None."""
        if record.usage is not None and record.cost_nano_usd is None:
            record.cost_nano_usd = self._price(record.provider, record.model, record.usage, int(time()))

    def settle(self, record: Record) -> None:
        """The request is over, whatever way it ended."""
        self.price(record)
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

    def failed_try(self, record: Record, target: Target, error: GatewayError, next_step: str) -> None:
        """A try failed and the journey goes on: the one place where that is logged."""
        log.warning(
            "upstream_failed",
            request_id=record.request_id,
            provider=target.provider,
            model=target.model,
            code=error.code,
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
        "cost_nano_usd": record.cost_nano_usd,
    }
