"""What the workers go by, kept up to date: the file is read again when it changes or on SIGHUP, the store when asked.

The files that lead to the workers are those of gateway.control.handed. A configuration with a mistake changes nothing,
and its mistakes are logged.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.access import snapshot
from gateway.access.snapshot import Snapshot
from gateway.config import Config, ConfigError, carried
from gateway.control.emptied import slip
from gateway.control.handed import (
    MAGIC,
    Reading,
    adopted,
    config_of,
    config_path,
    governance_content,
    revoked_path,
    snapshot_path,
    was_keyed,
)
from gateway.control.revoking import Revoking
from gateway.providers import sealed
from gateway.providers.sealed import DamagedFile
from gateway.schemas.governance import Gone, Governance
from gateway.store.trouble import cause
from gateway.telemetry.logs import log

if TYPE_CHECKING:
    from gateway.store.compiling import Stored

LOOK = 1.0
"""Seconds between two looks at whether the file has changed."""

CALM = 0.5
"""Seconds without another key that ends, after which the rest of what the store says follows: it takes this process as
long as many answers."""
LATEST = 5.0
"""Seconds after which it follows whatever ends."""
AGAIN = 2.0
"""Seconds until it is tried again, where the disk is full or the store is away."""
QUIET = 60.0
"""Seconds until it is said again that a changed file cannot be read or handed out; it is tried at each look."""

Reread = Callable[[], Config]
"""The configuration as it would be after a restart. Raises ConfigError, OSError."""

FIXED = ("server", "admin", "data", "store", "journal", "log")
"""Sections that only a restart changes."""


_NOTHING: tuple[str, ...] = ()


class Snapshots:
    """Compiles, writes, and tells the workers. `stored` gives what the store says; it runs in a thread. `declared` is
    what the file says of callers; `left` is told what it said before and what it says now, once workers go by that.
    `failed` is called at each try in which the workers could not be told."""

    def __init__(
        self,
        config: Config,
        publish: Callable[[], object],
        reread: Reread | None = None,
        stored: Reading | None = None,
        *,
        look: float = LOOK,
        calm: float = CALM,
        again: float = AGAIN,
        failed: Callable[[], object] = lambda: None,
    ) -> None:
        self.config = config
        self.served = config
        self._moved = asyncio.Event()
        self.left: Callable[[bytes, bytes], None] = lambda *_: None
        self._publish = publish
        self._reread = reread
        self._stored = stored
        self._look = look
        self._calm = calm
        self._wait = again
        self._count_failure = failed
        self._follows = False
        self._revoked = 0.0
        self._asked = asyncio.Event()
        self._lock = asyncio.Lock()
        self._storing = asyncio.Lock()
        self._last = b""
        self._handed: bytes | None = None
        self.declared = governance_content(config)
        self._known: Stored | None = None
        self._remembered: Stored | None = None
        self._left_out: tuple[str, ...] = ()
        self._failed = False
        self._again = False
        self._quiet_until = 0.0
        self._keyed: bool | None = None
        self._heard = asyncio.Event()
        self._inherited = False
        self._revoking = Revoking(revoked_path(config), snapshot_path(config))
        self._next: asyncio.Future[None] | None = None
        self._behind: set[asyncio.Future[None]] = set()

    async def served_other_than(self, known: Config) -> Config:
        """The configuration with what the store adds, once it is another than `known`."""
        while self.served is known:
            await self._moved.wait()
        return self.served

    def _serve(self, whole: Config) -> None:
        if whole != self.served:
            self.served = whole
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    def ask(self) -> None:
        """Reads the file again soon, changed or not."""
        self._asked.set()

    async def publish(self) -> None:
        """Compiles what the store says now. When this returns, the workers have been told. Whoever asks while it is
        compiled waits for the next time, all together. Raises what the store raises, and OSError; it is tried again
        then, until the workers have been told."""
        try:
            await self._told()
        except Exception:
            self._follow_soon()
            raise

    async def _told(self) -> None:
        if self._next is None:
            self._next = asyncio.ensure_future(self._compile())
            self._next.add_done_callback(_heard)
        await asyncio.shield(self._next)

    async def revoke(self, gone: Sequence[Gone]) -> bool:
        """Tells the workers of keys that the store has ended; all else that it says follows in the background. Where
        this returns False they have not been told, and nothing follows."""
        if self._stored is None or not await self._revoking.add(gone):
            return False
        self._publish()
        self._revoked = time.monotonic()
        self._follow_soon()
        return True

    def _follow_soon(self) -> None:
        if not self._follows:
            self._follows = True
            following = asyncio.ensure_future(self._follow())
            self._behind.add(following)
            following.add_done_callback(self._behind.discard)

    async def _follow(self) -> None:
        latest = time.monotonic() + LATEST
        while (rest := min(self._revoked + self._calm, latest) - time.monotonic()) > 0:  # noqa: ASYNC110 - of time alone
            await asyncio.sleep(rest)
        said = False
        while True:
            self._follows = False  # what ends from here on needs another one
            try:
                await self._told()
                return
            except Exception as error:
                self._count_failure()
                if not said:
                    hint = "keys that were ended are refused all the same, where the answer said so; it is tried again"
                    log.error("change_not_published", error=cause(error), hint=hint)
                said = True
            if self._follows:
                return
            self._follows = True
            await asyncio.sleep(self._wait)

    async def _compile(self) -> None:
        async with self._storing:
            self._next = None  # what changes from here on may be missed: whoever asks now waits for the next
            if self._stored is None:
                return
            await self.resume()
            version = await self._revoking.version()
            known = await asyncio.to_thread(self._stored)
            governance = msgspec.structs.replace(self._kept_shut(known.governance), version=version)
            content = await asyncio.to_thread(snapshot.encoded, governance)
            new = content != self._last
            if new:
                await asyncio.to_thread(snapshot.write, snapshot_path(self.config), content)
                self._last = content
            await self._remember(known)
            async with self._lock:
                self._known = known
                self._heard.set()
                handed = await self._hand_out(self.config)
            if new or handed:
                self._publish()
            await self._revoking.include(version)

    async def _remember(self, known: "Stored") -> None:
        assert self._stored is not None  # it has just said it
        said = msgspec.structs.replace(known, governance=Governance(), broken=())
        if said == self._remembered:
            return
        try:
            await asyncio.to_thread(self._stored.remember, known)
            self._remembered = said
        except OSError as error:
            hint = "the next start will wait for the store"
            log.warning("copy_not_kept", error=error.strerror or "", hint=hint)

    def _kept_shut(self, governance: Governance) -> Governance:
        """Where there were keys once, the end of the last one lets nobody in, unless the file wants everybody in."""
        if self._keyed is None:
            self._keyed = was_keyed(self.config)
        self._keyed = bool(governance.keys) or (self._keyed and not self.config.server.allow_insecure)
        return msgspec.structs.replace(governance, keyed=self._keyed)

    async def _hand_out(self, config: Config) -> bool:
        """Writes the configuration, with what the store adds, where it is another one than the workers have. Raises
        OSError."""
        whole, content, left_out = await asyncio.to_thread(self._content, config)
        if left_out != self._left_out:
            self._left_out = left_out
            if left_out:
                hint = "the rest of the store is served; change this at the admin API, or the file"
                log.warning("stored_left_out", problems=list(left_out), hint=hint)
        if content != self._handed:
            await asyncio.to_thread(sealed.write, config_path(config), MAGIC, content)
        new, self._handed = content != self._handed, content
        self._serve(whole)
        return new

    def _content(self, config: Config) -> tuple[Config, bytes, tuple[str, ...]]:
        whole, left_out = config, _NOTHING
        own: dict[str, dict[str, str]] = {}
        if self._stored is not None and self._known is not None:
            whole, left_out = self._stored.added(config, self._known)
            own = {
                id: {name: one.reveal() for name, one in keys.items()} for id, keys in self._known.own.items()
            }
        file = b"" if whole is config else carried.encoded(config)
        return whole, msgspec.msgpack.encode((carried.encoded(whole), self.declared, own, file)), left_out

    async def run(self) -> None:
        """Runs until it is cancelled."""
        await self.resume()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_store())
            tasks.create_task(self._follow_file())

    async def _follow_file(self) -> None:
        if self._inherited:  # what the store added would be lost with the first look at the file
            await self._heard.wait()
        if self._reread is not None:
            self._asked.set()  # it may have changed while this process began
        seen = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look):
                    await self._asked.wait()
            now = _state(self.config.source)
            if self._asked.is_set() or self._again or now not in (seen, None):
                self._asked.clear()
                seen = now
                await self.reload()

    async def resume(self) -> None:
        """What a predecessor handed out holds, and the file may have changed since it looked."""
        async with self._lock:
            if self._handed is not None:
                return
            self._handed = (await asyncio.to_thread(self._content, self.config))[1]
            try:
                content = await asyncio.to_thread(
                    sealed.read, config_path(self.config), MAGIC, snapshot.LARGEST
                )
                if content is None:
                    return
                found = adopted(content)
                config = config_of(found.file or found.config)
            except (OSError, DamagedFile):
                return
            self._handed, self.declared = bytes(content), bytes(found.governance)
            self._serve(config_of(found.config))
            if self._stored is not None and bool(found.file or found.own):
                self._known = await asyncio.to_thread(self._stored.recalled)
                self._inherited = self._known is None
            if config != msgspec.structs.replace(self.config, governance=Governance()):
                self.config = msgspec.structs.replace(config, governance=Governance())

    async def _keep_store(self) -> None:
        """Compiles what the store says, once; a store that is away is asked again, callers being known as they were."""
        while self._stored is not None and not self._last:
            try:
                await self._told()
            except Exception as error:
                if not self._failed:
                    hint = "callers are known as they last were; it is asked again"
                    log.warning("store_unreadable", error=cause(error), hint=hint)
                self._failed = True
                await asyncio.sleep(self._look)

    async def reload(self) -> bool:
        """Reads the file again; whether it holds now. What is wrong with it is logged."""
        if self._reread is None:
            log.warning("reload_ignored", hint="the configuration does not come from a file")
            return False
        async with self._lock:
            try:
                took = await self._take(await asyncio.to_thread(self._reread))
            except ConfigError as error:
                self._not_taken(*(f"{one.place}: {one.message}" for one in error.problems))
            except ValueError as error:
                self._not_taken(str(error))
            except OSError as error:  # the disk's or the memory's fault, which passes
                if not self._again or time.monotonic() >= self._quiet_until:
                    self._not_taken(str(error), hint="the configuration stays as it was; it is tried again")
                    self._quiet_until = time.monotonic() + QUIET
                self._again = True
                return False
            else:
                self._again = False
                return took
            self._again = False
            return False

    def _not_taken(self, *problems: str, hint: str = "the configuration stays as it was") -> None:
        log.error("reload_failed", problems=list(problems), hint=hint)

    async def _take(self, found: Config) -> bool:
        """Raises OSError."""
        fixed = [name for name in FIXED if getattr(found, name) != getattr(self.config, name)]
        if fixed:
            log.warning("restart_needed", sections=fixed, hint="the rest of the file holds from now on")
        kept = {name: getattr(self.config, name) for name in FIXED}
        config = msgspec.structs.replace(found, **kept)
        declared = governance_content(config)
        if config == self.config and declared == self.declared:
            log.debug("reload_unchanged")
            return True
        keyed, by_store = Snapshot(self.declared).keyed, self._is_keyed_by_store()
        wrong = slip(self.config, found, keyed=keyed, keyed_by_store=by_store)
        if wrong is not None:
            self._not_taken(wrong.problem, hint=wrong.hint)
            return False
        before, self.declared = self.declared, declared
        try:
            handed = await self._hand_out(config)
        except OSError:
            self.declared = before
            raise
        self.config = config
        if handed:
            self._publish()
        self.left(before, self.declared)
        log.info(
            "reloaded", file=config.source, keys=len(config.governance.keys), providers=len(config.providers)
        )
        return True

    def _is_keyed_by_store(self) -> bool:
        if self._keyed is None and self._stored is not None:
            self._keyed = was_keyed(self.config)
        return bool(self._keyed)


def _heard(compiled: asyncio.Future[None]) -> None:
    """Nobody may be left who waits for it."""
    if not compiled.cancelled():
        compiled.exception()


def _state(source: str) -> Any:
    """What changes when the file does; None while it is not there, as when an editor replaces it."""
    try:
        found = os.stat(source)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
