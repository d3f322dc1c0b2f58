"""What is measured: the work of each scenario, and its request as each server wants it."""

import json
from typing import Literal

import msgspec

from bench.load.exchange import Exchange, Expected, Family
from bench.mock.behaviour import Behaviour, parse_behaviour
from bench.mock.text import answer_text, pieces

Kind = Literal["direct", "proxy", "gateway", "peer"]

# Plain answers of about 1 KB on the wire, streams of 200 content events.
MOCK_DEFAULTS = "size640-chunks200-width5"
_DEFAULTS = parse_behaviour(f"mock-{MOCK_DEFAULTS}", Behaviour())
_SMALL, _LARGE = 320, 100_000  # bytes of the prompt's text; a small request is about 0.5 KB with its head
_MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}


class Server(msgspec.Struct, frozen=True):
    """Where requests go. `model` replaces the name that a peer knows the model by; `base` is a path prefix."""

    name: str
    kind: Kind
    host: str
    port: int
    key: str = "sk-mock"
    base: str = "/v1"
    model: str = ""
    headers: dict[str, str] = {}


class Scenario(msgspec.Struct, frozen=True):
    """`caller` and `provider` are the dialects on both sides. `rate` is the open loop's, in requests/s;
    `connections` the peak's. `options` are mock options put into the model's name. `peers` says whether peers
    can be asked for it. `route` is the declared name that the gateway is asked for: such a scenario is the gateway's
    alone, at peak."""

    name: str
    title: str
    caller: Family
    provider: Family
    stream: bool
    prompt: int = _SMALL
    rate: float = 1000.0
    connections: int = 64
    options: str = ""
    peers: bool = False
    paced: bool = False
    route: str = ""


FAULTS = "mock-error500-rate10"
_TARGETS, _LAST = ("gpt-4o-mini", "gpt-4o", "gpt-4.1"), ("openai/gpt-4.1-mini", "anthropic/claude-haiku-4-5")
ROUTES: dict[str, dict[str, list[str]]] = {
    "three": {"targets": [f"openai/{one}" for one in _TARGETS], "fallbacks": list(_LAST)},
    "faulty": {
        "targets": [f"openai/{one}-{FAULTS}" for one in _TARGETS],
        "fallbacks": [f"{one}-{FAULTS}" for one in _LAST],
    },
}
"""The declared names: three targets and two fallbacks, all of which answer alike; of the faulty ones each one request
in ten with an error 500."""

TURNS = 4
"""How often the route and the model's own name are measured, in turns: what one of them leaves to be stored is stored
while the other is measured."""

SCENARIOS = (
    Scenario("unary", "plain, 0.5 KB in, 1 KB out", "openai", "openai", False, peers=True),
    Scenario(
        "named", "the same by the gateway alone", "openai", "openai", False, route=f"openai/{_TARGETS[0]}"
    ),
    Scenario("route", "the same, to 3 targets and 2 fallbacks", "openai", "openai", False, route="three"),
    Scenario("faults", "the same, of which 10 % fail", "openai", "openai", False, route="faulty"),
    Scenario("large", "plain, 100 KB in, 1 KB out", "openai", "openai", False, prompt=_LARGE, rate=500.0),
    Scenario(
        "stream", "stream of 200 chunks", "openai", "openai", True, rate=50.0, connections=32, peers=True
    ),
    Scenario(
        "flow",
        "32 streams, a chunk each 0.5 ms",
        "openai",
        "openai",
        True,
        connections=32,
        options="stamp-pace500us-chunks400",
        paced=True,
    ),
    Scenario("translate", "plain, OpenAI to Anthropic", "openai", "anthropic", False),
    Scenario(
        "translate-stream",
        "stream, OpenAI to Anthropic",
        "openai",
        "anthropic",
        True,
        rate=50.0,
        connections=32,
    ),
    Scenario(
        "paced",
        "32 streams, a chunk each 10 ms",
        "openai",
        "openai",
        True,
        connections=32,
        options="stamp-pace10ms-chunks50",
        paced=True,
    ),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def exchange(scenario: Scenario, server: Server) -> Exchange:
    """The scenario's request to a server. Without a gateway between, the provider's own dialect is spoken."""
    dialect = scenario.caller if server.kind in ("gateway", "peer") else scenario.provider
    path = "/messages" if dialect == "anthropic" else "/chat/completions"
    return Exchange(
        path=server.base + path,
        headers={**_credentials(dialect, server.key), **server.headers},
        body=json.dumps(_request(scenario, dialect, _model(scenario, server)), separators=(",", ":")),
        expected=_expected(scenario, dialect),
    )


def _model(scenario: Scenario, server: Server) -> str:
    name = _MODELS[scenario.provider] + (f"-mock-{scenario.options}" if scenario.options else "")
    if server.kind == "gateway":
        return scenario.route or f"{scenario.provider}/{name}"
    return server.model or name


def _credentials(dialect: Family, key: str) -> dict[str, str]:
    if dialect == "anthropic":
        return {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return {"authorization": f"Bearer {key}"}


def _request(scenario: Scenario, dialect: Family, model: str) -> dict[str, object]:
    prompt = ("Tell me of the sea. " * (scenario.prompt // 20 + 1))[: scenario.prompt]
    request: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    if dialect == "anthropic":
        request["max_tokens"] = 4096
    if scenario.stream:
        request["stream"] = True
    return request


def _expected(scenario: Scenario, dialect: Family) -> Expected:
    behaviour = parse_behaviour(f"mock-{scenario.options}", _DEFAULTS) if scenario.options else _DEFAULTS
    if not scenario.stream:
        return Expected(dialect, answer_text(behaviour, None))
    parts = pieces(behaviour, None)
    return Expected(dialect, "".join(parts), stream=True, chunks=len(parts), stamped=behaviour.stamp)
