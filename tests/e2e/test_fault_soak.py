"""The long form (`make faults`): every fault again and again, in any order, and callers that leave in the middle. The
gateway must come out of it as it went in."""

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from fault_cases import Case, cases
from fault_house import MockThread, configuration, ends_well, nothing_is_left, question
from gateway_process import Gateway

SECONDS = float(os.environ.get("FAULT_SECONDS", "0"))
CASES = tuple(case for case in cases() if "huge" not in case.fault.name)
CALLERS = 16
SPARE_FILES = 64  # idle connections may stay open, a few to each provider
MORE_MEMORY = 64 << 20  # bytes a worker

pytestmark = pytest.mark.skipif(SECONDS <= 0, reason="`make faults` runs it")


@pytest.fixture
def mock() -> Iterator[MockThread]:
    running = MockThread()
    yield running
    running.stop()


def _live(gateway: Gateway, seed: int, seconds: float) -> None:
    chance = random.Random(seed)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        _meet(gateway, chance.choice(CASES), chance)


def _meet(gateway: Gateway, case: Case, chance: random.Random) -> None:
    path, body = question(case.caller, case.name, case.stream)
    with gateway.connect(30.0) as connection:
        connection.send(gateway.encode(path, body))
        if chance.random() < 0.3:
            time.sleep(chance.random() / 10)  # and then the caller is gone
            return
        reply = connection.reply()
        # Google's clients read past an error event: its stream breaks behind it.
        broken = case.caller == "gemini" and case.stream and b'"error"' in reply.body[-4096:]
        assert reply.complete or broken
        said = "message" if case.caller in ("bedrock", "cohere") else "error"
        assert reply.status == 200 or reply.json()[said]


def _memory(gateway: Gateway) -> int:
    return max(worker.memory_info().rss for worker in gateway.workers())


def test_any_fault_at_any_time(mock: MockThread, tmp_path: Path) -> None:
    gateway = Gateway(configuration(mock.mock, CASES), tmp_path)
    try:
        with ThreadPoolExecutor(CALLERS) as pool:
            for part in (0, 1):
                calls = [pool.submit(_live, gateway, part * CALLERS + n, SECONDS / 2) for n in range(CALLERS)]
                for call in calls:
                    call.result(SECONDS + 60)
                if part == 0:
                    workers, memory = {worker.pid for worker in gateway.workers()}, _memory(gateway)
        nothing_is_left(gateway, mock, [(case.own, case.fault.name) for case in CASES], tmp_path)
        assert {worker.pid for worker in gateway.workers()} == workers, "a worker died"
        assert _memory(gateway) - memory < MORE_MEMORY
        files = sum(psutil.Process(pid).num_fds() for pid in workers)
        assert files < mock.mock.stats.open + SPARE_FILES * len(workers)
        ends_well(gateway, mock)
    finally:
        if gateway.process.poll() is None:
            gateway.kill()
