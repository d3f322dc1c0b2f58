"""One configured provider as the hot path sees it: an origin, its credentials, and request heads ready to send."""

import re
import ssl
from collections.abc import Awaitable, Callable
from copy import copy
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from random import random
from time import monotonic_ns

import msgspec

from gateway._speedups.health import TargetHealth
from gateway._speedups.http1 import Client, Origin, Response
from gateway.dialects.endpoints import CHAT, ENDPOINTS
from gateway.errors import GatewayError, UpstreamStatus
from gateway.providers.address import TargetPath
from gateway.providers.auth import Headers
from gateway.providers.leases import Lease
from gateway.schemas.plan import Timeouts
from gateway.upstream.backoff import LONGEST_WAIT
from gateway.upstream.cleansing import masked
from gateway.upstream.hearing import Rates
from gateway.upstream.renewal import Renewed
from gateway.upstream.retry_budget import RetryBudget

Header = tuple[bytes, bytes]


Benched = Callable[[str, int, float], None]
"""Told of a provider, the place of its key, and for how many seconds it is benched: 0 when it is back."""

LONGEST_BENCH = 3600.0
"""Seconds that a key may be benched; an hour later it is tried again, whatever the provider said."""


class Credential(msgspec.Struct, frozen=True):
    """One key of a provider, by its place in the lanes' `credentials`; empty `models` serve every model."""

    index: int
    weight: int = 1
    models: tuple[str, ...] = ()

    def serves(self, model: str) -> bool:
        """Whether this key may be used for `model`."""
        return not self.models or any(fnmatchcase(model, glob) for glob in self.models)


class Lane(msgspec.Struct, frozen=True):
    """How a provider serves one endpoint. `credentials` are header lines, one entry a key; they never leave this room.

    `defaults` are headers that a caller of the same dialect may set otherwise, `withholds` those that it may not send.
    `stream_path` is where streams are asked for, when that is elsewhere; `prefill` is the way of those that go on with
    an answer's beginning, when that is another. `models` are globs of the models that go this
    way; without any all do. The body gets the fields that it `adds` (name, text) and lacks, loses those it `omits`, and
    `lists` the items of headers (header, field). `framing` names another vendor's, around the answers.
    """

    endpoint: str
    path: TargetPath
    credentials: tuple[bytes, ...]
    defaults: tuple[Header, ...] = ()
    stream_path: TargetPath | None = None
    models: tuple[str, ...] = ()
    adds: tuple[tuple[str, str], ...] = ()
    omits: tuple[str, ...] = ()
    withholds: tuple[bytes, ...] = ()
    lists: tuple[tuple[bytes, str], ...] = ()
    framing: str = ""
    prefill: "Lane | None" = None

    def to(self, model: str, stream: bool) -> bytes:
        """The request target."""
        path = self.stream_path if stream and self.stream_path is not None else self.path
        return path.of(model).encode("ascii")

    def __repr__(self) -> str:
        return f"Lane({self.endpoint!r}, {self.path!r}, {len(self.credentials)} credentials)"


class Quirks(msgspec.Struct, frozen=True):
    """What a provider wants otherwise: see gateway.providers.provider.Provider for the fields."""

    drops: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    max_tokens_field: str = "max_tokens"
    stream_usage: bool = True
    prefills: str = ""


class Connection:
    """A configured provider: where it is, how it is addressed, what it serves."""

    def __init__(
        self,
        name: str,
        client: Client,
        origin: Origin,
        authority: str,
        *,
        lanes: tuple[Lane, ...],
        credentials: tuple[Credential, ...],
        timeouts: Timeouts,
        retries: int,
        quirks: Quirks,
        secrets: tuple[bytes, ...] = (),
        base_path: str = "",
        draw: Callable[[], float] = random,
        renewed: Renewed | None = None,
        benches: tuple[TargetHealth, ...] = (),
        longest_wait: float = LONGEST_WAIT,
        budget: RetryBudget | None = None,
        heeds_limits: bool = False,
        benched: Benched | None = None,
    ) -> None:
        self.name = name
        self.renewed = renewed
        self.client = client
        self.origin = origin
        self._all = lanes
        self._lanes = grouped(lanes, lambda lane: lane.endpoint)
        self._families = grouped(lanes, family)
        self.timeouts = timeouts
        self.retries = retries
        self.quirks = quirks
        self._authority = authority.encode("ascii")
        self._credentials = credentials
        self._only = credentials[0] if len(credentials) == 1 and not credentials[0].models else None
        self._draw = draw
        self._benches = benches if len(credentials) > 1 else ()
        self._benched = benched
        self.heeds_limits = heeds_limits
        self.learns = heeds_limits or bool(self._benches)
        self.budget = budget or RetryBudget()
        self.longest_wait = longest_wait
        self._secrets = secrets
        self._base_path = base_path.encode("ascii")
        self._heads: dict[tuple[int, str, bool, int, tuple[Header, ...]], bytes] = {}
        self.own = False
        self.rates: Rates = {}

    def lent(self, lines: tuple[bytes, ...], secret: bytes) -> "Connection":
        """The same provider, over the same sockets, with one key of a caller's own: its header lines by lane. What
        becomes of it is nobody else's affair: it is never benched, nor does its refusal rest a target."""
        found = copy(self)
        found.own, found.renewed = True, None
        lanes = zip(self._all, lines, strict=True)
        found._all = tuple([msgspec.structs.replace(lane, credentials=(line,)) for lane, line in lanes])
        found._lanes = grouped(found._all, lambda lane: lane.endpoint)
        found._families = grouped(found._all, family)
        found._only = Credential(0)
        found._credentials = (found._only,)
        found._benches, found._benched = (), None
        found.heeds_limits = found.learns = False
        found._secrets = (*self._secrets, secret)
        found._heads = {}
        return found

    def lane(self, endpoint: str, model: str) -> Lane | None:
        """How this provider serves `endpoint` for `model`; None where it does not."""
        return _serving(self._lanes.get(endpoint, ()), model)

    def stand_in(self, family: str, model: str) -> Lane | None:
        """How it serves `model` by any endpoint of `family`, the vendor's own way first."""
        return _serving(self._families.get(family, ()), model)

    def cleanse(self, error: GatewayError) -> None:
        """Stars in place of this provider's keys, wherever a provider repeats them in its error."""
        error.message = self._starred(error.message) or ""
        error.args = (error.message,)
        if isinstance(error, UpstreamStatus):
            error.body = self.mask(error.body)
            error.headers = [(name, self.mask(value)) for name, value in error.headers]
            error.upstream_code = self._starred(error.upstream_code)
            error.upstream_type = self._starred(error.upstream_type)
            error.param = self._starred(error.param)

    def _starred(self, said: str | None) -> str | None:
        if not said:
            return said
        return self.mask(said.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def mask(self, said: bytes) -> bytes:
        """The same of any bytes of the provider's."""
        lent = () if self.renewed is None else self.renewed.secrets
        return masked(said, (*self._secrets, *lent))

    def credential(self, model: str, spent: tuple[Credential, ...] = ()) -> Credential | None:
        """A key that serves `model` and is not `spent`, drawn by weight; None when no key does.

        Benched keys wait: one of them is taken only when no other is left, the soonest to be free first."""
        if self._only is not None:
            return None if spent else self._only
        able = [one for one in self._credentials if one not in spent and one.serves(model)]
        if self._benches and len(able) > 1:
            able = self._rested(able)
        point = self._draw() * sum(one.weight for one in able)
        for one in able:
            point -= one.weight
            if point < 0:
                return one
        return able[-1] if able else None

    def has_other(self, model: str, spent: tuple[Credential, ...]) -> bool:
        """Whether a key is left for `model` that is neither `spent` nor benched."""
        if self._only is not None:
            return False
        now = monotonic_ns()
        return any(
            one.serves(model) and not self._is_benched(one, now)
            for one in self._credentials
            if one not in spent
        )

    def bench(self, credential: Credential, seconds: float) -> None:
        """Leaves a key unused for a while, in all workers: it was refused, or has used up its limit."""
        if not self._benches:
            return
        seconds = min(seconds, LONGEST_BENCH)
        moved = self._benches[credential.index].cool(monotonic_ns(), int(seconds * 1e9))
        if moved and self._benched is not None:
            self._benched(self.name, credential.index, seconds)

    def proved(self, credential: Credential) -> None:
        """This key served: if it had been benched, it is back."""
        if self._benches:
            bench = self._benches[credential.index]
            if bench.open_until and bench.succeeded(1, monotonic_ns()) and self._benched is not None:
                self._benched(self.name, credential.index, 0.0)

    def _rested(self, able: list[Credential]) -> list[Credential]:
        now = monotonic_ns()
        rested = [one for one in able if not self._is_benched(one, now)]
        return rested or [min(able, key=lambda one: self._benches[one.index].open_until)]

    def _is_benched(self, credential: Credential, now: int) -> bool:
        return bool(self._benches) and now < self._benches[credential.index].open_until

    def request(self, head: bytes, body: bytes, timeouts: Timeouts, total: float) -> Awaitable[Response]:
        """Sends a head made here, with its body and, where the credential is lent, with its proof; gives the answer.
        `total` is in seconds. Raises what the client raises, and NoProviderCredential."""
        if self.renewed is not None:
            return self._request_proven(self.renewed, head, body, timeouts, total)
        return self.client.request(
            self.origin,
            head,
            body,
            connect=timeouts.connect,
            first_byte=timeouts.first_byte,
            idle=timeouts.idle,
            total=total,
        )

    async def _request_proven(
        self, renewed: Renewed, head: bytes, body: bytes, timeouts: Timeouts, total: float
    ) -> Response:
        lease = await renewed.lease(min(timeouts.connect, total))
        response = await self.client.request(
            self.origin,
            head + header_lines(proof(lease, self._authority, head, body)),
            body,
            connect=timeouts.connect,
            first_byte=timeouts.first_byte,
            idle=timeouts.idle,
            total=total,
        )
        if response.status == 401 or (response.status == 403 and is_stale(response)):
            renewed.refused()
        return response

    def head(
        self, lane: Lane, credential: Credential, model: str, stream: bool, caller: tuple[Header, ...]
    ) -> bytes:
        """The request's head without Content-Length; memoised, since few distinct ones exist."""
        key = (id(lane), model if lane.path.by_model else "", stream, credential.index, caller)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= _MEMO:
                self._heads.clear()
            head = self._heads[key] = self._render(
                b"POST", lane.to(model, stream), _JSON, lane, credential, caller
            )
        return head

    def bare_head(self, method: str, path: bytes, caller: tuple[Header, ...]) -> bytes:
        """The head of a request that passes as it is, below the base URL, with the first usable key."""
        credential = self.credential("") or self._credentials[0]
        lane = self.stand_in(CHAT, "") or self._all[0]
        return self._render(method.encode("ascii"), self._base_path + path, _BARE, lane, credential, caller)

    @property
    def first_credential(self) -> Credential:
        """The provider's first key: what one key stored another may not see."""
        return self._credentials[0]

    def parcel_head(
        self, method: str, lane: Lane, path: bytes, credential: Credential, caller: tuple[Header, ...]
    ) -> bytes:
        """The head of a request whose body need not be JSON; `caller` says what it is."""
        return self._render(method.encode("ascii"), path, _BARE, lane, credential, caller)

    def _render(
        self,
        method: bytes,
        path: bytes,
        common: bytes,
        lane: Lane,
        credential: Credential,
        caller: tuple[Header, ...],
    ) -> bytes:
        if lane.withholds:
            caller = tuple(header for header in caller if header[0] not in lane.withholds)
        given = {name for name, _ in caller}
        headers = [header for header in lane.defaults if header[0] not in given]
        line = method + b" " + path + b" HTTP/1.1\r\nhost: " + self._authority + b"\r\n"
        return line + common + header_lines((*headers, *caller)) + lane.credentials[credential.index]


def proof(lease: Lease, authority: bytes, head: bytes, body: bytes) -> Headers:
    """The headers that prove who asks, for a request of this head (without its last line) and body."""
    if lease.signer is None:
        return lease.headers
    method, target, _ = head.decode("latin-1").split(" ", 2)
    found = _CONTENT_TYPE.search(head)
    return lease.signer.headers(
        authority.decode("ascii"),
        target,
        body,
        datetime.now(UTC),
        method=method,
        content_type="" if found is None else found[1].decode("latin-1"),
    )


def is_stale(response: Response) -> bool:
    """Whether AWS refuses the keys themselves: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html"""
    return (response.header(b"x-amzn-errortype") or b"").partition(b":")[0] in _STALE


def grouped(lanes: tuple[Lane, ...], by: Callable[[Lane], str]) -> dict[str, tuple[Lane, ...]]:
    """The lanes by what `by` says of them, in their order."""
    found: dict[str, tuple[Lane, ...]] = {}
    for lane in lanes:
        found[by(lane)] = (*found.get(by(lane), ()), lane)
    return found


def family(lane: Lane) -> str:
    """The family of a lane's endpoint; lists of models have none."""
    endpoint = ENDPOINTS.get(lane.endpoint)
    return "" if endpoint is None else endpoint.family


def _serving(lanes: tuple[Lane, ...], model: str) -> Lane | None:
    for lane in lanes:
        if not lane.models or any(fnmatchcase(model, glob) for glob in lane.models):
            return lane
    return None


_CONTENT_TYPE = re.compile(rb"\r\ncontent-type: ([^\r]*)")

_STALE = frozenset(
    {
        *(b"ExpiredToken", b"ExpiredTokenException", b"InvalidClientTokenId", b"InvalidSignatureException"),
        *(b"UnrecognizedClientException", b"IncompleteSignature"),
    }
)

_BARE = b"user-agent: ai-gateway\r\naccept-encoding: identity\r\n"
_JSON = _BARE + b"accept: */*\r\ncontent-type: application/json\r\n"

_MEMO = 1024
"""Heads kept per provider; callers choose part of the key, so the memo is bounded."""


def header_lines(headers: tuple[Header, ...]) -> bytes:
    """Headers as they stand in a request's head."""
    return b"".join(name + b": " + _clean(value) + b"\r\n" for name, value in headers)


def _clean(value: bytes) -> bytes:
    """A header value without the bytes that end a header line (RFC 9110, 5.5)."""
    return value.translate(None, b"\r\n\0").strip()


def tls_context(verify: bool, ca_file: str | None) -> ssl.SSLContext:
    """TLS 1.2 or newer with the system's trust store, or the operator's own CA."""
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
