"""One spelling for what the synchronous and the asynchronous SDKs return, so that one test covers both."""

import inspect
from typing import Any


async def settle(value: Any) -> Any:
    """What a synchronous client returned, or what an asynchronous one promises."""
    return await value if inspect.isawaitable(value) else value


async def collect(opening: Any) -> list[Any]:
    """Every item of a stream, or of all the pages of a list, of either kind."""
    if hasattr(opening, "__aiter__"):
        return [item async for item in opening]
    found = await settle(opening)
    return [item async for item in found] if hasattr(found, "__aiter__") else list(found)
