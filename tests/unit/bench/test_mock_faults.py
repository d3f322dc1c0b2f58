"""Faults of the mock providers by the model's name: what the names mean, and what stands on the wire."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from bench.mock import BehaviourError, Mock, start_mock
from bench.mock.faults import KINDS, LIMITS, FaultSpec, explained, parse_fault


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    running = await start_mock(keep=10, chunks=4, size=40)
    yield running
    await running.close()


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("fault-429", FaultSpec("STATUS", status=429)),
        ("gpt-4o-fault-503-once", FaultSpec("STATUS", status=503, first=1)),
        ("openai/fault-429-retry2-first3", FaultSpec("STATUS", status=429, retry="retry-after: 2", first=3)),
        ("fault-429-retry250ms", FaultSpec("STATUS", status=429, retry="retry-after-ms: 250")),
        ("fault-429-wait2", FaultSpec("STATUS", status=429, wait=2)),
        ("fault-stall", FaultSpec("stall", number=3)),
        ("fault-stall-7-rate10-xmine", FaultSpec("stall", number=7, rate=10)),
        ("fault-cut-0-mock-chunks9", FaultSpec("cut", number=0)),
        ("fault-503-flap500", FaultSpec("STATUS", status=503, flap=500)),
        ("gpt-4o", None),
        ("default-model", None),
    ],
)
def test_a_name_says_which_fault(name: str, spec: FaultSpec | None) -> None:
    assert parse_fault(name) == spec


@pytest.mark.parametrize(
    "name",
    [
        "fault",
        "fault-nonsense",
        "fault-200",
        "fault-reset-3",
        "fault-429-onces",
        "fault-429-first",
        "fault-once",
    ],
)
def test_a_mistaken_name_is_refused(name: str) -> None:
    with pytest.raises(BehaviourError):
        parse_fault(name)


def test_every_fault_is_explained() -> None:
    text = explained()
    assert all(name in text for name in (*KINDS, *LIMITS))


async def asked(
    mock: Mock, model: str, stream: bool, key: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nauthorization: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write((head + body).encode())
    return reader, writer


async def head_of(mock: Mock, model: str, key: str = "k") -> bytes:
    """The head of an answer."""
    reader, writer = await asked(mock, model, False, key)
    async with asyncio.timeout(20):
        got = await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    return got


async def status(mock: Mock, model: str, key: str = "k") -> bytes:
    return (await head_of(mock, model, key))[9:12]


async def answer(mock: Mock, model: str, stream: bool = False, key: str = "k", seconds: float = 0.4) -> bytes:
    """All that comes within `seconds`."""
    reader, writer = await asked(mock, model, stream, key)
    got = b""
    try:
        async with asyncio.timeout(seconds):
            while piece := await reader.read(65536):
                got += piece
    except (TimeoutError, ConnectionResetError):
        pass
    writer.transport.abort()
    return got


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "STATUS"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_every_kind_of_fault_has_an_answer_of_its_own(mock: Mock, kind: str, stream: bool) -> None:
    """None is the healthy one, but where the fault needs a stream, a prefill, a bad key or just more time."""
    plain_only = {"open", "nodone", "nofinish", "trickle"}
    wanted = kind in ("prefill", "badkey") or (not stream and kind in plain_only)
    for seconds in (0.1, 1.0):  # more on a busy machine
        got = await answer(mock, f"fault-{kind}", stream, seconds=seconds)
        sound = await answer(mock, f"sound-{kind}", stream, seconds=seconds)
        same = got.replace(b"fault-", b"sound-") == sound
        if sound and same == wanted:
            break
    assert sound
    assert same == wanted


async def test_a_fault_once_is_over_after_one_request(mock: Mock) -> None:
    statuses = [await status(mock, "fault-503-once") for _ in range(3)]
    assert statuses == [b"503", b"200", b"200"]


async def test_two_names_are_counted_apart(mock: Mock) -> None:
    statuses = [await status(mock, f"fault-503-once-x{n}") for n in (1, 2)]
    assert statuses == [b"503", b"503"]


async def test_a_bad_key_is_the_only_one_refused(mock: Mock) -> None:
    statuses = [await status(mock, "fault-badkey", key) for key in ("bad", "good")]
    assert statuses == [b"401", b"200"]


async def test_a_flapping_fault_comes_and_goes(mock: Mock) -> None:
    deadline, statuses = time.monotonic() + 20, [b"503"]
    while len(statuses) < 4 and time.monotonic() < deadline:
        found = await status(mock, "fault-503-flap60")
        if found != statuses[-1]:
            statuses.append(found)
        await asyncio.sleep(0.005)
    assert statuses == [b"503", b"200", b"503", b"200"]


async def test_a_date_to_retry_after_lies_ahead_each_time(mock: Mock) -> None:
    first = await head_of(mock, "fault-429-retrydate5")
    await asyncio.sleep(1.1)
    second = await head_of(mock, "fault-429-retrydate5")
    dates = [got.split(b"retry-after: ")[1].split(b"\r\n")[0] for got in (first, second)]
    assert dates[0] != dates[1]


async def test_a_stalled_stream_counts_as_busy_until_its_caller_leaves(mock: Mock) -> None:
    reader, writer = await asked(mock, "fault-stall-2", True, "k")
    async with asyncio.timeout(20):
        await reader.readuntil(b"www1")
    assert len(mock.busy) == 1
    writer.transport.abort()
    async with asyncio.timeout(20):
        while mock.busy:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_geminis_model_stands_in_the_path(mock: Mock) -> None:
    body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "echo: hello"}]}]})
    statuses = []
    for model in ("mock", "fault-429"):
        reader, writer = await asyncio.open_connection(mock.host, mock.port)
        path = f"/v1beta/models/{model}:generateContent"
        writer.write(f"POST {path} HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        got = await reader.readuntil(b"\r\n\r\n")
        statuses.append(got[9:12])
        if model == "mock":
            assert b"hello" in await reader.readuntil(b"responseId")
        writer.close()
    assert statuses == [b"200", b"429"]
