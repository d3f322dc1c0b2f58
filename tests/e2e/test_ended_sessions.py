"""A session ends with its key and with its budget, not only where a side leaves it."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from gateway_process import PATIENCE, Gateway
from realtime_provider import RealtimeProvider
from test_admin_process import Admin, end, wait_for
from test_realtime import config_for_sessions, ending, session
from test_unanswered_costs import rows
from websockets.exceptions import InvalidStatus

POOR, RICH, BRIEF = "gw-poor-canary-31", "gw-rich-canary-32", "gw-brief-canary-33"
PRICES = {f"openai/{model}": {"input": 100, "output": 100} for model in ("talks", "mumbles")}
"""USD a million tokens: each response takes 0.015, and 150 tokens."""


@pytest.fixture
def provider() -> Iterator[RealtimeProvider]:
    server = RealtimeProvider().start()
    yield server
    server.stop()


@pytest.fixture
def admin(provider: RealtimeProvider, tmp_path: Path) -> Iterator[Admin]:
    keys = {
        "poor": {"value": POOR, "budgets": [{"usd": 0.02, "per": "never"}]},
        "rich": {"value": RICH, "budgets": [{"usd": 0.02, "per": "never", "soft": True}]},
        "brief": {"value": BRIEF, "limits": [{"tokens": 200, "per": "hour"}]},
    }
    more = {"admin": {"enabled": True}, "log": {"format": "json"}, "prices": PRICES, "keys": keys}
    gateway = Gateway(config_for_sessions(provider, **more), tmp_path)
    try:
        yield Admin(gateway)
    finally:
        end(gateway)


def bearer(key: str) -> dict[str, dict[str, str]]:
    return {"additional_headers": {"Authorization": f"Bearer {key}"}}


def get_models(admin: Admin, key: str) -> int:
    return admin.gateway.get("/v1/models", {"authorization": f"Bearer {key}"}).status


def revoke(admin: Admin) -> None:
    admin.post("/api/keys/talker/revoke")


def block(admin: Admin) -> None:
    admin.post("/api/keys/talker/block")


def expire(admin: Admin) -> None:
    answer = httpx.patch(
        f"{admin.url}/api/keys/talker",
        json={"expires": int(time.time()) + 1},
        headers={"authorization": f"Bearer {admin.key}"},
        timeout=PATIENCE,
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("step", "why", "status"),
    [(revoke, "not one of", "401"), (block, "blocked", "403"), (expire, "expired", "401")],
)
async def test_a_session_ends_with_its_key(
    admin: Admin, provider: RealtimeProvider, step: Callable[[Admin], None], why: str, status: str
) -> None:
    key = admin.post("/api/keys", {"id": "talker"})["key"]
    wait_for(lambda: get_models(admin, key) == 200)
    target = "/v1/realtime?model=openai/echo"
    async with (
        session(admin.gateway, target, **bearer(key)) as caller,
        session(admin.gateway, target) as other,
    ):
        await caller.send("hello")
        assert await caller.recv() == "hello"
        step(admin)
        code, reason = await ending(caller)
        assert (code, why in reason) == (1008, True), reason
        await other.send("still there")
        assert await other.recv() == "still there"
    provider.wait(admin.gateway.at_rest)
    assert admin.gateway.metric("gateway_requests_total", endpoint="realtime", status=status) == 1


async def test_a_session_ends_where_a_budget_has_nothing_left(
    admin: Admin, provider: RealtimeProvider
) -> None:
    target = "/v1/realtime?model=openai/talks"
    async with session(admin.gateway, target, **bearer(POOR)) as caller:
        await caller.recv()
        responses = 0
        while responses < 2:
            await caller.send("talk")
            while json.loads(await caller.recv())["type"] != "response.done":
                pass
            responses += 1
        code, reason = await ending(caller)
        assert (code, reason) == (1008, "the budget of 0.02 USD of key:poor is used up")
    with pytest.raises(InvalidStatus) as refused:
        await session(admin.gateway, target, **bearer(POOR))
    assert refused.value.response.status_code == 402
    provider.wait(admin.gateway.at_rest)
    assert admin.gateway.metric("gateway_requests_total", endpoint="realtime", status="402") == 2
    assert admin.gateway.metric("gateway_cost_usd_total", endpoint="realtime") == pytest.approx(0.03)


async def test_a_session_ends_where_a_limit_of_tokens_has_nothing_left(
    admin: Admin, provider: RealtimeProvider
) -> None:
    target = "/v1/realtime?model=openai/talks"
    async with session(admin.gateway, target, **bearer(BRIEF)) as caller:
        await caller.recv()
        for _ in range(2):
            await caller.send("talk")
            while json.loads(await caller.recv())["type"] != "response.done":
                pass
        code, reason = await ending(caller)
        assert (code, reason[:49]) == (1008, "the limit of 200 tokens an hour of key:brief is u"), reason
        assert "try again in" in reason
    with pytest.raises(InvalidStatus) as refused:
        await session(admin.gateway, target, **bearer(BRIEF))
    assert refused.value.response.status_code == 429
    assert 0 < int(refused.value.response.headers["retry-after"]) <= 1800  # half of what an hour gives back
    provider.wait(admin.gateway.at_rest)
    assert admin.gateway.metric("gateway_requests_total", endpoint="realtime", status="429") == 2


async def test_sessions_of_one_budget_count_together_while_they_go_on(
    admin: Admin, provider: RealtimeProvider
) -> None:
    target = "/v1/realtime?model=openai/talks"
    async with session(admin.gateway, target, **bearer(POOR)) as first:
        await first.recv()
        await first.send("talk")
        while json.loads(await first.recv())["type"] != "response.done":
            pass
        async with session(admin.gateway, target, **bearer(POOR)) as second:
            await second.recv()
            await second.send("talk")
            assert (await ending(second))[0] == 1008
        await first.close()


async def test_a_soft_budget_ends_no_session(admin: Admin, provider: RealtimeProvider) -> None:
    async with session(admin.gateway, "/v1/realtime?model=openai/talks", **bearer(RICH)) as caller:
        await caller.recv()
        for _ in range(4):
            await caller.send("talk")
            while json.loads(await caller.recv())["type"] != "response.done":
                pass


async def test_who_leaves_in_the_middle_of_a_response_pays_for_what_came(
    admin: Admin, provider: RealtimeProvider, tmp_path: Path
) -> None:
    async with session(admin.gateway, "/v1/realtime?model=openai/mumbles", **bearer(RICH)) as caller:
        await caller.recv()
        await caller.send("talk")
        for _ in range(30):
            await caller.recv()
    (row,) = rows(tmp_path, 1)
    assert (row["output_tokens"], row["estimated"], row["cost_nano_usd"]) == (30, 1, 30 * 100_000)
    assert admin.gateway.metric("gateway_cost_usd_total", endpoint="realtime") == pytest.approx(0.003)
