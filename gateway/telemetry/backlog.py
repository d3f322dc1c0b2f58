"""How much of the journal waits to be stored, told by the one process that stores it, for whichever is asked.

What is told is up to when everything is stored, not how old the rest is: so the age goes on growing where nobody tells
anything any more.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from gateway._speedups.ledger import Ledger, Table

_BYTES, _UNTIL = b"journal_waiting_bytes", b"journal_stored_until"


class Backlog(NamedTuple):
    """Bytes of the journal that are not stored yet, and up to when everything is (Unix time in ns)."""

    bytes: int = 0
    until_ns: int = 0


class Teller:
    """Tells the others. Of a ledger there may be one at a time; it goes on where the last one ended."""

    def __init__(self, ledger: Ledger) -> None:
        self._events = Table(ledger, "events")
        self._blocks = self._events.locate(_BYTES), self._events.locate(_UNTIL)
        self._told = told(self._events) or Backlog()

    def tell(self, now: Backlog) -> None:
        """Nothing, where the table is full."""
        for block, before, after in zip(self._blocks, self._told, now, strict=True):
            if block >= 0 and after != before:
                self._events.add(block, 0, after - before)
        self._told = now


def told(events: Table) -> Backlog | None:
    """What was last told; None where nobody ever did, as without a journal."""
    keys, values = events.snapshot()
    found = dict(zip(keys, values[:: events.width], strict=True))
    return Backlog(found[_BYTES], found[_UNTIL]) if found.get(_UNTIL) else None


def backlog_families(events: Table) -> Iterator[Metric]:
    """Gauges, where there is a journal."""
    found = told(events)
    if found is None:
        return
    size = GaugeMetricFamily("gateway_journal_waiting_bytes", "Bytes of the journal that are not stored yet.")
    size.add_metric((), found.bytes)
    yield size
    age = GaugeMetricFamily(
        "gateway_journal_waiting_seconds",
        "Age of the oldest record that is not stored yet; a second or two where all are.",
    )
    age.add_metric((), max(0.0, time.time() - found.until_ns / 1e9))
    yield age
