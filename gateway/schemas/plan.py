"""Where a request may go, in order: targets and the bounds on trying them."""

import msgspec


class Timeouts(msgspec.Struct, frozen=True, gc=False):
    """Seconds. `first_byte` runs from the request's last byte; `first_token` to the first content event of a stream;
    `idle` between two reads of a body; `total` over all tries."""

    connect: float = 5.0
    first_byte: float = 60.0
    first_token: float = 60.0
    idle: float = 30.0
    total: float = 600.0


class Breaker(msgspec.Struct, frozen=True, gc=False):
    """When a target is left alone: after `failures` in a row, or when of at least `minimum` answers in `window` seconds
    a share of `rate` failed. First for `cooldown` seconds, twice as long each time it fails again, up to `longest`.
    With 0 `failures` never."""

    failures: int = 5
    rate: float = 0.5
    minimum: int = 20
    window: float = 30.0
    cooldown: float = 5.0
    longest: float = 120.0


class Concurrency(msgspec.Struct, frozen=True, gc=False):
    """At most `max` requests under way at a time, of all workers; in each worker at most `queue` wait for a place, none
    longer than `wait` seconds."""

    max: int
    queue: int
    wait: float = 2.0


class Target(msgspec.Struct, frozen=True, gc=False):
    """A provider's model: `provider` is the configured name, `model` what the provider calls it."""

    provider: str
    model: str


class Hedge(msgspec.Struct, frozen=True, gc=False):
    """A second try elsewhere when the first is slow: after `after` seconds (0: the target's own 95th percentile), for
    at most a `share` of requests."""

    share: float = 0.05
    after: float = 0.0


class Shadow(msgspec.Struct, frozen=True, gc=False):
    """A copy of a `share` of requests to another target, whose answers are recorded only."""

    target: Target
    share: float


class Plan(msgspec.Struct, frozen=True, gc=False):
    """Ordered targets for one request. `retries` (per target) and `timeouts`, where set, override the provider's;
    `timeouts` are by provider. A `strict` plan refuses what cannot cross whole.

    `mid_stream` is what follows a stream that breaks: error, or resume; empty as for all. `explained` are targets with
    the reason for their place, where the caller asked. `route` is the declared name, or empty.
    """

    targets: tuple[Target, ...]
    retries: int | None = None
    strict: bool = False
    timeouts: dict[str, Timeouts] | None = None
    mid_stream: str = ""
    hedge: Hedge | None = None
    explained: tuple[tuple[Target, str], ...] = ()
    route: str = ""
    shadow: tuple[Shadow, ...] = ()
