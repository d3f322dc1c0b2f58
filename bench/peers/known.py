"""LiteLLM and Portkey: installed into environments of their own, started in front of the mock providers."""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.cores import Cores
from bench.peers.spec import PeerError, PeerSpec
from bench.processes import Child, free_port

_START_SECONDS = 120.0


class Place(msgspec.Struct, frozen=True):
    """Where and how a peer is to serve; callers present `key`, as the gateway's callers present theirs."""

    home: Path
    mock_url: str
    port: int
    workers: int
    key: str


class Known(msgspec.Struct, frozen=True):
    """`install` fills the peer's directory, `argv` is the command to serve, `headers` what callers add for it."""

    marker: str
    install: Callable[[Path], None]
    argv: Callable[[Place], list[str]]
    headers: Callable[[Place], dict[str, str]]


def start_peer(name: str, root: Path, mock_url: str, cores: Cores) -> tuple[Child, PeerSpec]:
    """Starts an installed peer, one worker per core.

    Raises PeerError when it is unknown or not installed, ChildFailed when it fails.
    """
    known = _known(name)
    key = f"sk-{secrets.token_hex(24)}"
    place = Place((root / name).resolve(), mock_url, free_port(), max(1, len(cores)), key)
    if not (place.home / known.marker).exists():
        raise PeerError(f"{name} is not installed: python -m bench.peers install {name}")
    child = Child(known.argv(place), log=place.home / "serve.log", cores=cores)
    try:
        child.await_port(place.port, seconds=_START_SECONDS)
    except BaseException:
        child.stop()
        raise
    url = f"http://127.0.0.1:{place.port}/v1"
    return child, PeerSpec(name=name, url=url, key=key, headers=known.headers(place))


def install(name: str, root: Path) -> None:
    """Installs a peer under `root`. Raises subprocess.CalledProcessError when its package manager fails."""
    home = root / name
    home.mkdir(parents=True, exist_ok=True)
    _known(name).install(home)


def _known(name: str) -> Known:
    if name not in KNOWN:
        raise PeerError(f"unknown peer {name!r}; known are {', '.join(KNOWN)}, others need a URL")
    return KNOWN[name]


def _install_litellm(home: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run([str(home / "bin" / "pip"), "install", "-q", "litellm[proxy]"], check=True)


def _litellm(place: Place) -> list[str]:
    models = {
        "gpt-4o-mini": {"model": "openai/gpt-4o-mini", "api_base": f"{place.mock_url}/v1"},
        "claude-haiku-4-5": {"model": "anthropic/claude-haiku-4-5", "api_base": place.mock_url},
    }
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {**params, "api_key": "sk-mock"}}
            for name, params in models.items()
        ],
        "general_settings": {"master_key": place.key},
    }
    path = place.home / "config.yaml"
    path.write_text(json.dumps(config))
    options = ["--config", str(path), "--host", "127.0.0.1", "--port", str(place.port)]
    return [str(place.home / "bin" / "litellm"), *options, "--num_workers", str(place.workers)]


def _install_portkey(home: Path) -> None:
    subprocess.run(["npm", "install", "--silent", "--prefix", str(home), "@portkey-ai/gateway"], check=True)


def _portkey(place: Place) -> list[str]:
    script = place.home / "node_modules/@portkey-ai/gateway/build/start-server.js"
    return ["node", str(script), f"--port={place.port}", "--headless"]


def _portkey_headers(place: Place) -> dict[str, str]:
    return {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{place.mock_url}/v1"}


KNOWN = {
    "litellm": Known("bin/litellm", _install_litellm, _litellm, lambda _: {}),
    "portkey": Known(
        "node_modules/@portkey-ai/gateway/package.json", _install_portkey, _portkey, _portkey_headers
    ),
}
