"""The answers that need no provider: health, readiness, metrics, and the list of models."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from time import time
from urllib.parse import unquote

import msgspec

from gateway.api.door import Inbound
from gateway.api.model_shapes import SHAPES, Listed, whole_list
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


Shown = Callable[[str], bool] | None
"""Which names a caller is shown; None for all."""


class Models:
    """`/v1/models` in the dialect of the SDK that asks.

    What is known of every model takes long to gather, so that is done when it is first asked for, a slice at a time
    between other requests, and again after `forget`.
    """

    def __init__(
        self, listed: Callable[[], Iterable[Listed]], visible: Callable[[Mapping[bytes, bytes]], Shown]
    ) -> None:
        self._listed = listed
        self._visible = visible
        self._gathering: asyncio.Future[_Gathered] | None = None

    def forget(self) -> None:
        """The models are others now."""
        self._gathering = None

    async def index(self, inbound: Inbound, match: Match) -> Answer:
        """Every model that this caller can ask for by name."""
        shown = self._visible(inbound.headers)
        gathered, dialect = await self._gathered(), _dialect(inbound, match)
        if shown is None:
            return 200, [JSON], await gathered.encoded(dialect)
        own = _Gathered({name: one for name, one in gathered.models.items() if shown(name)})
        return 200, [JSON], await own.encoded(dialect)

    async def one(self, inbound: Inbound, match: Match) -> Answer:
        """One model; its name may hold a slash, plain or as `%2F`."""
        shown = self._visible(inbound.headers)
        models = (await self._gathered()).models
        found = models.get(match.argument) or models.get(unquote(match.argument))
        if found is None or (shown is not None and not shown(found.name)):
            name = unquote(match.argument)
            raise UnknownModel(f"the model {name[:200]!r} is not known here", param="model")
        shape = SHAPES[_dialect(inbound, match)]
        return 200, [JSON], msgspec.json.encode(shape(found, int(time())))

    async def _gathered(self) -> "_Gathered":
        """All that wait share one gathering; it goes on when the one that began it goes away."""
        if self._gathering is None or (self._gathering.done() and self._gathering.exception() is not None):
            self._gathering = asyncio.ensure_future(_gather(self._listed()))
        return await asyncio.shield(self._gathering)


SLICE = 16
"""Models that are looked up or encoded before other requests have their turn: some tenths of a millisecond."""


class _Gathered:
    """Every model in the order of their names, and the lists that were asked for."""

    def __init__(self, models: dict[str, Listed]) -> None:
        self.models = models
        self._lists: dict[str, bytes] = {}

    async def encoded(self, dialect: str) -> bytes:
        found = self._lists.get(dialect)
        if found is None:
            found = self._lists[dialect] = await self._encode(dialect)
        return found

    async def _encode(self, dialect: str) -> bytes:
        shape, now = SHAPES[dialect], int(time())
        parts = []
        for count, one in enumerate(self.models.values()):
            parts.append(msgspec.json.encode(shape(one, now)))
            if count % SLICE == 0:
                await asyncio.sleep(0)
        return whole_list(dialect, parts, list(self.models))


async def _gather(listed: Iterable[Listed]) -> _Gathered:
    found: dict[str, Listed] = {}
    for one in listed:
        found[one.name] = one
        if len(found) % SLICE == 0:
            await asyncio.sleep(0)
    return _Gathered(dict(sorted(found.items())))


def _dialect(inbound: Inbound, match: Match) -> str:
    return "anthropic" if b"anthropic-version" in inbound.headers else match.dialect
