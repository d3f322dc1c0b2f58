"""Providers over TLS: verified against the operator's CA, refused otherwise; connections are kept and used again."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai_wire
import pytest
import trustme
import wire
from fault_server import CLOSE, FaultServer
from samples import HELLO

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def serving(authority: trustme.CA, *names: str) -> FaultServer:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return FaultServer(openai_wire.echo, context).start()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[FaultServer]:
    server = serving(authority, "127.0.0.1")
    yield server
    server.stop()


@pytest.fixture
def misnamed(authority: trustme.CA) -> Iterator[FaultServer]:
    server = serving(authority, "other.test")
    yield server
    server.stop()


def provider(server: FaultServer, **settings: Any) -> dict[str, Any]:
    return {"type": "openai", "base_url": f"{server.url}/v1", "retries": {"max": 0}, **settings}


def test_tls(
    start_gateway: Any, authority: trustme.CA, secure: FaultServer, misnamed: FaultServer, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trusted = {"ca_file": str(tmp_path / "ca.pem")}
    gateway = start_gateway(
        server={"workers": 1},
        models={},
        providers={
            "trusted": provider(secure, **trusted),
            "unknown-ca": provider(secure),
            "wrong-name": provider(misnamed, **trusted),
            "unverified": provider(misnamed, verify_tls=False),
        },
    )

    def ask(name: str, **changes: Any) -> Any:
        return gateway.post(CHAT, {"model": f"{name}/x", "messages": HELLO, **changes})

    for stream in (False, True):
        assert b"echo" in ask("trusted", stream=stream).body
    assert secure.accepted == 1, "the connection is kept and used again"
    assert ask("unverified").status == 200
    before = len(secure.seen) + len(misnamed.seen)
    for name in ("unknown-ca", "wrong-name"):
        reply = ask(name)
        assert (reply.status, reply.json()["error"]["code"]) == (502, "upstream_connect_error")
    assert len(secure.seen) + len(misnamed.seen) == before, "no request, hence no key, before verification"

    large = "x" * 900_000
    turn = [{"role": "user", "content": large}]
    assert len(ask("trusted", messages=turn).body) > len(large)
    secure.script([wire.STREAM_HEAD, wire.chunk(openai_wire.delta({"content": "cut"})), CLOSE])
    assert b'"error"' in ask("trusted", stream=True).body
    gateway.stop()


def test_connections_are_kept_and_used_again(start_gateway: Any, openai_upstream: FaultServer) -> None:
    gateway = start_gateway(server={"workers": 1})
    before = openai_upstream.accepted
    for number in range(20):
        body = {"model": "openai/gpt-4o-mini", "messages": HELLO, "stream": number % 2 == 0}
        assert gateway.post(CHAT, body).complete
    assert openai_upstream.accepted - before == 1
    gateway.stop()
