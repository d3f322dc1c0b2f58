"""Requests that a target takes one by one, or some at a time, asked at once and answered as one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from gateway.errors import UpstreamTimeout

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8
"""Requests to one provider at the same time for one of a caller's."""


async def all_of(ask: Callable[[T], Awaitable[R]], parts: tuple[T, ...], left: float) -> list[R]:
    """What `ask` gives for each part, in their order, within `left` seconds. The first failure ends the others."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(part: T) -> R:
        async with gate:
            return await ask(part)

    try:
        async with asyncio.timeout(left), asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(part)) for part in parts]
    except TimeoutError:
        raise UpstreamTimeout("the time for all tries is over", phase="total") from None
    except BaseExceptionGroup as failures:
        raise _first(failures) from failures
    return [task.result() for task in tasks]


def _first(failures: BaseExceptionGroup[Any]) -> BaseException:
    found = failures.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
