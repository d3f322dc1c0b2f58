"""The job that brings the journal into the store: every record once, whichever process dies and however long the store
is away.

A batch is read, and its rows are stored in one transaction with the places in the files that they came from. What is
not stored stays in the files: memory holds one batch.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from gateway.control.hands import Hands
from gateway.control.segments import Piece, read, remove_unborn, segments
from gateway.control.waiting import backlog
from gateway.schemas.record import Record
from gateway.store.engine import upgrade, writing
from gateway.store.records import Batch, Overtaken, keep, offsets
from gateway.store.rows import MOST_CALLERS, Kinds, add
from gateway.store.trouble import cause
from gateway.telemetry.backlog import Backlog
from gateway.telemetry.lastwords import keep_last
from gateway.telemetry.logs import log

MOST = 500
"""Records in one transaction. While it lasts, nobody else writes into SQLite."""
MANY = 2000
"""Records in one transaction where many wait: pages that several change are then written once."""
EVERY = 0.5
"""Seconds between two looks at the journal when all was stored: each transaction has a price of its own."""
PATIENCE = 5.0
"""Seconds after which what is not stored yet becomes urgent."""
WAITS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds until a store that is away is tried again; the last one repeats."""

TELL = 1.0
"""Seconds between two looks at how much waits."""

Count = Callable[[str, int], None]
"""Counts stored, damaged or refused records."""
Tell = Callable[[Backlog], None]
"""Hears how much of the journal waits."""


class Ingestion:
    """`engine` belongs to this job's thread alone. `folder` is the journal's."""

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        kinds: Kinds,
        unknown: Callable[[Record], bool],
        count: Count,
        tell: Tell | None = None,
    ) -> None:
        self._folder = folder
        self._engine = engine
        self._kinds = kinds
        self._unknown = unknown
        self._count = count
        self._tell = tell
        self._told_at = float("-inf")
        self._places: dict[str, int] = {}
        self._decode = msgspec.msgpack.Decoder(Record).decode
        self._offsets: dict[str, int] | None = None
        self._callers: set[int] = set()
        self._lost: set[str] = set()
        self._turn = 0
        self._failures = 0
        self._ready = False
        self._stepping = threading.Lock()

    async def run(self, hands: Hands) -> None:
        """Runs until it is cancelled. The work is patient until it has not caught up with the workers for long."""
        caught_up = time.monotonic()
        while True:
            urgent = not self._ready or time.monotonic() - caught_up > PATIENCE
            most = MANY if urgent else MOST
            found = await hands.work(partial(self.step, most), urgent=urgent)
            if self._failures:
                await asyncio.sleep(WAITS[min(self._failures, len(WAITS)) - 1])
            elif found < most:
                caught_up = time.monotonic()
                await asyncio.sleep(EVERY)

    def split_by(self, kinds: Kinds) -> None:
        """From now on costs are told by kind so: prices have changed."""
        self._kinds = kinds

    def finish(self, seconds: float) -> None:
        """Stores what is there by now, for at most about so long."""
        latest = time.monotonic() + seconds
        while self.step(MANY) and time.monotonic() < latest:
            pass

    def step(self, most: int = MOST) -> int:
        """One batch of at most so many; how many records were read. A store that is away is logged once, and once when
        it is back."""
        found = self._try(most)
        if self._tell is not None and time.monotonic() - self._told_at >= TELL:
            self._told_at = time.monotonic()
            with suppress(OSError):  # the next look may succeed, and the age tells of it meanwhile
                self._tell(backlog(self._folder, self._places, time.time_ns()))
        return found

    def _try(self, most: int) -> int:
        try:
            with self._stepping:
                found = self._step(most)
        except Overtaken:
            self._offsets = None
            return 0
        except (SQLAlchemyError, OSError) as error:
            self._offsets = None
            self._failures += 1
            if self._failures == 1:
                hint = "requests are served all the same; their records wait in the journal"
                log.error("store_away", error=cause(error), hint=hint)
            return 0
        if self._failures:
            log.info("store_back", tries=self._failures)
            self._failures = 0
        return found

    def _step(self, most: int) -> int:
        if not self._ready:
            upgrade(self._engine)
            remove_unborn(self._folder)
            self._ready = True
        if self._failures:
            with writing(self._engine):
                pass  # else each try would read a whole batch for a store that is still away
        if self._offsets is None:
            self._callers = set()
            with self._engine.connect() as connection:
                self._offsets = self._places = offsets(connection)
        batch, over, damages = Batch(self._callers), [], 0
        for path in self._in_turn():
            piece = self._read(path, most - len(batch.records))
            if piece is None:
                continue
            damages += self._take(path, piece, batch)
            if piece.over:
                over.append(path)
            if len(batch.records) >= most:
                break
        if batch.places:
            self._store(batch)
            self._count("journal_damaged", damages)
        for path in over:  # all that it held is stored
            keep_last(path)
            path.unlink(missing_ok=True)
            self._lost.discard(path.name)
        return len(batch.records)

    def _in_turn(self) -> list[Path]:
        """Every file, each time with another one first: none waits for ever behind a busy one."""
        found = segments(self._folder)
        self._turn += 1
        at = self._turn % len(found) if found else 0
        return found[at:] + found[:at]

    def _read(self, path: Path, most: int) -> Piece | None:
        assert self._offsets is not None
        try:
            return read(path, self._offsets.get(path.name, 0), most, path.name in self._lost)
        except FileNotFoundError:
            return None  # another one stored and removed it

    def _take(self, path: Path, piece: Piece, batch: Batch) -> int:
        """Adds what was read; how much of it was damaged."""
        damages = piece.found.damages
        if piece.found.done:
            batch.places[path.name] = (piece.start, piece.start + piece.found.done)
        for payload in piece.found.payloads:
            try:
                add(batch, self._decode(payload), self._kinds, self._unknown)
            except (msgspec.DecodeError, UnicodeError):
                damages += 1
        if piece.found.lost:
            self._lost.add(path.name)
        else:
            self._lost.discard(path.name)
        return damages

    def _store(self, batch: Batch) -> None:
        assert self._offsets is not None
        now = time.time_ns()
        try:
            with writing(self._engine) as connection:
                stored = keep(connection, batch, now)
            if len(self._callers) > MOST_CALLERS:
                self._callers = set()
            self._callers.update(batch.callers)
        except (DataError, IntegrityError):
            stored = self._store_singly(batch, now)
        self._count("records_stored", stored)
        self._offsets.update({file: after for file, (_, after) in batch.places.items()})

    def _store_singly(self, batch: Batch, now: int) -> int:
        """One record that the store refuses does not hold up all others: it is counted and left out."""
        stored = refused = 0
        with writing(self._engine) as connection:
            for row in batch.records:
                single = batch.only(row)
                try:
                    with connection.begin_nested():
                        stored += keep(connection, single, now)
                except (DataError, IntegrityError) as error:
                    refused += 1
                    log.error("record_refused", request_id=row[0], error=cause(error))
            places = Batch()
            places.places = batch.places
            keep(connection, places, now)
        self._count("records_refused", refused)
        return stored
