"""A target that comes and goes: with another behind it no caller notices, it is left alone while it is down, and it
serves again when it is up. FAULT_SECONDS makes it a long run (`make faults`)."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fault_house import MockThread, ask, nothing_is_left, wire_provider
from gateway_process import CALLER_KEY, Gateway, until
from raw_client import Reply

SECONDS = float(os.environ.get("FAULT_SECONDS", "4"))
PERIOD = 500  # milliseconds down, then as many up
DOWN = "fault-503-flap500"
CALLERS = 4
REST = 0.005  # seconds between two requests of a caller


@pytest.fixture(scope="module")
def mock() -> Iterator[MockThread]:
    running = MockThread()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(mock: MockThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("flapping")
    config = {
        "auth": {"keys": [CALLER_KEY]},
        "retries": {"max": 1},
        "breaker": {"failures": 3, "cooldown": "100ms", "longest": "200ms"},
        "providers": {
            "flapping": wire_provider(mock.mock, "openai", "flapping"),
            "steady": wire_provider(mock.mock, "anthropic", "steady"),
        },
        "models": {"pair": {"targets": [{"model": f"flapping/{DOWN}"}], "fallbacks": ["steady/mock"]}},
    }
    running = Gateway(config, folder)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


def _call(gateway: Gateway, end: float) -> list[Reply]:
    replies = []
    while time.monotonic() < end:
        replies.append(ask(gateway, "openai", "pair", stream=len(replies) % 2 == 1))
        time.sleep(REST)
    return replies


def test_a_flapping_target_is_noticed_by_nobody(gateway: Gateway, mock: MockThread, tmp_path: Path) -> None:
    end = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(_call, gateway, end) for _ in range(CALLERS)]
        replies = [reply for call in calls for reply in call.result(SECONDS + 60)]
    assert {reply.status for reply in replies} == {200}
    assert all(reply.complete for reply in replies)
    served = {reply.headers["x-gateway-provider"] for reply in replies}
    assert served == {"flapping", "steady"}, "it never came back, or was never away"
    nothing_is_left(gateway, mock, [("flapping", DOWN), ("steady", "mock")], tmp_path)


def test_it_is_left_alone_while_it_is_down(gateway: Gateway, mock: MockThread) -> None:
    """Most requests of a down time go elsewhere without a try: few failures open the breaker, few probes follow."""
    seen = mock.seen_of("flapping")
    assert seen, "the test above comes first"
    began = seen[0].at
    down = [one for one in seen if int((one.at - began) * 1000 // PERIOD) % 2 == 0]
    passed_on = len(mock.seen_of("steady"))
    assert len(down) < passed_on


def test_it_serves_again_once_it_is_up(gateway: Gateway) -> None:
    until(lambda: ask(gateway, "openai", "pair", stream=False).headers["x-gateway-provider"] == "flapping")
    gateway.stop()
