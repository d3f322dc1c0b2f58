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


class Target(msgspec.Struct, frozen=True, gc=False):
    """A provider's model: `provider` is the configured name, `model` what the provider calls it."""

    provider: str
    model: str


class Plan(msgspec.Struct, frozen=True, gc=False):
    """Ordered targets for one request. `retries` (per target) and `timeouts`, where set, override the provider's;
    `timeouts` are by provider. A `strict` plan refuses what cannot cross whole."""

    targets: tuple[Target, ...]
    retries: int | None = None
    strict: bool = False
    timeouts: dict[str, Timeouts] | None = None
