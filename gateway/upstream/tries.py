"""The tries at one target: with which key, whether again, and what its health learns of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import monotonic_ns, perf_counter_ns, time
from typing import Protocol

import msgspec

from gateway._speedups.health import OPEN, TargetHealth
from gateway.errors import GatewayError, UpstreamStatus, UpstreamTimeout
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Attempt, Record
from gateway.upstream.admission import Admission, Place
from gateway.upstream.backoff import pause
from gateway.upstream.causes import Cause, cause_of
from gateway.upstream.connection import Credential
from gateway.upstream.exchange import Errand, run
from gateway.upstream.flights import Flight
from gateway.upstream.hearing import wonder
from gateway.upstream.passthrough import Carried
from gateway.upstream.ratelimits import limits_of
from gateway.upstream.replies import Stream, Whole
from gateway.upstream.rules import Rule, Rules
from gateway.upstream.shipping import Shipment, ship

Reply = Whole | Stream | Carried

Onward = Callable[[Plan, int, Call, Record, GatewayError], Awaitable[Reply]]
"""Whoever goes on where a plan's first target was given up: until when, for which request, after which error."""


class Watcher(Protocol):
    """Who is told of retries, fallbacks, hedges and failed tries; the telemetry room stands behind it."""

    def retry(self, provider: str, model: str) -> None: ...
    def fallback(self, provider: str, model: str) -> None: ...
    def hedge(self, outcome: str) -> None: ...
    def upstream_error(self, provider: str, kind: str) -> None: ...
    def failed_try(self, record: Record, target: Target, error: GatewayError, next_step: str) -> None: ...
    def breaker(self, target: Target, state: str) -> None: ...


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """How far the tries at one target may go: `deadline` is a `perf_counter_ns`; a target that is not `alone` is given
    up when its breaker opens. The first try may be the one `probe` of a half-open target. Where the target is given up,
    the others of the `plan` are asked."""

    retries: int
    deadline: int
    alone: bool
    probe: bool = False
    plan: Plan | None = None


class Tries:
    """Tries a target until it commits or is given up."""

    def __init__(
        self,
        rules: Rules,
        watcher: Watcher,
        onward: Onward,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        admissions: Mapping[str, Admission] | None = None,
    ) -> None:
        self._onward = onward
        self._admissions = admissions or {}
        self._rules = rules
        self._watcher = watcher
        self._sleep = sleep

    async def at(
        self,
        errand: Errand | Shipment,
        health: TargetHealth,
        bounds: Bounds,
        record: Record,
    ) -> Reply:
        """The target's reply. Where it is given up and the bounds have a plan, its others are asked; else its last
        error is raised."""
        connection, target = errand.connection, errand.target
        connection.budget.asked()
        spent: tuple[Credential, ...] = ()
        retry = 0
        probe = bounds.probe
        while True:
            attempt = Attempt(target.provider, target.model)
            place = None
            if self._admissions:
                try:
                    place = await self._place(attempt, health, bounds, probe, record)
                except GatewayError as error:  # waiting longer would not be trying again
                    if bounds.plan is None:
                        raise
                    return await self._onward(bounds.plan, bounds.deadline, errand.call, record, error)
            flight = Flight(target, health, self._rules, self._watcher, probe, attempt, place)
            record.attempts.append(attempt)
            record.provider, record.model = target.provider, target.model
            began = perf_counter_ns()
            flying = False
            try:
                remaining = (bounds.deadline - began) / 1e9
                if remaining <= 0:
                    raise UpstreamTimeout("the time for all tries is over", phase="total", sent=False)
                if isinstance(errand, Errand):
                    reply: Reply = await run(errand, remaining, record)
                else:
                    reply = await ship(errand, remaining, record)
                flight.answered()
                if not isinstance(reply, Whole):
                    reply.flight = flight
                    flying = True
                if connection.learns:
                    connection.proved(errand.credential)
                    if connection.heeds_limits:
                        heed(health, reply.headers)
                return reply
            except GatewayError as error:
                attempt.outcome, attempt.status = error.code, error.http_status
                attempt.cause = cause_of(error)
                failure = error
                if isinstance(error, UpstreamTimeout):
                    wonder(record, errand.call, target.model, attempt, error)
            except BaseException as error:
                attempt.outcome = "dropped"
                flight.dropped()
                wonder(record, errand.call, target.model, attempt, error)
                raise
            finally:
                attempt.duration_ns = perf_counter_ns() - began
                if not flying:
                    flight.end()
            rule = self._rules.of(failure)
            spent = (*spent, errand.credential)
            if self._to_next_key(failure, rule, errand, spent, flight, bounds):
                self._learn(errand, health, rule, failure)
                probe = flight.probe
                self._watcher.failed_try(record, target, failure, "next_key")
                errand = self._with_another_key(errand, spent)
                continue
            self._learn(errand, health, rule, failure)
            retry += 1
            wait = self._wait(failure, rule, retry, bounds, errand, health)
            if wait is None:
                if bounds.plan is None:
                    raise failure
                return await self._onward(bounds.plan, bounds.deadline, errand.call, record, failure)
            probe = False
            self._watcher.failed_try(record, target, failure, "retry")
            self._watcher.retry(target.provider, target.model)
            await self._pause(wait, record)

    def _to_next_key(
        self,
        error: GatewayError,
        rule: Rule,
        errand: Errand | Shipment,
        spent: tuple[Credential, ...],
        flight: Flight,
        bounds: Bounds,
    ) -> bool:
        """Tells the flight of its failure; whether another key of the provider is tried at once."""
        connection = errand.connection
        last_key = not connection.has_other(errand.target.model, spent)
        next_key = rule.next_key and not last_key and left(bounds.deadline) > 0
        # A credential that is lent is being renewed by now: its target need not rest. A caller's own key tells nothing
        # of others.
        renews = connection.renewed is not None and cause_of(error) == Cause.CREDENTIAL
        flight.failed(error, alone=last_key and not renews and not connection.own, goes_on=next_key)
        return next_key

    async def _place(
        self, attempt: Attempt, health: TargetHealth, bounds: Bounds, probe: bool, record: Record
    ) -> Place | None:
        """A place at a provider that has a bound. Raises TargetBusy."""
        admission = self._admissions.get(attempt.provider)
        if admission is None:
            return None
        try:
            return await admission.enter(attempt.model, bounds.deadline, record)
        except BaseException as error:
            if probe:
                health.release()
            if isinstance(error, GatewayError):
                attempt.outcome, attempt.status, attempt.cause = (
                    error.code,
                    error.http_status,
                    cause_of(error),
                )
                record.attempts.append(attempt)
                record.provider, record.model = attempt.provider, attempt.model
                self._watcher.upstream_error(attempt.provider, attempt.cause)
            raise

    def _learn(
        self, errand: Errand | Shipment, health: TargetHealth, rule: Rule, error: GatewayError
    ) -> None:
        connection = errand.connection
        self._watcher.upstream_error(errand.target.provider, cause_of(error))
        if rule.bench:
            connection.bench(errand.credential, error.retry_after or rule.bench)
        if connection.heeds_limits and isinstance(error, UpstreamStatus):
            heed(health, error.headers)

    def _with_another_key(
        self, errand: Errand | Shipment, spent: tuple[Credential, ...]
    ) -> Errand | Shipment:
        another = errand.connection.credential(errand.target.model, spent)
        assert another is not None  # has_other said so, and nothing was awaited since
        return msgspec.structs.replace(errand, credential=another)

    def _wait(
        self,
        error: GatewayError,
        rule: Rule,
        retry: int,
        bounds: Bounds,
        errand: Errand | Shipment,
        health: TargetHealth,
    ) -> float | None:
        """Seconds until the same target is tried again; None when it is not."""
        if not rule.retry or retry > bounds.retries:
            return None
        if not bounds.alone and health.state(monotonic_ns()) == OPEN:
            return None
        wait = pause(error, retry, errand.connection.longest_wait)
        if wait is None or wait >= left(bounds.deadline) or not errand.connection.budget.take():
            return None
        return wait

    async def _pause(self, seconds: float, record: Record) -> None:
        before = perf_counter_ns()
        try:
            await self._sleep(seconds)
        finally:
            record.waited_ns += perf_counter_ns() - before


def left(deadline: int) -> float:
    """Seconds until `deadline`, a `perf_counter_ns`; the one bound over all tries."""
    return (deadline - perf_counter_ns()) / 1e9


def heed(health: TargetHealth, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Notes what an answer tells of the provider's limits, for the routes that keep away from them."""
    limits = limits_of(headers, time())
    if limits is not None:
        health.limits(monotonic_ns(), limits.requests, limits.tokens)
