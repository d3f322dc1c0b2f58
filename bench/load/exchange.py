"""A request to send over and over, and the facts that its answer must have."""

from typing import Literal

import msgspec

Family = Literal["openai", "anthropic"]


class Expected(msgspec.Struct, frozen=True):
    """The answer: its dialect, its whole text, and for a stream the number of content events that carry it.

    `stamped` text consists of times of writing, so only its number and order can be known ahead.
    """

    family: Family
    text: str
    stream: bool = False
    chunks: int = 0
    stamped: bool = False


class Exchange(msgspec.Struct, frozen=True):
    """`path` is relative to the server; `headers` without host, content-length and content-type."""

    path: str
    headers: dict[str, str]
    body: str
    expected: Expected

    def head(self, authority: str) -> bytes:
        """The request's head for the upstream client: no content-length, no blank line."""
        lines = [f"POST {self.path} HTTP/1.1", f"host: {authority}", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's share of a measurement. Times in seconds, `rate` in requests/s.

    `rate` 0 is a closed loop of `connections`; else an open loop whose arrivals are a Poisson process, or
    evenly spaced when `uniform`. `spin` waits for the next arrival by polling, which needs a core of its own.
    `abort_every` N leaves every Nth answer before its end. `tried` is how many of the exchanges are asked once before
    the start, so that what is built on first use is built; None for all of them.
    """

    host: str
    port: int
    exchanges: tuple[Exchange, ...]
    seconds: float
    warm_up: float = 0.5
    connections: int = 1
    rate: float = 0.0
    uniform: bool = False
    spin: bool = True
    seed: int = 0
    abort_every: int = 0
    tried: int | None = None


class Result(msgspec.Struct, kw_only=True):
    """What one worker, or all together, saw inside the measured window.

    `requests` counts right answers; `problems` the others, by what was wrong. Histograms are HDR, base64: `latency`
    to a right answer's last byte, `first` to its first, `chunk` from a stamped event's writing to its reading,
    `lag` from the intended to the actual sending. `reads` is how many deliveries the content events of streams
    (`events`) came in. `busy` is the worker's CPU seconds.
    """

    seconds: float
    requests: int = 0
    aborted: int = 0
    events: int = 0
    reads: int = 0
    busy: float = 0.0
    problems: dict[str, int] = {}
    latency: str = ""
    first: str = ""
    chunk: str = ""
    lag: str = ""
    worst: int = 0

    @property
    def errors(self) -> int:
        return sum(self.problems.values())
