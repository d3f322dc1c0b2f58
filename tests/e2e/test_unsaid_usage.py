"""An answer whose provider tells no usage, or breaks off before it does, is counted, priced and marked: never free."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import anthropic_wire
import openai_wire
import pytest
import wire
from fault_server import CLOSE, Answer, FaultServer, Gate
from gateway_process import OPENAI_KEY, Gateway, until

from gateway.schemas.chat import ChatRequest, Message, Text
from gateway.tokens.conversations import prompt_tokens, text_tokens

ASKED = "Tell me of the sea, and of those who sail upon it."
TOLD = "The sea is wide and those who sail it are few. " * 12
WORDS = openai_wire.in_words(TOLD)
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
MODEL = "gpt-4o"


def silent() -> Answer:
    """A whole answer of one who reports nothing."""
    body = openai_wire.completion(TOLD)
    del body["usage"]
    return wire.as_json(body)


def streamed(count: int | None = None) -> Answer:
    events = openai_wire.text_events(WORDS, usage=False)
    if count is None:
        return wire.stream(events)
    return [wire.STREAM_HEAD, *(wire.chunk(one) for one in events[:count]), CLOSE]


@pytest.fixture(scope="module")
def house(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """A gateway for this file, and its folder: a dollar per million tokens asked, two per million told."""
    folder = tmp_path_factory.mktemp("unsaid")
    prices = {f"openai/{MODEL}-{n}": {"input": 1, "output": 2} for n in range(4)}
    config = {
        "prices": {**prices, "anthropic/claude-x": {"input": 1, "output": 2}},
        "server": {"drain": "2s", "workers": 1},
        "retries": {"max": 0},
        "breaker": "off",
        "providers": {
            "openai": {"base_url": f"{openai_server.url}/v1", "keys": [OPENAI_KEY]},
            "anthropic": {"base_url": anthropic_server.url, "keys": ["sk-ant"]},
        },
    }
    gateway = Gateway(config, folder)
    yield gateway, folder
    gateway.stop()


def ask(gateway: Gateway, model: str, *, stream: bool = False, caller: str = "openai") -> Any:
    body = {"model": model, "max_tokens": 900, "stream": stream}
    return gateway.post(PATHS[caller], {**body, "messages": [{"role": "user", "content": ASKED}]})


def row(folder: Path, count: int, before: int = 0) -> dict[str, Any]:
    """The newest of `count` rows, or one of those before it."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            with sqlite3.connect(f"file:{folder}/data/gateway.db?mode=ro", uri=True) as store:
                store.row_factory = sqlite3.Row
                rows = store.execute("SELECT * FROM records ORDER BY id").fetchall()
            if len(rows) >= count:
                return dict(rows[-1 - before])
        except sqlite3.OperationalError:
            pass
        time.sleep(0.05)
    raise AssertionError("the row never came")


def prompt() -> int:
    return prompt_tokens(
        MODEL, ChatRequest(dialect="openai", model=MODEL, messages=(Message("user", (Text(ASKED),)),))
    )


def told(words: str = TOLD) -> int:
    found = text_tokens(MODEL, words)
    assert found is not None
    return found


def check(found: dict[str, Any], input: int, output: int, slack: int = 0) -> None:
    assert found["estimated"] == 1
    assert found["input_tokens"] == input
    assert abs(found["output_tokens"] - output) <= slack
    assert found["cost_nano_usd"] == found["input_tokens"] * 1000 + found["output_tokens"] * 2000
    assert not found["cost_unknown"]


def test_what_no_provider_told_is_counted(house: Any, openai_upstream: FaultServer) -> None:
    gateway, folder = house
    begun = len_of(house)

    openai_upstream.script(silent())
    reply = ask(gateway, f"openai/{MODEL}-0")
    assert reply.headers["x-gateway-estimated"] == "true"
    assert "x-gateway-cost-usd" in reply.headers
    check(row(folder, begun + 1), prompt(), told())

    assert ask(gateway, f"openai/{MODEL}-0", caller="anthropic").status == 200  # translated
    check(row(folder, begun + 2), prompt(), told())

    openai_upstream.script(streamed())
    ask(gateway, f"openai/{MODEL}-0", stream=True)
    check(row(folder, begun + 3), prompt(), told())

    ask(gateway, f"openai/{MODEL}-0", stream=True, caller="anthropic")
    check(row(folder, begun + 4), prompt(), told())


def test_a_cut_stream_is_billed_for_what_came(house: Any, openai_upstream: FaultServer) -> None:
    gateway, folder = house
    begun = len_of(house)
    openai_upstream.script(streamed(41))  # the role, and forty words
    ask(gateway, f"openai/{MODEL}-1", stream=True)
    found = row(folder, begun + 1)
    assert found["error"] == "upstream_closed"
    check(found, prompt(), told("".join(WORDS[:40])))


def test_a_cut_stream_of_one_who_reports_is_billed_by_its_size(
    house: Any, openai_upstream: FaultServer
) -> None:
    gateway, folder = house
    begun = len_of(house)
    usage = {"prompt_tokens": prompt(), "completion_tokens": told(), "total_tokens": prompt() + told()}
    *events, done = openai_wire.text_events(WORDS, usage=False)
    openai_upstream.script(wire.stream([*events, openai_wire.usage_chunk(usage), done]))
    ask(gateway, f"openai/{MODEL}-2", stream=True)
    assert row(folder, begun + 1)["estimated"] == 0
    openai_upstream.script(streamed(61))
    ask(gateway, f"openai/{MODEL}-2", stream=True)
    check(row(folder, begun + 2), prompt(), told("".join(WORDS[:60])), slack=8)


def test_a_caller_who_leaves_pays_for_what_came(house: Any, openai_upstream: FaultServer) -> None:
    gateway, folder = house
    begun, gate = len_of(house), Gate()
    events = openai_wire.text_events(WORDS, usage=False)
    openai_upstream.script([wire.STREAM_HEAD, *(wire.chunk(one) for one in events[:31]), gate, CLOSE])
    body = {"model": f"openai/{MODEL}-3", "stream": True, "messages": [{"role": "user", "content": ASKED}]}
    with gateway.connect() as connection:
        connection.send(gateway.encode(PATHS["openai"], body))
        connection.head()
        told_so_far, pieces = b"", connection.pieces()
        while told_so_far.count(b"data: ") < 31:  # the role, and thirty words
            told_so_far += next(pieces)
    found = row(folder, begun + 1)
    gate.open()
    assert found["error"] == "client_disconnected"
    check(found, prompt(), told("".join(WORDS[:30])))


LEGACY = "/v1/completions"


def piece(text: str) -> dict[str, Any]:
    return {"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": text}]}


def complete(gateway: Gateway, prompt: Any, **more: Any) -> Any:
    return gateway.post(LEGACY, {"model": f"openai/{MODEL}-3", "prompt": prompt, **more})


def test_a_legacy_completion_is_counted_too(house: Any, openai_upstream: FaultServer) -> None:
    gateway, folder = house
    begun = len_of(house)
    openai_upstream.script(wire.as_json(piece(TOLD)))
    complete(gateway, ASKED)
    check(row(folder, begun + 1), told(ASKED), told())
    complete(gateway, [ASKED, "And of the land."])
    check(row(folder, begun + 2), told(ASKED) + told("And of the land."), told())
    complete(gateway, [[1, 2, 3], [4]])
    check(row(folder, begun + 3), 4, told())
    complete(gateway, {"no": ["prompt"] * 60})  # somebody may know what that is
    found = row(folder, begun + 4)
    check(found, found["input_tokens"], told())
    assert found["input_tokens"] > 100

    words = [wire.data(piece(one)) for one in WORDS]
    openai_upstream.script([wire.STREAM_HEAD, *map(wire.chunk, words[:40]), CLOSE])
    complete(gateway, ASKED, stream=True)
    check(row(folder, begun + 5), told(ASKED), told("".join(WORDS[:40])))


def test_who_leaves_a_legacy_completion_pays_for_what_came(house: Any, openai_upstream: FaultServer) -> None:
    gateway, folder = house
    begun, gate = len_of(house), Gate()
    words = [wire.chunk(wire.data(piece(one))) for one in WORDS[:30]]
    openai_upstream.script([wire.STREAM_HEAD, *words, gate, CLOSE], [gate, CLOSE])
    body = {"model": f"openai/{MODEL}-3", "stream": True, "prompt": ASKED}
    for count in (30, 0):  # of the second one nothing ever comes
        seen = len(openai_upstream.seen)
        with gateway.connect() as connection:
            connection.send(gateway.encode(LEGACY, body))
            openai_upstream.wait_for(seen + 1)
            heard, pieces = b"", connection.pieces()
            if count:
                connection.head()
            while heard.count(b"data: ") < count:
                heard += next(pieces)
        until(gateway.at_rest)
    gate.open()
    check(row(folder, begun + 2, 1), told(ASKED), told("".join(WORDS[:30])))
    left = row(folder, begun + 2)
    assert (left["error"], left["estimated"]) == ("client_disconnected", 1)
    assert left["cost_nano_usd"] == told(ASKED) * 1000


def test_what_anthropic_told_before_the_cut_stands(house: Any, anthropic_upstream: FaultServer) -> None:
    gateway, folder = house
    begun = len_of(house)
    block = anthropic_wire.block_events(0, anthropic_wire.text(TOLD), WORDS)
    events = [anthropic_wire.start_event({"input_tokens": 77, "output_tokens": 1}), *block[:41]]
    anthropic_upstream.script([wire.STREAM_HEAD, *(wire.chunk(one) for one in events), CLOSE])
    ask(gateway, "anthropic/claude-x", stream=True, caller="anthropic")
    check(row(folder, begun + 1), 77, told("".join(WORDS[:40])), slack=2)


def len_of(house: Any) -> int:
    """How many rows there are, once all that was asked before is one."""
    gateway, folder = house
    asked = gateway.metric("gateway_requests_total")
    until(lambda: stored(folder) == asked)
    return int(asked)


def stored(folder: Path) -> int:
    try:
        with sqlite3.connect(f"file:{folder}/data/gateway.db?mode=ro", uri=True) as store:
            return int(store.execute("SELECT count(*) FROM records").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_a_stream_that_is_passed_through_and_tells_nothing_is_charged(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    key = "gw-passing-canary-1"
    config = {
        "server": {"workers": 1},
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
        "prices": {"openai/gpt-4o-mini-2024-07-18": {"input": 1, "output": 1}},
        "keys": {"passing": {"value": key, "budgets": [{"usd": 0.0002, "per": "day"}]}},
    }
    openai_upstream.handle(lambda _: wire.stream(openai_wire.text_events(WORDS, usage=False)))
    asked = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": ASKED}]}
    gateway = Gateway(config, tmp_path)
    statuses = [
        gateway.post("/passthrough/openai/chat/completions", asked, None, key).status for _ in range(5)
    ]
    gateway.stop()
    assert (statuses[0], statuses[-1]) == (200, 402)  # some 150 tokens each, of 200


def test_a_stream_that_is_passed_through_and_left_is_charged_as_far_as_it_came(
    anthropic_upstream: FaultServer, tmp_path: Path
) -> None:
    gate = Gate()
    whole = anthropic_wire.text_events(WORDS)
    anthropic_upstream.script([wire.STREAM_HEAD, *map(wire.chunk, whole[:-3]), gate])
    config = {
        "server": {"workers": 1},
        "providers": {"anthropic": {"base_url": anthropic_upstream.url, "keys": ["sk-ant-x"]}},
    }
    asked = {
        "model": "claude-x",
        "max_tokens": 9,
        "stream": True,
        "messages": [{"role": "user", "content": ASKED}],
    }
    gateway = Gateway(config, tmp_path)
    with gateway.connect() as connection:
        connection.send(gateway.encode("/passthrough/anthropic/v1/messages", asked))
        connection.head()
        heard = b""
        for piece in connection.pieces():
            heard += piece
            if heard.count(b"content_block_delta") > len(WORDS):
                break
    gate.open()
    output = gateway.metric("gateway_tokens_total", endpoint="passthrough", type="output")
    gateway.stop()
    assert output > len(WORDS) // 2
