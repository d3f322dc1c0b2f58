"""The wiring: from a configuration to the rooms of a worker. Nothing else in the house knows all of them."""

import asyncio
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from time import monotonic, time_ns

import msgspec

from gateway import __version__
from gateway._speedups import health, limits
from gateway._speedups.http1 import Client
from gateway._speedups.ledger import Ledger
from gateway.access.callers import Callers
from gateway.access.proxied import Proxied
from gateway.access.snapshot import Snapshot
from gateway.api import pages
from gateway.api.application import Application
from gateway.api.door import Watch
from gateway.api.model_shapes import Listed
from gateway.cache.store import Shelf
from gateway.config import Config, ProviderConfig
from gateway.config.secret import Secret
from gateway.control.child import parent
from gateway.control.files import last_listed, models_path, runtime_folder
from gateway.control.handed import governance_content
from gateway.control.keeping import figures, shelf_for
from gateway.control.process import asks_for_models
from gateway.control.sums import begin_with
from gateway.listening import stop_listening
from gateway.pipeline import Access, Crowd, Gateway
from gateway.providers.catalog import Catalog, catalog_again, catalog_of
from gateway.providers.prices import cost_nano_usd
from gateway.schemas.governance import Governance
from gateway.schemas.usage import Usage
from gateway.telemetry.caching import Figures
from gateway.telemetry.cells import sections
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.logs import log
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.settle import Telemetry
from gateway.tokens.encodings import O200K, encoding
from gateway.tokens.ratios import Counter, Ratios
from gateway.upstream.connection import Connection
from gateway.upstream.dispatch import Dispatcher
from gateway.upstream.flights import Healths
from gateway.upstream.own_keys import OwnKeys
from gateway.upstream.realtime import Lines
from gateway.upstream.renewal import Renewed, in_thread
from gateway.upstream.shadow import Shadows
from gateway.wiring.accounting import Accounting
from gateway.wiring.admission import admissions
from gateway.wiring.caching import Cached
from gateway.wiring.connections import connection, heeds_limits, lent, vendor
from gateway.wiring.fading import Fading
from gateway.wiring.failures import breakers, rules
from gateway.wiring.governing import Governing
from gateway.wiring.journal import bodies, journal
from gateway.wiring.listing import listed
from gateway.wiring.machine import prefer_throughput, settle_memory
from gateway.wiring.meaning import learn
from gateway.wiring.news import News, as_before, last_stored
from gateway.wiring.routes import declared, router
from gateway.wiring.ruling import ruling, shadowing

PULSE = 0.1
"""Seconds between two looks at the ledger: the heartbeat, and whether a drain has begun or run out of time."""
YOUTH = 0.25
"""Seconds in which the server may be taking up its listener: it fails on one that is closed under its hands."""
LOOK = 0.02
"""Seconds between two looks at whether the control process has news."""
LINGER = 0.5
"""Seconds between two looks at whether a provider that was taken out has no request left."""
BUILD = 120.0
"""Seconds that reading price files and lists may take."""


class Prepared(msgspec.Struct, frozen=True):
    """What the supervisor builds once and every worker inherits.

    `models` is the file of the providers' lists, None where none will be asked for any; `version` is the ledger's from
    before it was read. `declared` is what the file says of callers, `stored` what the store last said;
    the cache's entries are on the `shelf`. `config` is the `file`'s with what the store last added, the callers' `own`
    provider keys beside it.
    """

    config: Config
    catalog: Catalog
    ledger: Ledger
    models: Path | None
    version: int
    declared: Snapshot
    stored: Snapshot
    news: News
    shelf: Shelf
    file: Config
    own: dict[str, dict[str, Secret]]


def prepare(config: Config) -> Prepared:
    """Builds what does not depend on an event loop. Raises what a bad price file or ledger raises."""
    file = config
    config, own = as_before(file)
    catalog = catalog_of(config)
    if encoding(O200K) is None:  # loaded here, it is every worker's
        log.warning("tokens are estimated: this build has no ranks")
    rows = min(max(16, config.server.workers + 4), 64)
    ledger = Ledger.prepare(
        ledger_path(config), (*sections(), *health.sections(), *limits.sections(workers=rows))
    )
    health.forget(ledger)
    begin_with(config, ledger)
    version = ledger.snapshot_version
    models = models_path(config) if asks_for_models(config) else None
    news = News(config, models)
    news.since(*news.paths)
    catalog.adopt(last_listed(config, models))
    learn(config)
    callers = Snapshot(governance_content(file)), last_stored(file)
    shelf = shelf_for(config)
    return Prepared(config, catalog, ledger, models, version, *callers, news, shelf, file, own)


def ledger_path(config: Config) -> Path:
    """Counters live in memory where the system offers it: they need no disk, and no disk can slow them."""
    return runtime_folder() / f"gateway-{os.getuid()}-{config.server.port}.ledger"


def ignore(_: Gateway) -> None:
    """Nobody waits for another gateway."""


class Worker:
    """What lives as long as a worker: its connections, its place in the ledger, its pulse."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._callers = Watch()
        self._clients: list[Client] = []
        self._renewed: list[Renewed] = []
        self._parent = parent()
        self._begun = monotonic()
        self._declared = declared(prepared.config)
        self._pulse: asyncio.TimerHandle | None = None
        self._shadows: Shadows | None = None
        self._version = prepared.version
        self._counter = Counter(Ratios())
        self._news = prepared.news
        self._own = prepared.own
        self._catching_up: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._connections: dict[str, tuple[object, Connection]] = {}
        self._kept: dict[str, tuple[object, Connection]] = {}
        self._look_again: asyncio.TimerHandle | None = None
        self._gateway: Gateway | None = None
        self.swapped: Callable[[Gateway], None] = ignore
        self.models = pages.Models(self._listed, self._visible)

    def held(self) -> Figures:
        """What the cache holds."""
        return figures(self._prepared.shelf, self._prepared.ledger, self._prepared.config)

    async def start(self) -> Gateway:
        """Makes everything that is bound to the running loop."""
        loop, ledger = asyncio.get_running_loop(), self._prepared.ledger
        self._fading = Fading(loop)
        self._place = ledger.join()
        self._journal = journal(self._prepared.config, ledger, self._place.number)
        metrics = Metrics(ledger, self._place, self._is_label)
        self._telemetry = Telemetry(metrics, self._price, self._journal, Accounting(self._counter))
        self._board = health.Board(ledger, self._place.number)
        self._governing = Governing(ledger, self._place.number, self._telemetry.bills, self._counter)
        self._cached = Cached(self._prepared.shelf, ledger, self._callers, self._telemetry)
        self._gateway = self._furnished(loop)
        if ledger.snapshot_version != self._version:  # a worker that takes a dead one's place
            self._version = ledger.snapshot_version
            await self._catch_up(loop)
        self._beat(loop)
        self._look(loop)
        settle_memory()
        return self._gateway

    def _furnished(self, loop: asyncio.AbstractEventLoop) -> Gateway:
        """The rooms by the configuration as it is now."""
        config, catalog = self._prepared.config, self._prepared.catalog
        telemetry, board = self._telemetry, self._board
        self._healths = Healths(board, self._is_label, breakers(config))
        self._router = router(config, catalog, self._healths)
        self._benched = telemetry.key_benched
        connections = {name: self._connect(one, loop) for name, one in config.providers.items()}
        own = OwnKeys(partial(lent, config, self._own)) if self._own else None
        dispatcher = Dispatcher(
            *(connections, catalog.max_output, self._window, self._healths, telemetry, rules(config)),
            mid_stream=config.mid_stream,
            count_tokens=self._counter.count_request,
            admissions=admissions(config, board, telemetry),
            own=own,
        )
        self._shadows = shadowing(config, dispatcher, telemetry)
        return Gateway(
            access=self._access(),
            router=self._router,
            dispatcher=dispatcher,
            callers=self._callers,
            telemetry=telemetry,
            max_body=config.limits.max_body,
            lines=Lines(
                connections,
                {name: one.max_connections for name, one in config.providers.items()},
                config.limits.max_message,
                self._healths,
                telemetry,
                rules(config),
                own,
            ),
            rules=ruling(config, telemetry),
            shadows=self._shadows,
            keepalive=config.keepalive_comments,
            bodies=bodies(config),
            caching=self._cached.furnished(config, dispatcher, self._shadows),
            crowd=Crowd(config.limits.requests),
        )

    async def stop(self) -> None:
        """Closes every connection and gives the worker's place back."""
        for timer in (self._pulse, self._look_again):
            if timer is not None:
                timer.cancel()
        if self._catching_up is not None:
            self._catching_up.cancel()
        self._fading.close()
        if self._shadows is not None:
            await self._shadows.stop()
        for one in self._renewed:
            await one.stop()
        for client in self._clients:
            await client.close()
        if self._journal is not None:
            self._journal.close()
        self._governing.close()
        self._cached.close()
        self._place.leave()

    def _connect(self, config: ProviderConfig, loop: asyncio.AbstractEventLoop) -> Connection:
        """The connection as it was where nothing about it has changed."""
        all_of = self._prepared.config
        asked = (config, all_of.limits, heeds_limits(all_of))
        had = self._kept.get(config.name)
        if had is None or had[0] != asked:
            had = asked, self._connected(config, loop)
        self._connections[config.name] = had
        return had[1]

    def _connected(self, config: ProviderConfig, loop: asyncio.AbstractEventLoop) -> Connection:
        limits = self._prepared.config.limits
        client = Client(
            loop,
            max_connections=config.max_connections,
            keepalive=limits.keepalive,
            pool_wait=limits.pool_wait,
            max_body=limits.max_answer,
        )
        self._clients.append(client)
        benches = self._healths.of_keys(config.name, len(config.keys)) if len(config.keys) > 1 else ()
        heeds = heeds_limits(self._prepared.config)
        made = connection(config, vendor(config), client, benches, self._benched, heeds)
        if made.renewed is not None:
            made.renewed.start()
            self._renewed.append(made.renewed)
        return made

    def _drain(self, ledger: Ledger) -> None:
        callers = self._callers
        callers.draining = True
        if self._shadows is not None:
            self._shadows.cut()
        if monotonic() - self._begun > YOUTH:
            stop_listening()  # again on each beat: a worker that just started may begin to listen only now
        over = time_ns() >= ledger.drain_deadline_ns
        if over and not callers.cut:
            callers.cut_all()
        if os.getppid() != self._parent and (over or not callers):
            os.kill(os.getpid(), signal.SIGTERM)

    def _is_label(self, provider: str, model: str) -> bool:
        """Whether a model's name may be a metric label: one that a caller cannot make up."""
        return self._prepared.catalog.is_known(provider, model) or f"{provider}/{model}" in self._declared

    def _window(self, provider: str, model: str) -> int | None:
        facts = self._prepared.catalog.facts(provider, model)
        return None if facts is None else facts.context_window

    def _price(self, provider: str, model: str, usage: Usage, at: int) -> int | None:
        facts = self._prepared.catalog.facts(provider, model)
        return None if facts is None else cost_nano_usd(facts, usage, at)

    def _access(self) -> Access:
        return self._governing.access(self._prepared, self._own)

    def _visible(self, headers: Mapping[bytes, bytes]) -> Callable[[str], bool] | None:
        assert self._gateway is not None  # no request comes before `start` is over
        access = self._gateway.access
        if isinstance(access, Callers):
            return access.visible(headers)
        access.authenticate(headers)
        return None

    def _listed(self) -> Iterator[Listed]:
        return listed(self._prepared.config, self._prepared.catalog)

    async def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes what control has written; what cannot be used changes nothing but who may call."""
        before, connections = self._prepared, self._connections
        try:
            await self._catch_up(loop)
        except Exception as error:
            now, self._connections, self._kept = self._prepared, connections, {}
            self._prepared = msgspec.structs.replace(before, stored=now.stored, declared=now.declared)
            assert self._gateway is not None  # the pulse begins after it
            self._gateway = msgspec.structs.replace(self._gateway, access=self._access())
            self.swapped(self._gateway)
            trace = "".join(traceback.format_exception(error))
            log.error("configuration_refused", error=f"{type(error).__name__}: {error}", trace=trace)

    async def _catch_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """The control process has written something: new requests go by it, those under way by what was."""
        stored, changed, models = (
            await self._news.stored(),
            await self._news.config(),
            await self._news.models(),
        )
        assert self._gateway is not None  # the pulse begins after it
        refurnish, before = False, (self._gateway.access, self._prepared.declared, self._prepared.stored)
        if stored is not None:
            self._prepared = msgspec.structs.replace(self._prepared, stored=stored)
        if changed is not None:
            refurnish = (changed.config, changed.own) != (without_callers(self._prepared.config), self._own)
            self._own = changed.own
            if refurnish:
                self._prepared = await self._changed(changed.config, changed.declared)
            else:
                self._prepared = msgspec.structs.replace(self._prepared, declared=changed.declared)
        if models is not None:
            self._prepared.catalog.adopt(models)
            self._router.forget()
            self.models.forget()
        if refurnish:
            self._gateway = self._refurnished(loop)
        elif stored is not None or changed is not None:
            self._gateway = msgspec.structs.replace(self._gateway, access=self._access())
        self.swapped(self._gateway)
        now = (self._gateway.access, self._prepared.declared, self._prepared.stored)
        for old, new in zip(before, now, strict=True):
            if old is not new and isinstance(old, Callers | Snapshot):
                self._fading.add(old.fading())

    async def _changed(self, config: Config, callers: Snapshot) -> Prepared:
        """What a changed configuration begins with; what takes long is done beside the requests."""
        prepared, old = self._prepared, self._prepared.config
        catalog = prepared.catalog
        if any(
            getattr(config, name) != getattr(old, name) for name in ("providers", "prices", "price_files")
        ):
            catalog = await in_thread(partial(catalog_again, config, catalog), BUILD)
            catalog.adopt(await in_thread(partial(last_listed, config, prepared.models), BUILD))
        self._declared = declared(config)
        return msgspec.structs.replace(prepared, config=config, catalog=catalog, declared=callers)

    def _refurnished(self, loop: asyncio.AbstractEventLoop) -> Gateway:
        before, shadows = self._connections, self._shadows
        self._kept, self._connections = before, {}
        made = self._furnished(loop)
        self._kept = {}
        self.models.forget()
        if shadows is not None:
            shadows.cut()
        for name, (_, old) in before.items():
            if name not in self._connections or self._connections[name][1] is not old:
                loop.call_later(old.timeouts.total, self._retire, old, loop)  # some come to it later
        return made

    def _retire(self, old: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Closes a provider's connections when the last request on them is over."""
        if any(one.open > one.idle or one.waiting for one in old.client.stats.values()):
            loop.call_later(LINGER, self._retire, old, loop)
            return
        self._clients.remove(old.client)
        if old.renewed is not None:
            self._renewed.remove(old.renewed)
            self._endings.add(loop.create_task(old.renewed.stop()))
        self._endings.add(loop.create_task(old.client.close()))

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        ledger = self._prepared.ledger
        self._place.beat()
        if self._journal is not None:
            self._journal.check()
        if os.getppid() != self._parent and not ledger.draining:
            log.error(
                "supervisor_gone", hint="this worker ends after a drain, so that it does not hold the port"
            )
            ledger.drain(time_ns() + int(self._prepared.config.server.drain * 1e9))
        if ledger.draining:
            self._drain(ledger)
        self._governing.beat()
        self._cached.beat()
        self._pulse = loop.call_later(PULSE, self._beat, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whether there is news: revoked keys are refused some hundredths of a second later."""
        version = self._prepared.ledger.snapshot_version
        self._governing.look(version)
        if version != self._version and (self._catching_up is None or self._catching_up.done()):
            self._version = version
            self._catching_up = loop.create_task(self._follow(loop))
        self._look_again = loop.call_later(LOOK, self._look, loop)


def without_callers(config: Config) -> Config:
    """The configuration as it is handed out: callers travel beside it."""
    return msgspec.structs.replace(config, governance=Governance())


def load(prepared: Prepared) -> Application | Proxied:
    """The ASGI application of one worker."""
    prefer_throughput()
    ledger = prepared.ledger
    worker = Worker(prepared)
    exposition = Exposition(ledger, __version__, worker.held)
    application = Application(
        worker,
        {
            "health": pages.health,
            "ready": pages.ready(lambda: ledger.draining),
            "metrics": pages.metrics(exposition.pieces),
            "models": worker.models.index,
            "model": worker.models.one,
        },
    )
    worker.swapped = application.adopt
    proxies = prepared.config.server.trusted_proxies
    return Proxied(application, proxies) if proxies else application
