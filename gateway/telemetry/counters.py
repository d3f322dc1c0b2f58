"""Counters without labels, that any process may raise; they are told from the first, so that alerts see them rise."""

from gateway._speedups.ledger import Ledger, Table

PLAIN = {
    "journal_lost": ("gateway_journal_lost", "Finished requests that the journal could not keep."),
    "journal_damaged": ("gateway_journal_damaged", "Pieces of the journal that could not be read."),
    "changes_untold": (
        "gateway_changes_untold",
        "Tries to tell the workers of a change at the admin API that failed.",
    ),
    "records_stored": ("gateway_records_stored", "Records of requests that reached the store."),
    "records_refused": ("gateway_records_refused", "Records of requests that the store would not take."),
    "limit_refusals": ("gateway_limit_refusals", "Requests refused because a limit was used up."),
    "budget_refusals": ("gateway_budget_refusals", "Requests refused because a budget was used up."),
    "budget_warnings": (
        "gateway_budget_warnings",
        "Requests that went on although a soft budget was used up.",
    ),
}
"""Their families and help texts, by the event."""


class Counters:
    """Raises the counters of `PLAIN`."""

    def __init__(self, ledger: Ledger) -> None:
        self._events = Table(ledger, "events")
        self._blocks = {event: self._events.locate(event.encode()) for event in PLAIN}

    def add(self, event: str, number: int = 1) -> None:
        """So many more of them; none where the table is full."""
        block = self._blocks[event]
        if number > 0 and block >= 0:
            self._events.add(block, 0, number)
