"""The table of faults: what each one means for the caller, and how often the provider is asked."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

PIECES = tuple(f"{number} ".rjust(5, "w") for number in range(6))  # of a healthy stream of bench.mock

SHORT: dict[str, Any] = {"first_byte": "1s", "first_token": "1s", "idle": "1s"}
TWO_KEYS: dict[str, Any] = {"keys": [{"value": "bad-key", "weight": 10**6}, {"value": "good-key"}]}


@dataclass(frozen=True)
class Wanted:
    """What the caller gets, and how many tries the faulty provider sees. A stream that began before it failed has the
    status 200, `pieces` of the answer, and an error at its end. `code` is as OpenAI's callers read it."""

    status: int = 200
    code: str = ""
    tries: int = 1
    apart: float = 0.0  # seconds between two tries, at least
    fallback: bool = False
    pieces: int = len(PIECES)

    broken: bool = False

    @property
    def whole(self) -> bool:
        return self.status == 200 and not self.broken


@dataclass(frozen=True)
class Fault:
    """One fault of bench.mock. `backed` is what follows where another target stands by: by default its answer after
    as many tries as without. `settings` are the provider's, in the gateway's configuration."""

    name: str
    alone: Wanted
    backed: Wanted | None = None
    stream: bool | None = None  # None: both kinds
    settings: dict[str, Any] = field(default_factory=dict)
    tls: bool = False


@dataclass(frozen=True)
class Case:
    """A fault met in one situation. `caller` and `provider` are dialects."""

    number: int
    fault: Fault
    caller: str
    provider: str
    stream: bool
    spare: bool
    wanted: Wanted
    mid_stream: str = "error"

    @property
    def name(self) -> str:
        kind = "stream" if self.stream else "plain"
        way = self.caller if self.caller == self.provider else f"{self.caller}-to-{self.provider}"
        return f"{self.fault.name}-{way}-{kind}{'-spare' if self.spare else ''}-{self.mid_stream}"

    @property
    def own(self) -> str:
        """Its provider's name: each case has one, with a breaker, a pool and a retry budget of its own."""
        return f"p{self.number}"


def refused(status: int, tries: int = 1, code: str = "", apart: float = 0.0) -> Wanted:
    return Wanted(status, code, tries, apart)


def rescued(tries: int = 1) -> Wanted:
    return Wanted(tries=tries, fallback=True)


OF_VENDOR = 0
IN_BAND = {"openai": 500, "responses": 500, "anthropic": 529, "gemini": 503, "cohere": 500, "bedrock": 424}
"""The status that an error in a stream stands for: Anthropic is overloaded, Gemini unavailable, Bedrock's model failed.
"""

CLOSED = refused(502, 3, "upstream_closed")
BROKEN = refused(502, 3, "upstream_protocol_error")
SILENT = refused(504, 1, "upstream_timeout")
SERVED = Wanted()


def broke_off(code: str, pieces: int) -> Wanted:
    """The caller has a part of the stream: no other target can take over."""
    return Wanted(code=code, pieces=pieces, broken=True)


def both(name: str, alone: Wanted, backed: Wanted | None = None, **rest: Any) -> Fault:
    return Fault(f"fault-{name}", alone, backed, **rest)


def plain(name: str, alone: Wanted, backed: Wanted | None = None, **rest: Any) -> Fault:
    return Fault(f"fault-{name}", alone, backed, stream=False, **rest)


def streamed(name: str, alone: Wanted, backed: Wanted | None = None, **rest: Any) -> Fault:
    return Fault(f"fault-{name}", alone, backed, stream=True, **rest)


def stuck(name: str, code: str, pieces: int, **rest: Any) -> Fault:
    """A stream that fails after it began: with or without another target the caller learns of it."""
    wanted = broke_off(code, pieces)
    return streamed(name, wanted, wanted, **rest)


FAULTS = (
    # What the provider says of its limits and its health.
    both("429", refused(429, 3), rescued(1)),
    both("429-once", Wanted(tries=2), rescued(1)),
    both("429-retry1", refused(429, 3, apart=1.0), rescued(1)),
    both("429-retry1-once", Wanted(tries=2, apart=1.0), rescued(1)),
    both("429-retry300ms-once", Wanted(tries=2, apart=0.3), rescued(1)),
    both("429-retrydate2-once", Wanted(tries=2, apart=0.9), rescued(1)),
    both("429-wait1-once", Wanted(tries=2, apart=0.9), rescued(1)),
    both("429-retry9", refused(429, 1), rescued(1)),
    both("quota", refused(429, 1), rescued(1)),
    both("402", refused(402, 1), rescued(1)),
    both("500-once", Wanted(tries=2), Wanted(tries=2)),
    both("500", refused(500, 3), rescued(3)),
    both("503", refused(503, 3), rescued(3)),
    both("503-retry1", refused(503, 3, apart=1.0), rescued(1)),
    both("529", refused(529, 3), rescued(3)),
    both("408", refused(408, 3), rescued(3)),
    # What another target may do better, and what none would.
    both("401", refused(401), rescued()),
    both("404", refused(404), rescued()),
    both("context", refused(400), rescued()),
    both("badkey", Wanted(tries=2), Wanted(tries=2), settings=TWO_KEYS),
    both("400", refused(400), refused(400)),
    both("filter", refused(400), refused(400)),
    # Connections and HTTP.
    both("reset", CLOSED),
    both("close", CLOSED),
    both("half", CLOSED),
    both("tls", refused(502, 0, "upstream_connect_error"), tls=True),
    both("garbage", BROKEN),
    both("heads", BROKEN),
    both("flood", BROKEN),
    both("twolengths", BROKEN),
    both("chunks", BROKEN),
    both("redirect", BROKEN),
    plain("long", CLOSED),
    streamed("long", SERVED, SERVED),
    plain("short", BROKEN),
    stuck("short", "upstream_closed", 2),
    both("two", SERVED, SERVED),
    Fault("mock-split7", SERVED, SERVED),
    # Time.
    both("hang", SILENT, settings={"timeouts": SHORT}),
    both("slow-300", SERVED, SERVED),
    streamed("late-300", SERVED, SERVED),
    streamed("late-9000", SILENT, settings={"timeouts": SHORT}),
    both("trickle-20", SERVED, SERVED),
    plain("stall", SILENT, settings={"timeouts": SHORT}),
    streamed("stall-0", SILENT, settings={"timeouts": SHORT}),
    stuck("stall-3", "upstream_timeout", 3, settings={"timeouts": SHORT}),
    streamed("comments", SILENT, settings={"timeouts": SHORT}),
    plain("comments", SILENT, SILENT, settings={"timeouts": {**SHORT, "total": "2s"}}),
    # What the answer says.
    both("html", BROKEN),
    plain("gzip", BROKEN),
    streamed("gzip", CLOSED),
    plain("empty", BROKEN),
    streamed("empty", CLOSED),
    plain("truncated", BROKEN),
    stuck("truncated", "", 2),
    plain("cut", CLOSED),
    streamed("cut-0", CLOSED),
    stuck("cut-3", "upstream_closed", 3),
    streamed("torn-0", CLOSED),
    stuck("torn-2", "upstream_closed", 2),
    plain("malformed", BROKEN),
    streamed("malformed-3", SERVED, SERVED),
    streamed("checksum-0", SERVED, SERVED),
    streamed("checksum-3", SERVED, SERVED),
    streamed("nodone", SERVED, SERVED),
    streamed("open", SERVED, SERVED),
    stuck("nofinish", "upstream_closed", 6),
    plain("inband", refused(500, 3), rescued(3)),
    streamed("inband-0", refused(OF_VENDOR, 3), rescued(3)),
    stuck("inband-3", "", 3),
    plain("huge-10", SERVED, SERVED),
    streamed("huge-10", SERVED, SERVED),
)

WAYS = (
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("gemini", "gemini"),
    ("anthropic", "openai"),
    ("openai", "gemini"),
)
FULL = WAYS[:1]
"""Every fault in these; of the others those in `TELLING`."""

TELLING = frozenset(
    f"fault-{name}"
    for name in (
        *("429", "429-retry1-once", "500-once", "503", "context", "filter", "reset", "hang", "html", "gzip"),
        *("late-9000", "stall-3", "cut", "cut-0", "cut-3", "truncated", "malformed", "malformed-3", "nodone"),
        *("open", "nofinish", "inband", "inband-0", "inband-3", "empty", "comments", "huge-10"),
    )
)


OTHER_WAYS = (
    ("bedrock", "bedrock"),
    ("cohere", "cohere"),
    ("responses", "responses"),
    ("openai", "bedrock"),
    ("bedrock", "openai"),
    ("anthropic", "cohere"),
    ("responses", "anthropic"),
    ("cohere", "gemini"),
)
"""Dialects whose streams, ends and errors are of another kind, in which these faults differ."""

DIFFERING = frozenset(
    f"fault-{name}"
    for name in (
        *("429-wait1-once", "quota", "context", "filter", "cut-0", "cut-3", "torn-0", "torn-2", "stall-3"),
        *("truncated", "malformed-3", "checksum-0", "checksum-3", "nodone", "open", "nofinish", "inband"),
        *("inband-0", "inband-3", "empty"),
    )
) | {"mock-split7"}

ENDLESS = {"timeouts": SHORT}
BY_PROVIDER: dict[tuple[str, str], Fault] = {
    ("fault-quota", "anthropic"): both("quota", refused(400, 1), rescued(1)),
    # Gemini says of both that the quota is exceeded.
    ("fault-quota", "gemini"): both("quota", refused(429, 3), rescued(1)),
    ("fault-quota", "bedrock"): both("quota", refused(400, 1), rescued(1)),
    ("fault-quota", "cohere"): both("quota", refused(402, 1), rescued(1)),
    # A whole answer that is an error has no place for its kind.
    ("fault-inband", "bedrock"): plain("inband", BROKEN),
    ("fault-inband", "cohere"): plain("inband", BROKEN),
    ("fault-checksum-0", "bedrock"): streamed("checksum-0", BROKEN),
    ("fault-checksum-3", "bedrock"): stuck("checksum-3", "upstream_protocol_error", 3),
    # The last event says why it is the last: without it the answer is not whole.
    **{("fault-nodone", one): stuck("nodone", "upstream_closed", 6) for one in ("cohere", "responses")},
    **{
        ("fault-open", one): stuck("open", "upstream_timeout", 6, settings=ENDLESS)
        for one in ("cohere", "responses")
    },
}
"""What a fault means at a provider of this dialect, where it means something else than at others."""


def cases() -> Iterator[Case]:
    """Every fault in every situation that tells something."""
    number = 0
    for usual in FAULTS:
        ways = (*(WAYS if usual.name in TELLING else FULL), *(OTHER_WAYS if usual.name in DIFFERING else ()))
        for caller, provider in ways:
            fault = BY_PROVIDER.get((usual.name, provider), usual)
            for stream, spare in _situations(fault, (caller, provider) in FULL):
                number += 1
                yield Case(number, fault, caller, provider, stream, spare, _wanted(fault, provider, spare))


def _situations(fault: Fault, full: bool) -> Iterator[tuple[bool, bool]]:
    """Streamed or not, with a spare target or not; the spare is the same story in every dialect, so few tell it."""
    for stream in (False, True) if fault.stream is None else (fault.stream,):
        yield stream, False
        if full or (fault.stream is None and stream):
            yield stream, True


def _wanted(fault: Fault, provider: str, spare: bool) -> Wanted:
    if not spare:
        return replace(fault.alone, status=fault.alone.status or IN_BAND[provider])
    return fault.backed or replace(rescued(), tries=fault.alone.tries)
