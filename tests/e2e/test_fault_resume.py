"""With `mid_stream: resume` a stream that breaks is gone on with by the next target: the caller reads one answer, each
word once, or learns that it is not whole."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fault_answers
import pytest
from fault_cases import PIECES, SHORT
from fault_house import MockThread, ends_well, nothing_is_left, question, wire_provider
from gateway_process import CALLER_KEY, Gateway
from raw_client import Reply

WHOLE = len(PIECES)


@dataclass(frozen=True)
class Break:
    """A stream of `provider` breaks as `fault` says, and `spare`, a model of `spare_of`, is next. `pieces` reach the
    caller; when they are fewer than all, or `cut`, an error ends them."""

    fault: str
    pieces: int = WHOLE
    caller: str = "openai"
    provider: str = "openai"
    spare: str = "mock"
    spare_of: str = "openai"
    cut: bool = False
    tools: bool = False

    @property
    def name(self) -> str:
        way = f"{self.caller}-to-{self.provider}-then-{self.spare_of}"
        return f"{self.fault}-{way}-{self.spare or 'nobody'}{'-tools' if self.tools else ''}"


BREAKS = (
    *(Break(fault) for fault in ("cut-3", "cut-1", "stall-3", "inband-3", "nofinish", "truncated", "short")),
    *(Break("cut-3", provider=provider, spare_of="anthropic") for provider in ("anthropic", "gemini")),
    *(Break("cut-3", caller=caller, provider=caller) for caller in ("anthropic", "gemini")),
    Break("stall-3", caller="anthropic", provider="anthropic", spare_of="anthropic"),
    Break("inband-3", caller="gemini", provider="gemini", spare_of="gemini"),
    *(Break("cut-3", caller=caller, provider=caller) for caller in ("bedrock", "cohere", "responses")),
    *(
        Break("inband-3", caller=one, provider=one, spare_of=one)
        for one in ("bedrock", "cohere", "responses")
    ),
    *(Break("torn-2", provider=one, spare_of="bedrock") for one in ("bedrock", "cohere", "responses")),
    Break("checksum-3", caller="bedrock", provider="bedrock", spare_of="anthropic"),
    Break("nodone", caller="cohere", provider="cohere", spare_of="bedrock"),
    Break("stall-3", caller="responses", provider="bedrock", spare_of="responses"),
    Break("cut-3", caller="bedrock", provider="cohere", spare="mock-width9", pieces=3, cut=True),
    Break("cut-3", caller="responses", provider="responses", spare="", pieces=3, cut=True),
    Break("cut-3", spare_of="deepseek"),
    Break("cut-3", provider="anthropic", spare="fault-prefill", spare_of="deepseek"),
    # A target that refuses to go on from the assistant's own words is asked for the whole, or not at all.
    Break("cut-3", spare="fault-prefill"),
    Break("cut-3", spare="fault-prefill", spare_of="anthropic"),
    # Nobody is left; the next says something else; the next breaks before it has said more.
    Break("cut-3", spare="", pieces=3, cut=True),
    Break("cut-3", spare="mock-width9", pieces=3, cut=True),
    Break("cut-3", spare="fault-500", pieces=3, cut=True),
    # Half a tool call is nothing that another model could go on with.
    Break("cut-4", spare="mock", pieces=0, cut=True, tools=True),
)
TOOL = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}}


@dataclass
class House:
    gateway: Gateway
    mock: MockThread
    replies: dict[str, Future[Reply]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    mock = MockThread()
    gateway = Gateway(_configuration(mock), tmp_path_factory.mktemp("resume"))
    pool = ThreadPoolExecutor(16)
    try:
        yield House(gateway, mock, {one.name: pool.submit(_ask, gateway, one) for one in BREAKS})
    finally:
        pool.shutdown(cancel_futures=True)
        if gateway.process.poll() is None:
            gateway.kill()
        mock.stop()


def _configuration(mock: MockThread) -> dict[str, Any]:
    providers: dict[str, Any] = {}
    routes: dict[str, Any] = {}
    for number, one in enumerate(BREAKS):
        first = wire_provider(mock.mock, one.provider, f"p{number}")
        providers[f"p{number}"] = {**first, "timeouts": SHORT}
        providers[f"s{number}"] = wire_provider(mock.mock, one.spare_of, f"s{number}")
        spare = [f"s{number}/{one.spare}"] if one.spare else []
        routes[one.name] = {"targets": [{"model": f"p{number}/fault-{one.fault}"}], "fallbacks": spare}
    return {
        "auth": {"keys": [CALLER_KEY]},
        "providers": providers,
        "models": routes,
        "mid_stream": "resume",
    }


def _ask(gateway: Gateway, one: Break) -> Reply:
    path, body = question(one.caller, one.name, stream=True)
    if one.tools:
        body["messages"][0]["content"] = "call tools"
        body["tools"] = [{"type": "function", "function": {"name": "weather", "parameters": TOOL}}]
    with gateway.connect(30.0) as connection:
        connection.send(gateway.encode(path, body))
        return connection.reply()


@pytest.mark.parametrize("one", BREAKS, ids=[one.name for one in BREAKS])
def test_resumed(house: House, one: Break) -> None:
    reply = house.replies[one.name].result(60)
    assert reply.complete
    assert reply.status == 200, reply.body[:500]
    told = fault_answers.told(one.caller, True, reply)
    assert told.text == "".join(PIECES[: one.pieces])
    if one.cut:
        assert told.error is not None
        assert not told.closed
    else:
        assert told.error is None
        assert told.finished
        assert told.closed


def test_the_next_target_is_asked_once_for_the_rest(house: House) -> None:
    """And no target is asked again by its own: what broke in the middle is not retried from the start."""
    for number, one in enumerate(BREAKS):
        house.replies[one.name].result(60)
        assert len(house.mock.seen_of(f"p{number}")) == 1, one.name
        asked = len(house.mock.seen_of(f"s{number}"))
        if one.tools or not one.spare:
            assert asked == 0, one.name
        elif one.spare == "mock":
            assert asked == 1, one.name
        else:  # refused once as a prefill and asked for the whole, or tried again after an error of its own
            assert 1 <= asked <= 3, one.name


def test_deepseek_is_asked_for_the_rest_at_its_beta_address(house: House) -> None:
    """And for the whole at its usual one, where it refuses."""
    for number, one in enumerate(BREAKS):
        if one.spare_of != "deepseek":
            continue
        house.replies[one.name].result(60)
        first, *others = house.mock.seen_of(f"s{number}")
        assert first.target == f"/s{number}/beta/chat/completions"
        body = json.loads(first.body)
        assert body["messages"][-1] == {"role": "assistant", "content": "".join(PIECES[:3]), "prefix": True}
        assert body["thinking"] == {"type": "disabled"}
        assert [again.target for again in others] == [f"/s{number}/chat/completions"] * (one.spare != "mock")
        assert all("thinking" not in json.loads(again.body) for again in others)


def test_nothing_is_left_behind_by_streams_that_went_on(house: House, tmp_path: Path) -> None:
    for reply in house.replies.values():
        reply.result(60)
    gateway = house.gateway
    targets = [(f"p{number}", f"fault-{one.fault}") for number, one in enumerate(BREAKS)]
    spares = [(f"s{number}", one.spare) for number, one in enumerate(BREAKS) if one.spare]
    assert gateway.get("/ready").status == 200
    nothing_is_left(gateway, house.mock, [*targets, *spares], tmp_path)
    ends_well(gateway, house.mock)
