"""The configuration as data: one frozen Config. Durations are in seconds, sizes in bytes."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.config.secret import Secret
from gateway.schemas.plan import Timeouts


class KnownProvider(msgspec.Struct, frozen=True):
    """What the configuration must know of a vendor; handed in by the floor that knows the vendors.

    The first set variable of `key_env` holds its key, of `base_url_env` its address. `keyless` vendors need
    no key and are started from the environment by their address. `settings` names the vendor's own
    settings, such as api_version.
    """

    dialect: str
    base_url: str = ""
    key_env: tuple[str, ...] = ()
    base_url_env: tuple[str, ...] = ()
    needs_base_url: bool = False
    keyless: bool = False
    settings: tuple[str, ...] = ()


class Server(msgspec.Struct, frozen=True):
    """Where the gateway listens and how it stops. `drain` bounds how long running requests may go on."""

    host: str = "127.0.0.1"
    port: int = 8080
    admin_port: int = 8081
    workers: int = 1
    drain: float = 30.0
    backlog: int = 1024
    allow_insecure: bool = False


class Auth(msgspec.Struct, frozen=True):
    """The static keys that callers may use; without any, only this machine is served."""

    keys: tuple[Secret, ...] = ()


class Limits(msgspec.Struct, frozen=True):
    """Bounds on what is held in memory.

    `max_body` and `max_header` are a request's; `max_answer` is an answer's that is not streamed.
    `upstream_connections` is per provider and worker, `pool_wait` how long a request waits for one,
    `keepalive` how long an idle one is kept.
    """

    max_body: int = 32 << 20
    max_header: int = 64 << 10
    max_answer: int = 64 << 20
    upstream_connections: int = 1024
    pool_wait: float = 5.0
    keepalive: float = 60.0


class Retries(msgspec.Struct, frozen=True):
    """Further tries per target after the first."""

    max: int = 2


class TimeoutChanges(msgspec.Struct, frozen=True):
    """Some of the time-outs, in seconds; what is None stays as it was."""

    connect: float | None = None
    first_byte: float | None = None
    first_token: float | None = None
    idle: float | None = None
    total: float | None = None

    def over(self, base: Timeouts) -> Timeouts:
        """`base` with these changes."""
        changes = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(base, **changes)


class ProviderKey(msgspec.Struct, frozen=True):
    """A provider's credential. `models` are globs of the models it serves; without any it serves all."""

    value: Secret
    weight: int = 1
    models: tuple[str, ...] = ()


class ProviderConfig(msgspec.Struct, frozen=True):
    """A configured provider; `type` names the known vendor whose ways it follows.

    `base_url` and `stream_usage` are None for the vendor's own. `headers` are the operator's extra request
    headers, with lower-case names. `timeouts`, `retries` and `max_connections` are complete: the global
    ones with this provider's changes. `models` are offered in the list of models.
    """

    name: str
    type: str
    base_url: str | None = None
    keys: tuple[ProviderKey, ...] = ()
    headers: dict[str, Secret] = {}
    timeouts: Timeouts = Timeouts()
    retries: Retries = Retries()
    max_connections: int = 1024
    verify_tls: bool = True
    ca_file: str | None = None
    stream_usage: bool | None = None
    models: tuple[str, ...] = ()
    settings: dict[str, str] = {}

    @property
    def api_version(self) -> str | None:
        """The vendor's API version, for vendors that have this setting."""
        return self.settings.get("api_version")


class RouteTarget(msgspec.Struct, frozen=True):
    """`model` is `provider/model` of a configured provider."""

    model: str
    weight: int = 1


class ModelRoute(msgspec.Struct, frozen=True):
    """A declared name: one of `targets` is drawn by weight, the others and then `fallbacks` follow.

    Names of other routes have been replaced by what they stand for. `timeouts` and `retries` are None when
    those of the provider apply. `strict` refuses a request of which a target would get less than the caller wrote.
    """

    targets: tuple[RouteTarget, ...]
    fallbacks: tuple[str, ...] = ()
    strategy: str = "weighted"
    timeouts: TimeoutChanges | None = None
    retries: Retries | None = None
    strict: bool = False


class PriceOverride(msgspec.Struct, frozen=True):
    """US dollars per million tokens; None is unknown."""

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None


class LogConfig(msgspec.Struct, frozen=True):
    """`level` is debug, info, warning or error; `format` is auto, json or text."""

    level: str = "info"
    format: str = "auto"


class Config(msgspec.Struct, frozen=True):
    """All that the gateway is told. `source` is the file it came from, or empty; `data` is a directory."""

    server: Server = Server()
    auth: Auth = Auth()
    providers: dict[str, ProviderConfig] = {}
    models: dict[str, ModelRoute] = {}
    timeouts: Timeouts = Timeouts()
    retries: Retries = Retries()
    limits: Limits = Limits()
    mid_stream: str = "error"
    prices: dict[str, PriceOverride] = {}
    price_files: tuple[str, ...] = ()
    data: str = "data"
    log: LogConfig = LogConfig()
    source: str = ""


def timeouts_for(config: Config, provider: str, route: ModelRoute | None = None) -> Timeouts:
    """The time-outs of one target: global, changed by the provider, changed by the route."""
    base = config.providers[provider].timeouts
    return base if route is None or route.timeouts is None else route.timeouts.over(base)


Known = Mapping[str, KnownProvider]
