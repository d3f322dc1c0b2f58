"""Which fault a request meets, read from the model's name: `fault-429-retry1-once`, `fault-stall-3`.

Words before `fault` are the model's own (`gpt-4o-fault-reset`); words after `mock` are the usual options
(`fault-cut-3-mock-chunks20`). A fault meets every request unless the name limits it.
"""

import re
from functools import lru_cache

import msgspec

from bench.mock.behaviour import BehaviourError

STATUSES = "STATUS"

KINDS: dict[str, str] = {
    STATUSES: "an error with this status (400 to 599) in the vendor's own form",
    "context": "400: the prompt is longer than the model's context",
    "filter": "400: the prompt was refused by a content policy",
    "quota": "429: the account has nothing left",
    "prefill": "400 when the last message is the assistant's, which the model does not go on from",
    "badkey": "401 for a credential that holds the letters `bad`",
    "reset": "the connection is reset before any byte",
    "close": "the connection is closed before any byte",
    "half": "half of the head, then the connection is closed",
    "hang": "never a byte",
    "slow": "N milliseconds of silence, then the answer",
    "late": "the head at once, the first content after N milliseconds",
    "cut": "the connection is closed after N content events; of a plain answer before its end",
    "torn": "the connection is closed inside the content event after N others",
    "stall": "nothing more after N content events; of a plain answer before its end",
    "trickle": "a pause of N milliseconds after each event",
    "malformed": "an event that is not JSON after N content events, then the rest",
    "checksum": "the same; Bedrock: a message with a wrong checksum after N content events, then the rest",
    "nodone": "the stream's last marker is missing, the body ends as it should",
    "open": "the stream's last marker is missing, and the body does not end",
    "nofinish": "the stream ends as a body should, without a reason to finish",
    "inband": "an error event after N content events; a 200 with an error for a plain answer",
    "long": "a Content-Length of a thousand more bytes than come; then the connection is closed",
    "short": "a Content-Length that ends inside the answer",
    "twolengths": "two Content-Lengths that differ",
    "heads": "header lines without end",
    "flood": "interim answers (102) without end",
    "html": "a web page with status 200",
    "garbage": "bytes that are not HTTP",
    "chunks": "a chunk whose size is not a number",
    "gzip": "a compressed body though none was asked for",
    "empty": "status 200 without a body",
    "truncated": "a body that ends inside its JSON, with the right Content-Length",
    "comments": "a stream of comments without end",
    "huge": "N MiB of text in one event, or in one plain answer",
    "two": "a second answer that nobody asked for behind the first",
    "redirect": "302 to another host",
}
"""Every kind of fault and what it does."""

LIMITS: dict[str, str] = {
    "once": "the first request of this name",
    "firstN": "the first N requests",
    "rateN": "N percent of the requests",
    "flapN": "N milliseconds long, then N milliseconds not, and so on from the first request",
    "retryN": "adds Retry-After: N seconds (retryNms: Retry-After-Ms)",
    "retrydateN": "adds Retry-After: the date N seconds from now",
    "waitN": "tells to come back in N seconds in the vendor's own way: its limits' headers, a field of the body",
    "xWORD": "nothing: tells a name from others, since requests are counted by name and path",
}
"""What may follow a kind."""

_KIND_DEFAULTS = {"cut": 3, "stall": 3, "malformed": 3, "inband": 3, "slow": 500, "late": 500, "huge": 10}
_KIND_DEFAULTS |= {"torn": 3, "checksum": 3}
_KIND_DEFAULTS["trickle"] = 50
_LIMIT = re.compile(r"(once|first|rate|flap|retrydate|retry|wait)(\d*)(ms)?")


class FaultSpec(msgspec.Struct, frozen=True):
    """A fault as its name spells it. `number` is the N of its kind, `status` that of an error answer."""

    kind: str
    number: int = 0
    status: int = 0
    retry: str = ""
    wait: int = 0  # seconds
    first: int = 0
    rate: int = 100
    flap: int = 0  # milliseconds

    @property
    def dated(self) -> bool:
        """A date stands in the answer."""
        return self.retry.startswith("date ") or self.wait > 0

    @property
    def credential(self) -> bytes:
        """The fault meets only requests whose head holds this."""
        return b"bad" if self.kind == "badkey" else b""


@lru_cache(maxsize=4096)
def parse_fault(model: str) -> FaultSpec | None:
    """The fault that `model` asks for; None for a name that asks for none. Raises BehaviourError for a fault that
    does not exist, so that a typing mistake is not taken for a healthy provider."""
    words = model.rpartition("/")[2].split("-")
    if "fault" not in words:
        return None
    words = words[words.index("fault") + 1 :]
    if "mock" in words:
        words = words[: words.index("mock")]
    if not words:
        raise BehaviourError(f"{model!r} names no fault; there are: {', '.join(KINDS)}")
    spec = _kind(words.pop(0))
    if words and words[0].isdigit() and spec.kind in _KIND_DEFAULTS:
        spec = msgspec.structs.replace(spec, number=int(words.pop(0)))
    for word in words:
        spec = _limited(spec, word)
    return spec


def _kind(word: str) -> FaultSpec:
    if word.isdigit() and 400 <= int(word) <= 599:
        return FaultSpec(STATUSES, status=int(word))
    if word not in KINDS or word == STATUSES:
        raise BehaviourError(f"unknown fault {word!r}; there are: {', '.join(KINDS)}")
    return FaultSpec(word, number=_KIND_DEFAULTS.get(word, 0))


def _limited(spec: FaultSpec, word: str) -> FaultSpec:
    if word.startswith("x"):
        return spec
    match = _LIMIT.fullmatch(word)
    if match is None or (match[1] != "once") != bool(match[2]) or (match[3] and match[1] != "retry"):
        raise BehaviourError(f"{word!r} does not follow a fault; these do: {', '.join(LIMITS)}")
    name, number = match[1], match[2]
    if name == "once":
        return msgspec.structs.replace(spec, first=1)
    if name == "retry":
        header = "retry-after-ms" if match[3] else "retry-after"
        return msgspec.structs.replace(spec, retry=f"{header}: {number}")
    if name == "retrydate":
        return msgspec.structs.replace(spec, retry=f"date {number}")
    return msgspec.structs.replace(spec, **{name: int(number)})


def explained() -> str:
    """All of this for people."""
    rows = [*KINDS.items(), ("", ""), *LIMITS.items()]
    return "\n".join(f"  {name:<12}{meaning}".rstrip() for name, meaning in rows)
