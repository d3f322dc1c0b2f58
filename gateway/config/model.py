"""The configuration as data: one frozen Config. Durations are in seconds, sizes in bytes."""

from collections.abc import Container, Iterable, Mapping
from decimal import Decimal

import msgspec

from gateway.config.caching_model import CacheConfig
from gateway.config.records_model import Journal, Records, Store
from gateway.config.rule_model import RuleConfig
from gateway.config.secret import Secret
from gateway.config.values import is_loopback
from gateway.schemas.caching import Changes
from gateway.schemas.governance import Governance
from gateway.schemas.plan import Breaker, Concurrency, Hedge, Timeouts


class Setting(msgspec.Struct, frozen=True):
    """A setting that a vendor has beside those of all providers. The first set variable of `env` gives it.

    A `credential` is part of what stands in for a key, `secret` what nobody may read; a `file` must be there; a
    `needed` one must be given.
    """

    name: str
    env: tuple[str, ...] = ()
    credential: bool = False
    secret: bool = False
    file: bool = False
    url: bool = False
    needed: bool = False


class Way(msgspec.Struct, frozen=True):
    """A way to call a vendor without a key: the settings that it needs, and what it is in words, with their values.

    An `ambient` one finds its credential by itself, so that nothing tells whether there is any.
    """

    settings: tuple[str, ...]
    words: str
    ambient: bool = False


def way_of(ways: Iterable[Way], given: Container[str]) -> Way | None:
    """The first way that needs no more settings than those given."""
    return next((way for way in ways if all(name in given for name in way.settings)), None)


class KnownProvider(msgspec.Struct, frozen=True):
    """What the configuration must know of a vendor; handed in by the floor that knows the vendors.

    The first set variable of `key_env` holds its key, of `base_url_env` its address. `keyless` vendors need
    no key and are started from the environment by their address. `settings` names the vendor's own
    settings, such as api_version; `own` are those of which more is known. `ways` are how it is called without a key,
    the first that is told enough. `addresses` (glob, URL) give the base URL for a value of the setting `place`.
    """

    dialect: str
    base_url: str = ""
    key_env: tuple[str, ...] = ()
    base_url_env: tuple[str, ...] = ()
    needs_base_url: bool = False
    keyless: bool = False
    settings: tuple[str, ...] = ()
    own: tuple[Setting, ...] = ()
    ways: tuple[Way, ...] = ()
    place: str = ""
    addresses: tuple[tuple[str, str], ...] = ()


class Server(msgspec.Struct, frozen=True):
    """Where the gateway listens and how it stops. `drain` bounds how long running requests may go on. What
    `trusted_proxies` (networks) say of their callers' addresses is believed."""

    host: str = "127.0.0.1"
    port: int = 8080
    admin_port: int = 8081
    workers: int = 1
    drain: float = 30.0
    backlog: int = 1024
    allow_insecure: bool = False
    trusted_proxies: tuple[str, ...] = ()

    @property
    def faces_others(self) -> bool:
        """Whether others than this machine's users may reach it: by themselves, or through proxies."""
        return bool(self.trusted_proxies) or not is_loopback(self.host)


class Admin(msgspec.Struct, frozen=True):
    """Whether there is an admin API, and on which address; its port is the server's. It always needs a key."""

    enabled: bool = True
    host: str = "127.0.0.1"


class Jwt(msgspec.Struct, frozen=True):
    """Whose tokens callers may use. `claims` names what of a token stands for the user, team, org and models."""

    issuer: str
    audience: str
    jwks_url: str
    claims: dict[str, str] = {}


class Auth(msgspec.Struct, frozen=True):
    """The static keys that callers may use, and the tokens; without any, only this machine is served."""

    keys: tuple[Secret, ...] = ()
    jwt: Jwt | None = None


class Limits(msgspec.Struct, frozen=True):
    """Bounds on what is held in memory.

    `max_body` and `max_header` are a request's; `max_answer` is an answer's that is not streamed.
    `max_message` is one message's of a session.
    `upstream_connections` is per provider and worker, `pool_wait` how long a request waits for one,
    `keepalive` how long an idle one is kept. `requests` are served at once in each worker,
    further ones are refused. `shadows` run at once in each worker, holding `shadow_bytes` of bodies.
    `reserve` is what limits and budgets hold for an answer that is not there yet: what the request `asked` for, where
    it says that, what was `learned` of answers like it, never more than asked for, or the `most` that may come.
    """

    max_body: int = 32 << 20
    max_header: int = 64 << 10
    max_answer: int = 64 << 20
    max_message: int = 16 << 20
    upstream_connections: int = 1024
    pool_wait: float = 5.0
    keepalive: float = 60.0
    requests: int = 10_000
    shadows: int = 32
    shadow_bytes: int = 64 << 20
    reserve: str = "asked"


class Retries(msgspec.Struct, frozen=True):
    """Further tries per target after the first: `max` of them, none after a wait of more than `longest_wait` seconds,
    all of a worker's together no more than a share of `budget` of its requests.

    `on` tells by status, cause or provider's code what a failure leads to: retry, next_key, fallback, or stop alone.
    """

    max: int = 2
    longest_wait: float = 2.0
    budget: float = 0.2
    on: dict[str, tuple[str, ...]] = {}


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
    headers, with lower-case names. `timeouts`, `retries`, `breaker` and `max_connections` are complete: the
    global ones with this provider's changes. `models` are offered in the list of models; without any the provider is
    asked for its own list, unless `discover` is false. `concurrency` is None where nothing bounds it.
    `settings` and `secrets` are the vendor's own, by name.
    """

    name: str
    type: str
    base_url: str | None = None
    keys: tuple[ProviderKey, ...] = ()
    headers: dict[str, Secret] = {}
    timeouts: Timeouts = Timeouts()
    retries: Retries = Retries()
    breaker: Breaker = Breaker()
    concurrency: Concurrency | None = None
    max_connections: int = 1024
    verify_tls: bool = True
    ca_file: str | None = None
    stream_usage: bool | None = None
    models: tuple[str, ...] = ()
    discover: bool = True
    settings: dict[str, str] = {}
    secrets: dict[str, Secret] = {}

    @property
    def api_version(self) -> str | None:
        """The vendor's API version, for vendors that have this setting."""
        return self.settings.get("api_version")


class RouteTarget(msgspec.Struct, frozen=True):
    """`model` is another declared name, or `provider/model` of a configured provider. Requests may ask for `tags`.
    `concurrency` bounds the model, whoever asks for it and by whatever name."""

    model: str
    weight: int = 1
    tags: tuple[str, ...] = ()
    concurrency: Concurrency | None = None


class Sticky(msgspec.Struct, frozen=True):
    """What requests share that belong together: `by` session, user, prefix (of so many bytes) or header:NAME."""

    by: str = "session"
    prefix: int = 1024


class ShadowTarget(msgspec.Struct, frozen=True):
    """`model` is `provider/model`; `share` of the requests, from 0 to 1, are copied to it."""

    model: str
    share: float


class ModelRoute(msgspec.Struct, frozen=True):
    """A declared name: `targets` in the order of the `strategy`, then `fallbacks`. A member that is a route keeps its
    own strategy and fallbacks.

    `timeouts` and `retries` are None when those of the provider apply. `strict` refuses a request of which a target
    would get less than the caller wrote. `mid_stream` is error or resume, empty where what is set for all holds.
    `cache` is None where it is as elsewhere.
    """

    targets: tuple[RouteTarget, ...]
    fallbacks: tuple[RouteTarget, ...] = ()
    strategy: str = "weighted"
    sticky: Sticky | None = None
    timeouts: TimeoutChanges | None = None
    retries: Retries | None = None
    strict: bool = False
    shadow: tuple[ShadowTarget, ...] = ()
    hedge: Hedge | None = None
    mid_stream: str = ""
    cache: Changes | None = None


class PriceOverride(msgspec.Struct, frozen=True):
    """US dollars per million tokens; None is unknown."""

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None


class PerRequest(msgspec.Struct, frozen=True):
    """How far a request may go beyond the configuration: the most `fallbacks` that it names, the most `retries`, the
    longest `timeout` in seconds; whether it may have its plan `explain`ed."""

    fallbacks: int = 8
    retries: int = 5
    timeout: float = 600.0
    explain: bool = True


class Discovery(msgspec.Struct, frozen=True):
    """Whether, and about how often in seconds, providers are asked which models they serve."""

    enabled: bool = True
    every: float = 3600.0


class LogConfig(msgspec.Struct, frozen=True):
    """`level` is debug, info, warning or error; `format` is auto, json or text."""

    level: str = "info"
    format: str = "auto"


class Config(msgspec.Struct, frozen=True):
    """All that the gateway is told. `source` is the file it came from, or empty; `data` is a directory.
    `keepalive_comments` is after how many seconds of silence a stream says that it lives; 0 is never."""

    server: Server = Server()
    auth: Auth = Auth()
    admin: Admin = Admin()
    providers: dict[str, ProviderConfig] = {}
    models: dict[str, ModelRoute] = {}
    rules: tuple[RuleConfig, ...] = ()
    timeouts: Timeouts = Timeouts()
    retries: Retries = Retries()
    breaker: Breaker = Breaker()
    limits: Limits = Limits()
    mid_stream: str = "error"
    keepalive_comments: float = 15.0
    per_request: PerRequest = PerRequest()
    prices: dict[str, PriceOverride] = {}
    price_files: tuple[str, ...] = ()
    discovery: Discovery = Discovery()
    journal: Journal = Journal()
    store: Store = Store()
    records: Records = Records()
    cache: CacheConfig | None = None
    data: str = "data"
    log: LogConfig = LogConfig()
    governance: Governance = Governance()
    source: str = ""


def timeouts_for(config: Config, provider: str, route: ModelRoute | None = None) -> Timeouts:
    """The time-outs of one target: global, changed by the provider, changed by the route."""
    base = config.providers[provider].timeouts
    return base if route is None or route.timeouts is None else route.timeouts.over(base)


Known = Mapping[str, KnownProvider]
