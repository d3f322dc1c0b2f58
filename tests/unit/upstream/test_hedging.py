"""The parts of a race: its share of traffic, its delay, and a try that never began."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway._speedups.health import Board, sections
from gateway._speedups.ledger import Ledger
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.call import Call
from gateway.schemas.plan import Hedge
from gateway.schemas.record import Attempt, Record
from gateway.upstream.hearing import ear
from gateway.upstream.hedging import SAVED, Race, Runner, Share, Try, delay_of
from gateway.upstream.replies import Stream, Whole

CHAT = ENDPOINTS["chat_completions"]


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


class Response:
    """A provider's answer that is given up."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


def begun(record: Record, response: Response) -> Stream:
    """A stream that has told something, and not its usage."""
    record.attempts.append(Attempt("p", "m"))
    source: Any = SimpleNamespace(
        usage=None, model="m", finish="", dropped=(), skipped=0, complete=False, terminated=False
    )
    stream = Stream(cast(Any, response), source, record, [], print)
    stream.ear = ear({}, Call("chat_completions", "openai", b"{}", None, "m"), CHAT, "m")
    assert stream.ear is not None
    stream.ear.hear(b"data: ")
    return stream


@pytest.mark.parametrize("slow", [False, True])
async def test_who_leaves_while_a_race_ends_pays_for_what_the_answer_told(slow: bool) -> None:
    """Whether the loser is still being ended then, or the answer has come at this very moment."""
    response, leaving = Response(), asyncio.Event()

    async def wins(record: Record) -> Stream:
        if not slow:
            leaving.set()  # the caller leaves before anybody hears of the answer
        return begun(record, response)

    async def loses(record: Record) -> Whole:
        record.attempts.append(Attempt("q", "m", "dropped"))
        try:
            await asyncio.Event().wait()
        finally:
            leaving.set()
            await asyncio.sleep(0 if not slow else 0.1)
        raise AssertionError("it never answers")

    record = Record("r")
    first = Try(loses if slow else wins, lambda: None)
    race = Race(record, Share(), lambda _: False)
    running = asyncio.ensure_future(race.run(first, lambda: Try(wins, lambda: None), 0.01))
    await leaving.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert response.aborted
    assert [one.size for one in record.unsaid] == [6]
