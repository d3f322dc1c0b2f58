"""Kept answers told as slowly as a model speaks, over the whole gateway; and found by their meaning in each worker."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import openai_wire
import pytest
import wire
from fault_server import FaultServer
from gateway_process import CALLER_KEY, Gateway, until
from raw_client import Reply

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
WORDS = "The tram to the harbour leaves in ten minutes from the stop behind the old market hall."


def config_of(upstream: FaultServer, **cache: Any) -> dict[str, Any]:
    return {
        "auth": {"keys": [CALLER_KEY]},
        "retries": {"max": 0},
        "server": {"workers": 2},
        "cache": cache,
        "providers": {"openai": {"base_url": f"{upstream.url}/v1", "keys": ["k"]}},
    }


@pytest.fixture
def paced(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Gateway]:
    running = Gateway(config_of(openai_upstream, mode="exact", replay="paced"), tmp_path)
    yield running
    until(running.at_rest)
    running.signal(15)
    assert running.wait() == 0, running.log()


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {
        "model": "openai/gpt-4o-mini",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": text}],
        **more,
    }


def said(reply: Reply) -> str:
    """What a stream says, in either dialect."""
    words = []
    for line in reply.body.split(b"\n"):
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            for choice in event.get("choices", ()):
                words.append(choice["delta"].get("content") or "")
            words.append(event.get("delta", {}).get("text", ""))
    return "".join(words)


def test_a_paced_answer_is_the_same_in_many_pieces(paced: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(list(wire.as_json(openai_wire.completion(WORDS))))
    assert paced.post(CHAT, asked("which tram?")).headers["x-gateway-cache"] == "miss"
    for path in (CHAT, MESSAGES):
        with paced.connect() as one:
            one.send(paced.encode(path, asked("which tram?", stream=True)))
            response = one.head()
            pieces = list(one.pieces())
        assert response.getheader("x-gateway-cache") == "hit"
        assert len(pieces) > 3
        assert said(Reply(response.status, {}, b"".join(pieces), True)) == WORDS
    assert len(openai_upstream.seen) == 1


def test_who_leaves_a_paced_answer_leaves_nothing_behind(
    paced: Gateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(list(wire.as_json(openai_wire.completion(f"{WORDS} " * 20))))
    paced.post(CHAT, asked("tell me more"))
    for _ in range(3):
        with paced.connect() as one:
            one.send(paced.encode(CHAT, asked("tell me more", stream=True)))
            one.head()
            next(one.pieces())
    until(paced.at_rest)
    assert '"level":"error"' not in paced.log()


def test_what_one_worker_was_asked_all_find_by_its_meaning(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    if find_spec("wordllama") is None:
        pytest.skip("the extra `cache` is not installed")
    running = Gateway(config_of(openai_upstream, mode="semantic"), tmp_path)
    openai_upstream.handle(openai_wire.echo)
    try:
        first = running.post(CHAT, asked("How do I reset my password?"))
        only: dict[str, str | bytes] = {"x-gateway-cache": "only"}
        again = running.encode(CHAT, asked("How can I reset my password?"), only)
        until(lambda: {reply.status for reply in running.from_each(again)} == {200})
        replies = running.from_each(again)
        assert [reply.headers["x-gateway-cache"] for reply in replies] == ["semantic"] * 2
        told = {reply.json()["choices"][0]["message"]["content"] for reply in [first, *replies]}
        assert told == {"echo: How do I reset my password?"}
        assert len(openai_upstream.seen) == 1
    finally:
        running.stop()
