"""Embeddings, kept one vector an input: what of a request is known already, what is left to ask, and the whole answer.

Vectors of two models never stand in one answer, though both answer to one name: what a vector is kept with says whose
it is, and what does not agree is asked again.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from gateway.cache.vectors_kept import KeptVector, pack, unpack
from gateway.dialects.endpoints import Endpoint
from gateway.errors import GatewayError
from gateway.schemas.embedding import EmbedReply, EmbedRequest, Item
from gateway.schemas.usage import Usage

MOST = 64
"""Inputs of one request that are looked up: each costs tens of microseconds on the worker's loop."""

_FORM = b"embedding.1"
_SAYS_WHO = frozenset({b"x-client-name"})
_encode = msgspec.msgpack.Encoder().encode


def item_keys(
    request: EmbedRequest, scope: bytes, model: str, *, headers: Iterable[tuple[bytes, bytes]] = ()
) -> tuple[bytes, ...] | None:
    """32 bytes for each input, equal where the same vector is asked for. None for what is not looked up: more than
    `MOST` inputs, and requests with fields that only their own dialect knows, which may change a vector."""
    if request.extras or len(request.items) > MOST:
        return None
    formats = sorted({"float" if name == "base64" else name for name in request.formats})
    asked = (formats, request.dimensions, request.purpose, request.truncate)
    travelling = sorted(header for header in headers if header[0] not in _SAYS_WHO)
    shared = sha256(_encode((_FORM, scope, model, asked, travelling)))
    keys = []
    for item in request.items:
        one = shared.copy()
        one.update(_encode(item))
        keys.append(one.digest())
    return tuple(keys)


class Partly(msgspec.Struct, frozen=True):
    """A request of which some vectors are known. `rest` asks for the others, each once; None: there are none.

    `places` tells for each input which of the rest's it is, -1 for one that is known.
    """

    request: EmbedRequest
    keys: tuple[bytes, ...]
    known: tuple[KeptVector | None, ...]
    places: tuple[int, ...]
    rest: EmbedRequest | None

    @property
    def hits(self) -> int:
        """How many inputs are known."""
        return self.places.count(-1)

    @property
    def is_new(self) -> bool:
        """Whether the rest is the request itself: its bytes can pass, and its answer stands as it is told."""
        return self.rest is not None and len(self.rest.items) == len(self.request.items)


class Answered(msgspec.Struct, frozen=True):
    """The caller's answer, and the entries to keep: a payload for each key."""

    body: bytes
    entries: tuple[tuple[bytes, bytes], ...] = ()


def partly(request: EmbedRequest, keys: tuple[bytes, ...], payloads: Sequence[bytes | None]) -> Partly:
    """`payloads` are what was found under the keys. What cannot be read, or is not the first one's kind, is asked."""
    found = [None if payload is None else unpack(payload) for payload in payloads]
    first = next((one for one in found if one is not None), None)
    known = [one if one is not None and first is not None and one.is_like(first) else None for one in found]
    numbers: dict[bytes, int] = {}
    items: list[Item] = []
    places: list[int] = []
    for key, item, one in zip(keys, request.items, known, strict=True):
        if one is not None:
            places.append(-1)
            continue
        place = numbers.setdefault(key, len(numbers))
        if place == len(items):
            items.append(item)
        places.append(place)
    rest = replace(request, items=tuple(items)) if items else None
    return Partly(request, keys, tuple(known), tuple(places), rest)


def answered(
    known: Partly, endpoint: Endpoint, body: bytes | None, model: str, identity: str
) -> Answered | None:
    """The answer to the whole request; `body` is what the caller would have been told of the rest, by `model`. None
    where it does not go with what is known, or cannot be read: where anything was known, all is to be asked. An answer
    to all of the request stands as it was told."""
    form = endpoint.form
    if form is None:
        return None
    try:
        told: EmbedReply | None = None
        if known.rest is not None:
            told = form.read_reply(body or b"", known.rest)
        new = [] if told is None or known.rest is None else _kept(told, known.rest, told.model or model)
        whole = [one or new[place] for one, place in zip(known.known, known.places, strict=True)]
        if not all(one.is_like(whole[0]) for one in whole):
            return None
        written = body if known.is_new else None
        if written is None:
            reply = _joined(whole, identity if told is None else told.id, told)
            written = form.write_reply(reply, known.request, model, identity)
    except (GatewayError, ValueError, LookupError, TypeError, OverflowError):
        return None
    entries = {key: new[place] for key, place in zip(known.keys, known.places, strict=True) if place >= 0}
    return Answered(written, tuple([(key, pack(one)) for key, one in entries.items()]))


def _kept(reply: EmbedReply, request: EmbedRequest, model: str) -> list[KeptVector]:
    """One for each input. Nobody counts the tokens of one: each has its share of all, by its length."""
    sizes = [len(_encode(item)) for item in request.items]
    left, size = (0 if reply.usage is None else reply.usage.input), sum(sizes)
    kept = []
    for place in range(len(request.items)):
        share = left * sizes[place] // size
        left, size = left - share, size - sizes[place]
        kept.append(KeptVector(model, share, {name: found[place] for name, found in reply.vectors.items()}))
    return kept


def _joined(vectors: Sequence[KeptVector], identity: str, told: EmbedReply | None) -> EmbedReply:
    tokens = sum(one.tokens for one in vectors)
    names = vectors[0].vectors
    return EmbedReply(
        vectors={name: [one.vectors[name] for one in vectors] for name in names},
        id=identity,
        model=vectors[0].model,
        usage=Usage(input=tokens) if tokens else None,
        finish="" if told is None else told.finish,
    )
