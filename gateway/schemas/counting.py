"""The neutral form of a count: how many tokens a conversation has before it is asked."""

import msgspec

from gateway.schemas.usage import Usage


class TokenCount(msgspec.Struct, frozen=True, gc=False):
    """`cached` are a part of `total`. Counting consumes nothing, so there is never any usage."""

    total: int
    cached: int = 0
    model: str = ""
    usage: Usage | None = None
    finish: str = ""
