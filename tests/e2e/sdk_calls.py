"""One spelling for what the synchronous and the asynchronous SDKs return, so that one test covers both."""

import contextlib
import inspect
from typing import Any


async def settle(value: Any) -> Any:
    """What a synchronous client returned, or what an asynchronous one promises."""
    return await value if inspect.isawaitable(value) else value


async def collect(opening: Any) -> list[Any]:
    """Every item of a stream of either kind."""
    stream = await settle(opening)
    with contextlib.ExitStack() as stack:
        if hasattr(stream, "__aiter__"):
            return [item async for item in stream]
        stack.callback(stream.close)
        return list(stream)
