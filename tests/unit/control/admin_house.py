"""A store and the admin API over it, without a server: asked through ASGI, as its own root."""

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, select

from gateway.config import Config
from gateway.control.admin.application import Api
from gateway.control.admin.opening import open_store
from gateway.schemas.governance import Gone
from gateway.store.governance import audit
from gateway.store.things import Row


class House:
    """`changes` counts what was published, `gone` are keys that ended; `banner` is what the first start showed."""

    def __init__(self, folder: Path, config: Config | None = None) -> None:
        base = Config() if config is None else config
        self.config = Config(**{**{n: getattr(base, n) for n in base.__struct_fields__}, "data": str(folder)})
        shown = io.StringIO()
        self.engine: Engine
        self.engine, self.store = open_store(self.config, shown, lambda: self.config)
        self.banner = shown.getvalue()
        found = re.search(r"gwa-\S+", self.banner)
        self.root = found[0] if found else ""
        self.changes = 0
        self.gone: list[Gone] = []
        self.app = Api(self.engine, self.store, "1", self, _metrics).application()
        self.clients: list[httpx.AsyncClient] = []

    async def publish(self) -> None:
        self.changes += 1

    async def revoke(self, gone: Sequence[Gone]) -> bool:
        self.gone.extend(gone)
        return True

    async def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """One request with the root key, or with `key`; an empty one sends none."""
        used = self.root if key is None else key
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if used:
            sent["authorization"] = f"Bearer {used}"
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
            return await client.request(method, path, json=body, headers=sent)

    async def make(self, path: str, **body: Any) -> Any:
        """A new thing, made by root."""
        answer = await self.ask("POST", f"/api/{path}", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def admin(self, role: str, team: str = "") -> str:
        """A new admin key."""
        return str((await self.make("admin-keys", name=role, role=role, team=team))["key"])

    def entries(self) -> list[Row]:
        """The audit log, oldest first."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(audit).order_by(audit.c.id)).mappings()]

    def close(self) -> None:
        self.engine.dispose()


def _metrics(_: str) -> tuple[Iterable[bytes], str]:
    return [b"# EOF\n"], "text/plain"
