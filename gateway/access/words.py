"""What a caller is told of a limit or budget that refuses a request: how much it is, and whose."""

from collections.abc import Callable

from gateway._speedups.limits import Refusal
from gateway.access.holds import NANO, Warned
from gateway.schemas.governance import Budget, Limit

Standing = Callable[[str], Limit | Budget | None]
"""What stands on one of the caller's accounts, by its id."""

_TIMES = {1: "a second", 60: "a minute", 3600: "an hour", 86_400: "a day"}
_PERIODS = {"day": " a day", "week": " a week", "month": " a month", "never": ""}


class Speaking:
    """A watcher that finds words for what refuses; they are looked for when something does."""

    def __init__(self, watcher: Warned, standing: Standing) -> None:
        self._standing = standing
        self.budget_warning = watcher.budget_warning
        self.limit_refused = watcher.limit_refused

    def words(self, refusal: Refusal) -> str | None:
        """As `2 requests a minute of key:K`; None where nobody knows any more what it was."""
        found = self._standing(refusal.id)
        if isinstance(found, Budget):
            return budget_words(found)
        return None if found is None else limit_words(found, refusal.kind)


def limit_words(limit: Limit, kind: str) -> str:
    """As `2 requests a minute of key:K`, of one `kind` of what it limits."""
    if kind == "parallel":
        return f"{_some(limit.parallel, 'request')} in flight of {limit.account}"
    time = _TIMES.get(limit.seconds) or f"in {limit.seconds} seconds"
    figure = _some(limit.tokens, "token") if kind == "tokens" else _some(limit.requests, "request")
    return f"{figure} {time} of {limit.account}"


def budget_words(budget: Budget) -> str:
    """As `5 USD a day of team:T`."""
    usd = f"{budget.nano_usd / NANO:.9f}".rstrip("0").rstrip(".")
    rolling = f" in any {budget.period.partition(':')[2]} seconds"
    return f"{usd} USD{_PERIODS.get(budget.period, rolling)} of {budget.account}"


def _some(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
