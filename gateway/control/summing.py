"""The job that adds stored records to the sums of their hours: many at once, for each group has a price."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.control.hands import Hands
from gateway.store.hours import PIECE, add_up, make_day
from gateway.store.records import Overtaken
from gateway.telemetry.logs import log

LOOK = 5.0
"""Seconds between two looks at how many records wait."""
LATEST = 600.0
"""Seconds after which they wait no longer, however few they are."""
PAUSE = 0.02
"""Seconds between two pieces, in which others may write."""


class Summing:
    """`engine` belongs to the work of `hands` alone."""

    def __init__(
        self,
        engine: Engine,
        hands: Hands,
        clock: Callable[[], float] = time.monotonic,
        *,
        piece: int = PIECE,
    ) -> None:
        self._engine = engine
        self._hands = hands
        self._clock = clock
        self._piece = piece
        self._done = float("-inf")

    async def run(self) -> None:
        """Runs until it is cancelled. A store that is away is waited for."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.catch_up()
            except (SQLAlchemyError, Overtaken) as error:
                log.debug("sums_wait", error=type(error).__name__)

    async def catch_up(self) -> int:
        """Adds whole pieces, and what is left where that has waited for long; how many. Makes the days that are over.
        Raises SQLAlchemyError, and Overtaken where another process does the same."""
        now = self._clock()
        least = 1 if now - self._done >= LATEST else self._piece
        added = 0
        while True:
            found = await self._hands.work(partial(add_up, self._engine, self._piece, least))
            added += found
            if found < self._piece:
                break
            await asyncio.sleep(PAUSE)
        if least == 1:
            self._done = now
        made = True
        while made:
            made = await self._hands.work(partial(make_day, self._engine, time.time_ns()))
        return added
