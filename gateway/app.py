"""The wiring: from a configuration to the rooms of a worker. Nothing else in the house knows all of them."""

import asyncio
import gc
import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from time import time_ns

import msgspec

from gateway import __version__
from gateway._speedups.http1 import Client, Origin
from gateway._speedups.ledger import Ledger
from gateway.access.keys import Keyless, StaticKeys
from gateway.api import pages
from gateway.api.application import Application
from gateway.api.door import Watch
from gateway.config import Config, ModelRoute, ProviderConfig, timeouts_for
from gateway.listening import stop_listening
from gateway.pipeline import Access, Gateway
from gateway.providers.address import parse_base_url, path_for, stream_path_for
from gateway.providers.catalog import Catalog, catalog_of
from gateway.providers.prices import cost_nano_usd
from gateway.providers.provider import Provider
from gateway.providers.registry import vendor_of
from gateway.routing.names import Route, Router
from gateway.schemas.plan import Target
from gateway.schemas.usage import Usage
from gateway.telemetry.cells import sections
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.logs import log
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.settle import Telemetry
from gateway.upstream.connection import Connection, Credential, Lane, Quirks, header_lines, tls_context
from gateway.upstream.dispatch import Dispatcher

PULSE = 0.1
"""Seconds between two looks at the ledger: the heartbeat, and whether a drain has begun or run out of time."""


class Prepared(msgspec.Struct, frozen=True):
    """What the supervisor builds once and every worker inherits."""

    config: Config
    catalog: Catalog
    ledger: Ledger


def prepare(config: Config) -> Prepared:
    """Builds what does not depend on an event loop. Raises what a bad price file or ledger raises."""
    return Prepared(config, catalog_of(config), Ledger.prepare(ledger_path(config), sections()))


def ledger_path(config: Config) -> Path:
    """Counters live in memory where the system offers it: they need no disk, and no disk can slow them."""
    shared = Path("/dev/shm")  # noqa: S108 - the file is created with O_EXCL, or checked, by the ledger
    folder = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    return folder / f"gateway-{os.getuid()}-{config.server.port}.ledger"


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
        self._parent = os.getppid()
        self._declared = declared(prepared.config)
        self._pulse: asyncio.TimerHandle | None = None

    async def start(self) -> Gateway:
        """Makes everything that is bound to the running loop."""
        config, catalog = self._prepared.config, self._prepared.catalog
        loop = asyncio.get_running_loop()
        self._place = self._prepared.ledger.join()
        telemetry = Telemetry(Metrics(self._prepared.ledger, self._place, self._is_label), self._price)
        connections = {name: self._connect(one, loop) for name, one in config.providers.items()}
        self._beat(loop)
        settle_memory()
        return Gateway(
            access=access(config),
            router=router(config, catalog),
            dispatcher=Dispatcher(connections, catalog.max_output, telemetry),
            callers=self._callers,
            telemetry=telemetry,
            max_body=config.limits.max_body,
        )

    async def stop(self) -> None:
        """Closes every connection and gives the worker's place back."""
        if self._pulse is not None:
            self._pulse.cancel()
        for client in self._clients:
            await client.close()
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
        return connection(config, vendor(config), client)

    def _drain(self, ledger: Ledger) -> None:
        callers = self._callers
        callers.draining = True
        stop_listening()  # again on each beat: a worker that just started may begin to listen only now
        over = time_ns() >= ledger.drain_deadline_ns
        if over and not callers.cut:
            callers.cut_all()
        if os.getppid() != self._parent and (over or not callers):
            os.kill(os.getpid(), signal.SIGTERM)

    def _is_label(self, provider: str, model: str) -> bool:
        """Whether a model's name may be a metric label: one that a caller cannot make up."""
        return (
            self._prepared.catalog.facts(provider, model) is not None
            or f"{provider}/{model}" in self._declared
        )

    def _price(self, provider: str, model: str, usage: Usage, at: int) -> int | None:
        facts = self._prepared.catalog.facts(provider, model)
        return None if facts is None else cost_nano_usd(facts, usage, at)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        ledger = self._prepared.ledger
        self._place.beat()
        if os.getppid() != self._parent and not ledger.draining:
            log.error(
                "supervisor_gone", hint="this worker ends after a drain, so that it does not hold the port"
            )
            ledger.drain(time_ns() + int(self._prepared.config.server.drain * 1e9))
        if ledger.draining:
            self._drain(ledger)
        self._pulse = loop.call_later(PULSE, self._beat, loop)


def settle_memory() -> None:
    """What start-up made lives as long as the worker: the collector need not look at it again, nor look so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def connection(config: ProviderConfig, vendor: Provider, client: Client) -> Connection:
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
        quirks=Quirks(
            drops=vendor.drops,
            accepts=vendor.accepts,
            renames=vendor.renames,
            max_tokens_field=vendor.max_tokens_field,
            stream_usage=vendor.stream_usage if config.stream_usage is None else config.stream_usage,
        ),
    )


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
            path_for(vendor, serving, base_url=base_url, api_version=config.api_version or ""),
            tuple(credentials) or (header_lines(extra),),
            fixed,
            stream_path_for(vendor, serving, base_url=base_url),
            serving.models,
        )
        found.append(lane)
    return tuple(found)


def access(config: Config) -> Access:
    """Who may call."""
    if config.auth.keys:
        return StaticKeys(key.reveal() for key in config.auth.keys)
    return Keyless(local_only=not config.server.allow_insecure)


def router(config: Config, catalog: Catalog) -> Router:
    """Names to plans."""
    routes = {name: route(config, declared) for name, declared in config.models.items()}
    return Router(routes, frozenset(config.providers), catalog.providers_for)


def route(config: Config, declared: ModelRoute) -> Route:
    """A declared name with its targets taken apart."""
    targets = tuple((target(one.model), one.weight) for one in declared.targets)
    fallbacks = tuple(target(name) for name in declared.fallbacks)
    providers = {one.provider for one in (*(one for one, _ in targets), *fallbacks)}
    changed = {name: timeouts_for(config, name, declared) for name in providers}
    return Route(
        targets,
        fallbacks,
        None if declared.retries is None else declared.retries.max,
        declared.strict,
        None if declared.timeouts is None else changed,
    )


def target(name: str) -> Target:
    """`provider/model` as a target; the model may hold further slashes."""
    provider, _, model = name.partition("/")
    return Target(provider, model)


def declared(config: Config) -> frozenset[str]:
    """Every `provider/model` that the configuration names."""
    listed = {f"{name}/{model}" for name, one in config.providers.items() for model in one.models}
    for one in config.models.values():
        listed.update(target.model for target in one.targets)
        listed.update(one.fallbacks)
    return frozenset(listed)


def owners(config: Config, catalog: Catalog) -> dict[str, str]:
    """What `/v1/models` lists: declared names, then each provider's models, with who serves them."""
    listed = {f"{name}/{model}": name for name in config.providers for model in catalog.list_models(name)}
    listed.update((name, one.targets[0].model.partition("/")[0]) for name, one in config.models.items())
    return listed


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
    config, ledger = prepared.config, prepared.ledger
    models = pages.Models(owners(config, prepared.catalog), access(config).authenticate)
    return Application(
        Worker(prepared),
        {
            "health": pages.health,
            "ready": pages.ready(lambda: ledger.draining),
            "metrics": pages.metrics(Exposition(ledger, __version__).pieces),
            "models": models.index,
            "model": models.one,
        },
    )
