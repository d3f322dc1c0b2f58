"""Between a request's plan and its provider: a kept answer, one that is on its way already, or a new one to keep.

What nearly every request does stands in `_speedups/asking`; here is what the others do.
"""

import os
from collections.abc import Awaitable, Callable
from time import perf_counter_ns, time

from gateway._speedups.asking import Asked, Journey, Memory, Terms
from gateway._speedups.plain_keys import quick_key
from gateway._speedups.shelf import ENTRY
from gateway.cache.canonical import open_entry
from gateway.cache.entries import HEAD, encode, pack, unpack
from gateway.cache.hearing import entry_of
from gateway.cache.keys import exact_key, last_text, namespace_key, scope_of, tenant_of
from gateway.cache.policy import may_look, may_mean
from gateway.cache.wishes import KNOWN, body_wishes, wishes_of
from gateway.caching.checking import Checks
from gateway.caching.leaving import Leaving
from gateway.caching.ready import MOST, Place, remembered
from gateway.caching.replaying import Found, Replay, numbers, told_again
from gateway.caching.rooms import Books, Callers, Counts, Dispatch, Meaning, Rules, Store, model_of
from gateway.caching.shares import as_leader, in_time
from gateway.caching.sharing import Shared
from gateway.caching.vectors import NOTHING, Vectors
from gateway.delivery import STREAM_HEADERS, Answer, Send
from gateway.dialects.endpoints import CHAT, EMBED
from gateway.errors import GatewayError, NotCached, UpstreamStatus
from gateway.schemas.caching import Settings, Wishes
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest
from gateway.schemas.record import Record
from gateway.upstream.replies import Whole
from gateway.upstream.tries import Reply

Answered = tuple[Answer, Send]

MOST_READ = 256 << 10
"""Bytes of a body that is read for its key: more would keep all other requests of the worker waiting. Plain bodies are
not read so, see MOST_PLAIN in _speedups/plain_keys."""

EVERYONES = frozenset((400, 413, 422))
"""Statuses by which a provider refuses a request, whoever sends it."""


class Caching(Journey):
    """The cache of one worker, by one snapshot of the configuration."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        dispatcher: Dispatch,
        callers: Callers,
        books: Books,
        counts: Counts,
        flying: dict[bytes, Asked],
        meaning: Meaning | None = None,
        checks: Checks | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        """`flying` outlives snapshots: requests under way may be joined by later ones."""
        super().__init__(
            *(store, dispatcher, books, counts, flying, Memory(MOST), clock),
            numbers=numbers(os.getpid()),
            whole=Whole,
            heard=entry_of,
            before=HEAD,
            encode=encode,
            pack=pack,
            unpack=unpack,
            streaming=tuple(STREAM_HEADERS),
            wishing=KNOWN,
        )
        self._store = store
        self._dispatcher = dispatcher
        self._callers = callers
        self._rules = rules
        self._books = books
        self._counts = counts
        self._meaning = meaning
        self._checks = checks
        self._vectors = Vectors(store, dispatcher, books, counts, clock)

    # --- what is looked for ---------------------------------------------------------------------------------

    def _terms(self, route: str, record: Record) -> Terms:
        """What holds for requests of a route and a caller that wish for nothing."""
        settings = self._rules(route, record.key, record.team)
        return _terms(settings, wishes_of({}, settings), record)

    def _at_length(self, asked: Asked, send: Send) -> Answered | Awaitable[Answered]:
        """As `answer`, for requests that wish for something, and for those that have to be read."""
        record, call = asked.record, asked.call
        settings = self._rules(asked.plan.route, record.key, record.team)
        wishes = body_wishes(call, wishes_of(asked.inbound.headers, settings), settings)
        if settings.mode != "off":
            if asked.endpoint.family == EMBED:
                return self._embedded(asked, settings, wishes, send)
            if asked.endpoint.family == CHAT:
                if self._look_for(asked, _terms(settings, wishes, record)):
                    return self.seek(asked, send)
                self._counts.cache_lookup("bypass", 0)
        if asked.endpoint.family in (CHAT, EMBED):
            record.cache = "bypass"
        if wishes.only:
            raise NotCached(NOTHING)
        return self.past(asked, send)

    async def _embedded(self, asked: Asked, settings: Settings, wishes: Wishes, send: Send) -> Answered:
        return await self._vectors.answer(asked, settings, wishes), send

    def _look_for(self, asked: Asked, terms: Terms) -> bool:
        """Whether the cache has anything to do with the request."""
        if not terms.looks:
            return False
        call, name = asked.call, model_of(asked)
        key = None
        if call.request is None:
            key = quick_key(call.endpoint, call.body, terms.scope, name, call.headers)
        if key is not None:
            asked.look_for(terms, key, plain=True)
            return True
        if len(call.body) > MOST_READ:
            return False
        request = read(asked)
        if request is None or not may_look(request, terms.wishes, call.body):
            return False
        asked.look_for(terms, exact_key(request, terms.scope, name, body=call.body, headers=call.headers))
        return True

    # --- what is kept ---------------------------------------------------------------------------------------

    def _told(self, asked: Asked, found: Found, place: Place | None) -> Answer | None:
        """An entry that was found under the same words, told for the first time here."""
        replay = self._replay(asked, found, asked.key)
        if replay is None:
            return None
        if place is not None:
            remembered(self.memory, place, found, replay)
        return self._serve(replay, asked)

    def _replay(self, asked: Asked, found: Found, key: bytes) -> Replay | None:
        """What is found, as this caller may have it."""
        kept = open_entry(found.payload)
        if kept is None:
            return None
        age = self.age(asked, kept.entry.created, kept.entry.provider, kept.entry.model)
        request = brief(asked.call) if asked.plain else read(asked)
        if age < 0 or request is None:
            return None
        replay = told_again(kept, found, (asked.endpoint, asked.call, request), asked.terms.wishes, age)
        if replay is not None and kept.again is not None:
            self._store.put(key, asked.terms.owner, found.expires, kept.again, ENTRY, found.written)
        return replay

    def _serve(self, replay: Replay, asked: Asked) -> Answer:
        result = "semantic" if replay.similarity else "hit"
        replay.note(asked.record, result)
        self._counts.cache_lookup(result, perf_counter_ns() - asked.began, replay.similarity)
        self._counts.cache_saved(asked.record)
        return replay.reply

    async def _near(self, asked: Asked) -> Replay | None:
        terms = asked.terms
        semantic = terms.settings.semantic
        request = read(asked)
        if self._meaning is None or semantic is None or request is None:
            return None
        text = may_mean(request, semantic, last_text(request))
        if text is None:
            return None
        namespace = _namespace(request, asked)
        checks, threshold = self._checks, terms.wishes.threshold
        if checks is not None:
            threshold = checks.threshold(namespace, threshold, asked.plan.route)
        near = await self._meaning.find(namespace, text, threshold, self.clock())
        if near is None:
            return None
        found = self._store.get(near.key, self.clock())
        if found is None:
            self._meaning.forget(namespace, near.key)
            return None
        replay = self._replay(asked, found, near.key)
        if replay is not None:
            replay.similarity = near.similarity
            if checks is not None and replay.kept is not None and not terms.wishes.only:
                checks.cast(asked, namespace, replay.kept, terms.settings.max_entry)
        return replay

    def _learn(self, asked: Asked, expires: float) -> None:
        """The question of an answer that was kept may be found by its meaning."""
        semantic = asked.terms.settings.semantic
        if self._meaning is None or semantic is None:
            return
        request = read(asked)
        text = None if request is None else may_mean(request, semantic, last_text(request))
        if request is not None and text is not None:
            self._meaning.add(_namespace(request, asked), text, asked.key, expires, asked.terms.owner)

    # --- what somebody else asks for ------------------------------------------------------------------------

    async def _sought(self, asked: Asked, send: Send) -> Answered:
        """The answer to what nothing was kept of under the same words."""
        wishes = asked.terms.wishes
        if wishes.mode == "semantic" and wishes.read:
            replay = await self._near(asked)
            if replay is not None:
                return self._serve(replay, asked), send
        if wishes.only:
            asked.record.cache = "miss"
            self._counts.cache_lookup("miss", perf_counter_ns() - asked.began)
            raise NotCached(NOTHING)
        if wishes.read:
            answer = self.fresh(asked)
            if answer is not None:
                return answer, send
        leader = self.flying.get(asked.key) if asked.terms.settings.coalesce and wishes.read else None
        if leader is not None and not self._store.reader.is_purged(leader.terms.owner, leader.record.wall_ns):
            joined = await self._join(self._shared(leader), asked)
            if joined is not None:
                return joined, send
        return await self.ask(asked, send)

    async def _join(self, shared: Shared, asked: Asked) -> Answer | None:
        """The answer to the same request, which is under way; None where it has to be asked for."""
        record = asked.record
        if not shared.goes_to(asked.plan.targets):
            return None
        alike = shared.tells(asked.call)
        shared.others += 1
        share = None
        before = perf_counter_ns()
        deadline = self._dispatcher.deadline(asked.plan, record)
        try:
            await in_time(shared.begun() if alike else shared.ended(), deadline)
            if alike and shared.failure is None and not shared.spilled and shared.source is not None:
                share = shared.joined(asked.endpoint.stream_type)
        finally:
            record.waited_ns += perf_counter_ns() - before
            if share is None:
                shared.left()
        if not alike:
            found: Answer | None = self.find(asked)
            return found
        if shared.failure is not None and _is_everyones(shared.failure):
            record.cache = "coalesced"
            raise shared.failure.with_traceback(None)
        if share is None and shared.whole is None:
            return None
        record.cache, record.cost_nano_usd = "coalesced", 0
        self._counts.cache_lookup("coalesced", before - asked.began)
        if share is not None:
            share.listen(record, self._counts.cache_saved, deadline)
            return share
        assert shared.whole is not None  # looked at above
        as_leader(record, shared.record)
        self._counts.cache_saved(record)
        return Whole(shared.whole.body, [], shared.whole.content_type)

    # --- what is asked for, and others may hear -------------------------------------------------------------

    async def past(self, asked: Asked, send: Send) -> Answered:
        """The provider's answer; nothing of it is kept."""
        return await self._dispatcher.send(asked.plan, asked.call, asked.record), send

    def _begun(self, asked: Asked, reply: Reply, send: Send) -> Answered:
        """A stream, of which others may hear from now on."""
        shared = self._shared(asked)
        assert not isinstance(reply, Whole)  # that is told in one piece
        return shared.begins(reply), Leaving(send, shared)

    def _answered(self, asked: Asked, reply: Whole, send: Send) -> Answered:
        """A whole answer, for which others wait."""
        shared = self._shared(asked)
        shared.answered(reply)
        return reply, Leaving(send, shared) if shared.detached else send

    def _shared(self, leader: Asked) -> Shared:
        """What others hear of the leader's answer. From now on the leader's going away is not its task's end."""
        found: Shared | None = leader.shared
        if found is None:
            bound, record = leader.terms.settings.max_entry, leader.record
            found = Shared(leader.inbound, leader.call, leader.plan, record, bound, leader.keep)
            found.task = self._callers.instead(leader.inbound, found)
            leader.shared, found.done = found, leader.done
        return found

    def _unkept(self, asked: Asked, error: Exception) -> None:
        """An answer could not be kept, for a reason of which nobody has thought."""
        self._books.defect(asked.record, error)


def _terms(settings: Settings, wishes: Wishes, record: Record) -> Terms:
    return Terms(settings, wishes, scope_of(settings, wishes, record), tenant_of(settings, record))


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


def _namespace(request: ChatRequest, asked: Asked) -> bytes:
    call = asked.call
    return namespace_key(request, asked.terms.scope, model_of(asked), body=call.body, headers=call.headers)


def _is_everyones(failure: BaseException) -> bool:
    return isinstance(failure, UpstreamStatus) and failure.http_status in EVERYONES
