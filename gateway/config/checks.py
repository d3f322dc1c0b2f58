"""What only the whole configuration shows: open doors, and providers that are this gateway itself."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.model import Config, Server
from gateway.config.nodes import Node
from gateway.config.problems import Problem
from gateway.config.reading import optional_mapping
from gateway.config.values import is_loopback

_EVERYWHERE = ("0.0.0.0", "::")


def check(config: Config, tree: Node) -> Iterator[Problem]:
    """The mistakes of a configuration whose settings are each right in themselves."""
    yield from _open_door(config, tree)
    yield from _own_address(config, tree)


def _open_door(config: Config, tree: Node) -> Iterator[Problem]:
    server = config.server
    known = config.auth.keys or config.auth.jwt or config.governance.keys
    if known or server.allow_insecure or not server.faces_others:
        return
    if config.admin.enabled and _has_store(config):
        return  # callers need keys of the store, and nobody is served without
    section = tree.fields.get("server")
    settings = optional_mapping(section)
    node = settings.get("host" if not server.trusted_proxies else "trusted_proxies") or section or tree
    yield node.where.problem(
        "without caller keys the gateway only listens on this machine (127.0.0.1)",
        "export GATEWAY_KEY=<a long random text>, write auth.keys, or make keys first (gateway keys create); "
        "server.allow_insecure: true opens it to everybody",
    )


def _has_store(config: Config) -> bool:
    """Whether there is a store that may hold keys."""
    return config.store.url is not None or (Path(config.data) / "gateway.db").exists()


def _own_address(config: Config, tree: Node) -> Iterator[Problem]:
    """Applications find the gateway by variables that it reads itself, such as OPENAI_BASE_URL."""
    entries = optional_mapping(tree.fields.get("providers"))
    for name, provider in config.providers.items():
        if provider.base_url is not None and _is_here(provider.base_url, config.server):
            node = optional_mapping(entries.get(name)).get("base_url") or tree
            hint = (
                f"unset {node.where.path} for the gateway"
                if not node.where.line
                else "name the provider's address"
            )
            yield node.where.problem("is this gateway's own address: requests would go in a circle", hint)


def _is_here(url: str, server: Server) -> bool:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    if port != server.port:
        return False
    return host == server.host or (
        is_loopback(host) and (is_loopback(server.host) or server.host in _EVERYWHERE)
    )
