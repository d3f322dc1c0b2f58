"""Counts of tokens that no provider was asked for, because the target's provider does not count."""

from collections.abc import Callable

from gateway.dialects.endpoints import COUNT, ENDPOINTS
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest
from gateway.schemas.counting import TokenCount
from gateway.schemas.plan import Target
from gateway.schemas.record import Record
from gateway.upstream.connection import Connection
from gateway.upstream.replies import Whole

CountTokens = Callable[[str, ChatRequest], int]
"""(model, conversation) to its tokens."""

COUNTS = frozenset(name for name, one in ENDPOINTS.items() if one.family == COUNT)
"""The endpoints where a count is asked for."""


def estimate(
    connection: Connection, target: Target, call: Call, record: Record, count: CountTokens
) -> Whole | None:
    """The gateway's own count for a call to one of `COUNTS`, marked as such; None where the provider counts. Raises
    BadRequest for a conversation that cannot be read."""
    endpoint = ENDPOINTS[call.endpoint]
    if connection.lane(call.endpoint, target.model) or connection.stand_in(COUNT, target.model):
        return None
    if call.request is None:
        call.request = endpoint.read(call)
    assert isinstance(call.request, ChatRequest)  # what is counted are conversations
    record.provider, record.model, record.estimated = target.provider, target.model, True
    total = count(target.model, call.request)
    return Whole(endpoint.write_reply(TokenCount(total), call, target.model, record.request_id, 0), [])
