"""What given-up tries cost is part of what the request cost, once."""

from typing import Any

import pytest

from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.telemetry.settle import Telemetry

PRICES = {"a": 2, "b": 10}


class Counted:
    """Metrics that only keep what they are given."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, record: Record) -> None:
        self.records.append(record)

    def request_finished(self) -> None: ...


def price(provider: str, model: str, usage: Usage, at: int) -> int | None:
    return PRICES[provider] * usage.input if provider in PRICES else None


def attempt(provider: str, tokens: int = 0, outcome: str = "ok") -> Attempt:
    return Attempt(provider, "m", outcome, usage=Usage(input=tokens) if tokens else None)


@pytest.mark.parametrize(
    ("attempts", "usage", "error", "costs", "total"),
    [
        ([attempt("a")], Usage(input=5), "", [None], 10),
        ([attempt("b", 3, "upstream_closed"), attempt("a")], Usage(input=5), "", [30, None], 40),
        (
            [attempt("b", 3, "hedge_lost"), attempt("b", 1, "x"), attempt("a")],
            Usage(input=5),
            "",
            [30, 10, None],
            50,
        ),
        ([attempt("b", 3, "upstream_closed")], None, "upstream_closed", [30], 30),
        ([attempt("b", 3, "x"), attempt("unpriced")], Usage(input=5), "", [30, None], None),
        ([attempt("unpriced", 3, "x"), attempt("a")], Usage(input=5), "", [None, None], 10),
        ([attempt("b", 3, "x"), attempt("a")], None, "", [30, None], None),
        ([attempt("a", 0, "x")], None, "upstream_status", [None], None),
    ],
)
def test_the_cost_of_a_request_is_that_of_all_its_tries(
    attempts: list[Attempt], usage: Usage | None, error: str, costs: list[Any], total: int | None
) -> None:
    counted: Any = Counted()
    telemetry = Telemetry(counted, price)
    record = Record("r", provider="unpriced" if attempts[-1].provider == "unpriced" else "a", model="m")
    record.attempts, record.usage, record.error = attempts, usage, error
    for _ in range(3):  # priced for its headers, and again when it is settled
        telemetry.price(record)
    telemetry.settle(record)
    assert [one.cost_nano_usd for one in record.attempts] == costs
    assert counted.records[0].cost_nano_usd == total
