"""The admin API says the same over SQLite and PostgreSQL."""

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx
from sqlalchemy import Engine

from gateway.config import Config, Secret
from gateway.config.records_model import Store
from gateway.control.admin.application import Api
from gateway.control.admin.opening import open_store
from gateway.schemas.governance import Gone
from gateway.store.compiling import governance_of

STEPS = (
    ("POST", "orgs", {"id": "o", "name": "naïve ☃"}, 201),
    ("POST", "orgs", {"id": "O", "name": "x"}, 201),
    ("POST", "orgs", {"id": "a.b", "name": "x"}, 201),
    ("POST", "orgs", {"id": "a-b", "name": "x"}, 201),
    ("POST", "orgs", {"id": "o", "name": "again"}, 409),
    ("POST", "teams", {"id": "t", "name": "t", "org": "o"}, 201),
    ("POST", "keys", {"id": "k", "team": "t", "forced": {"stop": "\x00", "n": 2**70}, "tags": ["é"]}, 201),
    ("POST", "limits", {"id": "l", "account": "team:t+model:gpt", "requests": 2**63 - 1}, 201),
    ("POST", "budgets", {"id": "b", "account": "key:k", "nano_usd": 5}, 201),
    ("POST", "providers", {"id": "openai"}, 201),
    ("POST", "credentials", {"id": "c", "provider": "openai", "value": "sk-canary-of-both-stores"}, 201),
    ("POST", "routes", {"id": "fast", "route": {"targets": ["openai/gpt"]}}, 201),
    ("PATCH", "keys/k", {"blocked": True}, 200),
    ("POST", "keys/k/rotate", {"grace": 5}, 200),
    ("DELETE", "teams/t", None, 409),
    ("DELETE", "limits/l", None, 204),
    ("GET", "audit?subject=k", None, 200),
    ("GET", "keys?revoked=0&blocked=true", None, 200),
)


class _Nobody:
    async def publish(self) -> None:
        pass

    async def revoke(self, _: Sequence[Gone]) -> bool:
        return True


def _metrics(_: str) -> tuple[Iterable[bytes], str]:
    return [], ""


async def test_store_keeps_what_the_api_is_told(engine: Engine, tmp_path: Path) -> None:
    url = engine.url.render_as_string(hide_password=False)
    shown = io.StringIO()
    opened, store = open_store(Config(data=str(tmp_path), store=Store(Secret(url))), shown)
    root = re.search(r"gwa-\S+", shown.getvalue())
    assert root is not None
    transport = httpx.ASGITransport(Api(opened, store, "1", _Nobody(), _metrics).application())
    headers = {"authorization": f"Bearer {root[0]}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://admin", headers=headers) as client:
        for method, path, body, status in STEPS:
            answer = await client.request(method, f"/api/{path}", json=body)
            assert answer.status_code == status, (method, path, answer.text)
        orgs = (await client.get("/api/orgs?limit=3")).json()
        rest = (await client.get(f"/api/orgs?after={orgs['next']}")).json()
        assert [one["id"] for one in (*orgs["data"], *rest["data"])] == ["O", "a-b", "a.b", "o"]
        assert (await client.get("/api/orgs/o")).json()["name"] == "naïve ☃"
        actions = [one["action"] for one in (await client.get("/api/audit?subject=k")).json()["data"]]
        assert actions == ["rotate", "change", "create"]
    with opened.connect() as connection:
        found = governance_of(connection)
    assert (found.keys[0].forced, found.keys[0].blocked) == ({"stop": "\x00", "n": 2**70}, True)
    assert [one.id for one in found.budgets] == ["b"]
    opened.dispose()
