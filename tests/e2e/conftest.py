"""Fixtures: two scripted providers, the gateway in front of them, and the official SDKs pointed at it."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import all_vendors
import anthropic
import anthropic_wire
import openai
import openai_wire
import pytest
from fault_server import FaultServer
from gateway_process import ANTHROPIC_KEY, CALLER_KEY, CALLER_KEYS, OPENAI_KEY, Gateway
from sdk_calls import CLIENTS, settle

StartGateway = Callable[..., Gateway]


@pytest.fixture(scope="session")
def openai_server() -> Iterator[FaultServer]:
    server = FaultServer(openai_wire.echo).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def anthropic_server() -> Iterator[FaultServer]:
    server = FaultServer(anthropic_wire.echo).start()
    yield server
    server.stop()


@pytest.fixture
def openai_upstream(openai_server: FaultServer) -> FaultServer:
    """The OpenAI-compatible provider, with its script and its memory cleared."""
    openai_server.reset()
    return openai_server


@pytest.fixture
def anthropic_upstream(anthropic_server: FaultServer) -> FaultServer:
    """The Anthropic provider, with its script and its memory cleared."""
    anthropic_server.reset()
    return anthropic_server


def config_for(openai_server: FaultServer, anthropic_server: FaultServer) -> dict[str, Any]:
    """Providers under their own names and under names of the user's, all without retries unless named so."""
    compatible = {"type": "openai", "base_url": f"{openai_server.url}/v1"}
    return {
        "auth": {"keys": list(CALLER_KEYS)},
        "retries": {"max": 0},
        "breaker": "off",  # the tests share the gateway: what one makes fail must not be missing in the next
        "timeouts": {
            "connect": "5s",
            "first_byte": "30s",
            "first_token": "30s",
            "idle": "30s",
            "total": "60s",
        },
        "server": {"drain": "10s"},
        "limits": {"max_body": "1MiB"},
        "providers": {
            "openai": {"base_url": f"{openai_server.url}/v1", "keys": [OPENAI_KEY]},
            "anthropic": {"base_url": anthropic_server.url, "keys": [ANTHROPIC_KEY]},
            "groq": {"base_url": f"{openai_server.url}/groq/openai/v1", "keys": [OPENAI_KEY]},
            "my-vllm": {
                **compatible,
                "base_url": f"{openai_server.url}/vllm/v1/",
                "stream_usage": False,
                "models": ["llama-3.1-8b", "meta-llama/Llama-3.1-8B"],
            },
            "my-claude": {"type": "anthropic", "base_url": f"{anthropic_server.url}/"},
            "stubborn": {**compatible, "retries": {"max": 2}},
            "stubborn-claude": {"type": "anthropic", "base_url": anthropic_server.url, "retries": {"max": 2}},
            "hasty": {
                **compatible,
                "timeouts": {"first_byte": "1s", "first_token": "1s", "idle": "1s"},
            },
            "many-keys": {
                **compatible,
                "keys": [
                    {"value": OPENAI_KEY, "models": ["small-*"], "weight": 1},
                    {"value": ANTHROPIC_KEY, "models": ["small-*", "large-*"], "weight": 1},
                ],
            },
            "dead": {"type": "openai", "base_url": "http://127.0.0.1:1/v1"},
        },
        "models": {
            "fast": {
                "strategy": "weighted",
                "targets": [{"model": "openai/gpt-4o-mini"}],
                "fallbacks": ["anthropic/claude-haiku-4-5", "my-vllm/llama-3.1-8b"],
            },
            "two-ways": {
                "targets": [
                    {"model": "openai/gpt-4o", "weight": 1},
                    {"model": "my-vllm/llama-3.1-8b", "weight": 1},
                ],
            },
        },
    }


@pytest.fixture(scope="session")
def gateway(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The gateway of the whole session. At the end nothing may be left running in it."""
    running = Gateway(config_for(openai_server, anthropic_server), tmp_path_factory.mktemp("gateway"))
    try:
        yield running
        openai_server.wait(running.at_rest)
        openai_server.wait(lambda: openai_server.busy == 0)
        anthropic_server.wait(lambda: anthropic_server.busy == 0)
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()


@pytest.fixture(scope="session")
def media_gateway(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway whose providers speak, listen and keep files; one of each kind, so that no choice is open."""
    config = {
        **config_for(openai_server, anthropic_server),
        "providers": {
            "openai": {"base_url": f"{openai_server.url}/v1", "keys": [OPENAI_KEY]},
            "anthropic": {"base_url": anthropic_server.url, "keys": [ANTHROPIC_KEY]},
            "my-whisper": {"type": "openai", "base_url": f"{openai_server.url}/whisper/v1"},
            "elevenlabs": {"base_url": f"{openai_server.url}/eleven", "keys": [OPENAI_KEY]},
            "deepgram": {"base_url": f"{openai_server.url}/deep", "keys": [OPENAI_KEY]},
        },
        "models": {
            "listener": {
                "targets": [{"model": "openai/whisper-1"}],
                "fallbacks": ["my-whisper/large-v3", "deepgram/nova-3"],
            },
            "speaker": {
                "targets": [{"model": "openai/tts-1"}],
                "fallbacks": ["elevenlabs/eleven_flash_v2_5"],
            },
            "strict-listener": {"strict": True, "targets": [{"model": "deepgram/nova-3"}]},
        },
    }
    running = Gateway(config, tmp_path_factory.mktemp("media-gateway"))
    try:
        yield running
        openai_server.wait(running.at_rest)
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()


@pytest.fixture
def start_gateway(
    openai_upstream: FaultServer, anthropic_upstream: FaultServer, tmp_path: Path
) -> Iterator[StartGateway]:
    """Starts a gateway of the test's own; `changes` replace whole sections, `server` is merged."""
    running: list[Gateway] = []
    yield partial(start_one, running, config_for(openai_upstream, anthropic_upstream), tmp_path)
    for gateway in running:
        if gateway.process.poll() is None:
            gateway.kill()


@pytest.fixture(scope="module")
def share_gateway(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartGateway]:
    """Starts a gateway for all tests of a file, as `start_gateway` does. At last it must be at rest, and end well."""
    running: list[Gateway] = []
    config = config_for(openai_server, anthropic_server)
    try:
        yield partial(start_one, running, config, tmp_path_factory.mktemp("shared"))
        for gateway in running:
            openai_server.wait(gateway.at_rest)
            gateway.stop()
    finally:
        for gateway in running:
            if gateway.process.poll() is None:
                gateway.kill()


def start_one(
    running: list[Gateway], config: dict[str, Any], folder: Path, *, wait: bool = True, **changes: Any
) -> Gateway:
    server = {**config["server"], **changes.pop("server", {})}
    merged = {**config, **changes, "server": server}
    running.append(Gateway(merged, folder / f"gateway-{len(running)}", wait=wait))
    return running[-1]


@pytest.fixture(scope="session")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[all_vendors.Vendors]:
    """A gateway with one provider of each dialect, for the SDKs of others; each test says what they answer."""
    with all_vendors.running(tmp_path_factory.mktemp("vendors")) as running:
        yield running


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looks up no other host: an SDK that asks the network for prices, tokenizers or telemetry fails the test."""
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def guarded(host: Any, *rest: Any, **named: Any) -> Any:
        if host in ("127.0.0.1", "localhost", b"127.0.0.1"):
            return look_up(host, *rest, **named)
        asked.append(str(host))
        raise socket.gaierror(f"{host} is not on this machine")

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    yield
    assert asked == []


# --- the SDKs, synchronous and asynchronous ---


@pytest.fixture(autouse=True)
def _clients_are_closed() -> Iterator[None]:
    yield
    CLIENTS.close()


@pytest.fixture(params=["sync", "async"])
async def openai_sdk(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[Any]:
    """`OpenAI` and `AsyncOpenAI`: everything they return goes through `settle` or `collect`."""
    kind = openai.OpenAI if request.param == "sync" else openai.AsyncOpenAI
    client = kind(api_key=CALLER_KEY, base_url=f"{gateway.url}/v1", max_retries=0, timeout=20.0)
    yield client
    await settle(client.close())


@pytest.fixture(params=["sync", "async"])
async def anthropic_sdk(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[Any]:
    """`Anthropic` and `AsyncAnthropic`."""
    kind = anthropic.Anthropic if request.param == "sync" else anthropic.AsyncAnthropic
    client = kind(api_key=CALLER_KEY, base_url=gateway.url, max_retries=0, timeout=20.0)
    yield client
    await settle(client.close())


@pytest.fixture(scope="session")
def openai_client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key=CALLER_KEY, base_url=f"{gateway.url}/v1", max_retries=0, timeout=20.0
    ) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=CALLER_KEY, base_url=gateway.url, max_retries=0, timeout=20.0) as client:
        yield client
