"""How vendors' faults differ beside their JSON: content types, statuses and headers of refusals, broken events."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec
import orjson

from bench.mock import bedrock, cohere

EVENTS = "text/event-stream; charset=utf-8"
_REFUSED = {"context": 400, "filter": 400, "quota": 429, "prefill": 400, "badkey": 401}

Told = tuple[tuple[str, ...], bytes]
"""Headers and body of a refusal."""


def _silent(_status: int, _kind: str) -> tuple[str, ...]:
    return ()


def _retry_after(seconds: int, body: bytes) -> Told:
    return (f"retry-after: {seconds}",), body


def _openai_limits(seconds: int, body: bytes) -> Told:
    names = {"limit": "500", "remaining": "0", "reset": f"{seconds}s"}
    return tuple(f"x-ratelimit-{name}-requests: {value}" for name, value in names.items()), body


def _anthropic_limits(seconds: int, body: bytes) -> Told:
    moment = datetime.fromtimestamp(time.time() + seconds, UTC).isoformat().replace("+00:00", "Z")
    names = {"limit": "50", "remaining": "0", "reset": moment}
    return tuple(f"anthropic-ratelimit-requests-{name}: {value}" for name, value in names.items()), body


def _gemini_delay(seconds: int, body: bytes) -> Told:
    content = orjson.loads(body)
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    content["error"]["details"] = [{"@type": kind, "retryDelay": f"{seconds}s"}]
    return (), orjson.dumps(content)


class Manners(msgspec.Struct, frozen=True):
    """Of one endpoint. `leads`, `ends` and `marks` are how many events of a stream come before its content, after it,
    and of those are the mark of its end; `events` is a stream's content type. `statuses` and `headers` are those of a
    refusal by its kind; `waits` tells in the vendor's own way when to come back. `bad` is an event that cannot be read.
    """

    leads: int = 0
    ends: int = 2
    marks: int = 1
    events: str = EVENTS
    statuses: Mapping[str, int] = msgspec.field(default_factory=_REFUSED.copy)
    headers: Callable[[int, str], tuple[str, ...]] = _silent
    waits: Callable[[int, bytes], Told] = _openai_limits
    bad: bytes = b'data: {"choices": [{"delta": {"content"\n\n'

    @property
    def binary(self) -> bool:
        """Whether events are messages with checksums."""
        return self.events == bedrock.STREAM_TYPE


PLAIN = Manners()
MANNERS: dict[str, Manners] = {
    "chat": Manners(leads=1),
    "messages": Manners(leads=3, ends=3, statuses={**_REFUSED, "quota": 400}, waits=_anthropic_limits),
    "gemini_stream": Manners(ends=1, marks=0, waits=_gemini_delay),
    "gemini": Manners(waits=_gemini_delay),
    "responses": Manners(leads=4, ends=4),
    "cohere_chat": Manners(
        leads=2, waits=_retry_after, statuses={kind: cohere.refusal_status(kind) for kind in _REFUSED}
    ),
    "converse": Manners(
        leads=1,
        ends=3,
        events=bedrock.STREAM_TYPE,
        statuses={kind: bedrock.refusal_status(kind) for kind in _REFUSED},
        headers=bedrock.error_headers,
        waits=_retry_after,
        bad=bedrock.malformed_event(),
    ),
}
MANNERS["converse_stream"] = MANNERS["converse"]
