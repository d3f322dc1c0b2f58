"""Starts what is measured: the mock providers, the gateway in front of them, nginx as the limit beside it."""

import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.cores import Cores
from bench.processes import Child, free_port
from bench.scenarios import MOCK_DEFAULTS, ROUTES, Server

GATEWAY_KEY = "sk-bench-caller"
_READY_SECONDS = 20.0

_NGINX = """
daemon off; worker_processes 1; pid {out}/nginx.pid; error_log {out}/nginx-error.log;
{user}
events {{ worker_connections 8192; }}
http {{
  access_log off; client_max_body_size 64m; client_body_buffer_size 1m; keepalive_requests 1000000000;
  client_body_temp_path {out}/nginx-body; proxy_temp_path {out}/nginx-proxy; fastcgi_temp_path
  {out}/nginx-fastcgi; uwsgi_temp_path {out}/nginx-uwsgi; scgi_temp_path {out}/nginx-scgi; tcp_nodelay on;
  upstream mock {{ server 127.0.0.1:{mock}; keepalive 1024; keepalive_requests 1000000000; }} server {{ listen
  127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://mock; proxy_http_version 1.1;
  proxy_set_header Connection ""; proxy_buffering off; }} }}
}}
"""


def start_mock(out: Path, cores: Cores, *, awake: bool = False) -> tuple[Child, Server]:
    """The mock providers on the first of their cores. One that stays `awake` costs every server the same: else a slower
    one lets it fall asleep more often, and pays for waking it each time."""
    port = free_port()
    argv = [sys.executable, "-m", "bench.mock", "--port", str(port), "--defaults", MOCK_DEFAULTS]
    if awake:
        argv.append("--awake")
    child = Child(argv, log=out / "mock.log", cores=cores[:1])
    child.await_port(port)
    return child, Server("direct", "direct", "127.0.0.1", port)


def start_nginx(out: Path, mock: Server, cores: Cores) -> tuple[Child, Server] | None:
    """nginx as a bare reverse proxy with one worker; None when it is not installed."""
    # Debian puts it where an ordinary user's PATH does not look.
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        return None
    port = free_port()
    config = out / "nginx.conf"
    user = "user root;" if _is_root() else ""
    config.write_text(_NGINX.format(out=out.resolve(), port=port, mock=mock.port, user=user))
    child = Child([binary, "-c", str(config.resolve())], log=out / "nginx.log", cores=cores[:1])
    child.await_port(port)
    return child, Server("nginx", "proxy", "127.0.0.1", port)


def gateway_config(
    mock_url: str,
    port: int,
    admin_port: int,
    workers: int,
    data: Path,
    more: Mapping[str, object] | None = None,
) -> str:
    """A gateway config (YAML's JSON subset) with the mock behind openai and anthropic, the declared names, and a
    caller key."""
    config = {
        "server": {"host": "127.0.0.1", "port": port, "admin_port": admin_port, "workers": workers},
        "auth": {"keys": [GATEWAY_KEY]},
        "providers": {
            "openai": {"base_url": f"{mock_url}/v1", "keys": ["sk-mock-openai"]},
            "anthropic": {"base_url": mock_url, "keys": ["sk-mock-anthropic"]},
        },
        "models": ROUTES,
        "data": str(data),
        **(more or {}),
    }
    return json.dumps(config, indent=1)


def start_gateway(out: Path, mock: Server, cores: Cores) -> tuple[Child, Server]:
    """`gateway serve` with one worker per core. Raises ChildFailed when it does not come up."""
    child, server = spawn_gateway(out, f"http://{mock.host}:{mock.port}", cores, workers=max(1, len(cores)))
    child.await_port(server.port)
    await_ready(child, server)
    return child, server


def spawn_gateway(
    out: Path,
    mock_url: str,
    cores: Cores,
    *,
    workers: int,
    fresh: bool = True,
    more: Mapping[str, object] | None = None,
    program: Sequence[str] = ("gateway.cli",),
) -> tuple[Child, Server]:
    """`gateway serve`, without waiting for it. `fresh` is one that has nothing stored; `more` are sections of its
    configuration; `program` a module that serves as the gateway's own does, and what it is told before."""
    port = free_port()
    config = out / "gateway.yaml"
    out.mkdir(parents=True, exist_ok=True)
    if fresh:
        shutil.rmtree(out / "data", ignore_errors=True)  # else its journal is read beside the measurement
    config.write_text(gateway_config(mock_url, port, free_port(), workers, out.resolve() / "data", more))
    argv = [sys.executable, "-m", *program, "serve", "--config", str(config)]
    child = Child(argv, log=out / "gateway.log", cores=cores)
    return child, Server("gateway", "gateway", "127.0.0.1", port, key=GATEWAY_KEY)


def await_ready(child: Child, server: Server) -> None:
    """Returns when `/ready` says 200. Raises ChildFailed when the child ends or time does."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if not child.running():
            raise child.failure("the gateway ended")
        if _status(f"http://{server.host}:{server.port}/ready") == 200:
            return
        time.sleep(0.05)
    raise child.failure("the gateway never became ready")


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _is_root() -> bool:
    return os.geteuid() == 0
