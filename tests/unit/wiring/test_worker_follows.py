"""A worker that cannot use what control has written goes on with what it had, and says so."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from gateway.app import Worker


class Prepared(msgspec.Struct):
    config: str = "old"
    stored: str = "old"
    declared: str = "old"


class House(msgspec.Struct):
    access: Any = "old"


def test_what_cannot_be_used_changes_nothing_but_who_may_call(capfd: pytest.CaptureFixture[str]) -> None:
    connections = {"openai": "open"}

    async def catch_up(loop: Any) -> None:
        worker._prepared = Prepared("new", "new", "new")
        worker._connections, worker._kept = {}, connections
        raise RuntimeError("no such certificate")

    swapped: list[Any] = []
    worker: Any = SimpleNamespace(
        _prepared=Prepared(), _connections=connections, _kept={}, _gateway=House(), swapped=swapped.append
    )
    worker._catch_up = catch_up
    worker._access = lambda: (worker._prepared.stored, worker._prepared.declared)

    async def follow() -> None:
        await Worker._follow(worker, asyncio.get_running_loop())

    asyncio.run(follow())
    assert worker._prepared == Prepared("old", "new", "new")
    assert (worker._connections, worker._kept) == (connections, {})
    assert [one.access for one in swapped] == [("new", "new")]
    assert "configuration_refused" in capfd.readouterr().err
