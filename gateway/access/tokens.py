"""Callers who come with a token of an issuer whom the operator trusts (JWT, RFC 7519), signed with a published key.

Its keys are fetched in a thread of their own, never by a request that waits. While they cannot be had, those known go
on, and no other kind of key is affected.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from time import monotonic, time
from typing import Any

import jwt
from jwt import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    MissingRequiredClaimError,
    PyJWK,
    PyJWTError,
)

from gateway.config.model import Jwt
from gateway.errors import Unauthorized, Unavailable
from gateway.schemas.governance import VirtualKey
from gateway.telemetry.logs import log

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""None of them is made with what only a verifier knows, nor with nothing."""
KINDS = ("RSA", "EC", "OKP")
OFTEN = 10.0
"""Seconds at least between two fetches."""
STALE = 3600.0
"""Seconds after which the keys are fetched anew."""
LEEWAY = 30
"""Seconds that the issuer's clock may be off."""
MEMO = 4096
LARGEST_TOKEN = 16_384
LARGEST = 1 << 20
LONGEST_NAME = 256
SILENCE = 10.0

SELDOM = 10.0
"""Seconds between two lines of the log about refused tokens."""
REASONS: tuple[tuple[type[PyJWTError], str, str], ...] = (
    (ExpiredSignatureError, "exp", "the token has expired"),
    (ImmatureSignatureError, "nbf", "the token is not valid yet"),
    (InvalidAudienceError, "aud", "the token is for another audience"),
    (InvalidIssuerError, "iss", "the token is of another issuer"),
)
"""What is checked when the signature is known to be the issuer's: which claim, and what its owner is told."""

Fetch = Callable[[str], bytes]
Clock = Callable[[], float]


class TokenCallers:
    """Tokens to callers. Those once verified are known by their digest until their end."""

    def __init__(self, settings: Jwt, fetch: Fetch, clock: Clock = monotonic) -> None:
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._content = b""
        self._verified: dict[bytes, VirtualKey] = {}
        self._fetched = self._asked = -STALE
        self._logged = -SELDOM
        self._fetching = False
        self._lock = threading.Lock()
        self._renew()

    def caller(self, token: bytes) -> VirtualKey | None:
        """Whose token it is; None where it is no token of the issuer's. Raises Unauthorized for one of the issuer's
        that does not count, and Unavailable while its key may come."""
        if len(token) > LARGEST_TOKEN:
            return None
        now = self._clock()
        if now - self._fetched > STALE:
            self._renew()
        digest = sha256(token).digest()
        found = self._verified.get(digest)
        if found is not None and time() >= found.expires:
            raise self._refused("exp", "the token has expired")
        return found if found is not None else self._verify(token, digest)

    def _verify(self, token: bytes, digest: bytes) -> VirtualKey | None:
        try:
            head = jwt.get_unverified_header(token)
        except PyJWTError:
            return None
        kid = head.get("kid", "")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None or head.get("alg") not in ALGORITHMS:
            if head.get("alg") in ALGORITHMS and (self._renew() or not self._keys):
                raise Unavailable("the keys of the tokens' issuer are being fetched: try again in a moment")
            return None
        found = self._claimed(token, key)
        if found is not None:
            if len(self._verified) >= MEMO:
                self._verified.clear()
            self._verified[digest] = found
        return found

    def _claimed(self, token: bytes, key: PyJWK) -> VirtualKey | None:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
            return self._caller(claims)
        except MissingRequiredClaimError as error:
            raise self._refused(error.claim, f"the token has no claim {error.claim!r}") from None
        except tuple([kind for kind, _, _ in REASONS]) as error:
            raise self._refused(*next(why for kind, *why in REASONS if isinstance(error, kind))) from None
        except (PyJWTError, ValueError, TypeError):
            return None

    def _refused(self, claim: str, why: str) -> Unauthorized:
        """What to tell the owner of a token whose signature is the issuer's; the log hears of it now and then."""
        now = self._clock()
        if now - self._logged >= SELDOM:
            self._logged = now
            log.info("token_refused", claim=claim)
        return Unauthorized(why)

    def _caller(self, claims: Mapping[str, Any]) -> VirtualKey:
        names = self._settings.claims
        if not claims["sub"]:
            raise ValueError("the token is nobody's")
        return VirtualKey(
            f"jwt:{_text(claims['sub'])}",
            "",
            user=_text(claims.get(names.get("user", "sub"))),
            team=_text(claims.get(names.get("team", ""))),
            org=_text(claims.get(names.get("org", ""))),
            models=_globs(claims, names.get("models", "")),
            expires=int(claims["exp"]) + LEEWAY,
        )

    def _renew(self) -> bool:
        """Begins a fetch, unless one was begun a moment ago; whether one is under way."""
        with self._lock:
            now = self._clock()
            if self._fetching or now - self._asked < OFTEN:
                return self._fetching
            self._asked, self._fetching = now, True
        threading.Thread(target=self._take, name="token-keys", daemon=True).start()
        return True

    def _take(self) -> None:
        try:
            content = self._fetch(self._settings.jwks_url)
            self._keys, self._fetched = published(content), self._clock()
            if content != self._content:
                self._content, self._verified = content, {}  # a key that was taken back vouches for nobody
        except Exception as error:
            hint = "tokens of keys that are known go on"
            log.warning("token_keys_unreachable", error=f"{type(error).__name__}: {error}", hint=hint)
        finally:
            self._fetching = False


def published(content: bytes) -> dict[str, PyJWK]:
    """The keys of a JSON Web Key Set (RFC 7517) that can check signatures, by their ids. Raises ValueError."""
    listed = json.loads(content)["keys"]
    found = {}
    for one in listed:
        if one.get("kty") in KINDS and one.get("use", "sig") == "sig":
            try:
                found[str(one.get("kid", ""))] = PyJWK(one)
            except PyJWTError:
                continue  # of a kind that is not known here
    if not found:
        raise ValueError("no usable key is published")
    return found


def fetched(url: str) -> bytes:
    """What is published there. Raises httpx's errors, and ValueError for what is too large."""
    import httpx

    with httpx.Client(timeout=SILENCE, trust_env=False) as client, client.stream("GET", url) as answer:
        answer.raise_for_status()
        content = bytearray()
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > LARGEST:
                raise ValueError("what is published there is too large")
        return bytes(content)


def _text(value: object) -> str:
    """A name. Raises ValueError for one that is too long, since two of them could become one if it were cut, and for
    one that is no name: it could be taken for an account of somebody's requests for a model."""
    if isinstance(value, str) and (len(value) > LONGEST_NAME or _NO_NAME.search(value)):
        raise ValueError("a claim is no name")
    return value if isinstance(value, str) else ""


_NO_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|\+(?:model|provider):")


def _globs(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Models as a list or as words. Where the operator names a claim, a token without it may use none."""
    if not name:
        return ()
    given = claims.get(name)
    words = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    return tuple(str(one) for one in words) or ("",)
