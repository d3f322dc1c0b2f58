"""Faults met in a race: a second try starts beside a slow first one. Whatever comes of the two, the caller gets one
answer or one error, and the provider that lost is let go."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fault_answers
import pytest
from fault_cases import PIECES, SHORT
from fault_house import MockThread, ask, ends_well, nothing_is_left, question, wire_provider
from gateway_process import CALLER_KEY, Gateway, until
from raw_client import Reply

AFTER = "100ms"
LET_GO = 20.0  # seconds; it takes milliseconds, and the time-outs that would end it otherwise are a minute
SLOW = "mock-latency800ms"
"""So slow that the second try has begun, on however busy a machine."""
SLOWER = "mock-latency2s"
LATE = "mock-latency50s"
"""Nobody waits for it."""
WHOLE = len(PIECES)


@dataclass(frozen=True)
class Race:
    """Models of the first target and of the second, and of a third where there is one; who answers (0: nobody) with
    which status and `pieces` of a stream; how often each was asked."""

    first: str
    second: str
    won_by: int
    asked: tuple[int, ...] = (1, 1)
    third: str = ""
    status: int = 200
    stream: bool = False
    pieces: int = WHOLE
    resumes: bool = False
    outcome: str = "won"
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        words = [self.first, self.second, self.third, "stream" if self.stream else "plain"]
        return "--".join([word for word in words if word] + (["resume"] if self.resumes else []))

    @property
    def models(self) -> list[str]:
        return [model for model in (self.first, self.second, self.third) if model]


def both(*args: Any, **more: Any) -> tuple[Race, Race]:
    return Race(*args, **more), Race(*args, stream=True, **more)


RACES = (
    # The first is slow: it loses, whether it would answer, hang or fail.
    *both(LATE, "mock", 2),
    *both("fault-hang", "mock", 2),
    *both(f"fault-500-{LATE}", "mock", 2),
    *both(f"fault-reset-{LATE}", "mock", 2),
    Race("fault-stall-0", "mock", 2, stream=True),
    Race("fault-comments", "mock", 2, stream=True),
    # It fails while the second is under way.
    *both(f"fault-500-{SLOW}", SLOWER, 2),
    *both(f"fault-close-{SLOW}", SLOWER, 2),
    *both(f"fault-401-{SLOW}", SLOWER, 2),
    Race(f"fault-inband-0-{SLOW}", SLOWER, 2, stream=True),
    # The second fails, or is slower still.
    *both(SLOW, "fault-500", 1, outcome="lost"),
    *both(SLOW, "fault-429-retry1", 1, outcome="lost"),
    *both(SLOW, "fault-reset", 1, outcome="lost"),
    *both(SLOW, "fault-hang", 1, outcome="lost"),
    *both(SLOW, "fault-html", 1, outcome="lost"),
    Race(SLOW, "fault-stall-0", 1, outcome="lost", stream=True),
    # Both fail: the third answers, or the caller gets the first one's error.
    *both(f"fault-500-{SLOW}", "fault-503", 3, (1, 1, 1), third="mock", outcome="failed"),
    *both(f"fault-503-{SLOW}", "fault-500", 0, status=503, outcome="failed"),
    *both("fault-hang", "fault-500", 0, status=504, outcome="failed", settings={"timeouts": SHORT}),
    # What no other target would mend ends the race; a first that fails before it is slow begins none.
    *both(f"fault-400-{SLOW}", SLOWER, 0, status=400, outcome="failed"),
    *both("fault-500", "mock", 2, outcome=""),
    # Whoever won may still break off.
    Race("fault-hang", "fault-cut-3", 2, stream=True, pieces=3),
    Race("fault-hang", "fault-cut-3", 2, (1, 1, 1), third="mock", stream=True, resumes=True),
    Race("fault-hang", "fault-stall-3", 2, stream=True, pieces=3, settings={"timeouts": SHORT}),
)


@dataclass
class Met:
    reply: Reply
    held: float  # seconds until no connection of any of the targets waited for an answer


@dataclass
class House:
    gateway: Gateway
    mock: MockThread
    met: dict[str, Future[Met]]


def _configuration(mock: MockThread) -> dict[str, Any]:
    providers: dict[str, Any] = {}
    routes: dict[str, Any] = {}
    for number, race in enumerate(RACES):
        members = []
        for place, model in enumerate(race.models):
            name = f"p{number}-{place}"
            providers[name] = (
                wire_provider(mock.mock, "openai" if place != 1 else "anthropic", name) | race.settings
            )
            members.append(f"{name}/{model}")
        routes[race.name] = {
            "targets": members[:1],
            "fallbacks": members[1:],
            "hedge": {"share": "100%", "after": AFTER},
            "mid_stream": "resume" if race.resumes else "error",
        }
    for name in ("left-0", "left-1"):
        providers[name] = wire_provider(mock.mock, "openai", name)
    routes["left"] = {
        "targets": ["left-0/fault-hang"],
        "fallbacks": ["left-1/fault-stall-0"],
        "hedge": {"share": "100%", "after": AFTER},
    }
    return {"auth": {"keys": [CALLER_KEY]}, "retries": {"max": 0}, "providers": providers, "models": routes}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    mock = MockThread()
    gateway = Gateway(_configuration(mock), tmp_path_factory.mktemp("hedged"))
    pool = ThreadPoolExecutor(16)
    try:
        met = {race.name: pool.submit(_meet, gateway, mock, n, race) for n, race in enumerate(RACES)}
        yield House(gateway, mock, met)
    finally:
        pool.shutdown(cancel_futures=True)
        if gateway.process.poll() is None:
            gateway.kill()
        mock.stop()


def _meet(gateway: Gateway, mock: MockThread, number: int, race: Race) -> Met:
    reply = ask(gateway, "openai", race.name, race.stream)
    began = time.monotonic()
    used = {one.connection for place in range(3) for one in mock.seen_of(f"p{number}-{place}")}
    while mock.busy() & used and time.monotonic() - began < 2 * LET_GO:
        time.sleep(0.02)
    return Met(reply, time.monotonic() - began)


@pytest.mark.parametrize("number", range(len(RACES)), ids=[race.name for race in RACES])
def test_race(house: House, number: int) -> None:
    race = RACES[number]
    met = house.met[race.name].result(60)
    reply = met.reply
    assert reply.status == race.status, reply.body[:500]
    told = fault_answers.told("openai", race.stream, reply)
    assert (told.error is None) == (race.status == 200 and race.pieces == WHOLE)
    if race.stream and race.status == 200:
        assert told.text == "".join(PIECES[: race.pieces])
        assert told.closed == (race.pieces == WHOLE)
    if race.won_by:
        assert reply.headers["x-gateway-provider"] == f"p{number}-{race.won_by - 1}"
    asked = [len(house.mock.seen_of(f"p{number}-{place}")) for place in range(len(race.models))]
    assert asked == list(race.asked)
    assert met.held < LET_GO, "somebody still waits for an answer that nobody wants"


def test_a_caller_that_leaves_ends_both(house: House) -> None:
    path, body = question("openai", "left", stream=True)
    with house.gateway.connect(10.0) as connection:
        connection.send(house.gateway.encode(path, body))
        until(lambda: bool(house.mock.seen_of("left-1")))
    used = {one.connection for name in ("left-0", "left-1") for one in house.mock.seen_of(name)}
    assert len(used) == 2
    began = time.monotonic()
    while house.mock.busy() & used and time.monotonic() - began < 2 * LET_GO:
        time.sleep(0.02)
    assert time.monotonic() - began < LET_GO


def test_races_are_counted_and_nothing_is_left_behind(house: House, tmp_path: Path) -> None:
    for met in house.met.values():
        met.result(60)
    gateway = house.gateway
    for outcome in ("won", "lost", "failed"):
        raced = sum(race.outcome == outcome for race in RACES)
        assert gateway.metric("gateway_hedges_total", outcome=outcome) >= raced, outcome
    assert gateway.get("/ready").status == 200
    targets = [
        (f"p{n}-{place}", model) for n, race in enumerate(RACES) for place, model in enumerate(race.models)
    ]
    left = [("left-0", "fault-hang"), ("left-1", "fault-stall-0")]
    nothing_is_left(gateway, house.mock, [*targets, *left], tmp_path)
    ends_well(gateway, house.mock)
