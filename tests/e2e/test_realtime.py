"""Realtime sessions over real sockets: what passes, what is counted, and how each side learns of the other's end."""

import asyncio
import json
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import trustme
import wire
from fault_server import FaultServer
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway
from realtime_provider import RESPONSE_DONE, RealtimeProvider
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

LIMIT = 4 << 20
BEARER = {"Authorization": f"Bearer {CALLER_KEY}"}


@pytest.fixture(scope="module")
def provider_server() -> Iterator[RealtimeProvider]:
    server = RealtimeProvider().start()
    yield server
    server.stop()


@pytest.fixture
def provider(provider_server: RealtimeProvider) -> RealtimeProvider:
    provider_server.reset()
    return provider_server


def config_for_sessions(server: RealtimeProvider, **changes: Any) -> dict[str, Any]:
    url = f"http://127.0.0.1:{server.port}/v1"
    return {
        "auth": {"keys": [CALLER_KEY]},
        "retries": {"max": 0},
        "timeouts": {"connect": "2s", "first_byte": "5s"},
        "limits": {"max_message": "4MiB"},
        "server": {"workers": 1, "drain": "1s"},
        "providers": {
            "openai": {"base_url": url, "keys": [OPENAI_KEY], "models": ["talks", "echo"]},
            "many-keys": {"type": "openai", "base_url": url, "keys": ["sk-one-1", "sk-two-2"]},
            "dead": {"type": "openai", "base_url": "http://127.0.0.1:1/v1"},
            "narrow": {"type": "openai", "base_url": url, "max_connections": 1},
            "no-voice": {"type": "anthropic", "base_url": url},
            "azure": {
                "base_url": f"http://127.0.0.1:{server.port}",
                "keys": [OPENAI_KEY],
                "api_version": "2025-04-01-preview",
            },
        },
        "models": {
            "voice": {
                "targets": [{"model": "dead/x"}],
                "fallbacks": ["no-voice/y", "openai/status-429", "openai/status-401", "openai/echo"],
            },
            "hopeless": {"targets": [{"model": "dead/x"}], "fallbacks": ["openai/status-409"]},
        },
        **changes,
    }


@pytest.fixture(scope="module")
def switchboard(
    provider_server: RealtimeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    running = Gateway(config_for_sessions(provider_server), tmp_path_factory.mktemp("sessions"))
    try:
        yield running
        provider_server.wait(running.at_rest)
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()


def session(gateway: Gateway, target: str, **options: Any) -> connect:
    """A handshake with the gateway; `target` is what follows the port."""
    options.setdefault("additional_headers", BEARER)
    options.setdefault("max_size", None)
    return connect(f"ws://127.0.0.1:{gateway.port}{target}", proxy=None, **options)


async def refusal(gateway: Gateway, target: str, **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as refused:
        async with session(gateway, target, **options):
            pass
    response = refused.value.response
    return response.status_code, json.loads(response.body or b"{}").get("error", {})


async def ending(caller: ClientConnection) -> tuple[int, str]:
    """Reads until the session is over, and tells with which code and reason."""
    said = None
    try:
        while True:
            await asyncio.wait_for(caller.recv(), 10)
    except ConnectionClosed as closed:
        said = closed.rcvd
    assert said is not None, "the gateway never leaves without a word"
    return said.code, said.reason


# --- what passes ---


@pytest.fixture(params=["", "/v1", "/openai/v1", "/openai", "/litellm/v1", "/litellm"])
async def echoing(
    request: pytest.FixtureRequest, switchboard: Gateway, provider: RealtimeProvider
) -> AsyncIterator[ClientConnection]:
    async with session(switchboard, f"{request.param}/realtime?model=openai/echo") as caller:
        yield caller


async def test_a_session_opens_under_every_prefix(
    echoing: ClientConnection, provider: RealtimeProvider
) -> None:
    await echoing.send("hello")
    assert await echoing.recv() == "hello"
    assert provider.query() == {"model": ["echo"]}


async def test_messages_arrive_as_they_were_sent(switchboard: Gateway, provider: RealtimeProvider) -> None:
    messages = ["", b"", "é\u2028\x00😀", b"\x00\xff\xfe", '{"type": "x"}', "a" * (1 << 20), bytes(1 << 20)]
    async with session(switchboard, "/v1/realtime?model=openai/echo") as caller:
        for message in messages:
            await caller.send(message)
            back = await asyncio.wait_for(caller.recv(), 10)
            assert type(back) is type(message)
            assert back == message


async def test_a_message_in_pieces_is_one_message(switchboard: Gateway, provider: RealtimeProvider) -> None:
    async with session(switchboard, "/v1/realtime?model=openai/echo") as caller:
        await caller.send(["a", "b", "é"])
        assert await caller.recv() == "abé"


async def test_the_provider_gets_its_own_key_and_nothing_of_the_callers(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    headers = {**BEARER, "Cookie": "a=b", "OpenAI-Beta": "realtime=v1", "X-Api-Key": "mine"}
    target = "/v1/realtime?intent=conversation&model=openai%2Fecho&call_id=a%20b"
    async with session(switchboard, target, additional_headers=headers, origin="https://page.example"):
        pass
    sent = provider.handshakes[-1]
    assert sent.headers["authorization"] == f"Bearer {OPENAI_KEY}"
    assert sent.headers["openai-beta"] == "realtime=v1"
    assert not {"cookie", "origin", "x-api-key", "sec-websocket-protocol"} & {n.lower() for n in sent.headers}
    assert CALLER_KEY not in str(sent.headers) + sent.path
    assert provider.query() == {"model": ["echo"], "intent": ["conversation"], "call_id": ["a b"]}


async def test_a_browser_gives_its_key_as_a_subprotocol(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    protocols = [
        Subprotocol(one)
        for one in ("realtime", f"openai-insecure-api-key.{CALLER_KEY}", "openai-beta.realtime-v1")
    ]
    target = "/v1/realtime?model=openai/echo"
    async with session(switchboard, target, additional_headers={}, subprotocols=protocols) as caller:
        assert caller.subprotocol == "realtime"
    assert provider.handshakes[-1].headers["openai-beta"] == "realtime=v1"
    assert "sec-websocket-protocol" not in provider.handshakes[-1].headers
    assert CALLER_KEY not in str(provider.handshakes[-1].headers)


async def test_a_dated_azure_is_asked_for_a_deployment(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    target = "/openai/realtime?api-version=2024-10-01-preview&deployment=azure%2Fecho"
    async with session(switchboard, target, additional_headers={"api-key": CALLER_KEY}):
        pass
    assert provider.handshakes[-1].path.startswith("/openai/realtime?")
    assert provider.query() == {"api-version": ["2025-04-01-preview"], "deployment": ["echo"]}
    assert provider.handshakes[-1].headers["api-key"] == OPENAI_KEY


# --- the official SDK, and what is counted ---


async def test_the_sdk_converses_and_its_usage_is_counted_and_priced(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    labels = {"endpoint": "realtime", "model": "gpt-realtime"}
    client = openai.AsyncOpenAI(api_key=CALLER_KEY, base_url=f"{switchboard.url}/v1")
    async with client.realtime.connect(model="openai/gpt-realtime") as connection:
        for _ in range(2):
            await connection.response.create()
            while (event := await connection.recv()).type != "response.done":
                pass
            assert event.response.usage is not None
            assert event.response.usage.input_tokens == 100
    await client.close()
    provider.wait(switchboard.at_rest)
    assert switchboard.metric("gateway_tokens_total", type="input", **labels) == 200
    assert switchboard.metric("gateway_tokens_total", type="output", **labels) == 100
    assert switchboard.metric("gateway_cost_usd_total", **labels) == pytest.approx(2 * 0.005008)
    assert switchboard.metric("gateway_requests_total", status="101", **labels) == 1


def test_the_synchronous_sdk_converses(switchboard: Gateway, provider: RealtimeProvider) -> None:
    client = openai.OpenAI(api_key=CALLER_KEY, base_url=f"{switchboard.url}/v1")
    with client, client.realtime.connect(model="openai/talks") as connection:
        connection.response.create()
        kinds = [connection.recv().type for _ in range(3)]
    assert kinds[0] == "session.created"
    assert kinds[-1] == RESPONSE_DONE["type"]


async def test_a_transcription_names_its_provider_and_no_model(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    before = switchboard.metric("gateway_tokens_total", endpoint="realtime", provider="openai")
    async with session(switchboard, "/v1/realtime?intent=transcription&provider=openai") as caller:
        await caller.recv()
        await caller.send("listen")
        await caller.recv()
    assert provider.query() == {"intent": ["transcription"]}
    provider.wait(switchboard.at_rest)
    assert switchboard.metric("gateway_tokens_total", endpoint="realtime", provider="openai") >= before + 12


# --- who gets no session ---


async def test_the_next_target_is_asked_before_the_caller_is_answered(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    async with session(switchboard, "/v1/realtime?model=voice") as caller:
        await caller.send("hello")
        assert await caller.recv() == "hello"
    assert [provider.query(index)["model"] for index in range(3)] == [
        ["status-429"],
        ["status-401"],
        ["echo"],
    ]


async def test_another_key_is_tried_where_one_is_refused(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    assert (await refusal(switchboard, "/v1/realtime?model=many-keys/status-401"))[0] == 401
    used = {handshake.headers["authorization"] for handshake in provider.handshakes}
    assert used == {"Bearer sk-one-1", "Bearer sk-two-2"}


@pytest.mark.parametrize(
    ("model", "status"), [("hopeless", 409), ("openai/status-403", 403), ("dead/x", 502), ("nobody/x", 404)]
)
async def test_a_refusal_is_an_http_answer(
    switchboard: Gateway, provider: RealtimeProvider, model: str, status: int
) -> None:
    found, error = await refusal(switchboard, f"/v1/realtime?model={model}")
    assert found == status
    assert error["message"]


async def test_a_provider_has_no_more_sessions_than_connections(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    async with session(switchboard, "/v1/realtime?model=narrow/echo"):
        assert (await refusal(switchboard, "/v1/realtime?model=narrow/echo"))[0] == 503
    provider.wait(switchboard.at_rest)
    async with session(switchboard, "/v1/realtime?model=narrow/echo"):
        pass


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {}},
        {"additional_headers": {"Authorization": "Bearer wrong"}},
        {"additional_headers": {}, "subprotocols": ["openai-insecure-api-key.wrong", "realtime"]},
        {"additional_headers": {}, "subprotocols": ["openai-insecure-api-key."]},
        {
            "additional_headers": {"Authorization": "Bearer wrong"},
            "subprotocols": [f"openai-insecure-api-key.{CALLER_KEY}"],
        },
    ],
)
async def test_without_a_key_there_is_no_session(
    switchboard: Gateway, provider: RealtimeProvider, options: dict[str, Any]
) -> None:
    status, error = await refusal(switchboard, "/v1/realtime?model=openai/echo", **options)
    assert (status, error["code"]) == (401, "invalid_api_key")
    assert provider.handshakes == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"/v1/realtime?model=openai/echo&api-key={CALLER_KEY}", 400),
        ("/v1/realtime?model=openai/echo&model=openai/talks", 400),
        ("/v1/realtime?model=openai/echo&provider=openai", 400),
        ("/v1/realtime?model=%ff", 400),
        ("/v1/realtime?model=openai/..", 404),
        ("/v1/realtime?model=", 400),
        ("/v1/realtime", 400),
        ("/v1/chat/completions?model=openai/echo", 404),
    ],
)
async def test_a_hostile_query_is_refused(
    switchboard: Gateway, provider: RealtimeProvider, target: str, status: int
) -> None:
    assert (await refusal(switchboard, target))[0] == status
    assert provider.handshakes == []


async def test_what_a_model_is_called_stays_one_parameter(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    async with session(switchboard, "/v1/realtime?model=openai/a%26intent%3Dx%23%3F%20/../b"):
        pass
    assert provider.query() == {"model": ["a&intent=x#? /../b"]}


async def test_a_web_page_gets_no_session_from_a_gateway_without_keys(
    provider: RealtimeProvider, tmp_path: Any
) -> None:
    running = Gateway(config_for_sessions(provider, auth={"keys": []}), tmp_path)
    try:
        target, quiet = "/v1/realtime?model=openai/echo", {"additional_headers": {}}
        assert (await refusal(running, target, origin="https://evil.example", **quiet))[0] == 403
        async with session(running, target, **quiet):
            pass
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()


async def test_a_provider_over_tls_is_verified(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = RealtimeProvider(context).start()
    secure = {"type": "openai", "base_url": f"https://127.0.0.1:{server.port}/v1"}
    providers = {
        "trusted": {**secure, "ca_file": str(tmp_path / "ca.pem")},
        "unverified": {**secure, "verify_tls": False},
        "unknown-ca": secure,
    }
    running = Gateway(config_for_sessions(server, providers=providers, models={}), tmp_path / "gateway")
    try:
        for name in ("trusted", "unverified"):
            async with session(running, f"/v1/realtime?model={name}/echo") as caller:
                await caller.send("hello")
                assert await caller.recv() == "hello"
        assert (await refusal(running, "/v1/realtime?model=unknown-ca/echo"))[0] == 502
        assert len(server.handshakes) == 2
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()
        server.stop()


# --- keys for a short while ---


@pytest.mark.parametrize("path", ["client_secrets", "sessions", "transcription_sessions"])
def test_a_key_for_a_while_is_the_providers(
    media_gateway: Gateway, openai_upstream: FaultServer, path: str
) -> None:
    made = b'{"value": "ek_1",  "expires_at": 1, "session": {"type": "realtime"}}'
    openai_upstream.script(wire.whole(made, content_type="application/json"))
    asked = b'{"session": {"type": "realtime", "model": "gpt-realtime"} }'
    reply = media_gateway.post(f"/v1/realtime/{path}", asked)
    assert (reply.status, reply.body) == (200, made)
    seen = openai_upstream.only
    assert (seen.request_line, seen.body) == (f"POST /v1/realtime/{path} HTTP/1.1".encode(), asked)
    assert seen.header("authorization") == f"Bearer {OPENAI_KEY}"


# --- how it ends ---


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 4000])
async def test_the_providers_goodbye_reaches_the_caller(
    switchboard: Gateway, provider: RealtimeProvider, code: int
) -> None:
    async with session(switchboard, "/v1/realtime?model=openai/leaves") as caller:
        await caller.send(str(code))
        assert await caller.recv() == "the last word"
        assert await ending(caller) == (code, "as was asked")


async def test_a_key_that_a_provider_repeats_reaches_nobody(switchboard: Gateway) -> None:
    async with session(switchboard, "/v1/realtime?model=openai/tells-keys") as caller:
        assert json.loads(await caller.recv())["error"]["message"] == "no such key: ***"
        assert await ending(caller) == (1008, "no such key: ***")


@pytest.mark.parametrize("code", [1000, 1001, 1008, 4000])
async def test_the_callers_goodbye_reaches_the_provider(
    switchboard: Gateway, provider: RealtimeProvider, code: int
) -> None:
    async with session(switchboard, "/v1/realtime?model=openai/echo") as caller:
        await caller.close(code, "enough")
    provider.wait(lambda: provider.closes == [code])


async def test_an_abrupt_end_of_the_provider_is_no_clean_close(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    async with session(switchboard, "/v1/realtime?model=openai/breaks-off") as caller:
        assert await caller.recv() == "the first"
        await caller.send("go")
        code, reason = await ending(caller)
    assert code == 1011
    assert "broke off" in reason
    provider.wait(switchboard.at_rest)
    assert switchboard.metric("gateway_requests_total", endpoint="realtime", status="502") >= 1


async def test_an_abrupt_end_of_the_caller_ends_the_providers_side(
    switchboard: Gateway, provider: RealtimeProvider
) -> None:
    caller = await session(switchboard, "/v1/realtime?model=openai/echo")
    await caller.send("hello")
    await caller.recv()
    caller.transport.abort()
    await caller.wait_closed()
    provider.wait(lambda: provider.closes == [1001])
    provider.wait(switchboard.at_rest)


async def test_too_large_a_message_ends_the_session(switchboard: Gateway, provider: RealtimeProvider) -> None:
    async with session(switchboard, "/v1/realtime?model=openai/echo") as caller:
        await caller.send(bytes(LIMIT))
        assert len(await caller.recv()) == LIMIT
        await caller.send(bytes(LIMIT + 1))
        code, reason = await ending(caller)
    assert (code, str(LIMIT) in reason) == (1009, True)
    provider.wait(lambda: provider.closes == [1001])


async def test_a_slow_caller_stops_the_provider(switchboard: Gateway, provider: RealtimeProvider) -> None:
    narrow = socket.create_connection(("127.0.0.1", switchboard.port))
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    target = "/v1/realtime?model=openai/floods"
    async with session(switchboard, target, sock=narrow, max_queue=1) as caller:
        stopped, last = 0, -1
        while stopped < 10:
            await asyncio.sleep(0.03)
            stopped, last = (stopped + 1, last) if provider.sent == last else (0, provider.sent)
        assert last * (1 << 16) < 64 << 20
        for _ in range(50):
            assert len(await caller.recv()) == 1 << 16
        caller.transport.abort()
    provider.wait(switchboard.at_rest)


async def test_a_drain_says_goodbye_to_both_sides(provider: RealtimeProvider, tmp_path: Any) -> None:
    config = config_for_sessions(provider)
    running = Gateway({**config, "server": {**config["server"], "drain": "3s"}}, tmp_path)
    try:
        async with session(running, "/v1/realtime?model=openai/echo") as caller:
            await caller.send("hello")
            assert await caller.recv() == "hello"
            running.signal(signal.SIGTERM)
            await caller.send("still there")
            assert await caller.recv() == "still there"
            assert (await ending(caller))[0] == 1001
        provider.wait(lambda: provider.closes == [1001])
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()
