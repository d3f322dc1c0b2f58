"""LiteLLM and Portkey: installed into environments of their own, started in front of the mock providers."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.cores import Cores
from bench.peers.spec import PeerError, PeerSpec
from bench.processes import Child, free_port

_START_SECONDS = 120.0


class Known(msgspec.Struct, frozen=True):
    """`install(home)` fills the directory; `argv(home, mock_url, port, workers)` is the command to serve."""

    marker: str
    install: Callable[[Path], None]
    argv: Callable[[Path, str, int, int], list[str]]
    headers: Callable[[str], dict[str, str]]


def start_peer(name: str, root: Path, mock_url: str, cores: Cores) -> tuple[Child, PeerSpec]:
    """Starts an installed peer. Raises PeerError when it is unknown or not installed, ChildFailed when it
    fails."""
    known, home = _known(name), root / name
    if not (home / known.marker).exists():
        raise PeerError(f"{name} is not installed: python -m bench.peers install {name}")
    port = free_port()
    child = Child(known.argv(home, mock_url, port, max(1, len(cores))), log=home / "serve.log", cores=cores)
    try:
        child.await_port(port, seconds=_START_SECONDS)
    except BaseException:
        child.stop()
        raise
    return child, PeerSpec(name=name, url=f"http://127.0.0.1:{port}/v1", headers=known.headers(mock_url))


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


def _litellm(home: Path, mock_url: str, port: int, workers: int) -> list[str]:
    models = {
        "gpt-4o-mini": {"model": "openai/gpt-4o-mini", "api_base": f"{mock_url}/v1"},
        "claude-haiku-4-5": {"model": "anthropic/claude-haiku-4-5", "api_base": mock_url},
    }
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {**params, "api_key": "sk-mock"}}
            for name, params in models.items()
        ]
    }
    (home / "config.yaml").write_text(json.dumps(config))
    options = ["--config", str(home / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    return [str(home / "bin" / "litellm"), *options, "--num_workers", str(workers)]


def _install_portkey(home: Path) -> None:
    subprocess.run(["npm", "install", "--silent", "--prefix", str(home), "@portkey-ai/gateway"], check=True)


def _portkey(home: Path, _: str, port: int, __: int) -> list[str]:
    script = home / "node_modules/@portkey-ai/gateway/build/start-server.js"
    return ["node", str(script), f"--port={port}", "--headless"]


KNOWN = {
    "litellm": Known("bin/litellm", _install_litellm, _litellm, lambda _: {}),
    "portkey": Known(
        "node_modules/@portkey-ai/gateway/package.json",
        _install_portkey,
        _portkey,
        lambda mock_url: {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{mock_url}/v1"},
    ),
}
