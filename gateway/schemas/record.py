"""The record of one request: the only thing that is written along the way."""

from time import perf_counter_ns, time_ns
from typing import Any

import msgspec

from gateway.schemas.charge import Charge
from gateway.schemas.usage import Usage

SERVED = frozenset(("hit", "semantic", "coalesced"))
"""What `Record.cache` says where no provider was asked."""


class Attempt(msgspec.Struct, gc=False, omit_defaults=True):
    """One try at one target. `outcome` is ok, dropped (nobody waited for it any more), hedge_lost (another was
    quicker), or the error's code; `cause` is what the rules of tries go by; times in nanoseconds.

    `usage` is what a try that was given up told, `cost_nano_usd` its price: the record's own `usage` is that of the try
    that gave the answer's end alone, the record's cost is all of it.
    """

    provider: str
    model: str
    outcome: str = "ok"
    status: int = 0
    duration_ns: int = 0
    cause: str = ""
    usage: Usage | None = None
    cost_nano_usd: int | None = None


class Record(msgspec.Struct, omit_defaults=True):
    """Everything known about one request. Clocks: `*_ns` are `perf_counter_ns` spans, `wall_ns` is Unix time.

    `cost_nano_usd` is None while the price is unknown: unknown is not zero. `waited_ns` is the time spent waiting for
    the provider; what remains of `total_ns` beside it and `queued_ns` is the gateway's overhead (a slow reader's time
    included).
    `plan` is the plan in words, where the caller asked for them.
    `estimated`: the gateway counted what no provider told: the answer, or the usage. `unsaid` is what is still to be
    counted; it is gone before the record is written down.
    `rule` is the rule that matched; a `shadow` is a copy of a request, whose answer nobody gets.
    `resumed` is how often another try went on with a stream that broke, `skipped` how many unreadable events
    were left out.
    `user`, `team`, `org` and `tags` are those of the key; `queued_ns` is the time spent waiting for a turn; `cache` is
    what the cache said: hit, semantic, coalesced (somebody else's answer), miss or bypass, or checked, of a copy by
    which such an answer was judged; `saved_nano_usd` is what the answer cost that it gave. `prompt` and `answer` are
    the beginnings of both bodies, where those are kept. With `keeps_bodies` the key wants them.
    `charge` is what its budgets owe for it.
    `kept`: it has been written down, and nothing that is changed now will be.
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
    estimated: bool = False
    rule: str = ""
    shadow: bool = False
    resumed: int = 0
    skipped: int = 0
    plan: str = ""
    user: str = ""
    team: str = ""
    org: str = ""
    tags: tuple[str, ...] = ()
    queued_ns: int = 0
    cache: str = ""
    saved_nano_usd: int | None = None
    prompt: str = ""
    answer: str = ""
    keeps_bodies: bool = False
    charge: Charge | None = None
    unsaid: list[Any] = []
    kept: bool = False
