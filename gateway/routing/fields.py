"""What the rules may ask of a request, each found when a rule first mentions it.

Some are read off the head of the request or the places of its fields, some need the whole conversation: those are DEAR.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway._speedups.jsonscan import Facts, members, string_value
from gateway.dialects.counting.estimate import IMAGE
from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import BadRequest
from gateway.routing.complexity import complexity
from gateway.routing.needs import SHAPES, TOOLS, VISION, needs, output_tokens
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest, Image, Text
from gateway.schemas.record import Record
from gateway.tokens.conversations import prompt_tokens
from gateway.tokens.encodings import available

COUNTED = 2 << 10
COUNTED_EXACTLY = 16 << 10
"""Bytes of a body up to which its words or its tokens are counted; of a larger one only the letters are."""

LARGEST_METADATA = 64 << 10
"""Bytes of metadata that a rule may see."""

_HIDDEN = frozenset(
    (b"authorization", b"proxy-authorization", b"cookie", b"x-api-key", b"api-key", b"x-goog-api-key")
)
"""Credentials are nothing to route by."""

_METADATA = {"openai": "metadata", "anthropic": "metadata", "gemini": "labels", "bedrock": "requestMetadata"}
_values = msgspec.json.Decoder(dict[str, Any])


class View:
    """One request as rules see it. `headers` have lower-case names; `clock` gives the time, with its zone."""

    __slots__ = ("_clock", "_now", "call", "headers", "record")

    def __init__(
        self, call: Call, headers: Mapping[bytes, bytes], record: Record, clock: Callable[[], datetime]
    ) -> None:
        self.call = call
        self.headers = headers
        self.record = record
        self._clock = clock
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        """When rules first asked for the time."""
        if self._now is None:
            self._now = self._clock()
        return self._now

    def span(self, name: str) -> tuple[int, int] | None:
        """Where the body has a field at its top, if it is JSON."""
        facts = self.call.facts
        return facts.spans.get(name) if isinstance(facts, Facts) else None

    def chat(self) -> ChatRequest | None:
        """The conversation, None where the request is none. Raises BadRequest for one that cannot be read."""
        call = self.call
        endpoint = ENDPOINTS.get(call.endpoint)
        if endpoint is None or not endpoint.converses:
            return None
        if call.request is None:
            call.request = endpoint.read(call)
        return call.request if isinstance(call.request, ChatRequest) else None


def _user(view: View) -> str:
    """Who asks, as the caller's application says it; "" where it does not."""
    field = view.span("user")
    if field is None and view.call.dialect == "anthropic":
        around = view.span("metadata")
        if around is not None and view.call.body[around[0] : around[0] + 1] == b"{":
            field = members(view.call.body, around).get("user_id")
    if field is None or view.call.body[field[0] : field[0] + 1] != b'"':
        return ""
    return string_value(view.call.body, field)


def _tokens(view: View) -> int:
    body = view.call.body
    request = view.chat()
    if request is None:
        return len(body) // 4
    if len(body) <= (COUNTED_EXACTLY if available() else COUNTED):
        return prompt_tokens(view.call.model, request)
    texts = [part.text for message in request.messages for part in message.parts if isinstance(part, Text)]
    letters = sum(len(text) if text.isascii() else 2 * len(text) for text in texts)
    return letters // 4 + IMAGE * _images(request)


def _images(request: ChatRequest) -> int:
    return sum(isinstance(part, Image) for message in request.messages for part in message.parts)


def _has(view: View, what: int) -> bool:
    shape = SHAPES.get(view.call.endpoint)
    return shape is not None and needs(view.call, shape, what) > 0


def _messages(view: View) -> int:
    request = view.chat()
    return 0 if request is None else len(request.messages)


def _complexity(view: View) -> float:
    request = view.chat()
    return 0.0 if request is None else complexity(request)


def _max_tokens(view: View) -> int:
    shape = SHAPES.get(view.call.endpoint)
    return 0 if shape is None else output_tokens(view.call, shape)


def _header(view: View) -> dict[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in view.headers.items()
        if name not in _HIDDEN
    }


def _metadata(view: View) -> dict[str, Any]:
    span = view.span(_METADATA.get(view.call.dialect, "metadata"))
    raw = b"" if span is None else view.call.body[span[0] : span[1]]
    if len(raw) > LARGEST_METADATA:
        raise BadRequest("the metadata are too large for a rule", param="metadata")
    return _values.decode(raw) if raw.startswith(b"{") else {}


FINDERS: dict[str, Callable[[View], Any]] = {
    "request.model": lambda view: view.call.model,
    "request.endpoint": lambda view: view.call.endpoint,
    "request.dialect": lambda view: view.call.dialect,
    "request.stream": lambda view: view.call.stream,
    "request.max_tokens": _max_tokens,
    "request.tokens": _tokens,
    "request.messages": _messages,
    "request.has_tools": lambda view: _has(view, TOOLS),
    "request.has_images": lambda view: _has(view, VISION),
    "request.complexity": _complexity,
    "request.user": _user,
    "request.header": _header,
    "request.metadata": _metadata,
    "key": lambda view: view.record.key,
    "user": lambda view: view.record.user,
    "team": lambda view: view.record.team,
    "org": lambda view: view.record.org,
    "now": lambda view: view.now.astimezone(UTC),
    "time.hour": lambda view: view.now.hour,
    "time.minute": lambda view: view.now.minute,
    "time.weekday": lambda view: view.now.isoweekday(),
}

DEAR = frozenset(
    (
        "request.tokens",
        "request.messages",
        "request.has_images",
        "request.complexity",
        "request.metadata",
    )
)


class Found:
    """The values of one request's fields, each found once."""

    __slots__ = ("_view", "values")

    def __init__(self, view: View) -> None:
        self._view = view
        self.values: dict[str, Any] = {}

    def add(self, names: tuple[str, ...]) -> None:
        """Finds these. Raises what makes one of them unreadable."""
        values = self.values
        for name in names:
            if name not in values:
                values[name] = FINDERS[name](self._view)
