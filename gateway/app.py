"""The wiring: from a configuration to the rooms of a worker. Nothing else in the house knows all of them."""

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import time_ns

import msgspec

from gateway import __version__
from gateway._speedups import health
from gateway._speedups.health import TargetHealth
from gateway._speedups.http1 import Client, Origin
from gateway._speedups.ledger import Ledger
from gateway.access.keys import Keyless, StaticKeys
from gateway.api import pages
from gateway.api.application import Application
from gateway.api.door import Watch
from gateway.api.model_shapes import Listed
from gateway.config import Config, ProviderConfig
from gateway.config.model import way_of
from gateway.control.files import discovered, models_path, runtime_folder
from gateway.control.process import asks_for_models
from gateway.listening import stop_listening
from gateway.pipeline import Access, Crowd, Gateway
from gateway.providers.address import parse_base_url, path_for, stream_path_for
from gateway.providers.catalog import Catalog, catalog_of
from gateway.providers.prices import cost_nano_usd
from gateway.providers.provider import Provider
from gateway.providers.registry import vendor_of
from gateway.schemas.usage import Usage
from gateway.telemetry.cells import sections
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.logs import log
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.settle import Telemetry
from gateway.tokens.ratios import Counter, Ratios
from gateway.upstream.connection import (
    Benched,
    Connection,
    Credential,
    Lane,
    Quirks,
    header_lines,
    tls_context,
)
from gateway.upstream.dispatch import Dispatcher
from gateway.upstream.flights import Healths
from gateway.upstream.realtime import Lines
from gateway.upstream.renewal import Renewed
from gateway.upstream.retry_budget import RetryBudget
from gateway.upstream.shadow import Shadows
from gateway.wiring.admission import admissions
from gateway.wiring.failures import breakers, rules
from gateway.wiring.journal import bodies, journal
from gateway.wiring.routes import declared, first_target, router
from gateway.wiring.ruling import ruling, shadowing

PULSE = 0.1
"""Seconds between two looks at the ledger: the heartbeat, and whether a drain has begun or run out of time."""


class Prepared(msgspec.Struct, frozen=True):
    """What the supervisor builds once and every worker inherits.

    `models` is the file of the providers' lists, None where none is asked for any; `version` is the ledger's from
    before it was read.
    """

    config: Config
    catalog: Catalog
    ledger: Ledger
    models: Path | None
    version: int


def prepare(config: Config) -> Prepared:
    """Builds what does not depend on an event loop. Raises what a bad price file or ledger raises."""
    catalog = catalog_of(config)
    ledger = Ledger.prepare(ledger_path(config), (*sections(), *health.sections()))
    health.forget(ledger)
    version = ledger.snapshot_version
    models = models_path(config) if asks_for_models(config) else None
    if models is not None:
        catalog.adopt(discovered(models) or {})
    return Prepared(config, catalog, ledger, models, version)


def ledger_path(config: Config) -> Path:
    """Counters live in memory where the system offers it: they need no disk, and no disk can slow them."""
    return runtime_folder() / f"gateway-{os.getuid()}-{config.server.port}.ledger"


def vendor(config: ProviderConfig) -> Provider:
    """What a configured provider is."""
    found = vendor_of(config.name, config.type, config.base_url or "")
    assert found is not None  # the configuration was checked against the same registry
    return found


class Worker:
    """What lives as long as a worker: its connections, its place in the ledger, its pulse."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._callers = Watch()
        self._clients: list[Client] = []
        self._renewed: list[Renewed] = []
        self._parent = os.getppid()
        self._declared = declared(prepared.config)
        self._pulse: asyncio.TimerHandle | None = None
        self._shadows: Shadows | None = None
        self._version = prepared.version
        self._counter = Counter(Ratios())
        self.models = pages.Models(partial(listed, prepared), access(prepared.config).authenticate)

    async def start(self) -> Gateway:
        """Makes everything that is bound to the running loop."""
        config, catalog = self._prepared.config, self._prepared.catalog
        loop = asyncio.get_running_loop()
        self._place = self._prepared.ledger.join()
        self._journal = journal(config, self._prepared.ledger, self._place.number)
        metrics = Metrics(self._prepared.ledger, self._place, self._is_label)
        telemetry = Telemetry(metrics, self._price, self._journal)
        board = health.Board(self._prepared.ledger, self._place.number)
        self._healths = Healths(board, self._is_label, breakers(config))
        self._router = router(config, catalog, self._healths)
        self._benched = telemetry.key_benched
        connections = {name: self._connect(one, loop) for name, one in config.providers.items()}
        self._beat(loop)
        settle_memory()
        dispatcher = Dispatcher(
            *(connections, catalog.max_output, self._window, self._healths, telemetry, rules(config)),
            mid_stream=config.mid_stream,
            count_tokens=self._counter.count_request,
            admissions=admissions(config, board, telemetry),
        )
        self._shadows = shadowing(config, dispatcher, telemetry)
        return Gateway(
            access=access(config),
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
            ),
            rules=ruling(config, telemetry),
            shadows=self._shadows,
            keepalive=config.keepalive_comments,
            bodies=bodies(config),
            crowd=Crowd(config.limits.requests),
        )

    async def stop(self) -> None:
        """Closes every connection and gives the worker's place back."""
        if self._pulse is not None:
            self._pulse.cancel()
        if self._shadows is not None:
            await self._shadows.stop()
        for one in self._renewed:
            await one.stop()
        for client in self._clients:
            await client.close()
        if self._journal is not None:
            self._journal.close()
        self._place.leave()

    def _connect(self, config: ProviderConfig, loop: asyncio.AbstractEventLoop) -> Connection:
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

    def _adopt(self) -> None:
        """The control process has written other models: from now on they are the ones that are served."""
        found = None if self._prepared.models is None else discovered(self._prepared.models)
        if found is not None:  # else what was known stays
            self._prepared.catalog.adopt(found)
            self._router.forget()
            self.models.forget()

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
        if ledger.snapshot_version != self._version:
            self._version = ledger.snapshot_version
            self._adopt()
        self._pulse = loop.call_later(PULSE, self._beat, loop)


def settle_memory() -> None:
    """What start-up made lives as long as the worker: the collector need not look at it again, nor look so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def heeds_limits(config: Config) -> bool:
    """Whether any route keeps away from targets that are near their providers' limits."""
    return any(one.strategy in ("headroom", "adaptive") for one in config.models.values())


def connection(
    config: ProviderConfig,
    vendor: Provider,
    client: Client,
    benches: tuple[TargetHealth, ...] = (),
    benched: Benched | None = None,
    heeds_limits: bool = False,
) -> Connection:
    """A configured provider, ready to be called."""
    base = parse_base_url(config.base_url or vendor.base_url)
    context = tls_context(config.verify_tls, config.ca_file) if base.tls else None
    keys = config.keys
    return Connection(
        config.name,
        client,
        Origin(base.host, base.port, tls=base.tls, ssl_context=context),
        base.authority,
        lanes=lanes(config, vendor),
        credentials=tuple(Credential(i, key.weight, key.models) for i, key in enumerate(keys))
        or (Credential(0),),
        timeouts=config.timeouts,
        retries=config.retries.max,
        base_path=base.path,
        secrets=tuple(key.value.reveal().encode("latin-1") for key in keys),
        renewed=renewed(config, vendor),
        benches=benches,
        benched=benched,
        heeds_limits=heeds_limits,
        longest_wait=config.retries.longest_wait,
        budget=RetryBudget(config.retries.budget),
        quirks=Quirks(
            drops=vendor.drops,
            accepts=vendor.accepts,
            renames=vendor.renames,
            max_tokens_field=vendor.max_tokens_field,
            stream_usage=vendor.stream_usage if config.stream_usage is None else config.stream_usage,
            prefills=vendor.prefills,
        ),
    )


def renewed(config: ProviderConfig, vendor: Provider) -> Renewed | None:
    """The credential that the vendor lends where no key is configured."""
    given = {**config.settings, **{name: secret.reveal() for name, secret in config.secrets.items()}}
    if config.keys or vendor.grant is None or way_of(vendor.ways, given) is None:
        return None
    return Renewed(config.name, vendor.grant.fetch(given))


def lanes(config: ProviderConfig, vendor: Provider) -> tuple[Lane, ...]:
    """Every endpoint that the provider serves, with its path and its header lines per key."""
    found = []
    extra = tuple((name.encode(), value.reveal().encode("latin-1")) for name, value in config.headers.items())
    for serving in vendor.serves:
        auth = vendor.auth_for(serving)
        fixed = tuple((name.encode(), value.encode()) for name, value in vendor.headers_for(serving))
        secrets = [key.value.reveal() for key in config.keys]
        credentials = [header_lines((*auth.headers(secret), *extra)) for secret in secrets]
        base_url = config.base_url or ""
        lane = Lane(
            serving.endpoint,
            path_for(
                *(vendor, serving),
                base_url=base_url,
                api_version=config.api_version or "",
                settings=config.settings,
            ),
            tuple(credentials) or (header_lines(extra),),
            fixed,
            stream_path_for(vendor, serving, base_url=base_url, settings=config.settings),
            serving.models,
            serving.adds,
            serving.omits,
            tuple(name.encode("ascii") for name in serving.withholds),
            tuple((name.encode("ascii"), field) for name, field in serving.lists),
            serving.framing,
        )
        found.append(lane)
    return tuple(found)


def access(config: Config) -> Access:
    """Who may call."""
    if config.auth.keys:
        return StaticKeys(key.reveal() for key in config.auth.keys)
    return Keyless(local_only=not config.server.allow_insecure)


def listed(prepared: Prepared) -> Iterator[Listed]:
    """What `/v1/models` lists: each provider's models, and declared names, which go before them.

    A declared name is known as its target is, where it has but one.
    """
    config, catalog = prepared.config, prepared.catalog
    for provider in config.providers:
        for model in catalog.list_models(provider):
            name = f"{provider}/{model}"
            if name not in config.models:
                facts = catalog.describe(provider, model)
                yield Listed(name, provider, catalog.created(provider, model), facts)
    for name, route in config.models.items():
        first = first_target(config, route)
        alone = len(route.targets) == 1 and route.targets[0].model not in config.models
        yield Listed(
            name, first.provider, facts=catalog.describe(first.provider, first.model) if alone else None
        )


def prefer_throughput() -> None:
    """Lets a woken thread wait for the running one: SCHED_BATCH, for this thread and those that it starts.

    A worker's two threads, the server's and the event loop's, wake each other several times a request and share one
    interpreter lock. Under the usual policy the woken one takes the core, finds the lock held and goes back to sleep;
    on one core that costs a quarter of the throughput (docs/performance.md).
    """
    with suppress(OSError):  # a sandbox may forbid it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def load(prepared: Prepared) -> Application:
    """The ASGI application of one worker."""
    prefer_throughput()
    ledger = prepared.ledger
    worker = Worker(prepared)
    return Application(
        worker,
        {
            "health": pages.health,
            "ready": pages.ready(lambda: ledger.draining),
            "metrics": pages.metrics(Exposition(ledger, __version__).pieces),
            "models": worker.models.index,
            "model": worker.models.one,
        },
    )
