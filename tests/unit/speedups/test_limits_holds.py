"""What a request takes of its limits and budgets, and how it gives back what it did not use."""

import gc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway._speedups.ledger import Ledger, LedgerError
from gateway._speedups.limits import Account, Accounts, Hold, Refusal, sections

S = 1_000_000_000
DAY = 86_400 * S


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * S


NOW = moment("2026-03-18 12:00")  # a Wednesday


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "ledger", sections(limits=16, budgets=8, rolling=2, workers=4))


@pytest.fixture
def accounts(ledger: Ledger) -> Accounts:
    return Accounts(ledger, 0)


def held(
    accounts: Accounts, *handles: Account, now: int = NOW, tokens: int = 0, price: int | None = 0
) -> Hold:
    answer = accounts.reserve(handles, now, tokens, price)
    assert isinstance(answer, Hold), answer
    return answer


def refused(
    accounts: Accounts, *handles: Account, now: int = NOW, tokens: int = 0, price: int = 0
) -> Refusal:
    answer = accounts.reserve(handles, now, tokens, price)
    assert isinstance(answer, Refusal)
    return answer


# --- all or nothing ---


@pytest.mark.parametrize("last", ["requests", "tokens", "parallel", "money"])
def test_a_refused_request_consumes_nothing_of_the_others(accounts: Accounts, last: str) -> None:
    wide = accounts.limit("wide", requests=9, tokens=900, parallel=9)
    purse = accounts.budget("purse", 1_000)
    narrow: Account = accounts.budget("narrow", 1)
    if last != "money":
        narrow = accounts.limit("narrow", **{last: 1})
    blocker = held(accounts, narrow, tokens=1, price=1)
    before = wide.requests_left(NOW), wide.tokens_left(NOW), wide.in_flight, purse.reserved
    answer = refused(accounts, wide, purse, narrow, tokens=5, price=5)
    assert (answer.index, answer.id, answer.kind) == (2, "narrow", last)
    assert (wide.requests_left(NOW), wide.tokens_left(NOW), wide.in_flight, purse.reserved) == before
    assert before == ((9, 9, 0), (900, 900, 0), 0, 0)
    assert blocker.held


def test_a_hold_ends_exactly_once(accounts: Accounts) -> None:
    limit, purse = accounts.limit("l", parallel=2), accounts.budget("b", 100)
    hold = held(accounts, limit, purse, price=10)
    assert (limit.in_flight, purse.reserved, hold.held) == (1, 10, True)
    assert hold.settle(0, 7, NOW)
    assert not hold.settle(0, 7, NOW)
    assert not hold.release(NOW)
    assert not hold.extend(1, 1, NOW)
    assert (limit.in_flight, purse.reserved, purse.spent(NOW), hold.held) == (0, 0, 7, False)


def test_a_released_hold_was_never_there(accounts: Accounts) -> None:
    limit, purse = accounts.limit("l", requests=3, tokens=100, parallel=2), accounts.budget("b", 100)
    assert held(accounts, limit, purse, tokens=60, price=10).release(NOW)
    assert (limit.requests_left(NOW), limit.tokens_left(NOW)) == ((3, 3, 0), (100, 100, 0))
    assert (limit.in_flight, purse.reserved, purse.spent(NOW)) == (0, 0, 0)


def test_a_forgotten_hold_keeps_neither_place_nor_money(accounts: Accounts) -> None:
    limit, purse = accounts.limit("l", parallel=1), accounts.budget("b", 10)
    hold = held(accounts, limit, purse, price=10)
    assert (limit.in_flight, purse.reserved) == (1, 10)
    del hold
    gc.collect()
    assert (limit.in_flight, purse.reserved, purse.spent(NOW)) == (0, 0, 0)


def test_one_budget_named_twice_is_paid_twice(accounts: Accounts) -> None:
    purse = accounts.budget("b", 100)
    hold = held(accounts, purse, purse, price=10)
    assert purse.reserved == 20
    hold.settle(0, 4, NOW)
    assert (purse.spent(NOW), purse.reserved) == (8, 0)


# --- limits ---


def test_a_whole_windows_amount_goes_at_once_and_comes_back_evenly(accounts: Accounts) -> None:
    limit = accounts.limit("l", seconds=60, requests=6)
    for left in range(5, -1, -1):
        assert held(accounts, limit).requests == (6, left, (6 - left) * 10 * S)
    answer = refused(accounts, limit)
    assert (answer.kind, answer.retry_after, answer.requests) == ("requests", 10 * S, (6, 0, 60 * S))
    assert refused(accounts, limit, now=NOW + 10 * S - 1).retry_after == 1
    held(accounts, limit, now=NOW + 10 * S)
    refused(accounts, limit, now=NOW + 10 * S)


def test_tokens_that_were_not_used_come_back_and_those_too_many_are_owed(accounts: Accounts) -> None:
    limit = accounts.limit("l", seconds=60, tokens=600)
    held(accounts, limit, tokens=500).settle(100, 0, NOW)
    assert limit.tokens_left(NOW) == (600, 500, 10 * S)
    held(accounts, limit, tokens=500).settle(800, 0, NOW)
    assert limit.tokens_left(NOW) == (600, 0, 90 * S)
    assert refused(accounts, limit, tokens=0).retry_after == 30 * S
    held(accounts, limit, tokens=0, now=NOW + 30 * S)


def test_debt_is_bounded(accounts: Accounts) -> None:
    limit = accounts.limit("l", seconds=60, tokens=600)
    held(accounts, limit, tokens=1).settle(1 << 200, 0, NOW)
    assert refused(accounts, limit, tokens=600).retry_after == 120 * S


def test_what_flowed_back_by_itself_is_not_given_back_twice(accounts: Accounts) -> None:
    limit = accounts.limit("l", seconds=60, tokens=600)
    early = held(accounts, limit, tokens=600)
    late = NOW + 60 * S
    other = held(accounts, limit, tokens=600, now=late)
    assert other.held
    early.settle(0, 0, late)
    refused(accounts, limit, tokens=1, now=late)


def test_more_than_the_whole_limit_never_fits(accounts: Accounts) -> None:
    assert refused(accounts, accounts.limit("l", tokens=10), tokens=11).retry_after == -1


def test_parallel_requests_are_counted_over_workers(ledger: Ledger) -> None:
    one, two = Accounts(ledger, 0), Accounts(ledger, 3)
    first = held(one, one.limit("l", parallel=2))
    second = held(two, two.limit("l", parallel=2))
    assert refused(one, one.limit("l", parallel=2)).kind == "parallel"
    second.settle(0, 0, NOW)
    third = held(one, one.limit("l", parallel=2))
    assert one.limit("l", parallel=2).in_flight == 2
    assert first.held
    assert third.held


def test_the_tightest_of_several_limits_is_told(accounts: Accounts) -> None:
    wide = accounts.limit("w", requests=100, tokens=50)
    narrow = accounts.limit("n", seconds=3600, requests=5, tokens=5_000)
    hold = held(accounts, wide, narrow, tokens=10)
    assert hold.requests is not None
    assert hold.requests[:2] == (5, 4)
    assert hold.tokens is not None
    assert hold.tokens[:2] == (50, 40)
    assert held(accounts, accounts.budget("b", 1)).requests is None


@pytest.mark.parametrize("jump", [S, 60 * S, DAY, 400 * DAY])
def test_a_clock_set_back_delays_a_limit_by_two_windows_at_the_most(accounts: Accounts, jump: int) -> None:
    limit = accounts.limit("l", seconds=60, requests=2)
    held(accounts, limit)
    held(accounts, limit)
    wait = refused(accounts, limit, now=NOW - jump).retry_after
    assert 0 < wait <= 120 * S
    held(accounts, limit, now=NOW - jump + wait)


def test_changed_figures_keep_what_was_taken(accounts: Accounts) -> None:
    limit, purse = accounts.limit("l", requests=2, parallel=2), accounts.budget("b", 100)
    hold = held(accounts, limit, purse, price=60)
    changed = accounts.limit("l", requests=4, parallel=1)
    assert (changed.in_flight, changed.requests_left(NOW)) == (1, (4, 2, 30 * S))
    assert refused(accounts, changed).kind == "parallel"
    hold.settle(0, 60, NOW)
    assert accounts.budget("b", 50, soft=True).spent(NOW) == 60
    assert refused(accounts, accounts.budget("b", 50), price=1).kind == "money"


# --- budgets ---


def test_a_budget_for_n_requests_grants_n(ledger: Ledger) -> None:
    workers = [Accounts(ledger, number) for number in range(3)]
    purses = [worker.budget("b", 7 * 100) for worker in workers]
    granted = []
    for turn in range(20):
        answer = workers[turn % 3].reserve((purses[turn % 3],), NOW, 0, 100)
        if isinstance(answer, Hold):
            granted.append(answer)
            if turn % 2:
                answer.settle(0, 100, NOW)
    assert len(granted) == 7
    assert (purses[0].spent(NOW) + purses[0].reserved, purses[0].remaining(NOW)) == (700, 0)


def test_a_soft_budget_warns(accounts: Accounts) -> None:
    soft, hard = accounts.budget("soft", 10, soft=True), accounts.budget("hard", 100)
    first = held(accounts, soft, hard, price=10)
    second = held(accounts, soft, hard, price=10)
    assert (first.warnings, second.warnings) == ((), ("soft",))


def test_a_stream_that_runs_on_takes_more_and_is_told_when_that_is_too_much(accounts: Accounts) -> None:
    limit, purse = accounts.limit("l", tokens=100), accounts.budget("b", 100)
    hold = held(accounts, limit, purse, tokens=50, price=50)
    assert hold.extend(50, 50, NOW)
    assert not hold.extend(0, 1, NOW)
    assert not hold.extend(1, 0, NOW)
    assert purse.reserved == 101
    hold.settle(10, 20, NOW)
    assert (purse.spent(NOW), purse.reserved) == (20, 0)
    left = limit.tokens_left(NOW)
    assert left is not None
    assert left[1] == 90


@pytest.mark.parametrize(
    ("period", "last", "first"),
    [
        ("day", "2026-03-18 23:59:59", "2026-03-19 00:00:00"),
        ("week", "2026-03-22 23:59:59", "2026-03-23 00:00:00"),
        ("month", "2026-03-31 23:59:59", "2026-04-01 00:00:00"),
    ],
)
def test_a_period_begins_anew_and_keeps_what_is_reserved(
    ledger: Ledger, period: str, last: str, first: str
) -> None:
    one, two = Accounts(ledger, 0), Accounts(ledger, 1)
    purse, other = one.budget("b", 100, period=period), two.budget("b", 100, period=period)
    held(one, purse, price=60).settle(0, 60, NOW)
    straddling = held(two, other, price=30)
    answer = refused(one, purse, now=moment(last), price=11)
    assert answer.retry_after == moment(first) - moment(last)
    assert purse.resets(NOW) == moment(first)
    assert (purse.spent(moment(last)), purse.spent(moment(first)), purse.reserved) == (60, 0, 30)
    refused(one, purse, now=moment(first), price=71)
    straddling.settle(0, 25, moment(first))
    assert (purse.spent(moment(first)), other.remaining(moment(first))) == (25, 75)


def test_months_end_where_the_calendar_says(accounts: Accounts) -> None:
    purse = accounts.budget("b", 1)
    ends = {f"2024-{month:02}-15": f"2024-{month + 1:02}-01" for month in range(1, 12)}
    ends |= {"2024-12-31 23:59": "2025-01-01", "2023-02-28": "2023-03-01", "2024-02-29": "2024-03-01"}
    assert [purse.resets(moment(day)) for day in ends] == [moment(end) for end in ends.values()]


def test_a_rolling_budget_forgets_slot_by_slot(accounts: Accounts) -> None:
    purse = accounts.budget("b", 100, period="rolling:3600")
    for minute in (0, 30):
        held(accounts, purse, now=NOW + minute * 60 * S, price=50).settle(0, 50, NOW + minute * 60 * S)
    assert refused(accounts, purse, now=NOW + 59 * 60 * S, price=1).retry_after == 60 * S
    assert [purse.spent(NOW + minute * 60 * S) for minute in (60, 61, 90, 91)] == [100, 50, 50, 0]


def test_a_budget_that_never_resets_says_so(accounts: Accounts) -> None:
    purse = accounts.budget("b", 5, period="never")
    held(accounts, purse, price=5).settle(0, 5, NOW)
    assert refused(accounts, purse, now=NOW + 10_000 * DAY, price=1).retry_after == -1
    assert purse.resets(NOW) == 0


@pytest.mark.parametrize("period", ["day", "month", "rolling:60"])
def test_a_clock_that_was_in_the_future_neither_forgets_nor_stays_there(
    accounts: Accounts, period: str
) -> None:
    purse = accounts.budget("b", 100, period=period)
    far = NOW + 5_000 * DAY
    held(accounts, purse, now=far, price=40).settle(0, 40, far)
    assert purse.spent(NOW) == 40
    assert purse.spent(NOW + 40 * DAY) == 0


@pytest.mark.parametrize("period", ["day", "month", "never", "rolling:600"])
def test_what_was_spent_before_the_ledger_is_restored_once(ledger: Ledger, period: str) -> None:
    accounts, other = Accounts(ledger, 0), Accounts(ledger, 1)
    purse = accounts.budget("b", 100, period=period)
    held(accounts, purse, price=10).settle(0, 10, NOW)
    assert purse.restore(70, NOW)
    assert not other.budget("b", 100, period=period).restore(70, NOW)
    assert (purse.spent(NOW), purse.remaining(NOW)) == (80, 20)
    refused(accounts, purse, price=21)
    if period != "never":
        assert purse.spent(NOW + 40 * DAY) == 0
    assert accounts.born == other.born > 0


# --- hostile figures, and an end to room ---


@pytest.mark.parametrize("figure", [-1, -(1 << 80), None, "7", 1.5, float("nan")])
def test_what_is_no_amount_counts_nothing(accounts: Accounts, figure: Any) -> None:
    limit, purse = accounts.limit("l", tokens=10), accounts.budget("b", 10)
    answer = accounts.reserve((limit, purse), NOW, figure, figure)
    assert isinstance(answer, Hold)
    answer.settle(figure, figure, NOW)
    assert (limit.tokens_left(NOW), purse.spent(NOW), purse.reserved) == ((10, 10, 0), 0, 0)


def test_absurd_amounts_stay_within_their_words(accounts: Accounts) -> None:
    soft = accounts.budget("b", 10, period="never", soft=True)
    holds = [held(accounts, soft, price=1 << 90) for _ in range(30)]
    for hold in holds:
        hold.extend(1 << 70, 1 << 70, NOW)
        hold.settle(1 << 90, 1 << 90, NOW)
    assert 0 < soft.spent(NOW) <= 1 << 56
    assert soft.reserved == 0
    assert refused(accounts, accounts.budget("b", 1 << 90, period="never"), price=1 << 90).kind == "money"


def test_what_has_no_room_is_refused(accounts: Accounts) -> None:
    handles = [accounts.limit(str(at), requests=1) for at in range(16)]
    with pytest.raises(LedgerError, match="16 are taken"):
        accounts.limit("one more", requests=1)
    with pytest.raises(ValueError, match="33 handles"):
        accounts.reserve((*handles, *handles, handles[0]), NOW, 0, 0)


@pytest.mark.parametrize(
    "period", ["", "year", "rolling", "rolling:0", "rolling:-5", "rolling:x", "rolling:²"]
)
def test_an_unknown_period_is_named(accounts: Accounts, period: str) -> None:
    with pytest.raises(ValueError, match="period"):
        accounts.budget("b", 1, period=period)


def test_handles_of_other_accounts_are_refused(ledger: Ledger) -> None:
    one, two = Accounts(ledger, 0), Accounts(ledger, 1)
    with pytest.raises(ValueError, match="other accounts"):
        one.reserve((two.limit("l", requests=1),), NOW, 0, 0)
    no_handles: Any = ("l",)
    with pytest.raises(TypeError):
        one.reserve(no_handles, NOW, 0, 0)
