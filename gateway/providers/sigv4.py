"""AWS Signature Version 4: what proves to AWS that a request comes from the holder of a key and was not changed.

Source: "Create a signed AWS API request" of AWS's IAM user guide. Services other than S3 sign a path that is encoded
twice, because they decode it once before they check.
"""

import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from os import environ
from urllib.parse import quote

import msgspec

from gateway.providers.auth import BadSecret, Bearer, Headers, NoCredentials, header_value

ALGORITHM = "AWS4-HMAC-SHA256"
BEARER_ENV = "AWS_BEARER_TOKEN_BEDROCK"

_bearer = Bearer()


class AwsKeys(msgspec.Struct, frozen=True):
    """An access key; `token` goes with keys that expire."""

    access_key: str
    secret_key: str
    token: str = ""

    def __repr__(self) -> str:
        return "AwsKeys(***)"


class Signer(msgspec.Struct, frozen=True):
    """Signs requests of one service in one region. `keys` is asked for each request, since keys may rotate."""

    keys: Callable[[], AwsKeys]
    region: str
    service: str = "bedrock"

    def headers(
        self,
        authority: str,
        target: str,
        body: bytes,
        now: datetime,
        *,
        method: str = "POST",
        content_type: str = "application/json",
    ) -> Headers:
        """The headers to send with `body` to `target` (path and query as they stand in the request line), names in
        lower case, beside host and content type. `authority` is the host header's value, `now` an aware time,
        `content_type` the header of that name, empty where none is sent.

        Raises BadSecret."""
        keys = self.keys()
        moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        signed = [("content-type", content_type)] if content_type else []
        signed += [("host", authority), ("x-amz-date", moment)]
        if keys.token:
            signed.append(("x-amz-security-token", keys.token))
        names = ";".join([name for name, _ in signed])
        asked = canonical_request(method, target, signed, names, sha256(body).hexdigest())
        scope = f"{moment[:8]}/{self.region}/{self.service}/aws4_request"
        text = f"{ALGORITHM}\n{moment}\n{scope}\n{sha256(asked.encode()).hexdigest()}"
        key = day_key(keys.secret_key, moment[:8], self.region, self.service)
        signature = hmac.new(key, text.encode(), sha256).hexdigest()
        proof = (
            f"{ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        headers = [(b"authorization", header_value(proof))]
        headers += [
            (name.encode(), header_value(value)) for name, value in signed if name.startswith("x-amz-")
        ]
        return tuple(headers)


@lru_cache(maxsize=32)
def day_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The signing key of one day (YYYYMMDD, UTC), region and service; the last few are kept."""
    key = b"AWS4" + secret.encode()
    for word in (date, region, service, "aws4_request"):
        key = hmac.new(key, word.encode(), sha256).digest()
    return key


def canonical_request(
    method: str, target: str, signed: list[tuple[str, str]], names: str, body_hash: str
) -> str:
    """The one spelling of a request that both sides hash. `signed` is sorted by name."""
    path, _, query = target.partition("?")
    pairs = sorted([part.partition("=")[::2] for part in query.split("&") if part])
    spelled = "&".join([f"{name}={value}" for name, value in pairs])
    headers = "".join([f"{name}:{' '.join(value.split())}\n" for name, value in signed])
    return f"{method}\n{quote(path or '/', safe='/~')}\n{spelled}\n{headers}\n{names}\n{body_hash}"


# --- where keys come from ---


def static_keys(access_key: str, secret_key: str, token: str = "") -> Callable[[], AwsKeys]:
    """Keys that the operator wrote down. Raises BadSecret for what cannot stand in a header or is empty."""
    for value in (access_key, secret_key, *([token] if token else [])):
        header_value(value)
    if any(mark in access_key for mark in "/, "):
        raise BadSecret("the access key has a character that separates the parts of a signature")
    keys = AwsKeys(access_key, secret_key, token)
    return lambda: keys


def environment_keys(env: Mapping[str, str] = environ) -> Callable[[], AwsKeys] | None:
    """The keys in AWS's usual environment variables; None where they are not set."""
    access_key, secret_key = env.get("AWS_ACCESS_KEY_ID", ""), env.get("AWS_SECRET_ACCESS_KEY", "")
    if not (access_key and secret_key):
        return None
    return static_keys(access_key, secret_key, env.get("AWS_SESSION_TOKEN", ""))


def bearer_headers(env: Mapping[str, str] = environ) -> Headers | None:
    """The headers of a Bedrock API key, which replaces signing; None where the variable is not set."""
    token = env.get(BEARER_ENV, "")
    return _bearer.headers(token) if token else None


def chain_keys(profile: str = "") -> Callable[[], AwsKeys]:
    """AWS's own credential chain: environment, profiles, single sign-on, roles, container and instance metadata.

    Expiring keys are renewed by botocore when they are asked for, which may take a network round trip: ask off the hot
    path. Raises NoCredentials when the chain is empty or botocore, the extra `bedrock`, is not installed.
    """
    try:
        import botocore.exceptions
        import botocore.session
    except ImportError:
        raise NoCredentials(
            "AWS's credential chain needs botocore: pip install 'ai-gateway[bedrock]'"
        ) from None
    try:
        credentials = botocore.session.Session(profile=profile or None).get_credentials()
    except botocore.exceptions.BotoCoreError as error:
        raise NoCredentials(f"AWS's credential chain failed: {type(error).__name__}") from error
    if credentials is None:
        raise NoCredentials("AWS's credential chain found no credentials")

    def keys() -> AwsKeys:
        try:
            frozen = credentials.get_frozen_credentials()
        except botocore.exceptions.BotoCoreError as error:
            raise NoCredentials(f"AWS's credentials could not be renewed: {type(error).__name__}") from error
        return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token or "")

    return keys
