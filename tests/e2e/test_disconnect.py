"""A caller that goes away takes its upstream call along, at once and at any stage."""

import struct
import time
from typing import Any

import anthropic_wire
import openai_wire
import pytest
import wire
from fault_server import HANG, FaultServer
from gateway_process import Gateway
from samples import HELLO

AT_ONCE = 10.0  # seconds; every time-out of the gateway is 30 s here
PAIRS = [(caller, provider) for caller in ("openai", "anthropic") for provider in ("openai", "anthropic")]
pairs = pytest.mark.parametrize(("caller", "provider"), PAIRS, ids=[f"{c}-to-{p}" for c, p in PAIRS])
ends = pytest.mark.parametrize("abruptly", [False, True], ids=["close", "reset"])
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
MODELS = {"openai": "openai/gpt-4o-mini", "anthropic": "anthropic/claude-sonnet-4-5"}


@pytest.fixture
def upstreams(openai_upstream: FaultServer, anthropic_upstream: FaultServer) -> dict[str, FaultServer]:
    return {"openai": openai_upstream, "anthropic": anthropic_upstream}


def leave(connection: Any, abruptly: bool) -> None:
    if abruptly:
        connection.socket.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER 0: close sends a reset
    connection.close()


def goes_too(gateway: Gateway, upstream: FaultServer) -> None:
    """The one request's connection is closed by the gateway, and the gateway is at rest."""
    upstream.wait(lambda: upstream.only.closed_by_peer, AT_ONCE)
    upstream.wait(gateway.at_rest)


def body(provider: str, stream: bool) -> dict[str, Any]:
    return {"model": MODELS[provider], "max_tokens": 9, "messages": HELLO, "stream": stream}


@pairs
@ends
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_before_any_answer(
    gateway: Gateway,
    upstreams: dict[str, FaultServer],
    caller: str,
    provider: str,
    stream: bool,
    abruptly: bool,
) -> None:
    upstream = upstreams[provider]
    upstream.script([HANG])
    with gateway.connect() as connection:
        connection.send(gateway.encode(PATHS[caller], body(provider, stream)))
        upstream.wait_for(1)
        leave(connection, abruptly)
        goes_too(gateway, upstream)


@pairs
def test_before_the_first_token(
    gateway: Gateway, upstreams: dict[str, FaultServer], caller: str, provider: str
) -> None:
    """The provider's head has come, its first content event has not."""
    upstream = upstreams[provider]
    opening = (
        anthropic_wire.start_event()
        if provider == "anthropic"
        else openai_wire.delta({"role": "assistant", "content": ""})
    )
    upstream.script([wire.STREAM_HEAD, wire.chunk(opening), HANG])
    with gateway.connect() as connection:
        connection.send(gateway.encode(PATHS[caller], body(provider, True)))
        upstream.wait_for(1)
        time.sleep(0.05)  # for the opening to be read; earlier is another good moment
        leave(connection, abruptly=False)
        goes_too(gateway, upstream)


@pairs
@ends
def test_inside_a_stream(
    gateway: Gateway, upstreams: dict[str, FaultServer], caller: str, provider: str, abruptly: bool
) -> None:
    upstream = upstreams[provider]
    block = anthropic_wire.block_events(0, anthropic_wire.text("once upon"))
    events = [anthropic_wire.start_event(), *block[:-1]]
    if provider == "openai":
        events = [openai_wire.delta({"role": "assistant"}), openai_wire.delta({"content": "once"})]
    upstream.script([wire.STREAM_HEAD, *(wire.chunk(event) for event in events), HANG])
    with gateway.connect() as connection:
        connection.send(gateway.encode(PATHS[caller], body(provider, True)))
        connection.head()
        got = b""
        for piece in connection.pieces():
            got += piece
            if b"once" in got:
                break
        leave(connection, abruptly)
        goes_too(gateway, upstream)


@pairs
def test_inside_a_body(
    gateway: Gateway, upstreams: dict[str, FaultServer], caller: str, provider: str
) -> None:
    upstream = upstreams[provider]
    upstream.script(
        [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{", HANG]
    )
    with gateway.connect() as connection:
        connection.send(gateway.encode(PATHS[caller], body(provider, False)))
        upstream.wait_for(1)
        leave(connection, abruptly=False)
        goes_too(gateway, upstream)


def test_between_retries(gateway: Gateway, openai_upstream: FaultServer) -> None:
    """No second try is made for a caller that has gone."""
    slow = wire.as_json(openai_wire.error("later"), 503, retry_after="2")
    openai_upstream.script(slow)
    with gateway.connect() as connection:
        connection.send(gateway.encode(PATHS["openai"], {"model": "stubborn/x", "messages": HELLO}))
        openai_upstream.wait(lambda: bool(openai_upstream.seen) and openai_upstream.seen[0].answered)
        leave(connection, abruptly=False)
        openai_upstream.wait(gateway.at_rest)
        time.sleep(2.2)  # past the moment of the second try
    assert len(openai_upstream.seen) == 1


def test_inside_its_own_request(gateway: Gateway, openai_upstream: FaultServer) -> None:
    whole = gateway.encode(PATHS["openai"], body("openai", False))
    with gateway.connect() as connection:
        connection.send(whole[:-20])
        leave(connection, abruptly=False)
    openai_upstream.wait(gateway.at_rest)
    assert openai_upstream.seen == []


def test_a_slow_reader_holds_the_provider_back(gateway: Gateway, openai_upstream: FaultServer) -> None:
    """Back-pressure: far less than the whole stream is taken from the provider, and it all arrives in the end."""
    piece = openai_wire.delta({"content": "x" * 60_000})
    count = 800  # 48 MB, more than all socket buffers on the way
    openai_upstream.script(
        [wire.STREAM_HEAD, *[wire.chunk(piece)] * count, wire.chunk(openai_wire.DONE), wire.END]
    )
    with gateway.connect(timeout=30) as connection:
        connection.send(
            gateway.encode(PATHS["openai"], {"model": "my-vllm/x", "messages": HELLO, "stream": True})
        )
        openai_upstream.wait_for(1)
        before = sum(worker.memory_info().rss for worker in gateway.workers())
        time.sleep(0.7)
        assert not openai_upstream.only.answered
        grown = sum(worker.memory_info().rss for worker in gateway.workers()) - before
        assert grown < 24 << 20
        connection.head()
        size = sum(len(piece) for piece in connection.pieces())
    assert size == len(piece) * count + len(openai_wire.DONE)


def test_connection_of_a_caller_that_left_serves_nobody_else(
    gateway: Gateway, openai_upstream: FaultServer
) -> None:
    """One caller must never get another's answer."""
    openai_upstream.script([HANG])
    for _ in range(10):
        with gateway.connect() as connection:
            connection.send(gateway.encode(PATHS["openai"], body("openai", False)))
            openai_upstream.wait_for(1)
        openai_upstream.wait(lambda: all(seen.closed_by_peer for seen in openai_upstream.seen))
        openai_upstream.seen.clear()
    openai_upstream.handle(openai_wire.echo)
    for number in range(10):
        turn = [{"role": "user", "content": f"mine is {number}"}]
        reply = gateway.post(PATHS["openai"], {"model": "openai/gpt-4o-mini", "messages": turn})
        assert reply.json()["choices"][0]["message"]["content"] == f"echo: mine is {number}"
