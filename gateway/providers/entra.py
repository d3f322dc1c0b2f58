"""Microsoft Entra ID's access tokens for an application of its own (OAuth 2.0 client credentials, RFC 6749, 4.4).

Source: "Microsoft identity platform and the OAuth 2.0 client credentials flow" of Microsoft's documentation.
"""

import time
from collections.abc import Iterator, Mapping
from os import environ
from urllib.parse import quote

import msgspec

from gateway.config.model import Setting, Way
from gateway.providers.auth import Bearer, NoCredentials
from gateway.providers.leases import Fetch, Grant, Lease

AUTHORITY = "https://login.microsoftonline.com"
PATIENCE = 10.0
"""Seconds that one request for a token may take."""

LONGEST_ANSWER = 1 << 16

SETTINGS = (
    Setting("tenant_id", ("AZURE_TENANT_ID",), credential=True),
    Setting("client_id", ("AZURE_CLIENT_ID",), credential=True),
    Setting("client_secret", ("AZURE_CLIENT_SECRET",), credential=True, secret=True),
    Setting("authority", url=True),
    Setting("scope"),
)
WAYS = (Way(("tenant_id", "client_id", "client_secret"), "Entra ID application {client_id}"),)


class Granted(msgspec.Struct):
    """A token and its lifetime in seconds."""

    access_token: str
    expires_in: float


class Refused(msgspec.Struct):
    """Why there is none: a code of RFC 6749, 5.2."""

    error: str = ""


class EntraGrant(Grant, frozen=True):
    """Bearer tokens for one resource; other clouds have another `scope` and another `authority`."""

    scope: str

    def fetch(self, given: Mapping[str, str], env: Mapping[str, str] = environ) -> Fetch:  # noqa: ARG002 - the shape
        authority = given.get("authority", AUTHORITY).rstrip("/")
        url = f"{authority}/{quote(given['tenant_id'], safe='')}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": given["client_id"],
            "client_secret": given["client_secret"],
            "scope": given.get("scope", self.scope),
        }
        return lambda _: token(url, form)


def token(url: str, form: Mapping[str, str]) -> Lease:
    """A token from `url`. Raises NoCredentials, BadSecret; blocks."""
    import httpx

    try:
        with httpx.Client(timeout=PATIENCE) as client, client.stream("POST", url, data=form) as answer:
            body = b"".join(_bounded(answer.iter_bytes()))
            status = answer.status_code
    except httpx.HTTPError as error:
        raise NoCredentials(f"Entra ID cannot be reached: {type(error).__name__}") from None
    if status != 200:
        raise NoCredentials(f"Entra ID refused with status {status}{_code(body)}")
    try:
        granted = msgspec.json.decode(body, type=Granted, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NoCredentials("Entra ID's answer holds no access token") from None
    headers = Bearer().headers(granted.access_token)
    secrets = (granted.access_token.encode("latin-1"), form["client_secret"].encode())
    return Lease(headers=headers, expires=time.time() + granted.expires_in, secrets=secrets)


def _bounded(parts: Iterator[bytes]) -> Iterator[bytes]:
    left = LONGEST_ANSWER
    for part in parts:
        left -= len(part)
        if left < 0:
            raise NoCredentials("Entra ID's answer is too long")
        yield part


def _code(body: bytes) -> str:
    """OAuth's word for the refusal; the rest of the answer is foreign text."""
    try:
        code = msgspec.json.decode(body, type=Refused).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f" ({code})" if code.isidentifier() and len(code) < 60 else ""
