"""Who gets a realtime session: the first target of a plan that takes it, with the first of its keys that may."""

from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic_ns, perf_counter_ns
from typing import Protocol

import msgspec

from gateway._speedups.health import TargetHealth
from gateway.dialects.realtime import REALTIME
from gateway.errors import GatewayError, UnservedEndpoint, UpstreamPoolTimeout
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Attempt, Record
from gateway.upstream.causes import cause_of
from gateway.upstream.connection import Connection, Credential, Lane
from gateway.upstream.flights import Flight
from gateway.upstream.lines import Header, Line, Way, dial
from gateway.upstream.own_keys import OwnKeys, connection_for
from gateway.upstream.rules import Rules

PROBE = 2
"""What a health says of the one try that a half-open breaker lets through."""


class Watcher(Protocol):
    """Who is told of fallbacks and failed tries."""

    def fallback(self, provider: str, model: str) -> None: ...
    def upstream_error(self, provider: str, kind: str) -> None: ...
    def failed_try(self, record: Record, target: Target, error: GatewayError, next_step: str) -> None: ...
    def breaker(self, target: Target, state: str) -> None: ...


class Lines:
    """Opens connections, at most so many a provider (`bounds`), for messages of at most `max_message` bytes."""

    def __init__(
        self,
        connections: Mapping[str, Connection],
        bounds: Mapping[str, int],
        max_message: int,
        healths: Callable[[Target], TargetHealth],
        watcher: Watcher,
        rules: Rules = Rules(),  # noqa: B008 - frozen data
        own: OwnKeys | None = None,
    ) -> None:
        self._own = own
        self._connections = connections
        self._bounds = bounds
        self.max_message = max_message
        self._healths = healths
        self._watcher = watcher
        self._rules = rules
        self._open: Counter[str] = Counter()

    async def open(self, plan: Plan, query: bytes, headers: tuple[Header, ...], record: Record) -> Line:
        """The connection to the first target that takes it; whoever got it gives it back with `release`.

        Targets whose breaker is open are passed over, unless all are. Raises the last target's error.
        """
        asked = _Asked(plan, query, headers)
        failed: tuple[Target, GatewayError] | None = None
        for target in plan.targets:
            admitted = 1 if len(plan.targets) == 1 else self._healths(target).admit(monotonic_ns())
            if not admitted:
                continue
            if failed is not None:
                record.fallback = True
                self._watcher.failed_try(record, *failed, "fallback")
                self._watcher.fallback(failed[0].provider, failed[0].model)
            try:
                return await self._try(target, asked, admitted == PROBE, record)
            except GatewayError as error:
                failed = target, error
                if not self._rules.of(error).fall_back:
                    raise
        if failed is not None:
            raise failed[1]
        return await self._try(plan.targets[0], asked, False, record)

    def release(self, line: Line) -> None:
        """The session on this line is over."""
        self._open[line.provider] -= 1
        if line.flight is not None:
            line.flight.end()

    async def _try(self, target: Target, asked: "_Asked", probe: bool, record: Record) -> Line:
        """One target, with each of its keys that may do better than the last."""
        connection = connection_for(self._connections, self._own, target.provider, record)
        try:
            lane = self._lane(connection, target)
            credential = connection.credential(target.model)
            if credential is None:
                raise UnservedEndpoint(
                    f"no key of the provider {connection.name!r} may be used for this model"
                )
        except GatewayError as error:
            record.attempts.append(
                Attempt(target.provider, target.model, error.code, error.http_status, cause=cause_of(error))
            )
            if probe:
                self._healths(target).release()
            raise
        spent: tuple[Credential, ...] = ()
        while True:
            last_key = not connection.has_other(target.model, (*spent, credential))
            flight = Flight(target, self._healths(target), self._rules, self._watcher, probe)
            try:
                return await self._once(Way(target, lane, credential), last_key, asked, flight, record)
            except GatewayError as error:
                probe = False
                self._watcher.upstream_error(target.provider, cause_of(error))
                rule = self._rules.of(error)
                if rule.bench:
                    connection.bench(credential, error.retry_after or rule.bench)
                spent = (*spent, credential)
                another = connection.credential(target.model, spent)
                if last_key or not rule.next_key or another is None:
                    raise
                credential = another
                self._watcher.failed_try(record, target, error, "next_key")

    def _lane(self, connection: Connection, target: Target) -> Lane:
        lane = connection.lane(REALTIME.name, target.model)
        if lane is None:
            raise UnservedEndpoint(f"the provider {target.provider!r} has no realtime sessions")
        if self._open[target.provider] >= self._bounds[target.provider]:
            raise UpstreamPoolTimeout(f"the provider {target.provider!r} has as many sessions as it may")
        return lane

    async def _once(self, way: Way, last_key: bool, asked: "_Asked", flight: Flight, record: Record) -> Line:
        target = way.target
        attempt = Attempt(target.provider, target.model)
        record.attempts.append(attempt)
        record.provider, record.model = target.provider, target.model
        self._open[target.provider] += 1
        before, opened = perf_counter_ns(), False
        try:
            line = await self._dial(way, asked, record)
            flight.answered()
            line.flight, opened = flight, True
            return line
        except GatewayError as error:
            connection = connection_for(self._connections, self._own, target.provider, record)
            connection.cleanse(error)
            attempt.outcome, attempt.status = error.code, error.http_status
            attempt.cause = cause_of(error)
            flight.failed(error, alone=last_key and not connection.own)
            raise
        except BaseException:
            attempt.outcome = "dropped"
            flight.dropped()
            raise
        finally:
            attempt.duration_ns = perf_counter_ns() - before
            record.waited_ns += attempt.duration_ns
            if not opened:
                self._open[target.provider] -= 1
                flight.end()

    async def _dial(self, way: Way, asked: "_Asked", record: Record) -> Line:
        connection = connection_for(self._connections, self._own, way.target.provider, record)
        own = None if asked.plan.timeouts is None else asked.plan.timeouts.get(way.target.provider)
        return await dial(
            connection, way, asked.query, asked.headers, self.max_message, own or connection.timeouts
        )


class _Asked(msgspec.Struct, frozen=True):
    """What a caller's handshake asks for."""

    plan: Plan
    query: bytes
    headers: tuple[Header, ...]
