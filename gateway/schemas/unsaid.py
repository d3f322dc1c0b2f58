"""What an answer left unsaid: that its provider told no usage, or not of all of it, and what is needed to count it."""

from typing import Any

import msgspec

from gateway.schemas.call import Call
from gateway.schemas.record import Attempt
from gateway.schemas.usage import Usage


class Unsaid(msgspec.Struct, gc=False):
    """`speaks` is the endpoint whose dialect the answer is in, `model` the target's.

    `body` is the answer as the provider sent it, or its beginning; of a stream it is None where only its `size` in
    bytes is known, and how many tokens such streams have for each byte (`rate`). `reported` is what the provider told
    before the answer broke off. `attempt` is the given-up try whose answer it was; None for the request's own.
    `perhaps`: nobody knows whether there was an answer. It is counted where the request got none at all.
    """

    call: Call
    speaks: Any
    model: str
    body: bytes | None
    size: int
    streamed: bool = False
    rate: float = 0.0
    reported: Usage | None = None
    attempt: Attempt | None = None
    perhaps: bool = False
