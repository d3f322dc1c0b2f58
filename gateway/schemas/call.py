"""One request on its way through the house: the caller's bytes and what was read of them."""

from typing import Any

import msgspec

from gateway.schemas.chat import ChatRequest
from gateway.schemas.embedding import EmbedRequest
from gateway.schemas.ranking import RankRequest

Neutral = ChatRequest | EmbedRequest | RankRequest
"""A request of one family, whatever dialect said it."""


class Call(msgspec.Struct):
    """A request for inference. `headers` are those of the caller's that may travel on to a provider of `dialect`.

    `facts` is what the scanner read of `body`; `request` is the neutral form, read when a target first needs it.
    With `array` a stream is written as a JSON array. A `resumable` stream is kept in a form that another target can go
    on with; `sequel` is what this call goes on with. `rewritten`: `request` says what `body` does not.
    """

    endpoint: str
    dialect: str
    body: bytes
    facts: Any
    model: str
    stream: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()
    request: Neutral | None = None
    array: bool = False
    resumable: bool = False
    rewritten: bool = False
    sequel: Any = None
