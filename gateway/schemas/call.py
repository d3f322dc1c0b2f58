"""One request on its way through the house: the caller's bytes and what was read of them."""

from typing import Any

import msgspec

from gateway.schemas.chat import ChatRequest


class Call(msgspec.Struct):
    """A request for inference. `headers` are those of the caller's that may travel on to a provider of `dialect`.

    `facts` is what the scanner read of `body`; `request` is the neutral form, read when a target first needs it.
    """

    endpoint: str
    dialect: str
    body: bytes
    facts: Any
    model: str
    stream: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()
    request: ChatRequest | None = None
