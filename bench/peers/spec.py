"""A peer as the command line names it: `litellm`, or
`name=http://host:port,model=...,key=...,header.NAME=...`."""

from urllib.parse import urlsplit

import msgspec

from bench.scenarios import Server


class PeerError(ValueError):
    """A --peer that cannot be understood."""


class PeerSpec(msgspec.Struct, frozen=True):
    """`url` is empty for a peer that the bench starts by itself."""

    name: str
    url: str = ""
    model: str = ""
    key: str = "sk-mock"
    headers: dict[str, str] = {}

    def server(self) -> Server:
        """The peer as a server to put load on. Raises PeerError when the URL is not plain http with a host."""
        parts = urlsplit(self.url)
        if parts.scheme != "http" or not parts.hostname:
            raise PeerError(f"peer {self.name}: {self.url!r} is not an http:// URL")
        path = parts.path.rstrip("/")
        return Server(
            name=self.name,
            kind="peer",
            host=parts.hostname,
            port=parts.port or 80,
            key=self.key,
            base=path or "/v1",
            model=self.model,
            headers=self.headers,
        )


def parse_peer(text: str) -> PeerSpec:
    """Reads a --peer. Raises PeerError for an unknown field."""
    name, _, rest = text.partition("=")
    if not name or (not rest and "=" in text):
        raise PeerError(f"{text!r}: expected NAME or NAME=URL[,model=...][,key=...][,header.NAME=...]")
    url, *fields = rest.split(",")
    values: dict[str, str] = {}
    headers: dict[str, str] = {}
    for field in fields:
        key, _, value = field.partition("=")
        if key.startswith("header."):
            headers[key.removeprefix("header.")] = value
        elif key in ("model", "key"):
            values[key] = value
        else:
            raise PeerError(f"{text!r}: unknown field {key!r}")
    return PeerSpec(name=name, url=url, headers=headers, **values)
