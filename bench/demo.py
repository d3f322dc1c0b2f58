"""What `make run` starts: the gateway on port 8080, with mock providers behind it when there is no provider
key."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from bench.processes import Child, ChildFailed, free_port, listens
from gateway.providers.registry import PROVIDERS

_MOCK_LOG = Path("bench/out/demo-mock.log")
_START_SECONDS = 30.0
_MOCK_DEFAULTS = "chunks40-pace30-latency200"  # slow enough for a reader to see a stream as one

_TRY = """
Try it, plain and as a stream, as OpenAI's and as Anthropic's SDK would ask:

  curl {url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "{openai}", "messages": [{{"role": "user", "content": "{text}"}}]}}'

  curl -N {url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "{openai}", "stream": true, "messages": [{{"role": "user", "content": "{text}"}}]}}'

  curl {url}/v1/messages -H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' \\
    -d '{{"model": "{anthropic}", "max_tokens": 100, "messages": [{{"role": "user", "content": "{text}"}}]}}'

  curl -N {url}/v1/messages -H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' \\
    -d '{{"model": "{anthropic}", "max_tokens": 100, "stream": true,
         "messages": [{{"role": "user", "content": "{text}"}}]}}'

Either model can be asked for at either path. Metrics: {url}/metrics; what was used: .venv/bin/gateway usage.
Ctrl-C ends it all.
"""


def has_provider(env: Mapping[str, str]) -> bool:
    """Whether the environment names a provider: a key, or the address of a local server."""
    return any(env.get(name) for provider in PROVIDERS.values() for name in provider.env) or any(
        env.get(name) for name in ("OLLAMA_BASE_URL", "VLLM_BASE_URL")
    )


def mock_environment(mock_url: str) -> dict[str, str]:
    """Variables that put the mock behind openai and anthropic."""
    return {
        "OPENAI_API_KEY": "sk-mock-openai",
        "OPENAI_BASE_URL": f"{mock_url}/v1",
        "ANTHROPIC_API_KEY": "sk-mock-anthropic",
        "ANTHROPIC_BASE_URL": mock_url,
    }


def main() -> int:
    """Runs until Ctrl-C or until the gateway ends; its exit status is the gateway's."""
    parser = argparse.ArgumentParser(prog="python -m bench.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("serve", nargs="*", help="further arguments of `gateway serve`, after --")
    arguments = parser.parse_args()
    if listens("127.0.0.1", arguments.port):
        todo = "stop it, or take another one: make run PORT=8090"
        print(f"demo: port {arguments.port} is taken by another program: {todo}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as stack:
        try:
            env = {} if has_provider(os.environ) else _start_mock(stack)
        except ChildFailed as failure:
            print(f"demo: {failure}", file=sys.stderr)
            return 1
        return _serve(arguments.port, arguments.serve, env)


def _start_mock(stack: ExitStack) -> dict[str, str]:
    port = free_port()
    argv = [sys.executable, "-m", "bench.mock", "--port", str(port), "--defaults", _MOCK_DEFAULTS]
    mock = Child(argv, log=_MOCK_LOG)
    stack.callback(mock.stop)
    mock.await_port(port)
    print("No provider key in the environment: mock providers answer for openai and anthropic.")
    return mock_environment(f"http://127.0.0.1:{port}")


def _serve(port: int, extra: list[str], env: dict[str, str]) -> int:
    argv = [sys.executable, "-m", "gateway.cli", "serve", "--port", str(port), *extra]
    # In this terminal's process group: Ctrl-C reaches the gateway directly, and it drains.
    gateway = subprocess.Popen(argv, env={**os.environ, **env})
    try:
        if _comes_up(gateway, port):
            print(_try_lines(port, mocked=bool(env)), flush=True)
        return gateway.wait()
    except KeyboardInterrupt:
        return _end(gateway)


def _comes_up(gateway: "subprocess.Popen[bytes]", port: int) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while gateway.poll() is None and time.monotonic() < deadline:
        if listens("127.0.0.1", port):
            return True
        time.sleep(0.05)
    return False


def _end(gateway: "subprocess.Popen[bytes]") -> int:
    gateway.terminate()
    try:
        gateway.wait(40.0)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        gateway.kill()
        gateway.wait()
    return 0


def _try_lines(port: int, *, mocked: bool) -> str:
    text = "echo: hello, sea" if mocked else "Hello!"
    return _TRY.format(
        url=f"http://127.0.0.1:{port}",
        openai="openai/gpt-4o-mini",
        anthropic="anthropic/claude-haiku-4-5",
        text=text,
    )


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
