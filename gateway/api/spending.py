"""What a realtime session consumes, taken from its caller's limits and budgets as the provider tells it."""

from gateway.dialects.realtime import Tally
from gateway.errors import BudgetExceeded, LimitExceeded
from gateway.pipeline import Telemetry, Visit
from gateway.schemas.record import Record
from gateway.upstream.lines import REFUSED, Ended


class Spending:
    """One session's. What it told is held until the session's record settles all of it."""

    def __init__(self, transcribes: bool, record: Record, visit: Visit | None, telemetry: Telemetry) -> None:
        self.record = record
        self._tally = Tally(transcribes)
        self._visit = visit
        self._telemetry = telemetry
        self._tokens = self._nano_usd = 0

    def see(self, event: str) -> Ended | None:
        """Counts what the event tells; the end of the session, where a budget or a limit of tokens has nothing left for
        another."""
        before = self._tally.usage
        self._tally.see(event)
        if self._visit is None or self._tally.usage is before:
            return None
        tokens, nano_usd = self._sums()
        more = max(0, tokens - self._tokens), max(0, nano_usd - self._nano_usd)
        self._tokens, self._nano_usd = tokens, nano_usd
        try:
            self._visit.spend(*more)
        except (BudgetExceeded, LimitExceeded) as error:
            return Ended(REFUSED, error.message, error)
        return None

    def end(self) -> None:
        """The session is over: what was counted stands in the record, with what was under way."""
        self._tally.end()
        self.tell()

    def tell(self) -> None:
        """Writes into the record what was counted."""
        self.record.estimated = self._tally.estimated
        self.record.usage, self.record.answered_model = self._tally.usage, self._tally.model
        self.record.model = self.record.model or self._tally.model

    def _sums(self) -> tuple[int, int]:
        """Tokens and nano-dollars until now, as a record that ended here would have them."""
        self.tell()
        record, usage = self.record, self.record.usage
        if usage is None:
            return 0, 0
        told = Record(record.request_id, record.endpoint, record.dialect)
        told.provider, told.model, told.usage = record.provider, record.model, usage
        self._telemetry.price(told)
        return usage.input + usage.output, told.cost_nano_usd or 0
