"""The door where requests come through the operator's proxies: a caller's address is what the nearest of them says.

Each proxy adds to `X-Forwarded-For` whom it was reached by, at the right end, so that what callers write themselves
stands to the left of that and counts for nothing.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address
Message = MutableMapping[str, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]

HEADER = b"x-forwarded-for"
NOBODY = ("", 0)
"""Whose address nobody can tell."""
MOST = 16
"""Proxies behind each other, at least."""
LONGEST = 64
"""Bytes of an address with all around it."""


class Proxied:
    """In front of the `application`, where the operator trusts proxies on these networks."""

    def __init__(self, application: Application, networks: tuple[str, ...]) -> None:
        self._application = application
        self._networks = tuple(map(ip_network, networks))

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            peer = _address(scope["client"][0]) if scope.get("client") else None
            if peer is not None and self._trusts(peer):
                said = b",".join([value for name, value in scope["headers"] if name == HEADER])
                if said:
                    scope["client"] = self._client(said)
        await self._application(scope, receive, send)

    def _client(self, said: bytes) -> tuple[str, int]:
        found: Address | None = None
        words = said.rsplit(b",", MOST)  # where there are more, the first is all that is left: no address
        for word in reversed(words):
            found = _address(_bare(word))
            if found is None:
                return NOBODY
            if not self._trusts(found):
                break
        return str(found), 0

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _bare(word: bytes) -> str:
    """An address without its port, and without what may be around it (RFC 7239, 6)."""
    if len(word) > LONGEST:
        return ""
    text = word.decode("latin-1").strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
