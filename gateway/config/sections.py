"""The small sections of the file: server, auth, limits, time-outs, retries, prices, log."""

import os
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.model import (
    Admin,
    Auth,
    Discovery,
    Jwt,
    Limits,
    LogConfig,
    PerRequest,
    PriceOverride,
    Server,
    TimeoutChanges,
)
from gateway.config.nodes import Node
from gateway.config.problems import ConfigError
from gateway.config.reading import (
    Read,
    Section,
    boolean,
    byte_size,
    choice,
    decimal,
    duration,
    integer,
    list_of,
    named,
    secret,
    text,
)
from gateway.config.values import base_url, host, is_loopback, network

DAY = 86_400.0
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "json", "text")
RESERVES = ("asked", "learned", "most")

weight: Read[int] = integer(1, 1_000_000)
connections: Read[int] = integer(1, 65_536)
_wait: Read[float] = duration(0.001, DAY)
_port: Read[int] = integer(1, 65_535)


def server(section: Section) -> Server:
    found = Server(
        host=section.get("host", host, Server().host),
        port=section.get("port", _port, Server().port),
        admin_port=section.get("admin_port", _port, Server().admin_port),
        workers=section.get("workers", workers, None) or cores(),
        drain=section.get("drain", duration(0, 3600), Server().drain),
        backlog=section.get("backlog", integer(16, 65_535), Server().backlog),
        allow_insecure=section.get("allow_insecure", boolean, False),
        trusted_proxies=section.get("trusted_proxies", list_of(_proxy), ()),
    )
    if found.port == found.admin_port:
        name = "admin_port" if section.has("admin_port") else "port"
        section.fail(name, f"port and admin_port are both {found.port}", "give each its own")
    return found


def _proxy(node: Node) -> str:
    found = network(node)
    if found.endswith("/0"):
        raise node.where.error("is everybody", "name the proxies, or the network that only they are on")
    return found


def workers(node: Node) -> int:
    """A number of worker processes; auto is one per core that this process may use."""
    return cores() if node.text == "auto" else _worker_count(node)


def _worker_count(node: Node) -> int:
    try:
        return integer(1, 512)(node)
    except ConfigError:
        raise node.where.error("must be auto or a whole number from 1 to 512") from None


def cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Cores that this process may use: by affinity, and by the container's quota (cgroup v2, cpu.max)."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        limit, period = quota.read_text(encoding="ascii").split()
        return max(1, min(available, ceil(int(limit) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no quota is written as "max"
        return available


def admin(node: Node) -> Admin:
    """The admin API; `off` alone turns it off."""
    if node.kind == "boolean":
        return Admin(enabled=boolean(node))
    if node.kind == "text" and node.text.lower() in ("on", "off"):
        return Admin(enabled=node.text.lower() == "on")
    given = Section(node)
    found = Admin(
        enabled=given.get("enabled", boolean, True),
        host=given.get("host", host, Admin().host),
    )
    given.close()
    return found


def auth(section: Section) -> Auth:
    keys = section.get("keys", list_of(secret, example='such as ["${GATEWAY_KEY}"]'), ())
    if section.has("jwt") and find_spec("jwt") is None:
        section.fail("jwt", "tokens need a package that is not installed", "pip install 'ai-gateway[jwt]'")
    return Auth(keys=keys, jwt=section.get("jwt", _jwt, None))


def _jwt(node: Node) -> Jwt:
    given = Section(node)
    found = Jwt(
        issuer=given.need("issuer", text, "", "as it stands in the tokens' iss"),
        audience=given.need("audience", text, "", "as it stands in the tokens' aud"),
        jwks_url=given.need("jwks_url", _published, "", "where the issuer publishes its keys"),
        claims=given.get("claims", named(_claim), {}),
    )
    given.close()
    return found


def _published(node: Node) -> str:
    """Where keys may be trusted to be the issuer's: whoever changes them on their way could make tokens."""
    found = base_url(node)
    parts = urlsplit(found)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise node.where.error("must be an https:// URL")
    return found


def _claim(name: str, node: Node) -> str:
    if name not in ("user", "team", "org", "models"):
        raise node.where.error("is no part of a caller", "known here: user, team, org, models")
    return text(node)


def limits(section: Section) -> Limits:
    usual = Limits()
    return Limits(
        max_body=section.get("max_body", byte_size(1 << 10, 1 << 30), usual.max_body),
        max_header=section.get("max_header", byte_size(1 << 10, 1 << 20), usual.max_header),
        max_answer=section.get("max_answer", byte_size(1 << 10, 1 << 30), usual.max_answer),
        max_message=section.get("max_message", byte_size(1 << 10, 16 << 20), usual.max_message),
        upstream_connections=section.get("upstream_connections", connections, usual.upstream_connections),
        pool_wait=section.get("pool_wait", _wait, usual.pool_wait),
        keepalive=section.get("keepalive", _wait, usual.keepalive),
        requests=section.get("requests", integer(1, 1_000_000), usual.requests),
        shadows=section.get("shadows", integer(0, 10_000), usual.shadows),
        shadow_bytes=section.get("shadow_bytes", byte_size(0, 1 << 40), usual.shadow_bytes),
        reserve=section.get("reserve", choice(*RESERVES), usual.reserve),
    )


def per_request(section: Section) -> PerRequest:
    usual = PerRequest()
    return PerRequest(
        fallbacks=section.get("fallbacks", integer(0, 32), usual.fallbacks),
        retries=section.get("retries", integer(0, 10), usual.retries),
        timeout=section.get("timeout", _wait, usual.timeout),
        explain=section.get("explain", boolean, usual.explain),
    )


def keepalive_comments(node: Node) -> float:
    """Seconds of silence until a stream says that it lives; 0 is never."""
    if node.kind in ("text", "boolean") and node.text.lower() in ("off", "false", "no"):
        return 0.0
    return duration(0.1, 600)(node)


def discovery(section: Section) -> Discovery:
    return Discovery(
        enabled=section.get("enabled", boolean, Discovery().enabled),
        every=section.get("every", duration(1, 30 * DAY), Discovery().every),
    )


def timeouts(section: Section) -> TimeoutChanges:
    found = {name: section.get(name, _wait, None) for name in TimeoutChanges.__struct_fields__}
    return TimeoutChanges(**found)


def price(section: Section) -> PriceOverride:
    found = {name: section.get(name, decimal, None) for name in PriceOverride.__struct_fields__}
    if not section.problems and found["input"] is None and found["output"] is None:
        section.problems.append(
            section.where.problem("gives no price", "input and output, in US dollars per million")
        )
    return PriceOverride(**found)


def log(section: Section) -> LogConfig:
    return LogConfig(
        level=section.get("level", choice(*LEVELS), LogConfig().level),
        format=section.get("format", choice(*FORMATS), LogConfig().format),
    )
