"""The doctor's look at the providers: whether each answers from here, and whether its clock agrees with this one."""

import socket
import ssl
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import time
from urllib.parse import urlsplit

import msgspec

from gateway.commands.findings import Finding, fail, ok, warn
from gateway.commands.screens import shown
from gateway.commands.settings import known_providers
from gateway.config import Config
from gateway.config.model import ProviderConfig

PATIENCE = 3.0
"""Seconds for a connection, and as many for an answer."""
SKEW = 60.0
"""Seconds by which clocks may differ: signatures (SigV4) and tokens (JWT) allow for minutes."""
_AT_ONCE = 16


class Reached(msgspec.Struct, frozen=True):
    """What came of one provider; `skew` is how far this clock is ahead of its own, in seconds."""

    finding: Finding
    skew: float | None = None


def reaching(config: Config, stored: Iterable[ProviderConfig] = ()) -> Iterator[Finding]:
    """Those of the file and the `stored` ones. No credential is sent: a HEAD of the address alone."""
    known = known_providers()
    every = {**{one.name: one for one in stored}, **config.providers}
    given = [
        (one, one.base_url or (known[one.type].base_url if one.type in known else ""))
        for one in every.values()
    ]
    if not given:
        return
    with ThreadPoolExecutor(min(len(given), _AT_ONCE)) as threads:
        found = list(threads.map(lambda pair: reach(*pair), given))
    yield from (one.finding for one in found)
    yield from _clock([one.skew for one in found if one.skew is not None])


def reach(provider: ProviderConfig, url: str) -> Reached:
    about = provider.name
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host:
        return Reached(ok(about, "its address is only known when it is asked"))
    plain = parts.scheme == "http"
    port = parts.port or (80 if plain else 443)
    link = HTTPConnection(host, port, timeout=PATIENCE)
    try:
        if not plain:
            link = HTTPSConnection(host, port, timeout=PATIENCE, context=_context(provider))
        link.connect()
    except OSError as error:
        link.close()
        return Reached(fail(about, *_why(error, host, port)))
    way = "" if plain else ", over TLS"
    return Reached(ok(about, f"{host}:{port} can be reached{way}"), _skew(link, parts.path or "/"))


def _context(provider: ProviderConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=provider.ca_file)
    if not provider.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _why(error: OSError, host: str, port: int) -> tuple[str, str]:
    """What is wrong, and what to do."""
    place = f"{host}:{port}"
    match error:
        case socket.gaierror():
            return f"{host} has no address here", "is base_url right? Does this machine's DNS work?"
        case ssl.SSLCertVerificationError():
            todo = (
                "give ca_file where an authority of your own signed it; a proxy in between may show its own"
            )
            return f"the certificate of {place} is not trusted: {shown(error.verify_message)}", todo
        case ssl.SSLError():
            return f"{place} does not speak TLS", "is it http:// in base_url?"
        case TimeoutError():
            return f"{place} does not answer within {PATIENCE:.0f} s", "does a firewall allow it from here?"
        case ConnectionRefusedError():
            return f"{place} refuses connections", "does the server run, and on this port?"
        case _:
            return (
                f"{place} cannot be reached: {error.strerror or type(error).__name__}",
                "is there a way there?",
            )


def _skew(link: HTTPConnection, path: str) -> float | None:
    """How far this clock is ahead of the server's; None where it does not tell."""
    try:
        began = time()
        link.request("HEAD", path)
        said = link.getresponse().getheader("date")
        middle = (began + time()) / 2
        return None if said is None else middle - parsedate_to_datetime(said).timestamp() - 0.5
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        link.close()


def _clock(skews: list[float]) -> Iterator[Finding]:
    """One server's clock may be wrong: the middle of them all counts."""
    if not skews:
        return
    skew = sorted(skews)[len(skews) // 2]
    if abs(skew) <= SKEW:
        yield ok("clock", "it agrees with the providers'")
        return
    said = f"it is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the providers'"
    yield warn(
        "clock", said, "set it (chrony, systemd-timesyncd): signed requests and tokens are refused otherwise"
    )
