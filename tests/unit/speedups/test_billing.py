"""What a caller is told of limits, and the charges' numbers; what a bill owes is in test_bills."""

import math
from collections.abc import Iterator
from pathlib import Path
from time import time_ns

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups import limits
from gateway._speedups.billing import Bound, Claim, Metered, Numbers, figures
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts
from gateway.access.bills import NONE, bound
from gateway.access.holds import Told
from gateway.schemas.plan import Target

AT = Target("a", "m")
Header = tuple[bytes, bytes]


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    ledger = Ledger.create(tmp_path / "ledger", limits.sections(limits=8, budgets=8, rolling=4, workers=4))
    found = Accounts(ledger, 0)
    yield found
    found.leave()


class Back:
    """The way back to a caller."""

    started = False

    def __init__(self) -> None:
        self.told: list[Header] = []

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None:
        self.told = headers

    async def start(self, status: int, headers: list[Header]) -> None:
        self.told = headers

    async def chunk(self, data: bytes) -> None: ...
    async def end(self) -> None: ...
    async def cut(self) -> None: ...


class Heard:
    def budget_warning(self, budget: str, key: str) -> None: ...
    def limit_refused(self, limit: str, kind: str) -> None: ...


def claimed(accounts: Accounts, common: Bound, own: Bound = NONE) -> Claim:
    claim = Claim(accounts, Numbers(), lambda _: NONE)
    claim.reserve(common, own, AT, Told(10, 0), Heard(), "k")
    return claim


async def told(claim: Claim, *given: Header) -> dict[bytes, bytes]:
    back = Back()
    await Metered(back, claim).whole(200, list(given), b"")
    assert len(dict(back.told)) == len(back.told)
    return dict(back.told)


async def test_the_tightest_limit_is_told_whoever_set_it(accounts: Accounts) -> None:
    common = bound((accounts.limit("wide", seconds=60, requests=60, tokens=600),))
    own = bound((accounts.limit("narrow", seconds=60, requests=6, tokens=6000),))
    found = await told(claimed(accounts, common, own))
    assert found[b"x-ratelimit-limit-requests"] == b"6"
    assert found[b"x-ratelimit-remaining-requests"] == b"5"
    assert found[b"x-ratelimit-limit-tokens"] == b"600"
    assert found[b"x-ratelimit-remaining-tokens"] == b"590"
    assert float(found[b"x-ratelimit-reset-requests"].removesuffix(b"s")) == pytest.approx(10, abs=1)


async def test_what_the_provider_says_of_its_own_limits_is_left_out(accounts: Accounts) -> None:
    theirs = [
        (b"x-ratelimit-limit-requests", b"9"),
        (b"x-ratelimit-reset-input", b"1s"),
        (b"x-request-id", b"i"),
    ]
    found = await told(claimed(accounts, bound((accounts.limit("l", requests=60),))), *theirs)
    assert found[b"x-request-id"] == b"i"
    assert found[b"x-ratelimit-limit-requests"] == b"60"
    assert b"x-ratelimit-reset-input" not in found
    assert b"x-ratelimit-limit-tokens" not in found


async def test_a_soft_budget_that_is_used_up_is_told(accounts: Accounts) -> None:
    claim = Claim(accounts, Numbers(), lambda _: NONE)
    assert claim.take(bound((accounts.budget("é-1", 5, soft=True),)), NONE, AT, 1, 6) is None
    assert (await told(claim))[b"x-gateway-budget-warning"] == b"?-1"


@given(st.integers(0, 2**53), st.integers(0, 2**53), st.integers(0, 2**61))
def test_figures_are_whole_and_seconds_have_no_needless_digits(limit: int, left: int, ns: int) -> None:
    found = dict(figures((limit, left, ns), None))
    if not limit:
        assert not found
        return
    assert found[b"x-ratelimit-limit-requests"] == b"%d" % limit
    assert found[b"x-ratelimit-remaining-requests"] == b"%d" % left
    text = found[b"x-ratelimit-reset-requests"].decode()
    whole, _, rest = text.removesuffix("s").partition(".")
    assert int(whole) * 1000 + int(rest.ljust(3, "0")) == (ns + 500_000) // 1_000_000
    assert not rest.endswith("0")
    assert math.isfinite(float(text[:-1]))


def test_numbers_of_charges_rise_over_those_of_a_predecessor() -> None:
    numbers = Numbers(time_ns() * 2)
    first = numbers.take(3)
    assert first > time_ns() * 2 - 10**12
    assert numbers.take(1) == first + 3


def test_what_was_taken_is_given_back_where_the_target_refuses(accounts: Accounts) -> None:
    common, own = accounts.limit("c", requests=60), accounts.limit("o", seconds=3600, requests=1)
    first = claimed(accounts, bound((common,)), bound((own,)))
    assert first.holding
    claim = Claim(accounts, Numbers(), lambda _: NONE)
    refusal = claim.take(bound((common,)), bound((own,)), AT, 1, 0)
    assert refusal is not None
    assert refusal.id == "o"
    assert not claim.holding
    left = common.requests_left(time_ns())
    assert left is not None
    assert left[1] == 59  # what the first one holds is gone
