"""A request that a provider had and nobody answered costs its prompt, in its row as in its caller's budget; one that
surely reached nobody costs nothing."""

import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai_wire
import pytest
import wire
from fault_server import HANG, FaultServer
from gateway_process import OPENAI_KEY, Gateway, until

from gateway._speedups import health, limits
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts
from gateway.schemas.chat import ChatRequest, Message, Text
from gateway.telemetry.cells import sections
from gateway.tokens.conversations import prompt_tokens

CHAT = "/v1/chat/completions"
KEY = "gw-unanswered-canary-1"
MODEL = "gpt-4o"
ASKED = "Tell me of the sea, and of those who sail upon it. " * 8
PROMPT = prompt_tokens(
    MODEL, ChatRequest(dialect="openai", model=MODEL, messages=(Message("user", (Text(ASKED),)),))
)
COST = PROMPT * 1_000
"""Nano-dollars, at a dollar for a million tokens asked."""
SPARE = 16


@pytest.fixture
def full() -> Iterator[int]:
    """A port of this machine where connections are neither taken nor refused."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = int(listening.getsockname()[1])
        waiting = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.append(one)
        yield port
        for one in waiting:
            one.close()


def start(upstream: FaultServer, folder: Path, budget: float, *, port: int = 1, **more: Any) -> Gateway:
    config = {
        "server": {"workers": 1, "drain": "2s"},
        "retries": {"max": 0},
        "breaker": "off",
        "providers": {
            "openai": {"base_url": f"{upstream.url}/v1", "keys": [OPENAI_KEY]},
            "other": {"type": "openai", "base_url": f"http://127.0.0.1:{port}/v1", "keys": ["k"]},
        },
        "prices": {f"{name}/{MODEL}": {"input": 1, "output": 2} for name in ("openai", "other")},
        "keys": {"k": {"value": KEY, "budgets": [{"usd": budget, "per": "never"}]}},
        **more,
    }
    return Gateway(config, folder)


def body(model: str, stream: bool = False) -> dict[str, Any]:
    asked = [{"role": "user", "content": ASKED}]
    return {"model": model, "max_tokens": 9, "messages": asked, "stream": stream}


def hang_up(gateway: Gateway, upstream: FaultServer, stream: bool = False) -> None:
    seen = len(upstream.seen)
    with gateway.connect() as connection:
        connection.send(gateway.encode(CHAT, body(f"openai/{MODEL}", stream), None, KEY))
        upstream.wait_for(seen + 1)
    upstream.wait(gateway.at_rest)


def ask(gateway: Gateway, model: str = f"openai/{MODEL}") -> int:
    return int(gateway.post(CHAT, body(model), None, KEY).status)


def rows(folder: Path, count: int) -> list[dict[str, Any]]:
    """What is stored, once there are so many."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        try:
            with sqlite3.connect(f"file:{folder}/data/gateway.db?mode=ro", uri=True) as store:
                store.row_factory = sqlite3.Row
                found[:] = map(dict, store.execute("SELECT * FROM records ORDER BY id"))
        except sqlite3.OperationalError:
            return False
        return len(found) >= count

    until(there)
    assert len(found) == count
    return found


def spent(gateway: Gateway) -> tuple[int, int]:
    """Nano-dollars that the key's budget has spent, and those that are reserved."""
    path = Path("/dev/shm") / f"gateway-{os.getuid()}-{gateway.port}.ledger"
    every = (*sections(), *health.sections(), *limits.sections(workers=SPARE))
    found = Accounts(Ledger.open(path, every), SPARE - 1).budget("key:k/never", 1, period="never")
    return found.spent(time.time_ns()), found.reserved


def told(row: dict[str, Any]) -> tuple[str, int, int]:
    return row["error"], row["estimated"], row["cost_nano_usd"] or 0


def test_whoever_hangs_up_before_the_answer_begins_pays_for_the_prompt(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    opening = openai_wire.delta({"role": "assistant", "content": ""})
    openai_upstream.script([HANG], [wire.STREAM_HEAD, wire.chunk(opening), HANG], [HANG])
    gateway = start(openai_upstream, tmp_path, 3.9 * COST / 1e9)
    try:
        for stream in (False, True, False):
            hang_up(gateway, openai_upstream, stream)
        assert spent(gateway) == (3 * COST, 0)
        assert ask(gateway) == 402
        found = rows(tmp_path, 4)
        assert [told(one) for one in found[:3]] == [("client_disconnected", 1, COST)] * 3
        assert told(found[3]) == ("budget_exceeded", 0, 0)
    finally:
        gateway.stop()


def test_a_provider_that_is_silent_too_long_is_paid_for_each_prompt_that_it_had(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    openai_upstream.script([HANG])
    gateway = start(openai_upstream, tmp_path, 1, timeouts={"first_byte": "0.2s"})
    try:
        assert ask(gateway) == 504
        assert spent(gateway) == (COST, 0)
        assert [told(one) for one in rows(tmp_path, 1)] == [("upstream_timeout", 1, COST)]
    finally:
        gateway.stop()


def test_a_silent_try_is_free_where_another_answers(openai_upstream: FaultServer, tmp_path: Path) -> None:
    openai_upstream.script([HANG], wire.as_json(openai_wire.completion("Yes.")))
    route = {"route": {"targets": [f"openai/{MODEL}", f"openai/{MODEL}-2"]}}
    gateway = start(openai_upstream, tmp_path, 1, timeouts={"first_byte": "0.2s"}, models=route)
    try:
        assert ask(gateway, "route") == 200
        assert told(rows(tmp_path, 1)[0])[1] == 0
    finally:
        gateway.stop()


def test_what_surely_reached_nobody_is_free(openai_upstream: FaultServer, full: int, tmp_path: Path) -> None:
    openai_upstream.script(wire.as_json({"error": {"message": "no"}}, 400))
    gateway = start(openai_upstream, tmp_path, 1, port=full, timeouts={"connect": "0.3s"})
    try:
        assert ask(gateway) == 400
        assert ask(gateway, f"other/{MODEL}") == 504
        with gateway.connect() as connection:  # leaves while a connection is made
            connection.send(gateway.encode(CHAT, body(f"other/{MODEL}"), None, KEY))
            until(lambda: not gateway.at_rest())
        until(gateway.at_rest)
        assert spent(gateway) == (0, 0)
        assert [told(one)[1:] for one in rows(tmp_path, 3)] == [(0, 0)] * 3
    finally:
        gateway.stop()
