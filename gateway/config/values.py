"""Readers of values with rules of their own: hosts, URLs, header fields, names of models, paths of files."""

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from urllib.parse import SplitResult, urlsplit

from gateway.config.nodes import Node
from gateway.config.reading import Read, named, text
from gateway.config.secret import Secret

LONGEST_NAME = 256

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_PROVIDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}", re.ASCII)  # RFC 9110, 5.6.2
# fmt: off
_GATEWAY_SETS = frozenset((
    "accept", "accept-encoding", "api-key", "authorization", "connection", "content-encoding",
    "content-length", "content-type", "cookie", "expect", "host", "keep-alive",
    "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "user-agent", "x-api-key", "x-goog-api-key",
))
# fmt: on
"""Headers that the gateway itself sets, or that belong to one connection (RFC 9110, 7.6.1)."""


def host(node: Node) -> str:
    """An address to listen on: an IP address or a host name."""
    value = text(node)
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if is_address(bare):
        return bare
    if not _HOST.fullmatch(value) or value.replace(".", "").isdigit():
        hint = "such as 127.0.0.1, 0.0.0.0 or ::; the port is a setting of its own"
        raise node.where.error("must be an IP address or a host name", hint)
    return value


def network(node: Node) -> str:
    """An address, or a network in CIDR notation."""
    word = text(node)
    try:
        return str(ip_network(word))
    except ValueError:
        raise node.where.error("must be an address or a network", "such as 10.0.0.0/8") from None


def is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def is_loopback(value: str) -> bool:
    """Whether only this machine reaches `value`."""
    if is_address(value):
        return ip_address(value).is_loopback
    return value.lower().rstrip(".") == "localhost"


def base_url(node: Node) -> str:
    """An http or https URL with nothing but a host, a port and a path; without its trailing slash."""
    value = text(node)
    if "@" in value.partition("//")[2].partition("/")[0]:
        raise node.where.error("must hold no user name or password", "credentials go into keys")
    if "?" in value or "#" in value:
        raise node.where.error(
            "must end before any ? or #", "give the vendor's base URL as its own SDK takes it"
        )
    parts = _split(value)
    if parts is None or parts.scheme.lower() not in ("http", "https") or not _usable(parts):
        raise node.where.error(
            "must be an http:// or https:// URL with a host", "such as https://api.example.com/v1"
        )
    if not value.isascii() or any(char in value for char in ' \\"<>^`{|}'):
        raise node.where.error("holds a character that a URL cannot have", "percent-encode it")
    return value.rstrip("/")


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        return parts if parts.port != 0 else None  # the attribute raises for a port that is no number
    except ValueError:
        return None


def _usable(parts: SplitResult) -> bool:
    name = parts.hostname or ""
    return is_address(name) or _HOST.fullmatch(name) is not None


def provider_name(name: str, node: Node) -> str:
    """A name of the operator's own for a provider: it stands before the slash of a model, and in metrics."""
    if not _PROVIDER.fullmatch(name):
        raise node.where.error(
            "is no usable provider name", "use letters, digits, dots, dashes and underscores"
        )
    return name


def declared_name(name: str, node: Node) -> str:
    """A name that callers may ask for."""
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
        hint = f"1 to {LONGEST_NAME} characters, no control characters, no space at either end"
        raise node.where.error("is no usable model name", hint)
    return name


def model_name(node: Node) -> str:
    """The name of a model, or a pattern of names."""
    value = text(node)
    if len(value) > LONGEST_NAME:
        raise node.where.error(f"is longer than {LONGEST_NAME} characters")
    return value


def tag(node: Node) -> str:
    """A word that requests may ask a target to have, such as eu."""
    value = text(node)
    if not _PROVIDER.fullmatch(value):
        raise node.where.error("is no usable tag", "use letters, digits, dots, dashes and underscores")
    return value.lower()


def headers(node: Node) -> Mapping[str, Secret]:
    """Extra request headers; the values may be credentials."""
    found = named(_header)(node)
    return {name.lower(): value for name, value in found.items()}


def _header(name: str, node: Node) -> Secret:
    if not _TOKEN.fullmatch(name):
        raise node.where.error("is no usable header name")
    if name.lower() in _GATEWAY_SETS:
        raise node.where.error(
            "is a header that the gateway sets itself", "provider credentials go into keys"
        )
    value = text(node)
    if not value.isascii():
        raise node.where.error("holds a character that a header cannot have")
    return Secret(value)


def path(base: Path) -> Read[str]:
    """A path; relative to `base` in a file, to the working directory in a flag or variable."""

    def read(node: Node) -> str:
        value = Path(text(node)).expanduser()
        return str(base / value if node.where.line else value)

    return read


def existing_file(base: Path) -> Read[str]:
    """A path to a file that is there."""
    where = path(base)

    def read(node: Node) -> str:
        value = where(node)
        try:
            found = Path(value).is_file()
        except OSError:
            found = False
        if not found:
            raise node.where.error(
                "no such file", "a relative path starts at the configuration file's directory"
            )
        return value

    return read


def certificates(base: Path) -> Read[str]:
    """A path to a file that is there, with the certificates of authorities."""
    where = existing_file(base)

    def read(node: Node) -> str:
        value = where(node)
        try:
            SSLContext(PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=value)
        except (OSError, ValueError):
            raise node.where.error(
                "holds no certificates", "certificates of authorities, in PEM format"
            ) from None
        return value

    return read
