"""Between a request's plan and its provider: a kept answer, one that is on its way already, or a new one to keep."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter_ns, time

import msgspec

from gateway._speedups.plain_keys import quick_key
from gateway.cache.canonical import open_entry
from gateway.cache.entries import pack
from gateway.cache.hearing import entry_of
from gateway.cache.keys import exact_key, last_text, namespace_key, owner_of, scope_of
from gateway.cache.policy import may_keep, may_look, may_mean
from gateway.cache.wishes import body_wishes, wishes_of
from gateway.caching.checking import Checks
from gateway.caching.leaving import Leaving
from gateway.caching.ready import Memory, Place, Ready
from gateway.caching.replaying import Found, Replay, told_again
from gateway.caching.rooms import (
    Asked,
    Books,
    Callers,
    Counts,
    Dispatch,
    Meaning,
    Rules,
    Store,
    model_of,
)
from gateway.caching.shares import as_leader
from gateway.caching.sharing import Shared
from gateway.caching.vectors import Vectors
from gateway.delivery import Answer, Send
from gateway.dialects.endpoints import CHAT, EMBED
from gateway.errors import GatewayError, NotCached, UpstreamStatus
from gateway.schemas.caching import Entry, Settings, Wishes
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest
from gateway.schemas.plan import Target
from gateway.schemas.record import Record
from gateway.upstream.replies import Whole

Answered = tuple[Answer, Send]

EVERYONES = frozenset((400, 413, 422))
"""Statuses by which a provider refuses a request, whoever sends it."""


class Lookup(msgspec.Struct, gc=False):
    """What is looked for, and under which settings. A `plain` request says nothing but texts and a few numbers."""

    settings: Settings
    wishes: Wishes
    scope: bytes
    key: bytes
    plain: bool = False

    def owner(self, record: Record) -> int:
        """Whose it is, as the store knows them: all that a tenant has goes together, however it is divided."""
        settings, wishes = self.settings, self.wishes
        if wishes.scope == settings.scope and not wishes.namespace:
            return owner_of(self.scope)
        undivided = msgspec.structs.replace(wishes, scope=settings.scope, namespace="")
        return owner_of(scope_of(settings, undivided, record))


class Caching:
    """The cache of one worker, by one snapshot of the configuration."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        dispatcher: Dispatch,
        callers: Callers,
        books: Books,
        counts: Counts,
        flying: dict[bytes, Shared],
        meaning: Meaning | None = None,
        checks: Checks | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        """`flying` outlives snapshots: requests under way may be joined by later ones."""
        self._store = store
        self._rules = rules
        self._dispatcher = dispatcher
        self._callers = callers
        self._books = books
        self._counts = counts
        self._flying = flying
        self._meaning = meaning
        self._checks = checks
        self._clock = clock
        self._memory = Memory()
        self._vectors = Vectors(store, dispatcher, books, counts, clock)

    def answer(self, asked: Asked, send: Send) -> Answered | Awaitable[Answered]:
        """The answer, and the way back for it: a hit's at once, any other when it is awaited. Raises NotCached, and
        what the dispatcher raises."""
        record, call = asked.record, asked.call
        settings = self._rules(asked.plan.route, record.key, record.team)
        wishes = body_wishes(call, wishes_of(asked.inbound.headers, settings), settings)
        if settings.mode != "off" and asked.endpoint.family == EMBED:
            return self._embedded(asked, settings, wishes, send)
        lookup = self._lookup(asked, settings, wishes)
        if lookup is None:
            return self._passed(asked, send)
        began = perf_counter_ns()
        replay = self._exact(asked, lookup) if lookup.wishes.read else None
        if replay is not None:
            return self._serve(replay, record, began), send
        return self._sought(asked, lookup, send, began)

    async def _embedded(self, asked: Asked, settings: Settings, wishes: Wishes, send: Send) -> Answered:
        return await self._vectors.answer(asked, settings, wishes), send

    async def _passed(self, asked: Asked, send: Send) -> Answered:
        return await self._dispatcher.send(asked.plan, asked.call, asked.record), send

    async def _sought(self, asked: Asked, lookup: Lookup, send: Send, began: int) -> Answered:
        """The answer to what nothing was kept of under the same words."""
        record, wishes = asked.record, lookup.wishes
        if wishes.mode == "semantic" and wishes.read:
            replay = await self._near(asked, lookup)
            if replay is not None:
                return self._serve(replay, record, began), send
        if wishes.only:
            record.cache = "miss"
            self._counts.cache_lookup("miss", perf_counter_ns() - began)
            raise NotCached("there is no answer to this in the cache, and the request asks for no other")
        shared = self._flying.get(lookup.key) if lookup.settings.coalesce and wishes.read else None
        if shared is not None:
            joined = await self._join(shared, asked, lookup, began)
            if joined is not None:
                return joined, send
        record.cache = "miss"
        if wishes.read:
            self._counts.cache_lookup("miss", perf_counter_ns() - began)
        if not wishes.write:
            return await self._dispatcher.send(asked.plan, asked.call, record), send
        shared = self._leads(asked, lookup)
        try:
            reply = await self._dispatcher.send(asked.plan, asked.call, record)
        except BaseException as error:
            shared.failed(error)
            raise
        if isinstance(reply, Whole):
            self._keep(asked, lookup, reply.body)
            shared.answered(reply)
            return reply, Leaving(send, shared) if shared.detached else send
        return shared.begins(reply), Leaving(send, shared)

    # --- what is looked for ---------------------------------------------------------------------------------

    def _lookup(self, asked: Asked, settings: Settings, wishes: Wishes) -> Lookup | None:
        """None where the cache has nothing to do with the request."""
        call, record = asked.call, asked.record
        if settings.mode == "off" or asked.endpoint.family != CHAT:
            return None
        if wishes.mode != "off" and (wishes.read or wishes.write):
            scope, name = scope_of(settings, wishes, record), model_of(asked)
            if call.request is None:
                key = quick_key(call.endpoint, call.body, scope, name, call.headers)
                if key is not None:
                    return Lookup(settings, wishes, scope, key, plain=True)
            request = read(asked)
            if request is not None and may_look(request, wishes, call.body):
                key = exact_key(request, scope, name, body=call.body, headers=call.headers)
                return Lookup(settings, wishes, scope, key)
        record.cache = "bypass"
        self._counts.cache_lookup("bypass", 0)
        return None

    def _exact(self, asked: Asked, lookup: Lookup) -> Replay | None:
        found = self._store.get(lookup.key, self._clock())
        if found is None:
            return None
        place = _place(asked, lookup)
        ready = None if place is None else self._memory.find(place, found)
        if ready is not None:
            return self._again(ready, found, asked, lookup)
        replay = self._told(found, asked, lookup, lookup.key)
        if replay is not None and place is not None:
            self._memory.keep(place, found, replay)
        return replay

    async def _near(self, asked: Asked, lookup: Lookup) -> Replay | None:
        semantic = lookup.settings.semantic
        request = read(asked)
        if self._meaning is None or semantic is None or request is None:
            return None
        text = may_mean(request, semantic, last_text(request))
        if text is None:
            return None
        namespace = _namespace(request, asked, lookup)
        checks, threshold = self._checks, lookup.wishes.threshold
        if checks is not None:
            threshold = checks.threshold(namespace, threshold)
        near = await self._meaning.find(namespace, text, threshold, self._clock())
        if near is None:
            return None
        found = self._store.get(near.key, self._clock())
        if found is None:
            self._meaning.forget(namespace, near.key)
            return None
        replay = self._told(found, asked, lookup, near.key)
        if replay is not None:
            replay.similarity = near.similarity
            if checks is not None and replay.kept is not None and not lookup.wishes.only:
                checks.cast(asked, namespace, replay.kept, lookup.settings.max_entry)
        return replay

    def _told(self, found: Found, asked: Asked, lookup: Lookup, key: bytes) -> Replay | None:
        """What is found, as this caller may have it."""
        kept = open_entry(found.payload)
        age = None if kept is None else self._age(kept.entry, asked, lookup)
        if kept is None or age is None:
            return None
        request = brief(asked.call) if lookup.plain else read(asked)
        if request is None:
            return None
        replay = told_again(kept, found, (asked.endpoint, asked.call, request), lookup.wishes, age)
        if replay is not None and kept.again is not None:
            self._store.put(key, lookup.owner(asked.record), found.expires, kept.again)
        return replay

    def _again(self, ready: Ready, found: Found, asked: Asked, lookup: Lookup) -> Replay | None:
        """The answer that another hit of the same entry was."""
        age = self._age(ready.entry, asked, lookup)
        return None if age is None else ready.again(found, age)

    def _age(self, entry: Entry, asked: Asked, lookup: Lookup) -> float | None:
        """Seconds; None for an entry that this request may not have: too old for it, or of whom it may not ask."""
        age = max(0.0, self._clock() - entry.created)
        if lookup.wishes.max_age is not None and age > lookup.wishes.max_age:
            return None
        return age if Target(entry.provider, entry.model) in asked.plan.targets else None

    def _serve(self, replay: Replay, record: Record, began: int) -> Answer:
        result = "semantic" if replay.similarity else "hit"
        replay.note(record, result)
        self._counts.cache_lookup(result, perf_counter_ns() - began, replay.similarity)
        self._counts.cache_saved(record)
        return replay.reply

    # --- what somebody else asks for ------------------------------------------------------------------------

    async def _join(self, shared: Shared, asked: Asked, lookup: Lookup, began: int) -> Answer | None:
        """The answer to the same request, which is under way; None where it has to be asked for."""
        record = asked.record
        if not shared.goes_to(asked.plan.targets):
            return None
        alike = shared.tells(asked.call)
        shared.others += 1
        share = None
        before = perf_counter_ns()
        try:
            await (shared.begun() if alike else shared.ended())
            if alike and shared.failure is None and not shared.spilled and shared.source is not None:
                share = shared.joined(asked.endpoint.stream_type)
        finally:
            record.waited_ns += perf_counter_ns() - before
            if share is None:
                shared.left()
        if not alike:
            replay = self._exact(asked, lookup)
            return None if replay is None else self._serve(replay, record, began)
        if shared.failure is not None and _is_everyones(shared.failure):
            record.cache = "coalesced"
            raise shared.failure.with_traceback(None)
        if share is None and shared.whole is None:
            return None
        record.cache, record.cost_nano_usd = "coalesced", 0
        self._counts.cache_lookup("coalesced", before - began)
        if share is not None:
            share.listen(record, self._counts.cache_saved)
            return share
        assert shared.whole is not None  # looked at above
        as_leader(record, shared.record)
        self._counts.cache_saved(record)
        return Whole(shared.whole.body, [], shared.whole.content_type)

    # --- what is asked for ----------------------------------------------------------------------------------

    def _leads(self, asked: Asked, lookup: Lookup) -> Shared:
        """This request asks, for itself and for those who join it meanwhile."""
        key = lookup.key
        task = asyncio.current_task()
        assert task is not None  # every request is served in one

        bound, tell = lookup.settings.max_entry, partial(self._keep, asked, lookup)
        shared = Shared(asked.inbound, task, asked.call, asked.plan, asked.record, bound, tell)
        if lookup.settings.coalesce and key not in self._flying:
            self._flying[key] = shared
            shared.done = partial(self._flying.pop, key, None)
            self._callers.instead(asked.inbound, shared)
        return shared

    def _keep(self, asked: Asked, lookup: Lookup, body: bytes) -> None:
        """Keeps an answer that was told to its right end, where it may be kept."""
        record, call, settings = asked.record, asked.call, lookup.settings
        self._books.price(record)
        record.status = record.status or 200
        choices = asked.endpoint.choices(call.facts)
        if record.skipped or not may_keep(record, body, settings, choices):
            return
        entry = None if record.resumed else entry_of(call.endpoint, body, call.stream, record)
        if entry is None:
            return
        expires = self._clock() + lookup.wishes.ttl
        if not self._store.put(lookup.key, lookup.owner(asked.record), expires, pack(entry)):
            return
        semantic = settings.semantic
        if self._meaning is None or semantic is None or lookup.wishes.mode != "semantic":
            return
        request = read(asked)
        text = None if request is None else may_mean(request, semantic, last_text(request))
        if request is not None and text is not None:
            self._meaning.add(
                _namespace(request, asked, lookup), text, lookup.key, expires, lookup.owner(record)
            )


def read(asked: Asked) -> ChatRequest | None:
    """The neutral request; None where it cannot be read, whatever its provider says of it."""
    call = asked.call
    if call.request is None:
        try:
            call.request = asked.endpoint.read(call)
        except GatewayError:
            return None
    return call.request if isinstance(call.request, ChatRequest) else None


def brief(call: Call) -> ChatRequest:
    """As much of a plain request as its answer depends upon."""
    usage = call.endpoint != "chat_completions" or call.facts.include_usage
    return ChatRequest(
        dialect=call.dialect, model=call.model, messages=(), stream=call.stream, stream_usage=usage
    )


def _namespace(request: ChatRequest, asked: Asked, lookup: Lookup) -> bytes:
    call = asked.call
    return namespace_key(request, lookup.scope, model_of(asked), body=call.body, headers=call.headers)


def _place(asked: Asked, lookup: Lookup) -> Place | None:
    """Under which the answer is remembered; None for one that may repeat what its request says."""
    call = asked.call
    if not lookup.plain or lookup.wishes.paced:
        return None
    return lookup.key, call.endpoint, call.model, call.stream, call.stream and call.facts.include_usage


def _is_everyones(failure: BaseException) -> bool:
    return isinstance(failure, UpstreamStatus) and failure.http_status in EVERYONES
