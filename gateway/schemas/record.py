"""The record of one request: the only thing that is written along the way."""

from time import perf_counter_ns, time_ns

import msgspec

from gateway.schemas.usage import Usage


class Attempt(msgspec.Struct, gc=False):
    """One try at one target. `outcome` is ok, or the error's code; times in nanoseconds."""

    provider: str
    model: str
    outcome: str = "ok"
    status: int = 0
    duration_ns: int = 0


class Record(msgspec.Struct):
    """Everything known about one request. Clocks: `*_ns` are `perf_counter_ns` spans, `wall_ns` is Unix time.

    `cost_nano_usd` is None while the price is unknown: unknown is not zero. `waited_ns` is the time spent waiting for
    the provider; what remains of `total_ns` is the gateway's overhead (a slow reader's time included).
    """

    request_id: str
    endpoint: str = "other"
    dialect: str = ""
    wall_ns: int = msgspec.field(default_factory=time_ns)
    started_ns: int = msgspec.field(default_factory=perf_counter_ns)
    key: str = ""
    requested_model: str = ""
    provider: str = ""
    model: str = ""
    answered_model: str = ""
    stream: bool = False
    status: int = 0
    error: str = ""
    attempts: list[Attempt] = []
    fallback: bool = False
    waited_ns: int = 0
    first_token_ns: int = 0
    total_ns: int = 0
    usage: Usage | None = None
    cost_nano_usd: int | None = None
    finish: str = ""
    dropped: tuple[str, ...] = ()
    client: str = ""
