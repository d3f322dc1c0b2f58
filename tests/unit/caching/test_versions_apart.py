"""Who asks in another version of the API does not hear what is under way: it may be a refusal that is not theirs."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.caching.sharing import Shared
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan
from gateway.schemas.record import Record

FIRST, SECOND = [(b"anthropic-version", b"2023-06-01")], [(b"anthropic-version", b"2026-10-21")]


def call_of(headers: list[tuple[bytes, bytes]]) -> Call:
    said = [{"role": "user", "content": "hello"}]
    body = json.dumps({"model": "m", "max_tokens": 9, "temperature": 1, "messages": said}).encode()
    asked: Any = SimpleNamespace(raw_headers=headers, query=b"", model="", stream=False)
    return ENDPOINTS["messages"].call(body, asked, Record("id"))


@pytest.mark.parametrize(("others", "hears"), [(FIRST, False), ([], False), (SECOND, True)])
def test_only_who_speaks_the_same_version_hears_it(others: list[tuple[bytes, bytes]], hears: bool) -> None:
    leader: Any = SimpleNamespace(gone=False)
    shared = Shared(leader, call_of(SECOND), Plan(()), Record("id"), 1 << 20, [].append)
    assert shared.tells(call_of(others)) is hears
