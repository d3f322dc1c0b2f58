"""Requests that use nearly everything their dialect has, as agents and SDKs send it, by name of their endpoint."""

import json
from pathlib import Path
from typing import Any

from gateway._speedups.jsonscan import request_facts
from gateway.cache.keys import exact_key
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest

ENDPOINT = {"chat_old_fields": "chat_completions", "chat_two_spellings": "chat_completions"}
"""Of those whose name is no endpoint's."""


def request_of(name: str, body: bytes, model: str = "maker/model") -> ChatRequest:
    """What the endpoint reads. Raises BadRequest."""
    endpoint = ENDPOINTS[ENDPOINT.get(name, name)]
    found = endpoint.read(Call(endpoint.name, endpoint.dialect, body, request_facts(body), model))
    assert isinstance(found, ChatRequest)
    return found


def key_of(name: str, body: bytes) -> bytes:
    return exact_key(request_of(name, body), b"scope", "maker/model", body=body)


BODIES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "golden" / "cache" / "spoken_requests.json").read_text(encoding="utf-8")
)
