"""What a dialect offers beside conversations: a two-way form between its JSON and the neutral form of one family."""

from typing import Protocol, TypeVar

from gateway.dialects.codec import TargetFacts, Written

Q = TypeVar("Q")
A = TypeVar("A")


class Form(Protocol[Q, A]):
    """One endpoint's request `Q` and answer `A`. Implemented by modules in `embedding`, `ranking` and `counting`."""

    def read_request(self, body: bytes, model: str, /) -> Q:
        """`model` is the one that was asked for. Raises BadRequest with the path of the field that is wrong."""

    def split(self, request: Q, model: str, /) -> tuple[Q, ...]:
        """The requests that `model` needs to be asked, for an endpoint that takes less at once."""

    def write_request(self, request: Q, facts: TargetFacts, /) -> Written:
        """Raises UnservedEndpoint for what has no place there and without which nothing is left to ask."""

    def read_reply(self, body: bytes, request: Q, /) -> A:
        """The answer to `request`, one of the split ones. Raises UpstreamProtocolError for what is none."""

    def join(self, replies: list[A], /) -> A:
        """The one answer to all that a request was split into."""

    def write_reply(self, reply: A, request: Q, model: str, reply_id: str, /) -> bytes:
        """`model` and `reply_id` stand in where the provider said nothing."""
