"""Limits and budgets as one would write them without concurrency: lists of what was taken, and sums over them.

The oracle of `_speedups/limits.pyx`. A bucket is a level that sinks by one unit a step; a budget is a list of payments.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

S = 1_000_000_000


@dataclass
class Bucket:
    limit: int
    seconds: int
    level: int = 0
    at: int = 0

    @property
    def step(self) -> int:
        return -(-self.seconds * S // self.limit)

    def sink(self, now: int) -> None:
        self.level = max(self.level - (now - self.at), 0)
        self.at = now

    def fits(self, now: int, amount: int) -> bool:
        self.sink(now)
        return self.level + amount * self.step <= self.limit * self.step

    def add(self, now: int, amount: int) -> None:
        self.sink(now)
        deepest = self.limit * self.step + max(self.seconds, 60) * S
        self.level = min(self.level + amount * self.step, deepest)

    def refund(self, now: int, amount: int, mark: int) -> None:
        self.sink(now)
        self.level -= max(min(amount * self.step, mark - now, self.level), 0)

    @property
    def mark(self) -> int:
        return self.at + self.level

    @property
    def left(self) -> int:
        return max((self.limit * self.step - self.level) // self.step, 0)


@dataclass
class Budget:
    amount: int
    period: str
    soft: bool = False
    payments: list[tuple[int, int]] = field(default_factory=list)
    reserved: int = 0

    def began(self, now: int) -> int:
        """The moment from which payments count, Unix ns."""
        if self.period == "never":
            return 0
        if self.period.startswith("rolling:"):
            slot = int(self.period.removeprefix("rolling:")) * S // 60
            return (now // slot - 60) * slot
        moment = datetime.fromtimestamp(now // S, UTC)
        day = moment.replace(hour=0, minute=0, second=0)
        start = {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}
        return int(start[self.period].timestamp()) * S

    def spent(self, now: int) -> int:
        began = self.began(now)
        return sum(paid for at, paid in self.payments if at >= began)

    def fits(self, now: int, price: int) -> bool:
        return self.soft or self.spent(now) + self.reserved + price <= self.amount


@dataclass
class Limit:
    requests: Bucket | None = None
    tokens: Bucket | None = None
    parallel: int = 0
    flying: int = 0


@dataclass
class Held:
    marks: list[tuple[int, int]]
    tokens: int
    price: int


class Gate:
    """Limits, then budgets: one request takes from all of them or from none."""

    def __init__(self, limits: list[Limit], budgets: list[Budget]) -> None:
        self.limits, self.budgets = limits, budgets

    def refusal(self, now: int, tokens: int, price: int) -> tuple[int, str] | None:
        for index, limit in enumerate(self.limits):
            if limit.requests and not limit.requests.fits(now, 1):
                return index, "requests"
            if limit.tokens and not limit.tokens.fits(now, tokens):
                return index, "tokens"
            if limit.parallel and limit.flying >= limit.parallel:
                return index, "parallel"
        for index, budget in enumerate(self.budgets, len(self.limits)):
            if not budget.fits(now, price):
                return index, "money"
        return None

    def take(self, now: int, tokens: int, price: int) -> Held:
        marks = []
        for limit in self.limits:
            pair = []
            for bucket, amount in ((limit.requests, 1), (limit.tokens, tokens)):
                if bucket:
                    bucket.add(now, amount)
                pair.append(bucket.mark if bucket else 0)
            limit.flying += 1
            marks.append((pair[0], pair[1]))
        for budget in self.budgets:
            budget.reserved += price
        return Held(marks, tokens, price)

    def end(self, held: Held, now: int, tokens: int, price: int, *, released: bool = False) -> None:
        for limit, (requested, taken) in zip(self.limits, held.marks, strict=True):
            limit.flying -= 1
            if released and limit.requests:
                limit.requests.refund(now, 1, requested)
            if limit.tokens and tokens < held.tokens:
                limit.tokens.refund(now, held.tokens - tokens, taken)
            elif limit.tokens:
                limit.tokens.add(now, tokens - held.tokens)
        for budget in self.budgets:
            budget.reserved -= held.price
            if not released:
                budget.payments.append((now, price))
