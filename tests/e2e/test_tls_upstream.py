"""Providers over TLS: verified against the operator's CA, refused otherwise; connections are kept and used again."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai_wire
import pytest
import trustme
import wire
from fault_server import CLOSE, FaultServer
from samples import HELLO
from test_admin_process import Admin

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


def test_authorities_that_cannot_be_read_any_more_take_nobody_else_along(
    start_gateway: Any,
    authority: trustme.CA,
    secure: FaultServer,
    openai_upstream: FaultServer,
    tmp_path: Path,
) -> None:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    gateway = start_gateway(
        server={"workers": 1},
        models={},
        providers={"trusted": provider(secure, ca_file=str(file)), "plain": provider(openai_upstream)},
    )

    def ask(name: str) -> Any:
        return gateway.post(CHAT, {"model": f"{name}/x", "messages": HELLO})

    assert [ask(name).status for name in ("trusted", "plain")] == [200, 200]
    file.write_text("no certificate")
    gateway.kill_workers()
    before = len(secure.seen)
    assert [ask(name).status for name in ("plain", "trusted")] == [200, 502]
    assert len(secure.seen) == before, "nobody is trusted instead"
    assert '"ca_file_unusable"' in gateway.log()


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_authorities_that_are_none_are_refused_at_the_admin_port(
    start_gateway: Any, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(content)
    gateway = start_gateway(admin={"enabled": True})
    admin = Admin(gateway)
    body = {
        "id": "new",
        "type": "openai",
        "base_url": "https://x.test/v1",
        "settings": {"ca_file": str(file)},
    }
    answer = httpx.post(
        f"{admin.url}/api/providers", json=body, headers={"authorization": f"Bearer {admin.key}"}
    )
    assert (answer.status_code, answer.json()["error"]["path"]) == (422, "settings.ca_file")
