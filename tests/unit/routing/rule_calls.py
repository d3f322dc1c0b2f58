"""Requests for the tests of rules, as an endpoint reads them."""

import json
from typing import Any

from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.call import Call
from gateway.schemas.record import Record

HELLO = [{"role": "user", "content": "hello"}]


class Asked:
    """The head of a request: what its path says."""

    stream = False

    def __init__(self, model: str = "") -> None:
        self.model = model
        self.raw_headers: list[tuple[bytes, bytes]] = []


def call_of(endpoint: str = "chat_completions", path_model: str = "", **body: Any) -> Call:
    """A request; where the path does not name its model, the body does, and says hello."""
    written = body if path_model else {"model": "auto", "messages": HELLO, **body}
    return ENDPOINTS[endpoint].call(json.dumps(written).encode(), Asked(path_model), Record("id"))
