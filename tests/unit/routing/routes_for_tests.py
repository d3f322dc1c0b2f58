"""A router over a configuration written in a test, with facts and health of the test's own making."""

import json
import tempfile
from pathlib import Path
from typing import Any

from gateway._speedups.health import Board, TargetHealth, sections
from gateway._speedups.ledger import Ledger
from gateway.config import Config, load
from gateway.dialects.endpoints import ENDPOINTS
from gateway.providers.catalog import catalog_of
from gateway.providers.registry import known
from gateway.routing.names import Router
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record
from gateway.wiring.routes import router

PROVIDERS = """
providers:
  openai: {keys: [k]}
  anthropic: {keys: [k]}
  openrouter: {keys: [k]}
  mine: {type: openai, base_url: "http://127.0.0.1:1/v1"}
"""


class Head:
    """The head of a request; header names are lower case."""

    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        self.raw_headers = list(self.headers.items())
        self.query = b""
        self.model = ""
        self.stream = False


class House:
    """A configuration, its router, and the health of its targets."""

    def __init__(self, text: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "gateway.yaml"
            file.write_text(PROVIDERS + text, encoding="utf-8")
            self.config: Config = load(file, {}, known=known())
            self._board = Board(Ledger.create(Path(folder) / "ledger", sections()), 0)
        self.router: Router = router(self.config, catalog_of(self.config), self.health)

    def health(self, target: Target) -> TargetHealth:
        return self._board.target(f"{target.provider}\0{target.model}".encode())

    def plan(self, model: str | None, head: Head | None = None, **body: Any) -> Plan:
        return self.router.plan(call(model, **body), head or Head())

    def order(self, model: str, head: Head | None = None, **body: Any) -> list[str]:
        return [f"{one.provider}/{one.model}" for one in self.plan(model, head, **body).targets]


def call(model: str | None, endpoint: str = "chat_completions", **body: Any) -> Call:
    """A request of an endpoint, as its door reads it."""
    if model is not None and not ENDPOINTS[endpoint].model_in_path:
        body = {"model": model, **body}
    if endpoint == "chat_completions":
        body = {"messages": [{"role": "user", "content": "hello"}], **body}
    head = Head()
    head.model = model or ""
    return ENDPOINTS[endpoint].call(json.dumps(body).encode(), head, Record("x"))
