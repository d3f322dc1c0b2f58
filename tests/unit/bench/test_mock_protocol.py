"""The mock providers on the wire: framing, counters, what they remember, behaviour names."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from bench.mock import Behaviour, BehaviourError, Mock, parse_behaviour, start_mock

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nAuthorization: Bearer k\r\n"


def request(body: bytes, model: str = "m") -> bytes:
    whole = body or json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    return HEAD + b"content-length: %d\r\n\r\n" % len(whole) + whole


async def read_answer(reader: asyncio.StreamReader) -> dict[str, object]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return json.loads(await reader.readexactly(length))


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    mock = await start_mock(keep=10)
    yield mock
    await mock.close()


async def eventually(true: object) -> None:
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def test_one_connection_carries_many_requests_however_they_are_cut(mock):
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    data = request(b"", "first") + request(b"", "second") + request(b"", "third")
    for at in range(0, len(data), 37):
        writer.write(data[at : at + 37])
        await asyncio.sleep(0)
    models = [(await read_answer(reader))["model"] for _ in range(3)]
    writer.close()
    assert models == ["first", "second", "third"]
    assert (mock.stats.requests, mock.stats.connections) == (3, 1)


async def test_a_long_body_and_a_chunked_one_arrive_whole(mock):
    long = json.dumps({"messages": [{"role": "user", "content": "x" * 300_000}], "model": "big"}).encode()
    chunks = [long[at : at + 70_001] for at in range(0, len(long), 70_001)]
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(request(long))
    assert (await read_answer(reader))["model"] == "big"
    writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunked + request(b"", "next"))
    assert (await read_answer(reader))["model"] == "big"
    assert (await read_answer(reader))["model"] == "next"
    writer.close()
    assert [len(seen.body) for seen in mock.seen][:2] == [len(long), len(long)]


async def test_what_was_sent_can_be_looked_at(mock):
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(request(b""))
    await read_answer(reader)
    writer.close()
    seen = mock.seen[-1]
    assert (seen.method, seen.target) == ("POST", "/v1/chat/completions")
    assert seen.headers["authorization"] == "Bearer k"


@pytest.mark.parametrize("model", ["mock-pace5ms", "mock-latency5s", "mock-hang"])
async def test_a_caller_that_leaves_early_is_counted(mock, model):
    body = {"model": model, "messages": [], "stream": True}
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(request(json.dumps(body).encode()))
    if "pace" in model:
        await reader.readuntil(b"data: ")
    await eventually(lambda: mock.stats.requests == 1)
    writer.transport.abort()
    await eventually(lambda: mock.stats.open == 0)
    assert mock.stats.aborted == 1


async def test_a_finished_caller_is_not_counted_as_aborted(mock):
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(request(b""))
    await read_answer(reader)
    writer.close()
    await eventually(lambda: mock.stats.open == 0)
    assert mock.stats.aborted == 0


async def test_a_slow_reader_holds_the_stream_back_and_loses_nothing(mock):
    body = {"model": "mock-chunks200000-width100", "messages": [], "stream": True}
    reader, writer = await asyncio.open_connection(mock.host, mock.port, limit=1024)
    writer.write(request(json.dumps(body).encode()))
    before = -1
    while before != mock.stats.events:
        before = mock.stats.events
        await asyncio.sleep(0.3)
    assert before < 200_000, "the mock wrote without regard for its reader"
    data = bytearray()
    while not data.endswith(b"0\r\n\r\n"):
        data += await reader.read(65536)
    writer.close()
    assert data.count(b"data: {") == 200_002


async def test_stamped_events_carry_rising_times(mock):
    body = {"model": "mock-stamp-chunks5", "messages": [], "stream": True}
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(request(json.dumps(body).encode()))
    data = await reader.readuntil(b"[DONE]")
    writer.close()
    events = [
        json.loads(line[6:]) for line in data.split(b"\r\n") for line in [line] if line[:7] == b"data: {"
    ]
    stamps = [int(e["choices"][0]["delta"].get("content") or 0) for e in events]
    stamps = [stamp for stamp in stamps if stamp]
    assert len(stamps) == 5
    assert stamps == sorted(set(stamps))


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\r\n\r\n", b"GET /\r\n\r\n", b"x" * 70_000])
async def test_what_is_no_request_is_refused(mock, junk):
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(junk)
    assert (await reader.read(12)) == b"HTTP/1.1 400"
    writer.close()


def test_a_name_without_the_word_keeps_the_defaults():
    defaults = Behaviour(size=9)
    assert parse_behaviour("gpt-4o-mini", defaults) == defaults
    assert parse_behaviour("", defaults) == defaults


def test_options_are_read_in_their_units():
    got = parse_behaviour(
        "openai/gpt-4o-mock-chunks3-pace5-latency100us-size1024-length-emoji-retry0", Behaviour()
    )
    assert (got.chunks, got.pace, got.latency, got.size) == (3, 0.005, 0.0001, 1024)
    assert (got.finish, got.emoji, got.retry, got.faulty) == ("length", True, 0, False)


@pytest.mark.parametrize(
    "word", ["chunk3", "chunks", "chunks3ms", "chunks1.5", "emoji3", "pace", "", "size-3"]
)
def test_a_mistyped_option_is_an_error(word):
    with pytest.raises(BehaviourError):
        parse_behaviour(f"mock-{word}", Behaviour())


@pytest.mark.parametrize("fault", ["error500", "cut0", "fail0", "noend", "garbage", "html", "hang", "empty"])
def test_every_fault_has_a_sane_counterpart(fault):
    behaviour = parse_behaviour(f"mock-{fault}-size3", Behaviour())
    assert behaviour.faulty
    assert not behaviour.sane().faulty
    assert behaviour.sane().size == 3


async def test_events_leave_at_once_on_any_event_loop(mock):
    _, writer = await asyncio.open_connection(mock.host, mock.port)
    await eventually(lambda: mock.stats.open == 1)
    (connection,) = mock._house.connections
    served = connection.transport.get_extra_info("socket")
    assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    writer.close()
