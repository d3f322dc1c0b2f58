"""The mock's answers in further dialects are what the vendors' own packages read."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from cohere.v2.types import v2chat_stream_response as events
from cohere.v2.types.v2chat_response import V2ChatResponse

from bench.mock import Mock, start_mock
from bench.mock.wire import dechunk

TURN = {"role": "user", "content": "hi"}
SAID = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    running = await start_mock(keep=10, chunks=4, size=40)
    yield running
    await running.close()


async def answer(mock: Mock, path: str, value: Any) -> tuple[str, bytes]:
    """Head and body."""
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    body = json.dumps(value)
    writer.write(f"POST {path} HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if "content-length: " in head:
        got = await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0]))
    else:
        found = dechunk(await reader.readuntil(b"\r\n0\r\n\r\n"))
        assert found is not None
        got = found[0]
    writer.close()
    return head, got


async def test_cohere(mock: Mock) -> None:
    ask = {"model": "mock", "messages": [TURN]}
    whole = V2ChatResponse.model_validate_json((await answer(mock, "/v2/chat", ask))[1])
    assert whole.message.content is not None
    stream = (await answer(mock, "/v2/chat", {**ask, "stream": True}))[1]
    lines = [line.partition(b": ")[2] for line in stream.split(b"\n") if line.startswith(b"data")]
    kinds = {
        "message-start": events.MessageStartV2ChatStreamResponse,
        "content-start": events.ContentStartV2ChatStreamResponse,
        "content-delta": events.ContentDeltaV2ChatStreamResponse,
        "content-end": events.ContentEndV2ChatStreamResponse,
        "message-end": events.MessageEndV2ChatStreamResponse,
    }
    for line in lines:
        kinds[json.loads(line)["type"]].model_validate_json(line, strict=True)
    assert len(lines) == 4 + 4


async def test_responses(mock: Mock) -> None:
    client = openai.AsyncOpenAI(api_key="k", base_url=mock.base_url, max_retries=0)
    whole = await client.responses.create(model="mock", input="echo: hello")
    assert whole.output_text == "hello"
    async with client.responses.stream(model="mock", input="hi") as stream:
        final = await stream.get_final_response()
    assert final.output_text == "www0 www1 www2 www3 "
    broken = await client.responses.create(model="fault-inband-2", input="hi", stream=True)
    assert [event.type async for event in broken][-3:] == [*["response.output_text.delta"] * 2, "error"]


async def test_bedrock(mock: Mock) -> None:
    whole = json.loads((await answer(mock, "/model/mock/converse", SAID))[1])
    assert len(whole["output"]["message"]["content"][0]["text"]) == 40
    head, body = await answer(mock, "/model/mock/converse-stream", SAID)
    assert "content-type: application/vnd.amazon.eventstream" in head
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    names = [message.headers[":event-type"] for message in buffer]
    assert names == [
        "messageStart",
        *["contentBlockDelta"] * 4,
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]


async def test_bedrocks_wrong_checksum(mock: Mock) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data((await answer(mock, "/model/fault-checksum-2/converse-stream", SAID))[1])
    for _ in range(3):
        next(buffer)
    with pytest.raises(ChecksumMismatch):
        next(buffer)


async def test_bedrocks_refusals_have_their_type_in_a_header(mock: Mock) -> None:
    head, body = await answer(mock, "/model/fault-quota/converse", SAID)
    assert head.startswith("HTTP/1.1 400")
    assert "x-amzn-errortype: ServiceQuotaExceededException" in head
    assert json.loads(body)["message"]
