"""Any sequence of reservations, settlings and releases by several workers goes as the naive oracle says."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Account, Accounts, Hold, Limiter, Purse, Refusal, sections
from tests.reference.limits_oracle import Bucket, Budget, Gate, Held, Limit, S

START = 1_767_222_000 * S  # an hour before the year 2026 begins, UTC
SHAPE = {"limits": 8, "budgets": 8, "rolling": 4, "workers": 4}

PERIODS = st.sampled_from(["day", "week", "month", "never", "rolling:60", "rolling:86400"])
LIMITS = st.fixed_dictionaries(
    {
        "seconds": st.sampled_from([1, 60, 3600]),
        "requests": st.sampled_from([0, 1, 3, 7]),
        "tokens": st.sampled_from([0, 50, 997]),
        "parallel": st.sampled_from([0, 1, 3]),
    }
)
BUDGETS = st.tuples(st.integers(0, 500), PERIODS, st.booleans())
PASSED = st.one_of(st.just(0), st.integers(0, 3 * S), st.integers(0, 3 * 86_400 * S))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "reserve", "settle", "release"]),
        PASSED,
        st.integers(0, 3),  # the worker, or which hold
        st.integers(0, 120),  # tokens
        st.integers(0, 120),  # money
    ),
    max_size=60,
)


def oracle_of(limits: list[dict[str, Any]], budgets: list[tuple[int, str, bool]]) -> Gate:
    return Gate(
        [
            Limit(
                Bucket(one["requests"], one["seconds"]) if one["requests"] else None,
                Bucket(one["tokens"], one["seconds"]) if one["tokens"] else None,
                one["parallel"],
            )
            for one in limits
        ],
        [Budget(*one) for one in budgets],
    )


def handles_of(
    accounts: Accounts, limits: list[dict[str, Any]], budgets: list[tuple[int, str, bool]]
) -> tuple[Account, ...]:
    return (
        *(accounts.limit(f"l{at}", **one) for at, one in enumerate(limits)),
        *(
            accounts.budget(f"b{at}", amount, period=period, soft=soft)
            for at, (amount, period, soft) in enumerate(budgets)
        ),
    )


def seen(handles: tuple[Account, ...], now: int) -> list[object]:
    found: list[object] = []
    for handle in handles:
        if isinstance(handle, Limiter):
            left = handle.requests_left(now), handle.tokens_left(now)
            found.append([one[1] if one else None for one in left])
            found.append(handle.in_flight if handle.parallel else None)
        elif isinstance(handle, Purse):
            found.append((handle.spent(now), handle.reserved))
    return found


def expected(gate: Gate, now: int) -> list[object]:
    found: list[object] = []
    for limit in gate.limits:
        for bucket in (limit.requests, limit.tokens):
            if bucket:
                bucket.sink(now)
        found.append([bucket.left if bucket else None for bucket in (limit.requests, limit.tokens)])
        found.append(limit.flying if limit.parallel else None)
    return [*found, *((budget.spent(now), budget.reserved) for budget in gate.budgets)]


@given(limits=st.lists(LIMITS, max_size=3), budgets=st.lists(BUDGETS, max_size=3), steps=STEPS)
@settings(max_examples=300)
def test_every_step_goes_as_the_oracle_says(
    limits: list[dict[str, Any]],
    budgets: list[tuple[int, str, bool]],
    steps: list[tuple[str, int, int, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.create(Path(folder, "ledger"), sections(**SHAPE))
        workers = [Accounts(ledger, number) for number in range(4)]
        handles = [handles_of(worker, limits, budgets) for worker in workers]
        gate = oracle_of(limits, budgets)
        held: list[tuple[Hold, Held]] = []
        now = START
        for action, passed, which, tokens, money in steps:
            now += passed
            if action == "reserve":
                answer = workers[which].reserve(handles[which], now, tokens, money)
                wanted = gate.refusal(now, tokens, money)
                if isinstance(answer, Refusal):
                    assert (answer.index, answer.kind) == wanted
                else:
                    assert wanted is None
                    held.append((answer, gate.take(now, tokens, money)))
            elif held:
                hold, model = held.pop(which % len(held))
                if action == "settle":
                    assert hold.settle(tokens, money, now)
                    gate.end(model, now, tokens, money)
                else:
                    assert hold.release(now)
                    gate.end(model, now, 0, 0, released=True)
            assert seen(handles[which], now) == expected(gate, now)


@given(
    amounts=st.lists(
        st.tuples(st.integers(0, 30 * S), st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=80
    )
)
def test_no_window_ever_sees_more_than_the_bucket_and_its_refill(amounts: list[tuple[int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        accounts = Accounts(Ledger.create(Path(folder, "ledger"), sections(**SHAPE)), 0)
        handles = (accounts.limit("l", seconds=60, tokens=100),)
        now, granted = START, []
        for passed, tokens, used in amounts:
            now += passed
            answer = accounts.reserve(handles, now, tokens, 0)
            if isinstance(answer, Hold):
                answer.settle(min(used, tokens), 0, now)
                granted.append((now, min(used, tokens)))
        for begin, _ in granted:
            inside = sum(used for at, used in granted if begin <= at < begin + 60 * S)
            assert inside <= 200
