"""Who may call: static keys in the header of any SDK; whose secret is whose, and stays there."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai_wire
import pytest
import wire
import yaml
from fault_server import Answer, FaultServer, Seen
from gateway_process import (
    ANTHROPIC_KEY,
    CALLER_KEY,
    OPENAI_KEY,
    PROVIDER_KEYS,
    SECOND_CALLER_KEY,
    Gateway,
    clean_environment,
)
from raw_client import Reply
from samples import HELLO

from bench.processes import free_port

CHAT = "/v1/chat/completions"
MODELS = {CHAT: "openai/gpt-4o-mini", "/v1/messages": "anthropic/claude-sonnet-4-5"}
Headers = dict[str, str | bytes]


def ask(gateway: Gateway, headers: Headers, path: str = CHAT, **changes: Any) -> Reply:
    body = {"model": MODELS[path], "max_tokens": 9, "messages": HELLO, **changes}
    return gateway.post(path, body, headers, key="")


@pytest.mark.parametrize("key", [CALLER_KEY, SECOND_CALLER_KEY])
@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("Authorization", "Bearer {}"),
        ("authorization", "bearer {}"),
        ("x-api-key", "{}"),
        ("X-Goog-Api-Key", "{}"),
        ("api-key", "{}"),
    ],
)
@pytest.mark.parametrize("path", list(MODELS))
def test_key_in_any_header(
    gateway: Gateway,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
    path: str,
    header: str,
    form: str,
    key: str,
) -> None:
    assert ask(gateway, {header: form.format(key)}, path).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Bearer {CALLER_KEY}x"},
        {"authorization": f"Bearer {CALLER_KEY[:-1]}"},
        {"authorization": f"Bearer {OPENAI_KEY}"},
        {"authorization": f"Basic {CALLER_KEY}"},
        {"authorization": CALLER_KEY},
        {"authorization": "Bearer "},
        {"authorization": "Bearer"},
        {"x-api-key": ""},
        {"x-api-key": "wrong"},
        {"x-goog-api-key": "wrong"},
        {"api-key": b"\xff\xfe"},
        {"cookie": CALLER_KEY},
    ],
    ids=lambda headers: repr(headers)[:40],
)
@pytest.mark.parametrize("path", list(MODELS))
def test_without_a_right_key_nothing_is_served(
    gateway: Gateway,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
    path: str,
    headers: Headers,
) -> None:
    reply = ask(gateway, headers, path)
    assert reply.status == 401
    error = reply.json()["error"]
    assert error["message"]
    if path == CHAT:
        assert error["code"] == "invalid_api_key"
    else:
        assert (reply.json()["type"], error["type"]) == ("error", "authentication_error")
    assert openai_upstream.seen == anthropic_upstream.seen == []


def test_key_in_the_query_is_no_key(gateway: Gateway, openai_upstream: FaultServer) -> None:
    assert ask(gateway, {}, CHAT).status == 401
    body = {"model": "openai/gpt-4o-mini", "messages": HELLO}
    assert gateway.post(f"{CHAT}?key={CALLER_KEY}", body, key="").status == 401


def test_models_need_a_key_and_probes_do_not(gateway: Gateway) -> None:
    assert gateway.get("/v1/models").status == 401
    for path in ("/health", "/ready", "/metrics"):
        assert gateway.get(path).status == 200


def test_a_wrong_key_is_told_before_a_wrong_body(gateway: Gateway) -> None:
    assert gateway.post(CHAT, b"not json", key="wrong").status == 401


# --- secrets stay where they belong ---


def everything_of(seen: Seen) -> str:
    return (seen.head + seen.body).decode("latin-1")


@pytest.mark.parametrize(("path", "model"), [(p, m) for p in MODELS for m in MODELS.values()])
def test_callers_credentials_never_reach_a_provider(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer, path: str, model: str
) -> None:
    """Not even those in headers other than the one that authenticated, nor cookies, nor proxies' names for callers."""
    headers: Headers = {
        "authorization": f"Bearer {CALLER_KEY}",
        "x-api-key": SECOND_CALLER_KEY,
        "x-goog-api-key": SECOND_CALLER_KEY,
        "api-key": SECOND_CALLER_KEY,
        "proxy-authorization": "Basic canary-proxy",
        "cookie": "session=canary-cookie",
        "openai-organization": "canary-org",
        "x-forwarded-for": "canary-address",
    }
    assert ask(gateway, headers, path, model=model).status == 200
    seen = (openai_upstream if model.startswith("openai") else anthropic_upstream).only
    text = everything_of(seen)
    for secret in (
        CALLER_KEY,
        SECOND_CALLER_KEY,
        "canary-proxy",
        "canary-cookie",
        "canary-org",
        "canary-address",
    ):
        assert secret not in text
    keys = [value for _, value in seen.headers if any(key in value for key in PROVIDER_KEYS)]
    assert keys == ([f"Bearer {OPENAI_KEY}"] if model.startswith("openai") else [ANTHROPIC_KEY])


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
@pytest.mark.parametrize(("path", "model"), [(p, m) for p in MODELS for m in MODELS.values()])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_providers_key_never_reaches_a_caller(
    gateway: Gateway,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
    path: str,
    model: str,
    status: int,
    stream: bool,
) -> None:
    """A provider that repeats its own key, in headers or in an error's message, does not give it away."""

    def tell_all(seen: Seen) -> Answer:
        key = seen.header("x-api-key") or (seen.header("authorization") or "").removeprefix("Bearer ")
        if status == 200:
            server = openai_upstream if model.startswith("openai") else anthropic_upstream
            first, *rest = server._default(seen)
            yield first.replace(b"\r\n", b"\r\nx-echo: " + key.encode() + b"\r\nset-cookie: a=b\r\n", 1)  # type: ignore[union-attr]
            yield from rest
        else:
            yield from wire.as_json(
                openai_wire.error(f"Incorrect API key provided: {key}."), status, x_echo=key
            )

    openai_upstream.handle(tell_all)
    anthropic_upstream.handle(tell_all)
    key: Headers = {"authorization": f"Bearer {CALLER_KEY}"}
    reply = ask(gateway, key, path, model=model, stream=stream)
    assert reply.status == status
    everything = repr(reply.headers) + reply.body.decode()
    for secret in PROVIDER_KEYS:
        assert secret not in everything
    assert "set-cookie" not in reply.headers
    assert not any(secret in gateway.metrics_text() for secret in PROVIDER_KEYS)
    assert not any(secret in gateway.log() for secret in PROVIDER_KEYS)


# --- without keys ---


def serve(tmp_path: Path, config: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "gateway.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(path)]
    return subprocess.run(
        [*command, "--data", str(tmp_path / "data"), "--port", str(free_port()), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(),
        cwd=os.fspath(tmp_path),
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.test"])
def test_without_keys_only_loopback_is_served(
    tmp_path: Path, openai_upstream: FaultServer, host: str
) -> None:
    config = {"providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}}}
    refused = serve(tmp_path, config, "--host", host)
    assert refused.returncode not in (0, None)
    said = refused.stdout + refused.stderr
    assert "auth.keys" in said or "auth: keys" in said
    assert "Traceback" not in said
    assert OPENAI_KEY not in said


def test_without_keys_loopback_serves_anyone(start_gateway: Any, openai_upstream: FaultServer) -> None:
    gateway = start_gateway(auth={})
    assert ask(gateway, {}).status == 200
    assert ask(gateway, {"authorization": "Bearer canary-of-another-service"}).status == 200
    assert not any("canary-of-another" in everything_of(seen) for seen in openai_upstream.seen)
    gateway.stop()


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.test"}, {"origin": "null"}, {"host": "evil.test"}]
)
def test_without_keys_a_web_page_is_refused(
    start_gateway: Any, openai_upstream: FaultServer, headers: Headers
) -> None:
    """A page reaches loopback by a form post, or by a name that resolves to it."""
    gateway = start_gateway(auth={})
    assert ask(gateway, headers).status == 403
    assert openai_upstream.seen == []
    gateway.stop()
