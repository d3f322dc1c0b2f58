"""Whatever a provider does: the caller gets the right answer or the right error, the provider no more tries than
agreed and no sooner than it asked, and nothing of it is left behind."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import fault_answers
import pytest
from fault_cases import PIECES, Case, cases
from fault_house import MockThread, Outcome, configuration, ends_well, meet, nothing_is_left
from gateway_process import Gateway

CASES = tuple(cases())
AT_ONCE = 32
TICK = 0.01  # seconds: an event loop's timers and two clocks agree no better


@dataclass
class House:
    """The gateway, the mock, and every case under way or over."""

    gateway: Gateway
    mock: MockThread
    outcomes: dict[str, Future[Outcome]]  # by the case's name


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Every case is met at once; each test looks at what came of its own."""
    mock = MockThread()
    gateway = Gateway(configuration(mock.mock, CASES), tmp_path_factory.mktemp("faults"))
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        outcomes = {case.name: pool.submit(meet, gateway, mock, case) for case in CASES}
        yield House(gateway, mock, outcomes)
    finally:
        pool.shutdown(cancel_futures=True)
        if gateway.process.poll() is None:
            gateway.kill()
        mock.stop()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_fault(house: House, case: Case) -> None:
    outcome = house.outcomes[case.name].result(60)
    check_answer(case, outcome)
    check_tries(case, outcome)
    assert outcome.left_over == set(), "the gateway still holds connections that wait for an answer"
    assert outcome.after.status == 200, outcome.after.body


def check_answer(case: Case, outcome: Outcome) -> None:
    wanted, reply = case.wanted, outcome.reply
    # Gemini's callers take an error event for nothing: their stream must not end as a whole one does.
    breaks = case.caller == "gemini" and case.stream and not wanted.whole and reply.status == 200
    assert reply.complete != breaks, "whole answers and errors come to their end, and only they"
    assert reply.status == wanted.status, reply.body[:500]
    told = fault_answers.told(case.caller, case.stream, reply)
    if wanted.whole:
        assert told.error is None
        assert not case.stream or (told.finished and told.closed)
    else:
        assert told.error is not None, "an error was expected"
        assert not told.finished or wanted.pieces == len(PIECES)
        assert not told.closed, "a broken stream must not look like a whole one"
        if wanted.code and case.caller in ("openai", "responses"):
            assert fault_answers.code_of(case.caller, told.error) == wanted.code
    if case.stream and wanted.status == 200:
        check_text(case, told.text)
    assert reply.headers.get("x-gateway-fallback") == ("true" if wanted.fallback else "false")


def check_text(case: Case, text: str) -> None:
    """Every piece once and in its order, as far as it goes."""
    if "huge" in case.fault.name and not case.wanted.fallback:
        assert len(text) >= 10 << 20
        text = text[-len("".join(PIECES[1:])) :]
        assert text == "".join(PIECES[1:])
        return
    assert text == "".join(PIECES[: case.wanted.pieces])


def check_tries(case: Case, outcome: Outcome) -> None:
    wanted, seen = case.wanted, outcome.seen
    assert len(seen) == wanted.tries
    apart = [later.at - sooner.at for sooner, later in pairwise(seen)]
    assert all(one >= wanted.apart - TICK for one in apart), f"{apart} s between the tries"
    tries = int(outcome.reply.headers["x-gateway-attempts"])
    unseen = 3 if case.fault.tls else 0  # no handshake, no request
    assert tries == wanted.tries + unseen + wanted.fallback


def test_nothing_is_left_behind(house: House, tmp_path: Path) -> None:
    """When all is over: no request in a worker, no try at a target, no answer that anybody waits for."""
    for outcome in house.outcomes.values():
        outcome.result(60)
    gateway = house.gateway
    assert gateway.get("/ready").status == 200
    targets = [(case.own, case.fault.name) for case in CASES]
    keys = [(case.own, rest) for case in CASES for rest in ("*", "#0", "#1")]
    spares = [(f"spare-{dialect}", "mock") for dialect in ("openai", "anthropic", "gemini")]
    nothing_is_left(gateway, house.mock, [*targets, *keys, *spares], tmp_path)
    ends_well(gateway, house.mock)
