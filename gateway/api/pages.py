"""The answers that need no provider: health, readiness, metrics, and the list of models."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from gateway.api.door import Inbound
from gateway.api.routes import Match
from gateway.errors import UnknownModel

Header = tuple[bytes, bytes]
Answer = tuple[int, list[Header], bytes | Iterator[bytes]]
"""Status, headers, and a body: whole, or in pieces that are made while they are sent."""

Page = Callable[[Inbound, Match], Awaitable[Answer]]
"""An answer that needs no provider. Raises GatewayError."""

JSON: Header = (b"content-type", b"application/json")


async def health(_: Inbound, __: Match) -> Answer:
    """This worker runs."""
    return 200, [JSON], b'{"status":"ok"}'


def ready(is_draining: Callable[[], bool]) -> Page:
    """Whether to send requests here; 503 from the first moment of a drain."""

    async def answer(_: Inbound, __: Match) -> Answer:
        if is_draining():
            return 503, [JSON], b'{"status":"draining"}'
        return 200, [JSON], b'{"status":"ready"}'

    return answer


def metrics(pieces: Callable[[str], tuple[Iterator[bytes], str]]) -> Page:
    """The whole gateway's metrics, for Prometheus; other requests are served between the pieces of a large answer."""

    async def answer(inbound: Inbound, _: Match) -> Answer:
        rendered, content_type = pieces(inbound.headers.get(b"accept", b"").decode("latin-1"))
        return 200, [(b"content-type", content_type.encode())], rendered

    return answer


class Models:
    """`/v1/models` in the dialect of the SDK that asks.

    Shapes: OpenAI's list of `model` objects; Anthropic's page of `model` objects with `display_name`.
    """

    def __init__(
        self, owners: Mapping[str, str], authenticate: Callable[[Mapping[bytes, bytes]], str]
    ) -> None:
        self._owners = dict(sorted(owners.items()))
        self._authenticate = authenticate
        openai = [openai_model(name, owner) for name, owner in self._owners.items()]
        anthropic = [anthropic_model(name) for name in self._owners]
        self._lists = {
            "openai": msgspec.json.encode({"object": "list", "data": openai}),
            "anthropic": msgspec.json.encode(
                {
                    "data": anthropic,
                    "has_more": False,
                    "first_id": anthropic[0]["id"] if anthropic else None,
                    "last_id": anthropic[-1]["id"] if anthropic else None,
                }
            ),
        }

    async def index(self, inbound: Inbound, match: Match) -> Answer:
        """Every model that can be asked for by name."""
        self._authenticate(inbound.headers)
        return 200, [JSON], self._lists[_dialect(inbound, match)]

    async def one(self, inbound: Inbound, match: Match) -> Answer:
        """One model; its name may hold a slash, plain or as `%2F`."""
        self._authenticate(inbound.headers)
        name = match.argument if match.argument in self._owners else unquote(match.argument)
        owner = self._owners.get(name)
        if owner is None:
            raise UnknownModel(f"the model {name[:200]!r} is not known here", param="model")
        model = (
            anthropic_model(name) if _dialect(inbound, match) == "anthropic" else openai_model(name, owner)
        )
        return 200, [JSON], msgspec.json.encode(model)


def openai_model(name: str, owner: str) -> dict[str, Any]:
    """OpenAI's `model` object; `created` is unknown here and says so with 0."""
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def anthropic_model(name: str) -> dict[str, Any]:
    """Anthropic's `model` object; an unknown release date is the epoch, as their reference asks."""
    return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}


def _dialect(inbound: Inbound, match: Match) -> str:
    return "anthropic" if b"anthropic-version" in inbound.headers else match.dialect
