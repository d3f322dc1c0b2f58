"""A worker that cannot be furnished says so to its server, which ends it: it answers nothing in the others' place."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from gateway.api.application import Application


class Failing:
    async def start(self) -> Any:
        raise OSError("what it needs is not there")

    async def stop(self) -> None:
        raise AssertionError("it never began")


def test_a_worker_that_cannot_start_is_no_worker(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: MutableMapping[str, Any]) -> None:
        told.append(message["type"])

    asyncio.run(Application(Failing(), {})({"type": "lifespan"}, receive, send))
    assert told == ["lifespan.startup.failed"]
    assert "worker_unstartable" in capfd.readouterr().err
