"""Fifty callers who ask the same at once are one request to the provider, whichever of them goes away."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai_wire
import pytest
import wire
from fault_server import HANG, FaultServer, Gate
from gateway_process import CALLER_KEY, Gateway
from raw_client import RawConnection, Reply

MODEL = "openai/gpt-4o-mini"
CHAT = "/v1/chat/completions"
CALLERS = 50


@pytest.fixture(scope="module")
def shared_gateway(openai_server: FaultServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One worker: what is under way is shared within each."""
    config = {
        "auth": {"keys": [CALLER_KEY]},
        "server": {"workers": 1},
        "retries": {"max": 0},
        "breaker": "off",
        "cache": {"mode": "exact"},
        "providers": {"openai": {"base_url": f"{openai_server.url}/v1", "keys": ["k"]}},
    }
    gateway = Gateway(config, tmp_path_factory.mktemp("shared"))
    yield gateway
    gateway.stop()


@pytest.fixture
def cached(shared_gateway: Gateway, openai_upstream: FaultServer) -> Gateway:
    """The same gateway for all: each test asks a question of its own."""
    openai_upstream.wait(shared_gateway.at_rest)
    numbers.append(len(numbers))
    return shared_gateway


numbers: list[int] = []


def body(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": f"question {len(numbers)}"}], **more}


def callers(gateway: Gateway, number: int, **more: Any) -> Callable[[], list[Reply]]:
    """So many at once; what is returned waits for their answers."""
    pool = ThreadPoolExecutor(number)
    asked = [pool.submit(gateway.post, CHAT, body(**more)) for _ in range(number)]

    def replies() -> list[Reply]:
        found = [one.result(20) for one in asked]
        pool.shutdown()
        return found

    return replies


def in_flight(gateway: Gateway, upstream: FaultServer, number: int) -> None:
    upstream.wait(lambda: gateway.metric_now("gateway_in_flight_requests") == number)


def told(replies: list[Reply]) -> dict[str, int]:
    said = [reply.headers["x-gateway-cache"] for reply in replies]
    return {word: said.count(word) for word in said}


def test_fifty_are_one(cached: Gateway, openai_upstream: FaultServer) -> None:
    gate = Gate()
    openai_upstream.script([gate, *wire.as_json(openai_wire.completion("Hello"))])
    replies = callers(cached, CALLERS)
    in_flight(cached, openai_upstream, CALLERS)
    gate.open()
    found = replies()
    assert {reply.json()["choices"][0]["message"]["content"] for reply in found} == {"Hello"}
    assert told(found) == {"miss": 1, "coalesced": CALLERS - 1}
    assert len(openai_upstream.seen) == 1


def test_fifty_streams_are_one_and_late_ones_hear_all(cached: Gateway, openai_upstream: FaultServer) -> None:
    first, second = Gate(), Gate()
    head, *events = wire.stream(openai_wire.text_events(["Hel", "lo", " all"]))
    openai_upstream.script([first, head, *events[:2], second, *events[2:]])
    early = callers(cached, CALLERS // 2, stream=True)
    in_flight(cached, openai_upstream, CALLERS // 2)
    first.open()
    late = callers(cached, CALLERS // 2, stream=True)
    in_flight(cached, openai_upstream, CALLERS)
    second.open()
    found = [*early(), *late()]
    assert len({reply.body for reply in found}) == 1
    assert all(reply.complete and reply.body.endswith(b"data: [DONE]\n\n") for reply in found)
    assert told(found) == {"miss": 1, "coalesced": CALLERS - 1}
    assert len(openai_upstream.seen) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_first_one_may_leave(cached: Gateway, openai_upstream: FaultServer, stream: bool) -> None:
    gate = Gate()
    before = cached.metric("gateway_tokens_total", type="output")
    answer = list(
        wire.stream(openai_wire.text_events(["Hel", "lo"]))
        if stream
        else wire.as_json(openai_wire.completion("Hello"))
    )
    openai_upstream.script([*answer[: int(stream) * 2], gate, *answer[int(stream) * 2 :]])
    with cached.connect() as first:
        first.send(cached.encode(CHAT, body(stream=stream)))
        openai_upstream.wait_for(1)
        replies = callers(cached, 10, stream=stream)
        in_flight(cached, openai_upstream, 11)
    left = threading.Event()
    assert not left.wait(0.3)  # a caller's going away is noticed within a tick
    assert not openai_upstream.only.closed_by_peer
    gate.open()
    found = replies()
    assert all(reply.status == 200 and reply.complete and b"Hel" in reply.body for reply in found)
    assert told(found) == {"coalesced": 10}
    assert len(openai_upstream.seen) == 1
    openai_upstream.wait(cached.at_rest)
    assert cached.metric("gateway_tokens_total", type="output") - before == 7  # whoever asked first pays


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_when_all_have_left_the_provider_is_left_too(
    cached: Gateway, openai_upstream: FaultServer, stream: bool
) -> None:
    head, *events = wire.stream(openai_wire.text_events(["Hel", "lo"]))
    openai_upstream.script([head, *events[:2], HANG] if stream else [HANG])
    connections: list[RawConnection] = []
    for _ in range(5):
        connection = cached.connect()
        connection.send(cached.encode(CHAT, body(stream=stream)))
        connections.append(connection)
    in_flight(cached, openai_upstream, 5)
    openai_upstream.wait_for(1)
    for connection in connections:
        connection.close()
    openai_upstream.wait(lambda: openai_upstream.only.closed_by_peer)
    openai_upstream.wait(cached.at_rest)


def test_a_providers_refusal_meets_all(cached: Gateway, openai_upstream: FaultServer) -> None:
    gate = Gate()
    refusal = openai_wire.error("too long", code="context_length_exceeded")
    openai_upstream.script([gate, *wire.as_json(refusal, 400)])
    replies = callers(cached, 10)
    in_flight(cached, openai_upstream, 10)
    gate.open()
    assert {(reply.status, reply.json()["error"]["code"]) for reply in replies()} == {
        (400, "context_length_exceeded")
    }
    assert len(openai_upstream.seen) == 1


def test_a_failure_of_one_is_not_that_of_others(cached: Gateway, openai_upstream: FaultServer) -> None:
    gate = Gate()
    broken = [gate, *wire.as_json(openai_wire.error("down"), 500)]
    openai_upstream.script(broken, list(wire.as_json(openai_wire.completion("Hello"))))
    replies = callers(cached, 10)
    in_flight(cached, openai_upstream, 10)
    gate.open()
    assert sorted(reply.status for reply in replies()) == [*[200] * 9, 500]
