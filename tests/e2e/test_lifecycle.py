"""A drain loses no answer, and a dead worker takes only its own calls along."""

import contextlib
import http.client
import json
import os
import signal
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any

import openai_wire
import psutil
import pytest
import wire
from fault_server import FaultServer, Gate, Pause
from gateway_process import Gateway, until
from prometheus_client.parser import text_string_to_metric_families
from raw_client import RawConnection, request
from samples import HELLO

CHAT = "/v1/chat/completions"
STREAM: dict[str, Any] = {"model": "my-vllm/x", "messages": HELLO, "stream": True}


def begin_stream(gateway: Gateway, upstream: FaultServer, gate: Gate, words: list[str]) -> RawConnection:
    """A stream of which the first word has arrived; the rest waits behind the gate."""
    opening, *rest = openai_wire.text_events(words, usage=False)[1:]
    upstream.script(
        [wire.STREAM_HEAD, wire.chunk(opening), gate, *(wire.chunk(event) for event in rest), wire.END]
    )
    connection = gateway.connect(timeout=20)
    connection.send(gateway.encode(CHAT, STREAM))
    connection.head()
    assert words[0].encode() in next(connection.pieces())
    return connection


def refused(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return False
    except OSError:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_drain_finishes_running_streams(
    start_gateway: Any, openai_upstream: FaultServer, number: signal.Signals
) -> None:
    gateway = start_gateway(server={"drain": "10s"})
    gate = Gate()
    connection = begin_stream(gateway, openai_upstream, gate, ["first ", "second"])
    gateway.signal(number)
    until(lambda: refused(gateway.port))
    assert gateway.process.poll() is None
    gate.open()
    rest = b"".join(connection.pieces())
    assert b"second" in rest
    assert rest.endswith(b"data: [DONE]\n\n")
    connection.close()
    assert gateway.wait() == 0
    gateway.stop()


def test_drain_reaches_workers_that_are_still_starting(
    start_gateway: Any, openai_upstream: FaultServer
) -> None:
    """The first of eight workers serves already while the last ones come up: none of them may go on listening."""
    gateway = start_gateway(server={"drain": "60s", "workers": 8})
    gate = Gate()
    connection = begin_stream(gateway, openai_upstream, gate, ["first ", "second"])
    gateway.signal(signal.SIGTERM)
    until(lambda: refused(gateway.port))
    gate.open()
    assert b"".join(connection.pieces()).endswith(b"data: [DONE]\n\n")
    connection.close()
    gateway.stop()


def test_drain_finishes_a_waiting_answer(start_gateway: Any, openai_upstream: FaultServer) -> None:
    gateway = start_gateway(server={"drain": "10s"})
    gate = Gate()
    openai_upstream.script([gate, *wire.as_json(openai_wire.completion("at last"))])
    with gateway.connect() as connection:
        connection.send(gateway.encode(CHAT, {"model": "my-vllm/x", "messages": HELLO}))
        openai_upstream.wait_for(1)
        gateway.signal(signal.SIGTERM)
        until(lambda: refused(gateway.port))
        gate.open()
        assert connection.reply().json()["choices"][0]["message"]["content"] == "at last"
    gateway.stop()


def test_ready_turns_503_while_draining(start_gateway: Any, openai_upstream: FaultServer) -> None:
    """A load balancer's kept connection sees it; `/health` stays 200, for this is no failure."""
    gateway = start_gateway(server={"drain": "10s", "workers": 1})
    gate = Gate()
    connection = begin_stream(gateway, openai_upstream, gate, ["first ", "second"])
    with gateway.connect() as ready, gateway.connect() as health:
        for probe, path in ((ready, "/ready"), (health, "/health")):
            probe.send(request("GET", path))
            assert probe.reply("GET").status == 200
        gateway.signal(signal.SIGTERM)
        until(lambda: refused(gateway.port))
        ready.send(request("GET", "/ready"))
        assert ready.reply("GET").status == 503
        health.send(request("GET", "/health"))
        assert health.reply("GET").status == 200
    gate.open()
    assert b"".join(connection.pieces()).endswith(b"data: [DONE]\n\n")
    connection.close()
    gateway.stop()


def test_stream_longer_than_the_drain_does_not_end_cleanly(
    start_gateway: Any, openai_upstream: FaultServer
) -> None:
    gateway = start_gateway(server={"drain": "1s"})
    connection = begin_stream(gateway, openai_upstream, Gate(), ["first ", "second"])
    gateway.signal(signal.SIGTERM)
    rest = b""
    try:
        for piece in connection.pieces():
            rest += piece
    except (http.client.IncompleteRead, ConnectionError):
        pass  # a cut connection is as honest as an error event
    else:
        assert b'"error"' in rest
    assert b"[DONE]" not in rest
    connection.close()
    assert gateway.wait(40) == 0
    openai_upstream.wait(lambda: openai_upstream.only.closed_by_peer)
    gateway.stop()


def test_second_interrupt_ends_at_once(start_gateway: Any, openai_upstream: FaultServer) -> None:
    gateway = start_gateway(server={"drain": "60s"})
    connection = begin_stream(gateway, openai_upstream, Gate(), ["first ", "second"])
    gateway.signal(signal.SIGINT)
    until(lambda: refused(gateway.port))
    gateway.signal(signal.SIGINT)
    gateway.wait(40)
    connection.close()


def test_repeated_term_still_drains(start_gateway: Any, openai_upstream: FaultServer) -> None:
    """Orchestrators send it more than once, and to every process of the group."""
    gateway = start_gateway(server={"drain": "10s"})
    gate = Gate()
    connection = begin_stream(gateway, openai_upstream, gate, ["first ", "second"])
    os.killpg(gateway.process.pid, signal.SIGTERM)
    until(lambda: refused(gateway.port))
    os.killpg(gateway.process.pid, signal.SIGTERM)
    gate.open()
    assert b"".join(connection.pieces()).endswith(b"data: [DONE]\n\n")
    connection.close()
    gateway.stop()


def test_idle_gateway_stops_promptly(start_gateway: Any) -> None:
    gateway = start_gateway(server={"drain": "60s"})
    with gateway.connect() as idle:
        idle.send(request("GET", "/health"))
        idle.reply("GET")
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(40) == 0
    gateway.stop()


def test_killed_worker_is_replaced_and_the_others_serve_on(
    start_gateway: Any, openai_upstream: FaultServer
) -> None:
    gateway = start_gateway()
    until(lambda: len(gateway.workers()) == 2)
    before = gateway.workers()
    before[0].kill()
    body = {"model": "my-vllm/x", "messages": HELLO}
    served = 0
    for _ in range(50):
        with contextlib.suppress(OSError):  # a connection that the dead worker had accepted
            served += gateway.post(CHAT, body).status == 200
    assert served >= 48
    until(lambda: len(gateway.workers()) == 2)
    after = gateway.workers()
    assert {worker.pid for worker in after} != {worker.pid for worker in before}
    assert all(gateway.post(CHAT, body).status == 200 for _ in range(20))
    until(gateway.at_rest)
    gateway.stop()


def test_the_log_and_the_metrics_call_a_worker_by_the_same_number(start_gateway: Any) -> None:
    def begun() -> dict[str, float]:
        """When those of each number began; nothing where a dying worker was asked."""
        try:
            families = list(text_string_to_metric_families(gateway.metrics_text()))
        except OSError:
            return {}
        found = [sample for one in families for sample in one.samples]
        mine = [one for one in found if one.name == "gateway_process_start_time_seconds"]
        return {one.labels["worker"]: one.value for one in mine if one.labels["role"] == "worker"}

    def taken(before: dict[str, float]) -> set[str]:
        now = begun()
        return {number for number, at in now.items() if at > max(before.values())} if len(now) == 2 else set()

    def has(before: dict[str, float]) -> bool:
        return bool(taken(before))

    gateway = start_gateway()
    until(lambda: len(begun()) == 2)
    for victim in gateway.workers():
        before = begun()
        victim.kill()
        until(partial(has, before))
        died = [json.loads(line) for line in gateway.log().splitlines() if '"worker_died"' in line]
        assert ({str(died[-1]["worker"])}, died[-1]["pid"]) == (taken(before), victim.pid)
    gateway.stop()


def test_killed_worker_leaves_no_requests_in_flight_behind(
    start_gateway: Any, openai_upstream: FaultServer
) -> None:
    gateway = start_gateway()
    until(lambda: len(gateway.workers()) == 2)
    gates = [Gate() for _ in range(8)]
    streams = [begin_stream(gateway, openai_upstream, gate, ["first ", "second"]) for gate in gates]
    until(lambda: gateway.metric_now("gateway_in_flight_requests") == 8)
    gateway.kill_workers()
    until(gateway.at_rest)
    for stream in streams:
        stream.close()
    gateway.stop()


def test_workers_do_not_outlive_their_supervisor(start_gateway: Any, openai_upstream: FaultServer) -> None:
    """They would hold the port, unwatched. What the dead left behind does not keep the next one from starting."""
    gateway = start_gateway()
    until(lambda: len(gateway.workers()) == 2)
    workers = gateway.workers()
    gateway.process.kill()
    gateway.process.wait()
    try:
        until(lambda: not any(worker.is_running() for worker in workers))
    finally:
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
    successor = start_gateway(server={"port": gateway.port})
    assert successor.post(CHAT, {"model": "my-vllm/x", "messages": HELLO}).status == 200
    successor.stop()


def test_a_taken_port_is_told(start_gateway: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        gateway = start_gateway(server={"port": port}, wait=False)
        assert gateway.wait(40) not in (0, None)
    assert f"127.0.0.1:{port}" in gateway.log()
    assert "Traceback" not in gateway.log()
    assert not list(Path("/dev/shm").glob(f"gateway-*-{port}.*"))


def test_probes(gateway: Gateway) -> None:
    for path in ("/health", "/ready"):
        reply = gateway.get(path)
        assert reply.status == 200
        assert reply.headers["content-type"].startswith("application/json")
        with gateway.connect() as connection:
            connection.send(request("HEAD", path))
            assert connection.reply("HEAD").status == 200


def test_paced_stream_outlives_the_idle_bound_by_its_events(
    start_gateway: Any, openai_upstream: FaultServer
) -> None:
    """The idle bound is between two reads, not over the stream."""
    steps: list[Any] = [wire.STREAM_HEAD]
    for event in openai_wire.text_events(list("abcdefghijkl"), usage=False):
        steps += [wire.chunk(event), Pause(0.1)]
    openai_upstream.script([*steps, wire.END])
    gateway = start_gateway()
    reply = gateway.post(CHAT, {**STREAM, "model": "hasty/x"})
    assert reply.body.endswith(b"data: [DONE]\n\n")
    gateway.stop()


@pytest.mark.parametrize("after", [0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6])
def test_signal_while_starting_is_not_lost(start_gateway: Any, after: float) -> None:
    """In some of these moments, in seconds, workers are being forked. Nothing runs yet, so nothing is waited for."""
    gateway = start_gateway(server={"drain": "60s"}, wait=False)
    time.sleep(after)
    gateway.signal(signal.SIGTERM)
    assert gateway.wait(40) in (0, -signal.SIGTERM)  # the latter before any handler stands
