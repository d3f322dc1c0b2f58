"""A big image goes to the provider, and into nothing that the gateway writes: no log line, record, journal or error."""

import base64
import random
from pathlib import Path
from typing import Any

import pytest
import wire
from fault_server import FaultServer
from gateway_process import Gateway

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
MODELS = ("my-vllm/llama-3.1-8b", "my-claude/claude-sonnet-4-5")
DATA = base64.b64encode(random.Random(5).randbytes(450_000)).decode()
RUN = 48
"""Characters in a row that nothing else has."""


def asking(path: str, model: str, role: str = "user", **more: Any) -> dict[str, Any]:
    if path == MESSAGES:
        source = {"type": "base64", "media_type": "image/png", "data": DATA}
        content: Any = [{"type": "image", "source": source}]
    elif path == RESPONSES:
        content = [{"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"}]
    else:
        content = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}]
    said = [{"role": role, "content": content}]
    return {"model": model, "max_tokens": 9, "input" if path == RESPONSES else "messages": said, **more}


def leaks(data: bytes) -> bool:
    pieces = (DATA[at : at + RUN].encode() for at in (0, 1000, 300_000, len(DATA) - RUN))
    return any(piece in data for piece in pieces)


@pytest.fixture
def gateway(start_gateway: Any) -> Gateway:
    made: Gateway = start_gateway(log={"format": "json", "level": "debug"}, records={"bodies": "keys"})
    return made


def test_an_image_is_written_down_nowhere(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer, tmp_path: Path
) -> None:
    asked = 0
    for path in (CHAT, MESSAGES, RESPONSES):
        for model in MODELS:
            for stream in (False, True):
                reply = gateway.post(path, asking(path, model, stream=stream))
                assert reply.status == 200, gateway.log()[-3000:]
                asked += 1
    received = [leaks(seen.body) for server in (openai_upstream, anthropic_upstream) for seen in server.seen]
    assert received == [True] * asked
    for server in (openai_upstream, anthropic_upstream):
        server.script(wire.as_json({"error": {"message": "no"}}, 500))
    for path in (CHAT, MESSAGES, RESPONSES):
        for body in (
            asking(path, MODELS[1]),
            asking(path, "nobody/knows"),
            asking(path, MODELS[1], role=DATA),
            asking(path, MODELS[0], temperature=DATA),
            asking(path, MODELS[1], tool_choice=DATA),
            asking(path, DATA),
        ):
            reply = gateway.post(path, body)
            assert reply.status >= 400
            assert len(reply.body) < 2000
    gateway.stop()
    written = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert any("gateway.db" in each.name for each in written)
    assert [each.name for each in written if leaks(each.read_bytes())] == []
