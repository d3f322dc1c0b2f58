"""What a refused caller is told: how much was allowed, and on which of its own accounts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_virtual_keys import begin, callers, key, used

from gateway._speedups import limits
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts
from gateway.errors import BudgetExceeded, GatewayError, LimitExceeded
from gateway.schemas.governance import Budget, Governance, Limit


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    sections = limits.sections(limits=64, budgets=64, rolling=4, workers=2)
    found = Accounts(Ledger.create(tmp_path / "ledger", sections), 0)
    yield found
    found.leave()


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (Limit("l", "key:k", 60, requests=1), "the limit of 1 request a minute of key:k is used up"),
        (Limit("l", "team:t", 7200, requests=1), "the limit of 1 request in 7200 seconds of team:t is used"),
        (Limit("l", "user:u", 3600, tokens=15), "the limit of 15 tokens an hour of user:u is used up"),
        (Limit("l", "org:o", 86_400, tokens=5), "more tokens than the limit of 5 tokens a day of org:o"),
        (Limit("l", "key:k", parallel=1), "the limit of 1 request in flight of key:k is reached"),
        (Limit("l", "model:openai/gpt", 1, requests=1), "1 request a second of model:openai/gpt is used up"),
        (
            Limit("l", "team:t+provider:openai", 60, requests=1),
            "of 1 request a minute of team:t+provider:openai is",
        ),
    ],
)
def test_a_limit_is_named_by_its_figure_and_its_account(accounts: Accounts, limit: Limit, words: str) -> None:
    who = callers(accounts, Governance(0, (key(team="t", user="u", org="o"),), (limit,)))
    taken = begin(who, used()) if limit.tokens != 5 else None  # of the smallest, not one fits in
    with pytest.raises(LimitExceeded) as refused:
        begin(who, used())
    assert words in refused.value.message
    del taken


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget("b", "key:k", 99), "the budget of 0.000000099 USD a month of key:k has too little left"),
        (Budget("b", "team:t", 90, "rolling:60"), "0.00000009 USD in any 60 seconds of team:t has"),
        (Budget("b", "org:o", 0, "never"), "0 USD of org:o has too little left"),
    ],
)
def test_a_budget_is_named_by_its_figure_and_its_account(
    accounts: Accounts, budget: Budget, words: str
) -> None:
    who = callers(accounts, Governance(0, (key(team="t", org="o"),), (), (budget,)))
    with pytest.raises(BudgetExceeded) as refused:
        begin(who, used())
    assert words in refused.value.message


def test_nobody_elses_account_is_named(accounts: Accounts) -> None:
    """An id that two accounts have by mistake is named by the caller's own."""
    both = (Limit("l", "team:rival", 60, requests=1), Limit("l", "team:t", 60, requests=1))
    who = callers(accounts, Governance(0, (key(team="t"),), both))
    _ = begin(who, used())
    with pytest.raises(GatewayError) as refused:
        begin(who, used())
    assert "of team:t is" in refused.value.message
    assert "rival" not in refused.value.message
