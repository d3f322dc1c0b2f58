"""No secret is found anywhere: every kind of it is planted, repeated by a hostile provider, and looked for in answers,
the log, the metrics, what is stored, and all that the admin API tells."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai_wire
import pytest
import wire
from fault_server import CLOSE, Answer, FaultServer
from gateway_process import PATIENCE, Gateway
from test_admin_process import Admin, wait_for
from test_unanswered_costs import rows

CHAT, MESSAGES, EMBED = "/v1/chat/completions", "/v1/messages", "/v1/embeddings"
HELLO = [{"role": "user", "content": "hi"}]
FIRST, SECOND, HEADER = "sk-first-canary-aaaa1", "second-canary-bbbb2", "header-canary-cccc3"
STATIC, DECLARED = "static-canary-dddd4", "gw-declared-canary-eeee5"
STORED, REPLACED, OWN = "stored-canary-ffff6", "replaced-canary-ffff7", "own-canary-gggg8"
LEAKS = {"openai": f"no such key: {FIRST} or {SECOND}, {HEADER}", "mine": f"no such key: {OWN} or {REPLACED}"}
LISTS = ("providers", "credentials", "keys", "admin-keys", "audit", "cache", "health")


def hostile(leak: str) -> Iterator[tuple[Answer, bool]]:
    """Answers that repeat secrets in every place that they have, and whether a stream is asked for."""
    error = {"message": leak, "type": leak, "code": leak, "param": leak}
    for status in (400, 401, 429, 500):
        yield wire.as_json({"error": error}, status, x_request_id=leak), False
        yield wire.whole(leak.encode(), status, content_type="text/plain"), False
    for body in (leak, f"<html>{leak}", json.dumps(leak), json.dumps({"error": error})):
        for kind in ("application/json", leak):
            yield wire.whole(body.encode(), 200, content_type=kind), True
            yield wire.whole(body.encode(), 302, content_type=kind, location=f"http://x/{leak}"), False
    begun = openai_wire.delta({"content": "a"})
    for piece in (wire.data({"error": error}), f"data: {{broken {leak}\n\n".encode()):
        yield [wire.STREAM_HEAD, wire.chunk(begun), wire.chunk(piece), wire.END], True
        yield [wire.STREAM_HEAD, wire.chunk(piece), wire.END], True
    yield [f"HTTP/1.1 200 OK\r\nbroken {leak}\r\n\r\n".encode(), CLOSE], False


@pytest.fixture
def gateway(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Gateway]:
    provider = {
        "base_url": f"{openai_upstream.url}/v1",
        "keys": [FIRST, SECOND],
        "headers": {"x-own": HEADER},
    }
    config = {
        "server": {"workers": 1, "drain": "2s"},
        "retries": {"max": 1},
        "breaker": "off",
        "admin": {"enabled": True},
        "log": {"format": "json", "level": "debug"},
        "records": {"bodies": "all"},
        "cache": {"mode": "exact"},
        "auth": {"keys": [STATIC]},
        "keys": {"declared": {"value": DECLARED}},
        "providers": {"openai": provider},
    }
    running = Gateway(config, tmp_path)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


def test_no_secret_is_found_anywhere(gateway: Gateway, openai_upstream: FaultServer, tmp_path: Path) -> None:
    admin, said = Admin(gateway), [b""]
    made = stored(admin, openai_upstream, said)
    secrets = {FIRST, SECOND, HEADER, STATIC, DECLARED, STORED, REPLACED, OWN, admin.key, made}

    def ask(path: str, body: Any, answer: Answer | None = None, key: str = DECLARED) -> None:
        openai_upstream.reset()
        if answer is not None:
            openai_upstream.script(answer, answer, answer)
        reply = gateway.post(path, body, None, key)
        said.append(repr(reply.headers).encode() + reply.body)

    for name, key, path in (("openai", DECLARED, CHAT), ("openai", DECLARED, MESSAGES), ("mine", made, CHAT)):
        for answer, stream in hostile(LEAKS[name]):
            asked = {"model": f"{name}/m", "messages": HELLO, "stream": stream, "max_tokens": 9}
            ask(path, asked, answer, key)
    ask(EMBED, {"model": "openai/m", "input": "x"}, wire.whole(LEAKS["openai"].encode(), 400))
    told = [{"role": "user", "content": f"{DECLARED} {admin.key} {made}"}]
    ask(CHAT, {"model": "openai/m", "messages": told}, wire.as_json(openai_wire.completion("Yes.")))
    ask(CHAT, {"model": "openai/m", "messages": HELLO}, key=f"{DECLARED}x")
    ask(f"/v1beta/models/openai/m:generateContent?key={STATIC}", {"contents": HELLO}, key="")
    ask(CHAT, f'{{"model": broken {DECLARED}'.encode())

    count = int(gateway.metric("gateway_requests_total"))
    said.append(repr(rows(tmp_path, count)).encode())
    said += [admin.get(f"/api/{name}").content for name in LISTS]
    said += [gateway.metrics_text().encode(), admin.get("/metrics").content]
    kept = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    log = gateway.log().replace(admin.key, "", 1)  # printed once, for its owner
    for secret in sorted(secrets):
        for found in (*said, *kept, log.encode()):
            at = found.find(secret.encode())
            assert at < 0, found[max(0, at - 200) : at + 100]
    assert b"no such key: ***" in b"".join(said)


def stored(admin: Admin, upstream: FaultServer, said: list[bytes]) -> str:
    """A provider of the store's with a credential, and a caller with one of its own; mistakes are made on the way."""
    asks: list[tuple[str, str, Any]] = [
        ("POST", "providers", {"id": "mine", "type": "openai", "base_url": f"{upstream.url}/v1"}),
        ("POST", "providers", {"id": "x", "base_url": f"http://u:{STORED}@h/v1", "type": "openai"}),
        ("POST", "providers", {"id": "x", "type": "openai", "settings": {"headers": {"k": STORED}}}),
        ("POST", "credentials", {"id": "c", "provider": "mine", "value": STORED}),
        ("POST", "credentials", {"provider": "mine", "value": {"x": STORED}}),
        ("POST", "credentials", {"provider": "mine", "valeu": STORED}),
        ("PATCH", "credentials/c", {"value": REPLACED}),
        ("PATCH", "credentials/c", {"value": REPLACED, "weight": "x"}),
        ("POST", "keys", {"id": "y", "credentials": {"nobody": OWN}}),
        ("POST", "keys", {"id": "y", "credentials": [OWN]}),
    ]
    headers = {"authorization": f"Bearer {admin.key}"}
    for method, path, body in asks:
        answer = httpx.request(
            method, f"{admin.url}/api/{path}", json=body, headers=headers, timeout=PATIENCE
        )
        said.append(answer.content)
    for key in (FIRST, f"{admin.key}x"):
        said.append(admin.get("/api/keys", key).content)
    made = str(admin.post("/api/keys", {"id": "own", "credentials": {"mine": OWN}})["key"])
    token = {"authorization": f"Bearer {made}"}
    wait_for(lambda: admin.gateway.get("/v1/models", token).status == 200)
    return made
