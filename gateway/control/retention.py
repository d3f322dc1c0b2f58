"""The job that keeps the store's size: removes old records and bodies in small pieces, then gives the room back."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.config.records_model import Records
from gateway.control.hands import Hands
from gateway.store import retention
from gateway.store.engine import writing
from gateway.store.hours import forget_days, forget_hours
from gateway.telemetry.logs import log

EVERY = 60.0
PAUSE = 0.02
"""Seconds between two pieces, in which others may write."""
PLACES = 30 * 86_400.0
"""Seconds after which the place of a file is forgotten."""

Piece = Callable[[Connection], int]


class Retention:
    """`engine` belongs to the work of `hands` alone."""

    def __init__(
        self,
        engine: Engine,
        kept: Records,
        clock: Callable[[], int] = time.time_ns,
        hands: Hands | None = None,
    ) -> None:
        self._engine = engine
        self._do = Hands().work if hands is None else hands.work
        self._kept = kept
        self._clock = clock

    def keep(self, kept: Records) -> None:
        """From now on so much is kept."""
        self._kept = kept

    async def run(self) -> None:
        """Runs until it is cancelled. A store that is away is waited for."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.clean()
            except SQLAlchemyError as error:
                log.debug("retention_waits", error=type(error).__name__)

    async def clean(self) -> int:
        """Removes all that is too much now; how many records, bodies and sums. Raises SQLAlchemyError."""
        removed = 0
        for piece in self._pieces():
            while found := await self._do(partial(self._one, piece)):
                removed += found
                await asyncio.sleep(PAUSE)
        if removed:
            await self._do(partial(self._one, self._forget_places))
            more = await self._do(partial(self._one, retention.shrink))
            while more:
                await asyncio.sleep(PAUSE)  # others write between two steps
                more = await self._do(partial(self._one, retention.shrink))
            log.info("records_removed", number=removed)
        return removed

    def _pieces(self) -> list[Piece]:
        kept = self._kept
        found: list[Piece] = []
        if kept.keep:
            before = self._before(kept.keep)
            found += partial(retention.forget, before_ns=before), partial(forget_hours, before_ns=before)
        if kept.most:
            found.append(partial(retention.forget_surplus, most=kept.most))
        if kept.keep_sums:
            found.append(partial(forget_days, before_ns=self._before(kept.keep_sums)))
        if kept.keep_bodies:
            found.append(partial(retention.forget_bodies, before_ns=self._before(kept.keep_bodies)))
        return found

    def _forget_places(self, connection: Connection) -> int:
        retention.forget_places(connection, self._before(PLACES))
        return 0

    def _before(self, seconds: float) -> int:
        return self._clock() - int(seconds * 1e9)

    def _one(self, piece: Piece) -> int:
        with writing(self._engine) as connection:
            return piece(connection)
