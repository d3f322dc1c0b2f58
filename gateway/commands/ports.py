"""The doctor's look at the ports: free, this gateway's own, or somebody else's."""

import errno
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

from gateway.commands.findings import Finding, fail, ok, warn
from gateway.config import Config

PATIENCE = 3.0
"""Seconds that a server on one of the ports may take."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def ports(config: Config) -> Iterator[Finding]:
    server = config.server
    api = _port("API port", server.host, server.port, "/health", "--port, or server.port")
    yield api.finding
    if config.admin.enabled:
        way = "--admin-port, or server.admin_port"
        admin = _port("admin port", config.admin.host, server.admin_port, "/api/me", way)
        if api.serves and admin.finding.level == "ok" and not admin.serves:
            todo = "it begins when the store can be used: see below, and the gateway's log (store_unusable)"
            yield warn("admin port", "the gateway runs, and its admin API does not", todo)
        else:
            yield admin.finding


class Port(NamedTuple):
    """What was found at a port; `serves` where that is a gateway."""

    finding: Finding
    serves: bool = False


def _port(about: str, host: str, port: int, path: str, way: str) -> Port:
    """A gateway that serves there is told by its answer to `path`."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    taken = _refusal(host, port)
    if taken == 0:
        return Port(ok(about, f"{place} is free"))
    if taken == errno.EADDRINUSE:
        if _is_gateway(EVERYWHERE.get(host, host), port, path):
            return Port(ok(about, f"a gateway serves at {place}"), serves=True)
        todo = f"stop it, or choose another port ({way})"
        return Port(fail(about, f"{place} is taken by another program", todo))
    if taken == errno.EACCES:
        return Port(fail(about, f"{place} may not be used by this user", f"choose one from 1024 on ({way})"))
    if taken == errno.EADDRNOTAVAIL:
        todo = "127.0.0.1 is this machine alone, 0.0.0.0 every address"
        return Port(fail(about, f"this machine has no address {host}", todo))
    return Port(warn(about, f"{place} cannot be looked at (error {taken})", "is the address right?"))


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    return _refusal(host, port) != errno.EADDRINUSE


def _refusal(host: str, port: int) -> int:
    """The error number with which the port is refused; 0 where it is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        return error.errno or -1
    return 0


def _is_gateway(host: str, port: int, path: str) -> bool:
    link = HTTPConnection(host, port, timeout=PATIENCE)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        body = answer.read(4096)
    except (OSError, HTTPException):
        return False
    finally:
        link.close()
    return body.startswith(b'{"status":') or answer.getheader("x-gateway-request-id") is not None
