"""Whoever joined an answer and does not read it holds up nobody else."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import openai_wire
import wire
from fault_server import Answer, FaultServer, Gate, Seen
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway
from raw_client import Reply

CHAT = "/v1/chat/completions"
BODY = {
    "model": "openai/gpt-4o-mini",
    "messages": [{"role": "user", "content": "the same"}],
    "stream": True,
}


def test_a_caller_who_stops_reading_holds_up_nobody_who_joined(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    gate = Gate()

    def long(_: Seen) -> Answer:
        def pieces() -> Iterator[bytes | Gate]:
            yield wire.STREAM_HEAD
            yield wire.chunk(openai_wire.delta({"content": "w"}))
            yield gate
            for _ in range(1600):  # some 6 MB: more than sockets hold
                yield wire.chunk(openai_wire.delta({"content": "w" * 4000}))
            yield from map(wire.chunk, openai_wire.text_events(["x"])[2:])
            yield wire.END

        return pieces()  # type: ignore[return-value]

    openai_upstream.handle(long)
    config = {
        "auth": {"keys": [CALLER_KEY]},
        "server": {"workers": 1, "drain": "1s"},
        "retries": {"max": 0},
        "timeouts": {"total": "120s"},
        "cache": {"mode": "exact", "max_entry": "256KiB"},
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
    }
    gateway = Gateway(config, tmp_path)
    told: list[Reply] = []
    reads = threading.Thread(target=lambda: told.append(gateway.post(CHAT, BODY)))
    reads.start()
    openai_upstream.wait(lambda: len(openai_upstream.seen) == 1)
    with gateway.connect(60) as silent:
        silent.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.send(gateway.encode(CHAT, BODY))
        openai_upstream.wait(lambda: gateway.metric_now("gateway_in_flight_requests") >= 2)
        gate.open()
        reads.join(60)
        assert told, "it waits for somebody who does not read"
        assert b"[DONE]" in told[0].body
    gateway.stop()
