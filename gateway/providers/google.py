"""Google Cloud's access tokens, got by `google-auth`: from a service account's file, a user's, a workload identity, or
the metadata server of the machine."""

from calendar import timegm
from collections.abc import Mapping
from importlib import import_module
from os import environ
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.model import Setting, Way
from gateway.providers.auth import NoCredentials, header_value
from gateway.providers.leases import Fetch, Grant, Lease

PATIENCE = 10.0
"""Seconds that one request for a token may take."""

LOCATION = Setting("location", ("GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION"), needed=True)
SETTINGS = (
    Setting("project", ("GOOGLE_CLOUD_PROJECT",), needed=True),
    Setting("credentials", ("GOOGLE_APPLICATION_CREDENTIALS",), credential=True, file=True),
)
WAYS = (
    Way(("credentials",), "Google credentials in {credentials}"),
    Way((), "Google's application default credentials", ambient=True),
)


class GoogleGrant(Grant, frozen=True):
    """Bearer tokens of one scope."""

    scope: str = "https://www.googleapis.com/auth/cloud-platform"

    def fetch(self, given: Mapping[str, str], env: Mapping[str, str] = environ) -> Fetch:
        path = given.get("credentials") or env.get("GOOGLE_APPLICATION_CREDENTIALS", "")
        return _Tokens(path, self.scope)


class _Tokens:
    """One credential of google-auth, made when it is first asked, and again when its token was refused."""

    def __init__(self, path: str, scope: str) -> None:
        self._path = path
        self._scope = scope
        self._credentials: Any = None  # google-auth declares no types

    def __call__(self, refused: bool) -> Lease:
        try:
            errors = import_module("google.auth.exceptions")
            request = _transport()
        except ImportError:
            raise NoCredentials(
                "Google's credentials need google-auth: pip install 'ai-gateway[vertex]'"
            ) from None
        try:
            if self._credentials is None or refused:
                self._credentials = self._load(request)
            self._credentials.refresh(request)
        except errors.GoogleAuthError as error:
            raise NoCredentials(f"Google gave no access token: {_reason(error)}") from None
        return _lease(self._credentials)

    def _load(self, request: Any) -> Any:
        if not self._path:
            return import_module("google.auth").default(scopes=[self._scope], request=request)[0]
        try:
            info = msgspec.json.decode(Path(self._path).read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError):
            raise NoCredentials(f"the file {self._path} holds no Google credentials") from None
        try:
            return _of(info, [self._scope], request)
        except (KeyError, TypeError, ValueError):  # what its constructors think of other files
            raise NoCredentials(f"the file {self._path} holds no Google credentials") from None


def _of(info: dict[str, Any], scopes: list[str], request: Any) -> Any:
    """The credentials that a file describes. google-auth's own loader would ask the resource manager for the project of
    an external account, which needs a permission that is otherwise of no use."""
    if info.get("type") == "external_account":
        return import_module(_external(info)).Credentials.from_info(info, scopes=scopes)
    load = import_module("google.auth").load_credentials_from_dict
    return load(info, scopes=scopes, request=request)[0]


def _external(info: dict[str, Any]) -> str:
    """The module for an identity of elsewhere: AWS's, what a program tells, or what a file or an address holds."""
    if info.get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request":
        return "google.auth.aws"
    source = info.get("credential_source")
    return (
        "google.auth.pluggable"
        if isinstance(source, dict) and "executable" in source
        else "google.auth.identity_pool"
    )


def _lease(credentials: Any) -> Lease:
    headers: dict[str, str] = {}
    credentials.apply(headers)
    token = str(credentials.token)
    lines = tuple((name.lower().encode("ascii"), header_value(value)) for name, value in headers.items())
    # `expiry` is a naive time in UTC
    expires = float("inf") if credentials.expiry is None else float(timegm(credentials.expiry.utctimetuple()))
    return Lease(headers=lines, expires=expires, secrets=(token.encode("latin-1"),))


def _transport() -> Any:
    """google-auth's own transport, with bounded patience: without it a request may take two minutes."""
    kind = import_module("google.auth.transport.requests").Request

    def ask(self: Any, *args: Any, **rest: Any) -> Any:
        rest["timeout"] = min(rest.get("timeout") or PATIENCE, PATIENCE)
        return kind.__call__(self, *args, **rest)

    return type("PatientRequest", (kind,), {"__call__": ask})()


def _reason(error: Exception) -> str:
    """The kind of failure, and OAuth's code where there is one: never the answer itself, which is foreign text."""
    said = error.args[1] if len(error.args) > 1 else None
    code = said.get("error") if isinstance(said, dict) else None
    kind = type(error).__name__
    return f"{kind} ({code})" if isinstance(code, str) and code.isidentifier() and len(code) < 60 else kind
