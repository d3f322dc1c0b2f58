"""What the load generators accept as an answer, how they count, and a whole load against a real mock."""

import asyncio
import os
import signal
import threading

import msgspec
import orjson
import pytest

from bench.load.check import Check, stamps
from bench.load.exchange import Expected, Load, Result
from bench.load.fleet import combine, measure, share
from bench.load.histogram import fold, merge, spread
from bench.mock import Behaviour, start_mock
from bench.mock.anthropic import message, message_events
from bench.mock.ask import Ask
from bench.mock.openai import chat, chat_events
from bench.mock.text import answer_text, pieces
from bench.scenarios import BY_NAME, SCENARIOS, Server, exchange

HOW = Behaviour(chunks=5)
ASK = Ask(model="m")
TEXT = "".join(pieces(HOW, None))
STREAMS = {"openai": b"".join(chat_events(ASK, HOW)), "anthropic": b"".join(message_events(ASK, HOW))}
PLAIN = {"openai": chat(ASK, HOW), "anthropic": message(ASK, HOW)}


def streamed(family: str) -> Check:
    return Check(Expected(family, TEXT, stream=True, chunks=5))


@pytest.mark.parametrize("family", ["openai", "anthropic"])
def test_right_answers_pass_again_and_again(family):
    plain = Check(Expected(family, answer_text(HOW, None)))
    stream = streamed(family)
    assert [plain(200, PLAIN[family]), plain(200, PLAIN[family])] == [None, None]
    assert [stream(200, STREAMS[family]), stream(200, STREAMS[family])] == [None, None]


@pytest.mark.parametrize("family", ["openai", "anthropic"])
@pytest.mark.parametrize(
    ("status", "spoil", "problem"),
    [
        (500, lambda body: body, "status 500"),
        (200, lambda body: body.replace(b"word7", b"word8"), "wrong text"),
        (200, lambda body: body[:-3], "malformed JSON"),
        (200, lambda body: b"", "malformed JSON"),
        (200, lambda body: b"{}", None),
        (
            200,
            lambda body: body.replace(b'"stop"', b'"length"').replace(b"end_turn", b"pause"),
            "wrong finish",
        ),
    ],
)
def test_a_wrong_plain_answer_is_named(family, status, spoil, problem):
    check = Check(Expected(family, answer_text(HOW, None)))
    assert check(200, PLAIN[family]) is None
    found = check(status, spoil(PLAIN[family]))
    assert found == problem if problem else found is not None


def lines(body: bytes) -> list[bytes]:
    return body.split(b"\n\n")


@pytest.mark.parametrize("family", ["openai", "anthropic"])
@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda events: [*events[:5], *events[6:]], "wrong number of chunks"),
        (lambda events: [*events[:5], events[4], *events[5:]], "wrong number of chunks"),
        (lambda events: [*events[:4], events[5], events[4], *events[6:]], "wrong text"),
        (lambda events: [*events[:-2], b""], "no end marker"),
        (lambda events: events[:-1], "stream cut inside an event"),
    ],
)
def test_a_wrong_stream_is_named(family, spoil, problem):
    events = lines(STREAMS[family])
    assert streamed(family)(200, b"\n\n".join(spoil(events))) == problem


def test_an_error_event_is_seen_in_both_dialects():
    failed = b'event: error\ndata: {"type":"error","error":{}}\n\n'
    assert streamed("anthropic")(200, STREAMS["anthropic"] + failed) == "error event"
    failed = b'data: {"error":{"message":"x"}}\n\ndata: [DONE]\n\n'
    assert streamed("openai")(200, STREAMS["openai"].replace(b"data: [DONE]\n\n", failed)) == "error event"


def test_stamps_are_read_and_their_order_is_checked():
    times = [10**18 + number for number in (1, 2, 3)]
    ask = b"".join(b'data: {"choices":[{"delta":{"content":"%d "}}]}\n\n' % time for time in times)
    end = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    check = Check(Expected("openai", "", stream=True, chunks=3, stamped=True))
    assert stamps(ask) == times
    assert check(200, ask + end) is None
    assert check(200, b"\n\n".join(sorted(ask.split(b"\n\n"), reverse=True)).lstrip() + b"\n\n" + end) == (
        "chunks out of order"
    )


def test_histograms_fold_merge_and_keep_three_digits():
    low, high = fold(range(100_000, 200_000, 100)), fold(range(200_000, 1_000_000, 100))
    found = spread(merge([low, high, ""]))
    assert found.count == 9000
    assert found.p50 == pytest.approx(550, rel=0.01)
    assert found.p99 == pytest.approx(991, rel=0.01)
    assert spread("") is None
    assert spread(fold([])) is None


def test_a_load_is_shared_without_loss():
    load = Load(host="h", port=1, exchanges=(), seconds=1, connections=7)
    assert [part.connections for part in share(load, 3)] == [3, 2, 2]
    assert len(share(msgspec.structs.replace(load, connections=1), 4)) == 1
    open_parts = share(msgspec.structs.replace(load, rate=900.0), 3)
    assert [part.rate for part in open_parts] == [300.0] * 3
    assert len({part.seed for part in open_parts}) == 3


def test_results_are_combined():
    parts = [
        Result(seconds=1, requests=2, problems={"a": 1}, latency=fold([1000, 2000]), worst=2000, busy=0.1),
        Result(
            seconds=1, requests=3, problems={"a": 2, "b": 1}, latency=fold([3000] * 3), worst=3000, busy=0.9
        ),
    ]
    whole = combine(parts)
    assert (whole.requests, whole.problems, whole.worst, whole.busy) == (5, {"a": 3, "b": 1}, 3000, 0.9)
    assert spread(whole.latency).count == 5


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("kind", ["direct", "gateway", "peer"])
def test_a_scenario_asks_each_server_in_its_dialect(scenario, kind):
    server = Server("s", kind, "h", 1, model="m" if kind == "peer" else "")
    found = exchange(scenario, server)
    body = orjson.loads(found.body)
    crosses = kind == "direct" and scenario.provider == "anthropic"
    assert found.path == ("/v1/messages" if crosses else "/v1/chat/completions")
    assert found.expected.family == ("anthropic" if crosses else "openai")
    assert body.get("stream", False) is scenario.stream
    assert body["model"].startswith(
        {"direct": ("gpt", "claude"), "gateway": scenario.route or scenario.provider, "peer": "m"}[kind]
    )
    assert ("max_tokens" in body) is crosses


class MockThread:
    """A mock with an event loop of its own, since `measure` blocks."""

    def __init__(self, **options: object) -> None:
        self._ready = threading.Event()
        self._options = options
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        self.mock = await start_mock(**self._options)
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self._stop.wait()
        await self.mock.close()

    def __enter__(self) -> "MockThread":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)

    def load(self, name: str, **changes: object) -> Load:
        server = Server("direct", "direct", "127.0.0.1", self.mock.port)
        fields = {"seconds": 0.3, "warm_up": 0.1, "connections": 4, "spin": False, **changes}
        return Load(
            host=server.host, port=server.port, exchanges=(exchange(BY_NAME[name], server),), **fields
        )


@pytest.mark.parametrize("name", ["unary", "stream", "translate-stream", "paced"])
def test_a_whole_load_counts_right_answers(name):
    with MockThread() as thread:
        result = measure(thread.load(name, seconds=1.0), (), lambda window: window.await_stop())
        assert result.problems == {}
        assert result.requests > 0
        assert spread(result.latency).count == result.requests
        if BY_NAME[name].stream:
            assert result.events > 0
            assert result.events % (50 if name == "paced" else 200) == 0
        assert bool(result.chunk) == (name == "paced")


def test_wrong_answers_are_counted_as_errors():
    with MockThread(size=9) as thread:
        result = measure(thread.load("unary"), (), lambda window: window.await_stop())
    assert set(result.problems) == {"wrong text"}
    assert result.errors > 0
    assert (result.requests, spread(result.latency)) == (0, None)


def test_an_open_loop_keeps_its_rate_and_leavers_are_seen_by_the_provider():
    with MockThread(latency=0.02) as thread:
        load = thread.load("unary", rate=200.0, uniform=True, seconds=1.0, abort_every=4)
        result = measure(load, (), lambda window: window.await_stop())
        aborted = thread.mock.stats.aborted
    assert result.problems == {}
    assert result.requests == pytest.approx(150, abs=10), "one in four left early"
    assert result.aborted == aborted > 40


def test_a_stopped_server_is_an_error_not_a_hang():
    with MockThread(latency=0.05) as thread:
        load = thread.load("unary", seconds=0.5)

        def stop(_: object) -> None:
            thread.stop()

        result = measure(load, (), stop)
    assert result.errors > 0


def test_the_mock_command_serves_with_several_processes(tmp_path):
    import sys

    from bench.processes import Child, footprint, free_port

    port = free_port()
    argv = [sys.executable, "-m", "bench.mock", "--port", str(port), "--workers", "2"]
    child = Child(argv, log=tmp_path / "log")
    try:
        child.await_port(port)
        load = Load(
            host="127.0.0.1",
            port=port,
            exchanges=(exchange(BY_NAME["unary"], Server("direct", "direct", "127.0.0.1", port)),),
            seconds=0.2,
            connections=8,
        )
        assert measure(load, (), lambda window: window.await_stop()).problems == {}
        assert footprint(child.pid).processes == 2
        os.kill(child.pid, signal.SIGINT)
        assert child._process.wait(10) == 0
    finally:
        child.stop()
