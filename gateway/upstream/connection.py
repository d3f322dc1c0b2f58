"""One configured provider as the hot path sees it: an origin, its credentials, and request heads ready to send."""

import ssl
from collections.abc import Callable
from fnmatch import fnmatchcase
from random import random

import msgspec

from gateway._speedups.http1 import Client, Origin
from gateway.dialects.endpoints import CHAT, ENDPOINTS
from gateway.errors import GatewayError, UpstreamStatus
from gateway.providers.address import TargetPath
from gateway.schemas.plan import Timeouts

Header = tuple[bytes, bytes]


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

    `defaults` are headers that a caller of the same dialect may set otherwise. `stream_path` is where streams are asked
    for, when that is elsewhere. `models` are globs of the models that go this way; without any all do.
    """

    endpoint: str
    path: TargetPath
    credentials: tuple[bytes, ...]
    defaults: tuple[Header, ...] = ()
    stream_path: TargetPath | None = None
    models: tuple[str, ...] = ()

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
    ) -> None:
        self.name = name
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
        self._secrets = secrets
        self._base_path = base_path.encode("ascii")
        self._heads: dict[tuple[int, str, bool, int, tuple[Header, ...]], bytes] = {}

    def lane(self, endpoint: str, model: str) -> Lane | None:
        """How this provider serves `endpoint` for `model`; None where it does not."""
        return _serving(self._lanes.get(endpoint, ()), model)

    def stand_in(self, family: str, model: str) -> Lane | None:
        """How it serves `model` by any endpoint of `family`, the vendor's own way first."""
        return _serving(self._families.get(family, ()), model)

    def cleanse(self, error: GatewayError) -> None:
        """Stars in place of this provider's keys, where a provider repeats them in its error."""
        if isinstance(error, UpstreamStatus):
            for secret in self._secrets:
                if secret in error.body:
                    error.body = error.body.replace(secret, b"***")
                error.message = error.message.replace(secret.decode("latin-1"), "***")

    def credential(self, model: str) -> Credential | None:
        """A key that serves `model`, drawn by weight; None when no key does."""
        if self._only is not None:
            return self._only
        able = [one for one in self._credentials if one.serves(model)]
        point = self._draw() * sum(one.weight for one in able)
        for one in able:
            point -= one.weight
            if point < 0:
                return one
        return able[-1] if able else None

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

    def _render(
        self,
        method: bytes,
        path: bytes,
        common: bytes,
        lane: Lane,
        credential: Credential,
        caller: tuple[Header, ...],
    ) -> bytes:
        given = {name for name, _ in caller}
        headers = [header for header in lane.defaults if header[0] not in given]
        line = method + b" " + path + b" HTTP/1.1\r\nhost: " + self._authority + b"\r\n"
        return line + common + header_lines((*headers, *caller)) + lane.credentials[credential.index]


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
