"""Embeddings: what is kept of each input is not asked again, the rest is, and the caller gets one answer."""

from collections.abc import Callable
from time import perf_counter_ns

import msgspec

from gateway._speedups.asking import Asked
from gateway._speedups.shelf import ENTRY
from gateway.cache.embedded import Partly, answered, item_keys, partly
from gateway.cache.keys import scope_of, tenant_of
from gateway.caching.rooms import Books, Counts, Dispatch, Store, model_of
from gateway.delivery import Answer
from gateway.errors import GatewayError, NotCached
from gateway.schemas.caching import Settings, Wishes
from gateway.schemas.embedding import EmbedRequest
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.upstream.replies import Whole

NOTHING = "there is no answer to this in the cache, and the request asks for no other"

MOST_READ = 1 << 20
"""Bytes of a body that is read for its inputs."""


class Vectors:
    """What is kept of embeddings, as one worker finds it."""

    def __init__(
        self, store: Store, dispatcher: Dispatch, books: Books, counts: Counts, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._books = books
        self._counts = counts
        self._clock = clock

    async def answer(self, asked: Asked, settings: Settings, wishes: Wishes) -> Answer:
        """Raises NotCached, and what the dispatcher raises."""
        record, call = asked.record, asked.call
        began = perf_counter_ns()
        scope = scope_of(settings, wishes, record)
        known = self._known(asked, wishes, scope)
        if known is None:
            record.cache = "bypass"
            self._counts.cache_lookup("bypass", 0)
            if wishes.only:
                raise NotCached(NOTHING)
            return await self._dispatcher.send(asked.plan, call, record)
        if known.rest is None:
            whole = self._whole(known, asked)
            if whole is not None:
                self._counts.cache_lookup("hit", perf_counter_ns() - began)
                self._counts.cache_saved(record)
                return whole
            known = partly(known.request, known.keys, [None] * len(known.keys))
        record.cache = "miss"
        self._counts.cache_lookup("miss", perf_counter_ns() - began)
        if wishes.only:
            raise NotCached("not all of this is in the cache, and the request asks for nothing else")
        keep = settings, wishes
        if not known.is_new:
            whole = await self._completed(known, asked, keep)
            if whole is not None:
                return whole
            _given_up(record)
            known = partly(known.request, known.keys, [None] * len(known.keys))
        reply = await self._dispatcher.send(asked.plan, call, record)
        if isinstance(reply, Whole):
            self._keep(known, asked, reply.body, keep)
        return reply

    def _known(self, asked: Asked, wishes: Wishes, scope: bytes) -> Partly | None:
        """None for what is not looked up."""
        call = asked.call
        if wishes.mode == "off" or not (wishes.read or wishes.write) or len(call.body) > MOST_READ:
            return None
        try:
            request = call.request or asked.endpoint.read(call)
        except GatewayError:  # its provider is to say what is wrong with it
            return None
        if not isinstance(request, EmbedRequest):
            return None
        targets = sorted([f"{one.provider}/{one.model}" for one in asked.plan.targets])
        keys = item_keys(request, scope, "\n".join((model_of(asked), *targets)), headers=call.headers)
        if keys is None:
            return None
        return partly(request, keys, [self._payload(key, wishes) for key in keys])

    def _payload(self, key: bytes, wishes: Wishes) -> bytes | None:
        now = self._clock()
        found = self._store.get(key, now) if wishes.read else None
        if found is None or (wishes.max_age is not None and now - found.written > wishes.max_age):
            return None
        return found.payload

    def _whole(self, known: Partly, asked: Asked) -> Whole | None:
        """The answer of which every input is known. It costs nothing; what it saves is noted."""
        record, target = asked.record, asked.plan.targets[0]
        found = answered(known, asked.endpoint, None, target.model, f"cache-{record.request_id}")
        if found is None:
            return None
        kept = [one for one in known.known if one is not None]
        record.provider, record.model, record.answered_model = target.provider, target.model, kept[0].model
        record.usage = Usage(input=sum([one.tokens for one in kept]))
        self._books.price(record)
        record.saved_nano_usd, record.cost_nano_usd, record.cache = record.cost_nano_usd, 0, "hit"
        return Whole(found.body, [_inputs(known)])

    async def _completed(self, known: Partly, asked: Asked, keep: tuple[Settings, Wishes]) -> Whole | None:
        """What is known, and the rest asked for; None where both do not go together."""
        call = msgspec.structs.replace(asked.call, request=known.rest, rewritten=True)
        reply = await self._dispatcher.send(asked.plan, call, asked.record)
        if not isinstance(reply, Whole):
            return None
        body = self._keep(known, asked, reply.body, keep)
        if body is None:
            return None
        self._save(known, asked.record)
        return Whole(body, [*reply.headers, _inputs(known)], reply.content_type)

    def _save(self, known: Partly, record: Record) -> None:
        """Notes what was not asked for: the record's own usage and cost are those of the rest."""
        tokens = sum([one.tokens for one in known.known if one is not None])
        saved = Record(record.request_id, provider=record.provider, model=record.model, cache="hit")
        saved.usage = Usage(input=tokens)
        self._books.price(saved)
        record.saved_nano_usd = saved.saved_nano_usd = saved.cost_nano_usd
        self._counts.cache_saved(saved)

    def _keep(self, known: Partly, asked: Asked, body: bytes, keep: tuple[Settings, Wishes]) -> bytes | None:
        """Keeps what is new; the whole answer."""
        settings, wishes = keep
        record = asked.record
        model = record.answered_model or record.model
        found = answered(known, asked.endpoint, body, model, f"cache-{record.request_id}")
        if found is None:
            return None
        if wishes.write:
            owner = tenant_of(settings, record)
            expires = self._clock() + wishes.ttl
            for key, payload in found.entries:
                self._store.put(key, owner, expires, payload, ENTRY, record.wall_ns / 1e9)
        return found.body


def _given_up(record: Record) -> None:
    """What was asked for in vain is paid for, as that of any try that was given up."""
    if record.attempts:
        record.attempts[-1].usage = record.usage
    record.usage = None


def _inputs(known: Partly) -> tuple[bytes, bytes]:
    return b"x-gateway-cache-inputs", b"%d/%d" % (known.hits, len(known.places))
