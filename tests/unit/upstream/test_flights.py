"""Whatever becomes of a request, nothing of it stays: no count in flight, no claim of a probe, no open answer."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest
from dispatching import House, Watched
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import errors
from gateway._speedups.health import HALF_OPEN, OPEN, Board, sections
from gateway._speedups.ledger import Ledger
from gateway.schemas.plan import Breaker, Hedge, Plan, Target
from gateway.schemas.record import Record
from gateway.upstream import tries
from gateway.upstream.flights import LONGEST_REST, Flight, Healths
from gateway.upstream.replies import Whole
from gateway.upstream.rules import Rules

FAILURES: dict[str, errors.GatewayError] = {
    "500": errors.UpstreamStatus(500, "oops"),
    "429": errors.UpstreamStatus(429, "slow down"),
    "429-later": errors.UpstreamStatus(429, "slow down", retry_after=30.0),
    "401": errors.UpstreamStatus(401, "key"),
    "409": errors.UpstreamStatus(409, "conflict"),
    "400": errors.UpstreamStatus(400, "bad"),
    "busy": errors.UpstreamPoolTimeout("full"),
    "silent": errors.UpstreamTimeout("silent", phase="first_byte"),
    "closed": errors.UpstreamClosed("cut"),
    "own": errors.BadRequest("yours"),
}
OUTCOMES = ["whole", "stream", "hang", "defect", *FAILURES]
NAMES = ("a", "b", "c")


class Answer:
    """A stream that has begun; whoever holds it must end it."""

    def __init__(self) -> None:
        self.flight: Flight | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.ended = False

    def adopt(self, record: Record) -> None: ...

    def abort(self) -> None:
        self.ended = True
        assert self.flight is not None
        self.flight.end()


class Scripted:
    """Stands in for the network: each try takes some turns of the loop, then ends as the script says."""

    def __init__(self, script: list[tuple[str, int]]) -> None:
        self._script = list(script)
        self.begun: list[Answer] = []

    async def run(self, errand: Any, left: float, record: Record) -> Any:
        outcome, turns = self._script.pop(0) if self._script else ("whole", 0)
        for _ in range(turns):
            await asyncio.sleep(0)
        if outcome == "hang":
            await asyncio.Event().wait()
        if outcome == "defect":
            raise RuntimeError("a defect of the gateway")
        if outcome in FAILURES:
            raise FAILURES[outcome]
        if outcome == "whole":
            return Whole(b"", [])
        self.begun.append(Answer())
        return self.begun[-1]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


async def _journey(
    house: House, script: list[tuple[str, int]], states: list[str], plan: Plan, leaves: int | None
) -> None:
    await house.start(keys=2)
    for name, state in zip(NAMES, states, strict=True):
        if state != "shut":
            house.open_it(name, rest=0 if state == "half-open" else 3600)
    scripted = Scripted(script)
    usual, tries.run = tries.run, scripted.run
    task = asyncio.create_task(house.send(plan))
    try:
        turns = 300 if leaves is None else leaves
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(done, Answer):
            assert house.board.targets()
            assert sum(house.health(name).in_flight for name in NAMES) == 1
            done.abort()
        await asyncio.sleep(0.001)
    finally:
        tries.run = usual
        await house.stop()
    assert all(one.ended for one in scripted.begun)
    for name in NAMES:
        health = house.health(name)
        assert health.in_flight == 0
        if health.state(monotonic_ns()) == HALF_OPEN:
            assert health.admit(monotonic_ns()) == 2, f"{name}: a claim was left behind"


@pytest.mark.parametrize("leaves", range(12))
@pytest.mark.parametrize("script", [[("stream", 2), ("whole", 2)], [("hang", 0), ("stream", 1)]])
def test_a_caller_may_leave_a_race_at_any_turn(
    folder: Path, script: list[tuple[str, int]], leaves: int
) -> None:
    for left in folder.iterdir():
        left.unlink()
    plan = Plan((Target("a", "m"), Target("b", "m")), hedge=Hedge(1.0, 1e-9))
    asyncio.run(_journey(House(folder, *NAMES), script, ["shut"] * 3, plan, leaves))


def _hedge(now: bool) -> Hedge | None:
    return Hedge(share=1.0, after=1e-9) if now else None


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    script=st.lists(st.tuples(st.sampled_from(OUTCOMES), st.integers(0, 4)), max_size=10),
    states=st.lists(st.sampled_from(["shut", "half-open", "open"]), min_size=3, max_size=3),
    count=st.integers(1, 3),
    hedge=st.builds(_hedge, st.booleans()),
    leaves=st.one_of(st.none(), st.integers(0, 30)),
)
def test_nothing_is_left_behind(
    folder: Path,
    script: list[tuple[str, int]],
    states: list[str],
    count: int,
    hedge: Hedge | None,
    leaves: int | None,
) -> None:
    for left in folder.iterdir():
        left.unlink()
    house = House(folder, *NAMES)
    plan = Plan(tuple(Target(name, "m") for name in NAMES[:count]), hedge=hedge)
    asyncio.run(_journey(house, script, states, plan, leaves))


# --- one flight ---


@pytest.fixture
def healths(tmp_path: Path) -> Healths:
    board = Board(Ledger.create(tmp_path / "ledger", sections()), 0)
    return Healths(board, lambda provider, model: model != "made-up", {"off": Breaker(failures=0)})


def test_models_that_callers_make_up_share_one_block(healths: Healths) -> None:
    assert healths(Target("p", "made-up")).key == b"p\0*"
    assert healths(Target("p", "real")).key == b"p\0real"


def test_keys_are_benched_whatever_the_breaker_says(healths: Healths) -> None:
    for name in ("p", "off"):
        key, other = healths.of_keys(name, 2)
        now = 10**12
        for again in range(8):  # for as long as is asked, every time
            assert key.cool(now, 10**9)
            assert key.open_until == now + 10**9, again
            now += 2 * 10**9
        assert other.open_until == 0


def test_what_is_said_twice_counts_once(healths: Healths) -> None:
    watched = Watched()
    health = healths(Target("p", "m"))
    flight = Flight(Target("p", "m"), health, Rules(), watched, probe=False)
    assert health.in_flight == 1
    for _ in range(9):
        flight.failed(FAILURES["500"])
        flight.end()
    assert (health.in_flight, health.opened) == (0, 0)


def test_a_flight_gives_back_no_claim_but_its_own(healths: Healths) -> None:
    health = healths(Target("p", "m"))
    health.cool(monotonic_ns(), 0)
    flight = Flight(Target("p", "m"), health, Rules(), Watched(), probe=health.admit(monotonic_ns()) == 2)
    flight.answered()
    health.cool(monotonic_ns(), 0)
    assert health.admit(monotonic_ns()) == 2  # somebody else's
    flight.failed(FAILURES["409"])
    flight.dropped()
    assert health.admit(monotonic_ns()) == 0


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_is_asked_for_is_granted_but_not_for_ever(healths: Healths, status: int) -> None:
    health = healths(Target("p", "m"))
    flight = Flight(Target("p", "m"), health, Rules(), Watched(), probe=False)
    flight.failed(errors.UpstreamStatus(status, "", retry_after=3e7), alone=True)
    flight.end()
    assert health.state(monotonic_ns()) == OPEN
    assert health.open_until - monotonic_ns() <= LONGEST_REST * 1e9
