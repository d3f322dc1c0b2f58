"""Listens to answers as far as is needed to bill those whose provider tells no usage: silent ones, and cut streams.

A provider that reports usage at the end of its streams has said how many tokens its bytes are worth: of a stream that
is cut it is enough to know its size. Of a stream whose model has not reported yet the beginning is kept until its end.
"""

from gateway.dialects.endpoints import CHAT, EMBED, ENDPOINTS, Endpoint
from gateway.errors import UpstreamTimeout
from gateway.schemas.call import Call
from gateway.schemas.record import Attempt, Record
from gateway.schemas.unsaid import Unsaid
from gateway.schemas.usage import Usage

KEPT = 64 << 10
"""Bytes of a stream that are kept to be counted; the rest is taken to be like them."""
MEMO = 1024
WEIGHT = 0.1
"""Of a new report."""
COMPLETIONS = "completions"
"""The legacy endpoint, which no other one can stand in for."""
SMALLEST = 8
"""Tokens of an answer whose bytes tell anything."""

Rates = dict[tuple[str, str], float]
"""Tokens for each byte of a stream, by model and endpoint."""


class Ear:
    """Hears one stream. `size` are its bytes so far."""

    __slots__ = ("_call", "_kept", "_key", "_model", "_rates", "_speaks", "size")

    def __init__(self, rates: Rates, call: Call, speaks: Endpoint, model: str) -> None:
        self._rates = rates
        self._call = call
        self._speaks = speaks
        self._model = model
        self._key = model, speaks.name
        self._kept: bytearray | None = None if self._key in rates else bytearray()
        self.size = 0

    def hear(self, data: bytes) -> None:
        """The next bytes of the provider's."""
        self.size += len(data)
        if self._kept is not None and len(self._kept) < KEPT:
            self._kept += data

    def end(self, usage: Usage | None, *, whole: bool, attempt: Attempt | None = None) -> Unsaid | None:
        """The stream is over: what must be counted of it, if anything."""
        if whole and tells(usage):
            self._learn(usage)
            return None
        if not self.size:
            return None
        body = None if self._kept is None else bytes(self._kept)
        rate = self._rates.get(self._key, 0.0)
        return Unsaid(self._call, self._speaks, self._model, body, self.size, True, rate, usage, attempt)

    def _learn(self, usage: Usage | None) -> None:
        if usage is None or usage.output < SMALLEST or not self.size:
            return
        seen = usage.output / self.size
        before = self._rates.get(self._key, seen)
        if len(self._rates) >= MEMO and self._key not in self._rates:
            self._rates.clear()
        self._rates[self._key] = before + WEIGHT * (seen - before)


def ear(rates: Rates, call: Call, speaks: Endpoint, model: str) -> Ear | None:
    """Who hears a stream; nobody where its usage would not be tokens of text."""
    return Ear(rates, call, speaks, model) if speaks.family != EMBED and is_counted(speaks) else None


def is_counted(speaks: Endpoint) -> bool:
    """Whether requests there are counted where nobody tells what they took."""
    return speaks.family in (CHAT, EMBED) or speaks.name == COMPLETIONS


def note(record: Record, call: Call, speaks: Endpoint, model: str, body: bytes) -> None:
    """Keeps a whole answer to be counted, where it told no usage."""
    if not tells(record.usage) and is_counted(speaks):
        record.unsaid = [*record.unsaid, Unsaid(call, speaks, model, body, len(body))]


def wonder(record: Record, call: Call, model: str, attempt: Attempt, failure: BaseException) -> None:
    """Keeps a try to be counted whose provider had the request, and of whose answer nobody knows: it was silent for too
    long, or is not waited for any more."""
    speaks = ENDPOINTS.get(call.endpoint)
    sent = failure.sent if isinstance(failure, UpstreamTimeout) else not hasattr(failure, "unsent")
    if sent and speaks is not None and is_counted(speaks):
        told = attempt.usage
        unsaid = Unsaid(call, speaks, model, None, 0, reported=told, attempt=attempt, perhaps=True)
        record.unsaid = [*record.unsaid, unsaid]


def tells(usage: Usage | None) -> bool:
    """Whether anything is said with it."""
    return usage is not None and bool(
        usage.input or usage.output or usage.searches or usage.audio_ms or usage.input_audio
    )
