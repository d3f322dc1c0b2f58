"""Anything else that a provider offers: the caller's request with the provider's credential in place of its own.

Nothing is translated and nothing is tried twice. Usage is counted where the answer shows it, and of a stream that is a
conversation's where it does not.
"""

from collections.abc import Callable, Mapping
from time import perf_counter_ns
from urllib.parse import unquote

import msgspec

from gateway._speedups.http1 import Response
from gateway.dialects.endpoints import CHAT, ENDPOINTS, Endpoint, Tap
from gateway.errors import BadRequest, GatewayError, UnknownPath, UpstreamError
from gateway.schemas.call import Call
from gateway.schemas.record import Attempt, Record
from gateway.schemas.unsaid import Unsaid
from gateway.upstream.admission import Admission, Place
from gateway.upstream.causes import cause_of
from gateway.upstream.connection import Connection
from gateway.upstream.headers import answered
from gateway.upstream.hearing import KEPT, tells
from gateway.upstream.replies import Flight

Header = tuple[bytes, bytes]
Mask = Callable[[bytes], bytes]

_READABLE = 1 << 20
"""Bytes of a JSON answer that are kept to read its usage from, and of a refusal that are searched for keys."""

_FORWARDED = frozenset(
    {
        *(b"content-type", b"accept", b"range"),
        *(b"anthropic-version", b"anthropic-beta", b"anthropic-user-profile-id", b"openai-beta"),
    }
)


class Parcel(msgspec.Struct, frozen=True):
    """A request as it came: `path` is below the provider's base URL, percent-encoded, with its query."""

    method: str
    path: bytes
    headers: tuple[Header, ...]
    body: bytes


class Carried:
    """An answer that passes as it is, whatever its status. `chunk` gives what is there, b"" at its end."""

    def __init__(
        self,
        response: Response,
        speaks: Endpoint | None,
        record: Record,
        headers: list[Header] | None = None,
        asked: bytes = b"",
        mask: Mask = bytes,
    ) -> None:
        """`asked` is the body of what passes through. `mask` takes the provider's keys out of what it refuses with."""
        self.status: int = response.status
        self._asked = asked
        self._mask = mask if response.status >= 400 and headers is None else None
        self._heard = bytearray()
        self._size = 0
        self.flight: Flight | None = None
        self._response = response
        size = [] if self._mask is not None else length(response)
        declared = dict(size).get(b"content-length") if headers is None else None
        if headers is None:
            headers = [*[(name, mask(value)) for name, value in answered(response.headers)], *size]
        self.headers: list[Header] = headers
        self._left = -1 if declared is None else int(declared)
        self._record = record
        self._speaks = speaks
        content_type = (response.header(b"content-type") or b"").lower()
        reads = speaks is not None and content_type.startswith(b"application/json")
        self._kept = bytearray() if reads else None
        streams = (
            content_type.startswith(b"text/event-stream") and speaks is not None and speaks.tap is not None
        )
        self._tap: Tap | None = speaks.tap(False, 1) if streams and speaks and speaks.tap else None

    def adopt(self, record: Record) -> None:
        """From now on its waiting is this record's."""
        self._record = record

    async def chunk(self) -> bytes:
        """The next bytes; waits while there are none."""
        before = perf_counter_ns()
        try:
            data = await self._response.chunk()
            if self._mask is not None:
                data = await self._masked(data)
        except GatewayError as error:
            if self.flight is not None:
                self.flight.failed(error)
            raise
        finally:
            self._record.waited_ns += perf_counter_ns() - before
        self._watch(data)
        self._left -= len(data)
        return data

    async def _masked(self, data: bytes) -> bytes:
        """A refusal in one piece, as far as one is read: a key that it repeats may stand in two pieces."""
        assert self._mask is not None
        found = bytearray(data)
        while data and len(found) <= _READABLE:
            data = await self._response.chunk()
            found += data
        mask, self._mask = self._mask, None
        return mask(bytes(found))

    @property
    def over(self) -> bool:
        """Whether what `chunk` gave last was the end, as the answer's length or its last event tells."""
        return self._left == 0 or (self._tap is not None and self._tap.terminated)

    def _watch(self, data: bytes) -> None:
        if self._tap is not None:
            self._tap.feed(data)
            self._size += len(data)
            if len(self._heard) < KEPT:
                self._heard += data
        elif self._kept is not None and len(self._kept) + len(data) <= _READABLE:
            self._kept += data
        else:
            self._kept = None

    def note(self, record: Record) -> None:
        """Writes what the answer told of its usage into the record."""
        if self._tap is not None:
            record.usage, record.answered_model = self._tap.usage, self._tap.model
            if self.status < 300 and self._size and not (self._tap.complete and tells(record.usage)):
                record.unsaid = [*record.unsaid, self._unsaid()]
        elif self._kept and self._speaks is not None and self.status < 300:
            try:
                facts = self._speaks.reply_facts(bytes(self._kept))
            except UpstreamError:
                return  # another kind of answer
            record.usage, record.answered_model = facts.usage, facts.model
        record.model = record.model or record.answered_model

    def _unsaid(self) -> Unsaid:
        """What must be counted of a stream that told no usage: its caller did not ask for it, or it was cut."""
        assert self._speaks is not None  # it is a stream that can be read
        assert self._tap is not None
        model = self._tap.model
        call = Call(self._speaks.name, self._speaks.dialect, self._asked, None, model, stream=True)
        return Unsaid(
            *(call, self._speaks, model, bytes(self._heard), self._size),
            streamed=True,
            reported=self._tap.usage,
        )

    async def close(self) -> None:
        """The body was read to its end: the connection is already back in its pool."""
        if self.flight is not None:
            self.flight.end()

    def abort(self) -> None:
        """Closes the provider's connection at once."""
        if self.flight is not None:
            self.flight.end()
        self._response.abort()


def length(response: Response) -> list[Header]:
    """The Content-Length of an answer that has one, so that its reader knows how much is to come."""
    found = response.header(b"content-length")
    if found is None or not found.isdigit() or response.header(b"transfer-encoding") is not None:
        return []
    return [(b"content-length", found)]


def parcel(method: str, raw_path: bytes, query: bytes, headers: Mapping[bytes, bytes], body: bytes) -> Parcel:
    """The request to pass on. Raises UnknownPath for a path that would leave the provider's own."""
    segments = raw_path.split(b"/")
    decoded = [unquote(segment.decode("latin-1")) for segment in segments]
    if any(
        segment in {".", ".."} or not segment.isprintable() or "/" in segment or "\\" in segment
        for segment in decoded
    ):
        raise UnknownPath(
            "a path that is passed through has no dot segments, encoded slashes or control characters"
        )
    if any(byte <= 0x20 or byte >= 0x7F for byte in raw_path + query):
        raise BadRequest("a path that is passed through is percent-encoded")
    kept = tuple((name, value) for name, value in headers.items() if name in _FORWARDED)
    return Parcel(method, raw_path + (b"?" + query if query else b""), kept, body)


async def carry(
    connection: Connection, one: Parcel, record: Record, admission: Admission | None = None
) -> Carried:
    """The provider's answer, once its head is there. Raises what keeps it from coming: where the provider has a bound,
    TargetBusy too."""
    attempt = Attempt(connection.name, "")
    record.attempts.append(attempt)
    record.provider, record.dialect = connection.name, "passthrough"
    timeouts = connection.timeouts
    place: Place | None = None
    try:
        if admission is not None:
            place = await admission.enter("", record.started_ns + int(timeouts.total * 1e9), record)
        before = perf_counter_ns()
        try:
            head = connection.bare_head(one.method, one.path, one.headers)
            response = await connection.request(head, one.body, timeouts, timeouts.total)
        finally:
            attempt.duration_ns = perf_counter_ns() - before
            record.waited_ns += attempt.duration_ns
    except BaseException as error:
        if place is not None:
            place.end()
        if isinstance(error, GatewayError):
            attempt.outcome, attempt.status, attempt.cause = error.code, error.http_status, cause_of(error)
            connection.cleanse(error)
        raise
    lane = connection.stand_in(CHAT, "")
    speaks = None if lane is None else ENDPOINTS[lane.endpoint]
    carried = Carried(response, speaks, record, asked=one.body, mask=connection.mask)
    carried.flight = place
    return carried
