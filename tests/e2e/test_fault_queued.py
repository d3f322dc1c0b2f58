"""Faults met at a provider that takes one request at a time: however the one under way ends, its place goes to whoever
waits, and who waits in vain is told so."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fault_answers
import pytest
from fault_cases import PIECES, SHORT
from fault_house import MockThread, ask, ends_well, nothing_is_left, question, wire_provider
from gateway_process import CALLER_KEY, Gateway, until
from raw_client import RawConnection, Reply

PATIENT = {"max": 1, "queue": 8, "wait": "20s"}
HASTY = {"max": 1, "queue": 1, "wait": "300ms"}


@dataclass(frozen=True)
class Ending:
    """How the request that holds the place ends; its answer has `status`."""

    model: str
    status: int
    stream: bool = False

    @property
    def name(self) -> str:
        return f"{self.model}-{'stream' if self.stream else 'plain'}"


ENDINGS = (
    Ending("fault-500-mock-latency300ms", 500),
    Ending("fault-429-mock-latency300ms", 429),
    Ending("fault-reset-mock-latency300ms", 502),
    Ending("fault-html-mock-latency300ms", 502),
    Ending("fault-hang", 504),
    Ending("fault-stall", 504),
    Ending("fault-stall-0", 504, stream=True),
    Ending("fault-cut-3-mock-latency300ms", 200, stream=True),
    Ending("fault-inband-3-mock-latency300ms", 200, stream=True),
    Ending("fault-stall-3", 200, stream=True),
    Ending("fault-hang-once", 504),  # and the next try at it finds a place of its own
)


@dataclass
class House:
    gateway: Gateway
    mock: MockThread
    pool: ThreadPoolExecutor

    def asks(self, model: str, stream: bool = False) -> Callable[[], Reply]:
        return self.pool.submit(ask, self.gateway, "openai", model, stream).result

    def seen(self, provider: str, count: int) -> None:
        """Until so many requests came there."""
        until(lambda: len(self.mock.seen_of(provider)) >= count)

    def held(self, model: str) -> RawConnection:
        """A request on a connection of its own, whose answer nobody reads yet."""
        path, body = question("openai", model, stream=True)
        connection = self.gateway.connect(20.0)
        connection.send(self.gateway.encode(path, body))
        return connection


def _configuration(mock: MockThread) -> dict[str, Any]:
    providers: dict[str, Any] = {}
    for number in range(len(ENDINGS)):
        own = wire_provider(mock.mock, "openai", f"q{number}")
        providers[f"q{number}"] = {**own, "timeouts": SHORT, "concurrency": PATIENT}
    for name in ("left", "lost"):
        providers[name] = wire_provider(mock.mock, "openai", name) | {"concurrency": PATIENT}
    providers["hasty"] = wire_provider(mock.mock, "openai", "hasty") | {"concurrency": HASTY}
    providers["passed"] = wire_provider(mock.mock, "openai", "passed") | {
        "concurrency": {"max": 1, "queue": 0}
    }
    providers["spare"] = wire_provider(mock.mock, "anthropic", "spare")
    return {
        "auth": {"keys": [CALLER_KEY]},
        "retries": {"max": 0},
        "breaker": "off",
        "providers": providers,
        "models": {
            "hasty-alone": {"targets": ["hasty/mock"]},
            "hasty-backed": {"targets": ["hasty/mock"], "fallbacks": ["spare/mock"]},
            "raced": {
                "targets": ["spare/mock-latency400ms"],
                "fallbacks": ["lost/mock"],
                "hedge": {"share": "100%", "after": "50ms"},
            },
        },
        "server": {"workers": 1},  # a line is a worker's own, and these want to see it
    }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    mock = MockThread()
    gateway = Gateway(_configuration(mock), tmp_path_factory.mktemp("queued"))
    pool = ThreadPoolExecutor(32)
    try:
        yield House(gateway, mock, pool)
    finally:
        pool.shutdown(cancel_futures=True)
        if gateway.process.poll() is None:
            gateway.kill()
        mock.stop()


def test_the_place_of_a_failed_try_is_given_on(house: House) -> None:
    """All endings at once: in each line three wait behind the one that fails."""
    first = [house.asks(f"q{n}/{one.model}", one.stream) for n, one in enumerate(ENDINGS)]
    for number in range(len(ENDINGS)):
        house.seen(f"q{number}", 1)
    waiting = [
        [house.asks(f"q{n}/mock", stream) for stream in (False, True, False)] for n in range(len(ENDINGS))
    ]
    waited = 0
    for number, ending in enumerate(ENDINGS):
        reply = first[number]()
        assert reply.status == ending.status, ending.name
        told = fault_answers.told("openai", ending.stream, reply)
        assert told.error is not None, ending.name
        for answer in waiting[number]:
            served = answer()
            assert served.status == 200, (ending.name, served.body[:300])
            assert served.complete
            waited += int(served.headers.get("x-gateway-queue-us", 0))
        assert len(house.mock.seen_of(f"q{number}")) == 4
    assert waited > 0


def test_who_waits_in_vain_is_told_so_or_goes_elsewhere(house: House) -> None:
    holder = house.held("hasty/fault-stall-2")
    house.seen("hasty", 1)
    alone, backed = (
        house.asks("hasty-alone"),
        house.asks("hasty-backed"),
    )  # one waits, the other finds the line full
    refused, served = alone(), backed()
    assert (refused.status, refused.json()["error"]["code"]) == (429, "target_busy")
    assert int(refused.headers["retry-after"]) >= 1
    assert (served.status, served.headers["x-gateway-provider"]) == (200, "spare")
    assert served.headers["x-gateway-fallback"] == "true"
    assert len(house.mock.seen_of("hasty")) == 1
    holder.close()
    until(lambda: ask(house.gateway, "openai", "hasty-alone", True).status == 200)


def test_who_leaves_the_line_is_not_sent(house: House) -> None:
    holder = house.held("left/fault-stall-2")
    house.seen("left", 1)
    leaver = house.held("left/mock")
    of_left = {"provider": "left", "model": ""}
    until(lambda: house.gateway.metric_now("gateway_queue_waiting", **of_left) == 1)
    assert house.gateway.metric_now("gateway_places_taken", **of_left) == 1
    leaver.close()
    until(lambda: house.gateway.metric_now("gateway_queue_waiting", **of_left) == 0)
    last = house.asks("left/mock", True)
    holder.close()
    assert fault_answers.told("openai", True, last()).text == "".join(PIECES)
    assert len(house.mock.seen_of("left")) == 2


def test_a_hedge_that_waits_for_a_place_leaves_the_line_when_it_lost(house: House) -> None:
    holder = house.held("lost/fault-stall-2")
    house.seen("lost", 1)
    reply = ask(house.gateway, "openai", "raced", False)
    assert (reply.status, reply.headers["x-gateway-provider"]) == (200, "spare")
    holder.close()
    assert ask(house.gateway, "openai", "lost/mock", False).status == 200
    assert len(house.mock.seen_of("lost")) == 2


def test_what_passes_through_takes_a_place_until_it_is_over(house: House) -> None:
    gateway, path = house.gateway, "/passthrough/passed/chat/completions"
    _, body = question("openai", "fault-stall-2", stream=True)
    with gateway.connect(20.0) as holder:
        holder.send(gateway.encode(path, body))
        assert holder.head().status == 200
        refused = gateway.post(path, question("openai", "mock", stream=False)[1])
        assert (refused.status, refused.json()["error"]["code"]) == (429, "target_busy")
        assert gateway.post("/v1/chat/completions", question("openai", "passed/mock", False)[1]).status == 429
    deadline = time.monotonic() + 40
    for model in (
        "mock",
        "fault-500",
        "fault-reset",
        "mock",
    ):  # whatever comes of one, the next finds its place
        sent = question("openai", model, stream=False)[1]
        while (reply := gateway.post(path, sent)).status == 429:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert reply.status == {"mock": 200, "fault-500": 500, "fault-reset": 502}[model]


def test_no_place_is_lost(house: House, tmp_path: Path) -> None:
    gateway = house.gateway
    until(gateway.at_rest)
    for name in ("gateway_places_taken", "gateway_queue_waiting"):
        until(lambda name=name: gateway.metric_now(name) == 0)
    names = [*(f"q{number}" for number in range(len(ENDINGS))), "left", "lost", "hasty", "passed", "spare"]
    places = [(f"\0{mark}{name}\0", "") for name in names for mark in "tw"]  # taken, waited for
    models = {ending.model for ending in ENDINGS} | {"mock", "fault-stall-2"}
    targets = [*places, *((name, model) for name in names for model in models)]
    nothing_is_left(gateway, house.mock, targets, tmp_path)
    ends_well(gateway, house.mock)
