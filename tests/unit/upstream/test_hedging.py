"""The parts of a race: its share of traffic, its delay, and a try that never began."""

import asyncio
from pathlib import Path

from gateway._speedups.health import Board, sections
from gateway._speedups.ledger import Ledger
from gateway.schemas.plan import Hedge
from gateway.schemas.record import Record
from gateway.upstream.hedging import SAVED, Runner, Share, Try, delay_of
from gateway.upstream.replies import Whole


def test_at_most_a_share_of_traffic_is_asked_twice() -> None:
    share = Share()
    hedged = sum(share.asked(0.05) and share.take() for _ in range(1000))
    assert 50 <= hedged <= 51


def test_a_quiet_time_saves_up_a_bounded_number() -> None:
    share = Share()
    for _ in range(10_000):
        share.asked(0.5)
    assert sum(share.take() for _ in range(100)) == SAVED


def test_a_delay_is_the_operators_or_the_targets_own(tmp_path: Path) -> None:
    health = Board(Ledger.create(tmp_path / "ledger", sections()), 0).target(b"t")
    assert delay_of(Hedge(after=2.0), health) == 2.0
    assert delay_of(Hedge(), health) is None
    for at in range(100):
        health.succeeded(10**9, at)
    assert 0.5 < (delay_of(Hedge(), health) or 0) < 4


async def test_a_try_that_never_began_gives_its_claim_back() -> None:
    released: list[bool] = []

    async def go(record: Record) -> Whole:
        raise AssertionError("it never begins")

    runner = Runner(Try(go, lambda: released.append(True)), Record("r"))
    runner.give_up()
    runner.give_up()
    await asyncio.wait((runner.task,))
    assert released == [True]
