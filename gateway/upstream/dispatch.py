"""Sends a request along its plan until one target commits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic_ns

import msgspec

from gateway._speedups.health import TargetHealth
from gateway.dialects.counting.estimate import estimated
from gateway.dialects.dropped import telling
from gateway.dialects.parcels import PARCELS
from gateway.dialects.stores import Store
from gateway.errors import GatewayError, Lossy, UnknownPath, UnservedEndpoint
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target, Timeouts
from gateway.schemas.record import Record
from gateway.upstream.admission import Admission
from gateway.upstream.causes import cause_of
from gateway.upstream.connection import Connection
from gateway.upstream.course import Course, Leg, Window
from gateway.upstream.estimates import COUNTS, CountTokens, estimate
from gateway.upstream.exchange import Errand
from gateway.upstream.hedging import Race, Share, Try, delay_of
from gateway.upstream.own_keys import OwnKeys, connection_for
from gateway.upstream.passthrough import Carried, Parcel, carry
from gateway.upstream.rendering import MaxOutput, render
from gateway.upstream.replies import Stream, Whole
from gateway.upstream.resuming import Onward, resumable
from gateway.upstream.rules import Rules
from gateway.upstream.shipping import Shipment, pack
from gateway.upstream.storage import fetch
from gateway.upstream.tries import Bounds, Reply, Tries, Watcher, left

PROBE = 2
"""What `TargetHealth.admit` says of the one request that tries a target whose breaker is half-open."""

_MEMO = 4096
"""Routes whose share of hedges is kept."""


class Dispatcher:
    """Tries each target in turn; returns once one commits: a whole answer, or a stream's first content event."""

    def __init__(
        self,
        connections: Mapping[str, Connection],
        max_output: MaxOutput,
        window: Window,
        healths: Callable[[Target], TargetHealth],
        watcher: Watcher,
        rules: Rules = Rules(),  # noqa: B008 - frozen data
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        count_tokens: CountTokens = estimated,
        mid_stream: str = "error",
        admissions: Mapping[str, Admission] | None = None,
        own: OwnKeys | None = None,
    ) -> None:
        self._own = own
        self._mid_stream = mid_stream
        self._count_tokens = count_tokens
        self._connections = connections
        self._max_output = max_output
        self._window = window
        self._healths = healths
        self._watcher = watcher
        self._rules = rules
        self._tries = Tries(rules, watcher, self._after, sleep, admissions)
        self._admissions = admissions or {}
        self._shares: dict[str, Share] = {}

    def send(self, plan: Plan, call: Call, record: Record) -> Awaitable[Reply]:
        """The reply of the first target that commits. Raises the last target's error, at once or when awaited.

        A target whose breaker is open is passed over; when all are, the first of the plan is tried all the same.
        """
        if call.stream and (plan.mid_stream or self._mid_stream) == "resume":
            return self._resumably(plan, call, record)
        targets = plan.targets
        first = targets[0]
        deadline = record.started_ns + int(self._timeouts(plan, first).total * 1e9)
        health = self._healths(first)
        if len(targets) == 1:
            return self._try((first, health, 1), plan, deadline, call, record)
        admitted = health.admit(monotonic_ns()) if plan.hedge is None else 0
        if not admitted:
            course = Course(targets, self._healths, self._window)
            return self._along(course, _Asked(plan, deadline, call), record)
        try:
            return self._try((first, health, admitted), plan, deadline, call, record, plan)
        except GatewayError as error:
            return self._after(plan, deadline, call, record, error)

    def deadline(self, plan: Plan, record: Record) -> int:
        """When a request's time for all of its tries is over, a `perf_counter_ns`."""
        return record.started_ns + int(self._timeouts(plan, plan.targets[0]).total * 1e9)

    async def _after(
        self, plan: Plan, deadline: int, call: Call, record: Record, error: GatewayError
    ) -> Reply:
        """The reply of a later target, where the plan's first one was given up."""
        asked, targets = _Asked(plan, deadline, call), plan.targets
        course = Course(targets[1:], self._healths, self._window)
        self._gives_up(course, targets[0], error, asked)
        return await self._along(course, asked, record)

    async def _along(self, course: Course, asked: "_Asked", record: Record) -> Reply:
        """The reply of the first target on the rest of the way that commits."""
        plan, deadline, call = asked.plan, asked.deadline, asked.call
        leg = course.next()
        while leg is not None:
            self._falls_back(course, record)
            try:
                if plan.hedge is not None and course.failed is None:
                    return await self._hedged(leg, course, asked, record)
                return await self._try(leg, plan, deadline, call, record)
            except GatewayError as error:
                self._gives_up(course, leg[0], error, asked)
            leg = course.next()
        if course.failure is not None:
            raise course.outcome(course.failure) from course.failure.__cause__
        first = plan.targets[0]
        return await self._try((first, self._healths(first), 1), plan, deadline, call, record)

    def _gives_up(self, course: Course, target: Target, error: GatewayError, asked: "_Asked") -> None:
        """Goes on to the next target. Raises the failure where none may mend it, or no time is left."""
        course.failed_at(target, error)
        if not self._rules.of(error).fall_back:
            raise error
        if left(asked.deadline) <= 0:
            raise course.outcome(error) from error.__cause__

    async def _resumably(self, plan: Plan, call: Call, record: Record) -> Reply:
        """As `send`, and a stream that breaks off is gone on with by those that come after its target."""
        plan, call = msgspec.structs.replace(plan, mid_stream="error"), resumable(call)
        reply = await self.send(plan, call, record)
        if not isinstance(reply, Stream) or reply.teller is None:
            return reply
        deadline = self.deadline(plan, record)

        async def ask(target: Target, call: Call) -> Reply | None:
            if left(deadline) <= 0:
                return None
            health = self._healths(target)
            admitted = health.admit(monotonic_ns())
            if not admitted:
                return None
            return await self._try((target, health, admitted), plan, deadline, call, record)

        at = plan.targets.index(Target(record.provider, record.model))
        after = plan.targets[at + 1 :]
        reply.onward = Onward(ask, self._connections, after, call, record, self._rules, self._watcher)
        return reply

    def _falls_back(self, course: Course, record: Record) -> None:
        failed, failure = course.failed, course.failure
        if failed is None or failure is None:
            return
        record.fallback = True
        self._watcher.failed_try(record, failed, failure, "fallback")
        self._watcher.fallback(failed.provider, failed.model)

    async def _hedged(self, leg: Leg, course: Course, asked: "_Asked", record: Record) -> Reply:
        """The first target's reply, or that of the next one where the first is slow."""
        plan = asked.plan
        assert plan.hedge is not None  # the caller looked
        if len(self._shares) >= _MEMO:
            self._shares.clear()
        share = self._shares.setdefault(plan.route, Share())
        delay = delay_of(plan.hedge, leg[1])
        if not share.asked(plan.hedge.share) or delay is None:
            return await self._try(leg, plan, asked.deadline, asked.call, record)

        def another() -> Try | None:
            found = course.next()
            return None if found is None else self._racing(found, asked, course)

        race = Race(record, share, self._ends)
        try:
            return await race.run(self._racing(leg, asked), another, delay)
        finally:
            if race.outcome:
                self._watcher.hedge(race.outcome)

    def _racing(self, leg: Leg, asked: "_Asked", course: Course | None = None) -> Try:
        """A try for a race. One that follows tells its failure itself, the `course` too."""
        target, health, admitted = leg

        async def go(record: Record) -> Reply:
            try:
                return await self._try(leg, asked.plan, asked.deadline, asked.call, record)
            except GatewayError as error:
                if course is not None:
                    course.failed_at(target, error)
                    self._watcher.failed_try(record, target, error, "hedged")
                raise

        def release() -> None:
            if admitted == PROBE:
                health.release()

        return Try(go, release)

    def _ends(self, failure: BaseException) -> bool:
        """Whether no other target may mend this."""
        return not isinstance(failure, GatewayError) or not self._rules.of(failure).fall_back

    def _try(
        self,
        leg: Leg,
        plan: Plan,
        deadline: int,
        call: Call,
        record: Record,
        onward: Plan | None = None,
    ) -> Awaitable[Reply]:
        """What is under way to one target; where it is given up, `onward` is gone on with. Raises at once what needs no
        provider to be found out."""
        target, health, admitted = leg
        connection = connection_for(self._connections, self._own, target.provider, record)
        try:
            if call.endpoint in COUNTS:
                guess = estimate(connection, target, call, record, self._count_tokens)
                if guess is not None:
                    if admitted == PROBE:
                        health.release()
                    return _given(guess)
            errand = self._errand(
                connection, target, plan, call, record
            )  # may raise what no provider is to blame for
            if plan.strict and (lost := telling(record.dropped)):
                raise Lossy(target.provider, lost)
        except BaseException:
            if admitted == PROBE:
                health.release()
            raise
        retries = connection.retries if plan.retries is None else plan.retries
        bounds = Bounds(retries, deadline, len(plan.targets) == 1, admitted == PROBE, onward)
        return self._tries.at(errand, health, bounds, record)

    def _errand(
        self, connection: Connection, target: Target, plan: Plan, call: Call, record: Record
    ) -> Errand | Shipment:
        timeouts = self._timeouts(plan, target)
        credential = connection.credential(target.model)
        if credential is None:
            raise UnservedEndpoint(f"no key of the provider {connection.name!r} may be used for this model")
        if call.endpoint in PARCELS:
            return pack(connection, target, call, record, timeouts, credential)
        out = render(connection, target, call, record, self._max_output)
        return Errand(connection, target, call, out, timeouts, credential)

    def _timeouts(self, plan: Plan, target: Target) -> Timeouts:
        own = None if plan.timeouts is None else plan.timeouts.get(target.provider)
        return own or self._connections[target.provider].timeouts

    async def carry(self, provider: str, one: Parcel, record: Record) -> Carried:
        """The answer of one provider to a request that passes as it is. Raises UnknownPath for an unknown provider."""
        if provider not in self._connections:
            raise UnknownPath(f"no provider {provider[:80]!r} is configured")
        connection = connection_for(self._connections, self._own, provider, record)
        try:
            return await carry(connection, one, record, self._admissions.get(provider))
        except GatewayError as error:
            self._watcher.upstream_error(provider, cause_of(error))
            raise

    def keepers(self, store: Store) -> tuple[str, ...]:
        """The configured providers that have this store, in their order."""
        return tuple(name for name, one in self._connections.items() if one.lane(store.name, ""))

    async def fetch(self, provider: str, store: Store, one: Parcel, record: Record) -> Whole | Carried:
        """The answer of one of the `keepers` to a request for what it keeps."""
        connection = connection_for(self._connections, self._own, provider, record)
        lane = connection.lane(store.name, "")
        if lane is None:
            raise UnservedEndpoint(f"the provider {provider!r} does not serve {store.name}")
        try:
            return await fetch(connection, lane, store, one, record)
        except GatewayError as error:
            self._watcher.upstream_error(provider, cause_of(error))
            raise


async def _given(reply: Reply) -> Reply:
    return reply


class _Asked(msgspec.Struct, frozen=True, gc=False):
    """What a caller wants, and until when."""

    plan: Plan
    deadline: int
    call: Call
