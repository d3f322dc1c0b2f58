"""What a mock provider does with a request, read from the model's name: `mock-chunks200-pace5ms-error429`.

The name is the only thing that survives any gateway unchanged. Options follow the word `mock` anywhere in the
name (`gpt-4o-mock-size64` works too); a name without that word gets the defaults. Every option is `word`,
`wordNUMBER` or `wordNUMBERunit` with unit us, ms (the default) or s.
"""

import re
from functools import lru_cache

import msgspec

_OPTION = re.compile(r"([a-z]+)(\d+(?:\.\d+)?)?(us|ms|s)?")
_PER_SECOND = {"us": 1_000_000, "ms": 1000, "s": 1, None: 1000}


class BehaviourError(ValueError):
    """A model name asks for an option that does not exist."""


class Behaviour(msgspec.Struct, frozen=True):
    """Times in seconds, sizes in bytes of text. Faults are those from `error` on.

    `latency` passes before the first byte, `pace` between the events of a stream. A stream has `chunks`
    content events of `width` bytes; `burst` of them are written at once (0: the whole answer), `split` cuts
    the bytes into writes of that many bytes, wherever that falls. `stamp` replaces each content event's text
    by its time of writing (CLOCK_MONOTONIC, ns). `prompt`, `cached`, `reasoning` are token counts to report.
    `think` adds reasoning text. `finish` is stop, length or filter. `emoji` makes the text of emojis. `eof`
    ends bodies by closing.

    `error` answers with that status and `retry` seconds of Retry-After; `cut` closes the connection after
    that many events (0: before any byte); `fail` sends an error event after that many; `noend` leaves the
    stream's end marker out; `garbage` is not HTTP; `html` is a 502 page; `hang` never answers; `empty` is a
    200 without a body. The fault hits the `first` N requests when set, else `rate` percent of them.
    """

    latency: float = 0.0
    size: int = 640
    chunks: int = 200
    width: int = 5
    pace: float = 0.0
    burst: int = 1
    split: int = 0
    prompt: int = 128
    cached: int = 0
    reasoning: int = 0
    think: bool = False
    stamp: bool = False
    emoji: bool = False
    eof: bool = False
    finish: str = "stop"
    error: int = 0
    retry: int | None = None
    cut: int | None = None
    fail: int | None = None
    noend: bool = False
    garbage: bool = False
    html: bool = False
    hang: bool = False
    empty: bool = False
    first: int = 0
    rate: int = 100

    @property
    def faulty(self) -> bool:
        """Whether any fault is asked for."""
        flags = self.noend or self.garbage or self.html or self.hang or self.empty
        return bool(self.error) or self.cut is not None or self.fail is not None or flags

    def sane(self) -> "Behaviour":
        """The same without its faults."""
        return msgspec.structs.replace(
            self,
            error=0,
            cut=None,
            fail=None,
            noend=False,
            garbage=False,
            html=False,
            hang=False,
            empty=False,
        )


_TIMES = frozenset({"latency", "pace"})
_NUMBERS = frozenset(("size", "chunks", "width", "burst", "split", "prompt", "cached", "reasoning"))
_LIMITS = frozenset(("error", "retry", "cut", "fail", "first", "rate"))
_FLAGS = frozenset(("think", "stamp", "emoji", "eof", "noend", "garbage", "html", "hang", "empty"))
_FINISHES = {"length": "length", "filter": "filter"}


@lru_cache(maxsize=4096)
def parse_behaviour(model: str, defaults: Behaviour) -> Behaviour:
    """The behaviour that `model` asks for, over `defaults`.

    Raises BehaviourError for an unknown option, so that a typing mistake never measures something else.
    """
    words = model.rpartition("/")[2].split("-")
    if "mock" not in words:
        return defaults
    changes: dict[str, object] = {}
    for word in words[words.index("mock") + 1 :]:
        name, value = _option(word)
        changes[name] = value
    return msgspec.structs.replace(defaults, **changes)


def _option(word: str) -> tuple[str, object]:
    match = _OPTION.fullmatch(word)
    if match is None:
        raise BehaviourError(f"unknown mock option {word!r}")
    name, number, unit = match.groups()
    if name in _TIMES and number is not None:
        return name, float(number) / _PER_SECOND[unit]
    if name in _NUMBERS | _LIMITS and number is not None and unit is None and "." not in number:
        return name, int(number)
    if number is None and unit is None and name in _FLAGS:
        return name, True
    if number is None and unit is None and name in _FINISHES:
        return "finish", _FINISHES[name]
    raise BehaviourError(f"unknown mock option {word!r}")
