"""Where a request goes: a base URL taken apart once, and the request target for an endpoint and a model.

Base URLs come from the operator alone. Model names come from callers and are hostile: they enter a path only
percent-encoded, and never as a dot segment.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from gateway.errors import UnknownModel
from gateway.providers.provider import Provider, Serving

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


class BadBaseURL(ValueError):
    """A base URL that cannot be used, and why."""


class BaseURL(msgspec.Struct, frozen=True):
    """A base URL: where to connect, the host header's value, and the path that all targets begin with."""

    host: str
    port: int
    tls: bool
    authority: str
    path: str


def parse_base_url(url: str) -> BaseURL:
    """Take an http(s) URL apart. Raises BadBaseURL; user names, queries and fragments are refused."""
    if not url.isascii() or any(ord(char) <= 0x20 or ord(char) == 0x7F for char in url):
        raise BadBaseURL("a base URL has only visible ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadBaseURL(f"not a URL: {error}") from None
    if parts.scheme not in {"http", "https"}:
        raise BadBaseURL("a base URL begins with http:// or https://")
    if not parts.hostname:
        raise BadBaseURL("a base URL names a host")
    if parts.username is not None or parts.password is not None:
        raise BadBaseURL("a base URL has no user name: keys go under `keys`")
    if "?" in url or "#" in url:
        raise BadBaseURL("a base URL has no query and no fragment")
    tls = parts.scheme == "https"
    usual = 443 if tls else 80
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return BaseURL(
        host=parts.hostname,
        port=port or usual,
        tls=tls,
        authority=host if port in {None, usual} else f"{host}:{port}",
        path=parts.path.rstrip("/"),
    )


class TargetPath(msgspec.Struct, frozen=True):
    """The request target of one serving. Where `by_model` is False it is `before`, whatever the model."""

    before: str
    after: str = ""
    by_model: bool = False

    def of(self, model: str) -> str:
        """The target for `model`: path and query, ASCII, without a byte that means anything to HTTP."""
        return self.before + encode_model(model) + self.after if self.by_model else self.before


def path_for(
    provider: Provider,
    serving: Serving,
    *,
    base_url: str = "",
    api_version: str = "",
    settings: Mapping[str, str] = NO_SETTINGS,
) -> TargetPath:
    """The target of `serving` below `base_url` (or else the vendor's own). Made once, when a snapshot is built."""
    dated = bool(serving.dated_path) and api_version[:1].isdigit()
    query = "?" + urlencode({"api-version": api_version}) if api_version and serving.dated_path else ""
    path = serving.dated_path if dated else serving.path
    return _target(_base_path(provider, base_url) + _filled(path, settings) + query)


def stream_path_for(
    provider: Provider, serving: Serving, *, base_url: str = "", settings: Mapping[str, str] = NO_SETTINGS
) -> TargetPath | None:
    """The target for streams, where the vendor has one of its own."""
    return _further(provider, serving.stream_path, base_url, settings)


def prefill_path_for(
    provider: Provider, serving: Serving, *, base_url: str = "", settings: Mapping[str, str] = NO_SETTINGS
) -> TargetPath | None:
    """The target for going on with an answer's beginning, where the vendor has one of its own."""
    return _further(provider, serving.prefill_path, base_url, settings)


def _further(provider: Provider, path: str, base_url: str, settings: Mapping[str, str]) -> TargetPath | None:
    return _target(_base_path(provider, base_url) + _filled(path, settings)) if path else None


def _filled(path: str, settings: Mapping[str, str]) -> str:
    """`path` with the values of settings that it names, each as a part of one segment."""
    for name, value in settings.items():
        path = path.replace("{" + name + "}", quote(value, safe=":"))
    return path


def _target(path: str) -> TargetPath:
    before, marker, after = path.partition("{model}")
    return TargetPath(before, after, by_model=True) if marker else TargetPath(path)


def target_path(
    provider: Provider, serving: Serving, model: str, *, base_url: str = "", api_version: str = ""
) -> str:
    """The request target for one request. Raises UnknownModel for a name that cannot be part of a path."""
    return path_for(provider, serving, base_url=base_url, api_version=api_version).of(model)


def encode_model(model: str) -> str:
    """`model` as one path segment. Raises UnknownModel for names that change a path: `.`, `..`, none."""
    if model in {"", ".", ".."}:
        raise UnknownModel("this model's name cannot be part of a path", param="model")
    try:
        return quote(model, safe="")
    except UnicodeEncodeError:
        raise UnknownModel("this model's name is not valid Unicode", param="model") from None


def _base_path(provider: Provider, base_url: str) -> str:
    path = parse_base_url(base_url or provider.base_url).path
    for suffix in provider.redundant_suffixes:
        if path.endswith(suffix):
            return path.removesuffix(suffix)
    return path
