"""One spelling for what the synchronous and the asynchronous SDKs return, so that one test covers both."""

import inspect
from contextlib import ExitStack
from typing import Any, TypeVar

Client = TypeVar("Client")

CLIENTS = ExitStack()
"""What is closed when a test is over: of clients that the collector finds, Python complains."""


def opened(client: Client) -> Client:
    """A synchronous client that nobody has to close."""
    close = getattr(client, "close", None)
    if close is None:
        CLIENTS.push(client)  # Cohere's is closed as a context manager
    else:
        CLIENTS.callback(close)
    return client


async def settle(value: Any) -> Any:
    """What a synchronous client returned, or what an asynchronous one promises."""
    return await value if inspect.isawaitable(value) else value


async def collect(opening: Any) -> list[Any]:
    """Every item of a stream, or of all the pages of a list, of either kind."""
    if hasattr(opening, "__aiter__"):
        return [item async for item in opening]
    found = await settle(opening)
    return [item async for item in found] if hasattr(found, "__aiter__") else list(found)
