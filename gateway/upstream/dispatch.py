"""Sends a request along its plan until one target commits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter_ns
from typing import Protocol

from gateway.errors import GatewayError, Lossy, UnknownModel, UnknownPath, UpstreamTimeout
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target, Timeouts
from gateway.schemas.record import Attempt, Record
from gateway.upstream.connection import Connection
from gateway.upstream.exchange import Errand, run
from gateway.upstream.passthrough import Carried, Parcel, carry
from gateway.upstream.rendering import MaxOutput, render
from gateway.upstream.replies import Stream, Whole
from gateway.upstream.tries import kind, may_fall_back, may_retry, pause

Reply = Whole | Stream


class Watcher(Protocol):
    """Who is told of retries, fallbacks and failed tries; the telemetry room stands behind it."""

    def retry(self, provider: str, model: str) -> None: ...
    def fallback(self, provider: str, model: str) -> None: ...
    def upstream_error(self, provider: str, kind: str) -> None: ...
    def failed_try(self, record: Record, target: Target, error: GatewayError, next_step: str) -> None: ...


class Dispatcher:
    """Tries each target in turn; returns once one commits: a whole answer, or a stream's first content event."""

    def __init__(
        self,
        connections: Mapping[str, Connection],
        max_output: MaxOutput,
        watcher: Watcher,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._connections = connections
        self._max_output = max_output
        self._watcher = watcher
        self._sleep = sleep

    async def send(self, plan: Plan, call: Call, record: Record) -> Reply:
        """The reply of the first target that commits. Raises the last target's error."""
        last = len(plan.targets) - 1
        deadline = record.started_ns + int(self._timeouts(plan, plan.targets[0]).total * 1e9)
        for index, target in enumerate(plan.targets):
            try:
                return await self._try_target(target, plan, deadline, call, record)
            except GatewayError as error:
                if index == last or not may_fall_back(error) or _left(deadline) <= 0:
                    raise
                self._watcher.failed_try(record, target, error, "fallback")
                self._watcher.fallback(target.provider, target.model)
                record.fallback = True
        raise UnknownModel("the plan has no target", param="model")  # a plan is never empty

    async def carry(self, provider: str, one: Parcel, record: Record) -> Carried:
        """The answer of one provider to a request that passes as it is. Raises UnknownPath for an unknown provider."""
        connection = self._connections.get(provider)
        if connection is None:
            raise UnknownPath(f"no provider {provider[:80]!r} is configured")
        try:
            return await carry(connection, one, record)
        except GatewayError as error:
            self._watcher.upstream_error(provider, kind(error))
            raise

    def _timeouts(self, plan: Plan, target: Target) -> Timeouts:
        own = None if plan.timeouts is None else plan.timeouts.get(target.provider)
        return own or self._connections[target.provider].timeouts

    async def _try_target(
        self, target: Target, plan: Plan, deadline: int, call: Call, record: Record
    ) -> Reply:
        connection = self._connections[target.provider]
        retries = connection.retries if plan.retries is None else plan.retries
        out = render(
            connection, target, call, record, self._max_output
        )  # may raise what no provider is to blame for
        if plan.strict and record.dropped:
            raise Lossy(target.provider, record.dropped)
        errand = Errand(connection, target, call, out, self._timeouts(plan, target))
        retry = 0
        while True:
            try:
                return await self._attempt(errand, deadline, record)
            except GatewayError as error:
                self._watcher.upstream_error(target.provider, kind(error))
                retry += 1
                wait = pause(error, retry) if retry <= retries and may_retry(error) else None
                if wait is None or wait >= _left(deadline):
                    raise
                self._watcher.failed_try(record, target, error, "retry")
                self._watcher.retry(target.provider, target.model)
            await self._pause(wait, record)

    async def _attempt(self, errand: Errand, deadline: int, record: Record) -> Reply:
        target = errand.target
        attempt = Attempt(target.provider, target.model)
        record.attempts.append(attempt)
        record.provider, record.model = target.provider, target.model
        left = _left(deadline)
        began = perf_counter_ns()
        try:
            if left <= 0:
                raise UpstreamTimeout("the time for all tries is over", phase="total")
            return await run(errand, left, record)
        except GatewayError as error:
            attempt.outcome, attempt.status = error.code, error.http_status
            raise
        finally:
            attempt.duration_ns = perf_counter_ns() - began

    async def _pause(self, seconds: float, record: Record) -> None:
        before = perf_counter_ns()
        await self._sleep(seconds)
        record.waited_ns += perf_counter_ns() - before


def _left(deadline: int) -> float:
    """Seconds until `deadline`, a `perf_counter_ns`; the one bound over all tries."""
    return (deadline - perf_counter_ns()) / 1e9
