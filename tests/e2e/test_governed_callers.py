"""Keys, limits and budgets at the real gateway: who is refused, with what, and how soon a change holds everywhere."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
import yaml
from fault_server import FaultServer
from gateway_process import OPENAI_KEY, Gateway, until

ALICE = "gw-alice-canary-1d9e0a"
BOB = "gw-bob-canary-77c1aa"
CAROL = "gw-carol-canary-02bd11"
STRANGER = "gw-stranger-canary-0000"
SECRETS = (ALICE, BOB, CAROL, STRANGER, OPENAI_KEY)
CHAT = "/v1/chat/completions"


def asks(model: str = "openai/gpt-4o-mini", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}


def config(upstream: FaultServer) -> dict[str, Any]:
    return {
        "server": {"workers": 4, "drain": "2s"},
        "breaker": "off",
        "providers": {"openai": {"base_url": f"{upstream.url}/v1", "keys": [OPENAI_KEY]}},
        "models": {"fast": {"targets": ["openai/gpt-4o-mini"]}},
        "teams": {"research": {"org": "acme"}},
        "keys": {
            "alice": {"value": ALICE, "team": "research", "models": ["fast", "openai/gpt-4o-*"]},
            "bob": {"value": BOB, "limits": [{"requests": 2, "per": "hour"}], "forced": {"max_tokens": 7}},
            "carol": {"value": CAROL, "budgets": [{"usd": 0.000001, "per": "day"}]},
            "dan": {"value": "gw-dan-canary-1", "blocked": True},
            "eve": {"value": "gw-eve-canary-1", "expires": "2020-01-01"},
            "far": {"value": "gw-far-canary-1", "networks": ["10.0.0.0/8"]},
            "embeds": {"value": "gw-emb-canary-1", "endpoints": ["embeddings"]},
        },
        "prices": {"openai/gpt-4o-mini": {"input": 1, "output": 1}},
    }


class Governed:
    """A gateway whose file a test may change."""

    def __init__(self, upstream: FaultServer, folder: Path) -> None:
        self.file = folder / "gateway.yaml"
        self.gateway = Gateway(config(upstream), folder)

    def change(self, edit: Callable[[dict[str, Any]], object]) -> None:
        edit(self.gateway.config)
        self.replace(yaml.safe_dump(self.gateway.config))

    def replace(self, text: str) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.file)

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.gateway.log().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]

    def hup(self) -> None:
        os.kill(self.gateway.process.pid, signal.SIGHUP)


@pytest.fixture
def governed(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Governed]:
    found = Governed(openai_upstream, tmp_path)
    try:
        yield found
        for secret in SECRETS:
            assert secret not in found.gateway.log()
            assert secret not in found.gateway.metrics_text()
        found.gateway.stop()
        assert not [secret for secret in SECRETS[:4] for path in left(tmp_path) if secret.encode() in path]
    finally:
        if found.gateway.process.poll() is None:
            found.gateway.kill()


def left(folder: Path) -> list[bytes]:
    """What the gateway keeps on disk."""
    return [path.read_bytes() for path in (folder / "data").rglob("*") if path.is_file()]


def test_each_refusal_has_its_status_and_its_error_in_the_callers_sdk(governed: Governed) -> None:
    gateway = governed.gateway

    def client(key: str) -> openai.OpenAI:
        return openai.OpenAI(api_key=key, base_url=f"{gateway.url}/v1", max_retries=0)

    with pytest.raises(openai.AuthenticationError):
        client(STRANGER).chat.completions.create(**asks())
    with pytest.raises(openai.AuthenticationError, match="expired"):
        client("gw-eve-canary-1").chat.completions.create(**asks())
    for key, why in (
        ("gw-dan-canary-1", "blocked"),
        ("gw-far-canary-1", "address"),
        ("gw-emb-canary-1", "chat"),
    ):
        with pytest.raises(openai.PermissionDeniedError, match=why):
            client(key).chat.completions.create(**asks())
    with pytest.raises(openai.PermissionDeniedError, match="model"):
        client(ALICE).chat.completions.create(**asks("openai/o3"))
    with pytest.raises(openai.PermissionDeniedError, match="model"):
        client(ALICE).chat.completions.create(**asks("fast"), extra_body={"fallbacks": ["openai/o3"]})
    assert client(ALICE).chat.completions.create(**asks("fast")).choices
    assert client(ALICE).chat.completions.create(**asks("gpt-4o-mini")).choices
    with pytest.raises(openai.APIStatusError) as broke:
        client(CAROL).chat.completions.create(**asks(max_tokens=1000))
    assert broke.value.status_code == 402
    assert broke.value.code == "budget_exceeded"

    messages = anthropic.Anthropic(api_key=ALICE, base_url=gateway.url, max_retries=0).messages
    with pytest.raises(anthropic.PermissionDeniedError, match="model"):
        messages.create(**asks("openai/o3"), max_tokens=5)


def test_a_used_up_limit_is_429_on_every_worker_and_says_when_to_come_back(governed: Governed) -> None:
    gateway = governed.gateway
    replies = [gateway.post(CHAT, asks(), key=BOB) for _ in range(8)]
    assert sorted(reply.status for reply in replies) == [200, 200] + [429] * 6
    good = next(reply for reply in replies if reply.status == 200)
    bad = next(reply for reply in replies if reply.status == 429)
    assert good.headers.get("x-ratelimit-limit-requests") == "2"
    assert good.headers.get("x-ratelimit-remaining-requests") in ("0", "1")
    assert int(bad.headers.get("retry-after") or 0) > 0
    assert bad.headers.get("x-ratelimit-remaining-requests") == "0"
    assert json.loads(bad.body)["error"]["code"] == "rate_limit_exceeded"
    assert gateway.metric("gateway_limit_refusals_total") == 6
    with pytest.raises(openai.RateLimitError):
        openai.OpenAI(api_key=BOB, base_url=f"{gateway.url}/v1", max_retries=0).chat.completions.create(
            **asks()
        )


def test_forced_parameters_reach_the_provider_and_lower_bounds_stay(
    governed: Governed, openai_upstream: FaultServer
) -> None:
    governed.gateway.post(CHAT, asks(max_tokens=500), key=BOB)
    governed.gateway.post(CHAT, asks(max_tokens=3), key=BOB)
    assert [json.loads(seen.body)["max_tokens"] for seen in openai_upstream.seen] == [7, 3]


def test_a_revoked_key_is_refused_by_all_workers_and_a_new_one_served(governed: Governed) -> None:
    gateway = governed.gateway
    assert gateway.post(CHAT, asks("fast"), key=ALICE).status == 200

    def swap(config: dict[str, Any]) -> None:
        config["keys"]["zoe"] = {**config["keys"].pop("alice"), "value": STRANGER}

    governed.change(swap)
    governed.hup()
    until(lambda: len(governed.logged("reloaded")) == 1)
    until(lambda: gateway.statuses(CHAT, asks("fast"), ALICE) == {401})
    assert {gateway.post(CHAT, asks("fast"), key=ALICE).status for _ in range(24)} == {401}
    assert {gateway.post(CHAT, asks("fast"), key=STRANGER).status for _ in range(24)} == {200}


def test_a_bad_file_changes_nothing_and_says_why(governed: Governed) -> None:
    governed.replace("providers: {openai: {keys: [sk-x], base_uri: http://x}}\n")
    until(lambda: len(governed.logged("reload_failed")) == 1)
    assert "base_uri" in str(governed.logged("reload_failed")[0]["problems"])
    assert governed.gateway.post(CHAT, asks("fast"), key=ALICE).status == 200
    governed.change(lambda config: config["models"].update(slow={"targets": ["openai/gpt-4o-mini"]}))
    until(lambda: len(governed.logged("reloaded")) == 1)


def test_a_changed_file_moves_requests_to_another_provider_while_old_ones_end(
    governed: Governed, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    gateway = governed.gateway
    assert gateway.post(CHAT, asks("fast"), key=ALICE).status == 200

    def move(config: dict[str, Any]) -> None:
        config["providers"]["openai"]["base_url"] = f"{openai_upstream.url}/moved/v1"
        config["server"]["port"] = config["server"]["port"] + 1

    governed.change(move)
    until(lambda: len(governed.logged("reloaded")) == 1)
    assert governed.logged("restart_needed")[0]["sections"] == ["server"]

    def moved() -> bool:
        openai_upstream.seen.clear()
        assert gateway.statuses(CHAT, asks("fast"), ALICE) == {200}
        return {seen.path for seen in openai_upstream.seen} == {"/moved/v1/chat/completions"}

    until(moved)
    openai_upstream.reset()
    assert {gateway.post(CHAT, asks("fast"), key=ALICE).status for _ in range(12)} == {200}
    assert {seen.path for seen in openai_upstream.seen} == {"/moved/v1/chat/completions"}


def test_a_worker_that_takes_a_dead_ones_place_knows_what_was_changed(governed: Governed) -> None:
    gateway = governed.gateway
    governed.change(lambda config: config["keys"].pop("alice"))
    until(lambda: len(governed.logged("reloaded")) == 1)
    gateway.kill_workers()
    assert gateway.statuses(CHAT, asks("fast"), ALICE) == {401}
    assert {gateway.post(CHAT, asks("fast"), key=ALICE).status for _ in range(12)} == {401}
