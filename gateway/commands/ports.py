"""The doctor's look at the ports: free, this gateway's own, or somebody else's."""

import errno
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException

from gateway.commands.findings import Finding, fail, ok, warn
from gateway.config import Config

PATIENCE = 3.0
"""Seconds that a server on one of the ports may take."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def ports(config: Config) -> Iterator[Finding]:
    server = config.server
    yield _port("API port", server.host, server.port, "/health", "--port, or server.port")
    if config.admin.enabled:
        way = "--admin-port, or server.admin_port"
        yield _port("admin port", config.admin.host, server.admin_port, "/api/me", way)


def _port(about: str, host: str, port: int, path: str, way: str) -> Finding:
    """A gateway that serves there is told by its answer to `path`."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    taken = _refusal(host, port)
    if taken == 0:
        return ok(about, f"{place} is free")
    if taken == errno.EADDRINUSE:
        if _is_gateway(EVERYWHERE.get(host, host), port, path):
            return ok(about, f"a gateway serves at {place}")
        return fail(about, f"{place} is taken by another program", f"stop it, or choose another port ({way})")
    if taken == errno.EACCES:
        return fail(about, f"{place} may not be used by this user", f"choose one from 1024 on ({way})")
    if taken == errno.EADDRNOTAVAIL:
        return fail(
            about,
            f"this machine has no address {host}",
            "127.0.0.1 is this machine alone, 0.0.0.0 every address",
        )
    return warn(about, f"{place} cannot be looked at (error {taken})", "is the address right?")


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
