"""The real gateway as a process: started from a config file, watched, asked, and stopped."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import yaml
from prometheus_client.parser import text_string_to_metric_families
from raw_client import RawConnection, Reply, exchange, request

from bench.processes import end_with_parent, free_port

CALLER_KEY = "caller-canary-5b1f0c"
SECOND_CALLER_KEY = "caller-canary-77aa02"
OPENAI_KEY = "sk-provider-canary-91c2d4"
ANTHROPIC_KEY = "sk-ant-provider-canary-3e8b"
PROVIDER_KEYS = (OPENAI_KEY, ANTHROPIC_KEY)
CALLER_KEYS = (CALLER_KEY, SECOND_CALLER_KEY)

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 40.0
PATIENCE = 40.0
"""Seconds in which what must come about comes about, on however busy a machine."""
Labels = dict[str, str]


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Returns once `condition` holds; AssertionError when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came to hold"
        time.sleep(0.01)


def forget_ledger(port: int) -> None:
    """A gateway on this port begins with nothing counted, whatever a killed one left behind."""
    for left in Path("/dev/shm").glob(f"gateway-*-{port}.*"):
        left.unlink(missing_ok=True)


class Gateway:
    """A running `gateway serve`; its log is one file. `behind` is a command that runs the one after it."""

    behind: tuple[str, ...] = ()

    def __init__(self, config: dict[str, Any], folder: Path, *, wait: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port, admin_port = free_port(), free_port()
        forget_ledger(port)
        server = {"host": "127.0.0.1", "port": port, "admin_port": admin_port, "workers": 2}
        usual = {"log": {"format": "json"}, "discovery": {"enabled": False}, "admin": "off"}
        self.config = {**usual, **config, "server": {**server, **config.get("server", {})}}
        self.port = int(self.config["server"]["port"])
        self.log_path = folder / "gateway.log"
        self._start(folder)
        if wait:
            self._wait_ready()

    def _start(self, folder: Path) -> None:
        path = folder / "gateway.yaml"
        path.write_text(yaml.safe_dump(self.config, allow_unicode=True))
        command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(path)]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.behind, *command, "--data", str(folder / "data")],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=clean_environment(),
                start_new_session=True,  # a group of its own, as an orchestrator gives it
                preexec_fn=end_with_parent,  # it drains and leaves nothing, even where the tests are killed
            )

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the gateway ended while starting:\n{self.log()}"
            try:
                if self.get("/ready").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the gateway was not ready after {START_SECONDS} s:\n{self.log()}")

    # --- asking ---

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, timeout: float = 30.0) -> RawConnection:
        return RawConnection(self.port, timeout)

    def get(self, path: str, headers: dict[str, str | bytes] | None = None) -> Reply:
        return exchange(self.port, request("GET", path, None, headers), "GET")

    def post(
        self,
        path: str | bytes,
        body: Any,
        headers: dict[str, str | bytes] | None = None,
        key: str = CALLER_KEY,
    ) -> Reply:
        """A request on a connection of its own; `body` is bytes, or anything that JSON can say."""
        return exchange(self.port, self.encode(path, body, headers, key))

    def encode(
        self,
        path: str | bytes,
        body: Any,
        headers: dict[str, str | bytes] | None = None,
        key: str = CALLER_KEY,
    ) -> bytes:
        """The bytes of an authenticated POST."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        names: dict[str, str | bytes] = {"content-type": "application/json"}
        if key:
            names["authorization"] = f"Bearer {key}"
        return request("POST", path, data, {**names, **(headers or {})})

    @contextlib.contextmanager
    def each_worker(self) -> Iterator[list[RawConnection]]:
        """A connection to every worker. Each learns of a change by itself: what one knows, another may not know yet."""
        opened: list[RawConnection] = []
        try:
            yield self._to_each(opened)
        finally:
            for one in opened:
                one.close()

    def _to_each(self, opened: list[RawConnection]) -> list[RawConnection]:
        found: dict[int, RawConnection] = {}
        taken = 0
        deadline = time.monotonic() + PATIENCE
        while len(found) < self.config["server"]["workers"]:
            assert time.monotonic() < deadline, f"only {len(found)} workers take connections"
            if taken == len(opened):
                opened += [self.connect() for _ in range(8)]
            by_port = {one.socket.getsockname()[1]: one for one in opened}
            accepted = [(pid, by_port[port]) for pid, port in self._callers() if port in by_port]
            taken, found = len(accepted), dict(accepted)
        return list(found.values())

    def _callers(self) -> Iterator[tuple[int, int]]:
        """The workers' pids, and the ports of those whose connections each has accepted."""
        for worker in self.workers():
            with contextlib.suppress(psutil.Error):
                for link in worker.net_connections("tcp"):
                    if link.status == "ESTABLISHED" and link.laddr.port == self.port:
                        yield worker.pid, link.raddr.port

    def from_each(self, data: bytes, method: str = "POST") -> list[Reply]:
        """What every worker says to the same request."""
        with self.each_worker() as connections:
            for one in connections:
                one.send(data)
            return [one.reply(method) for one in connections]

    def statuses(self, path: str, body: Any, key: str = CALLER_KEY) -> set[int]:
        """The statuses with which the workers answer the same request."""
        return {reply.status for reply in self.from_each(self.encode(path, body, None, key))}

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def metrics_text(self) -> str:
        return self.get("/metrics").body.decode()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples called `name` that have these labels, once nothing is under way: a request is
        counted when its last byte has left, and a worker may be asked before another one has done that."""
        until(self.at_rest)
        return self.metric_now(name, **labels)

    def metric_now(self, name: str, **labels: str) -> float:
        """The same, whatever is under way."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.metrics_text())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    # --- living and ending ---

    def workers(self) -> list[psutil.Process]:
        """The processes below the supervisor that hold the data port."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                ports = {link.laddr.port for link in child.net_connections("tcp") if link.status == "LISTEN"}
            except psutil.Error:
                continue
            if self.port in ports:
                found.append(child)
        return found

    def kill_workers(self) -> None:
        """Kills all workers. Returns once as many others serve."""
        victims = self.workers()
        for victim in victims:
            victim.kill()
        psutil.wait_procs(victims, PATIENCE)
        until(lambda: len(self.workers()) == len(victims))
        with self.each_worker():
            pass

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = STOP_SECONDS) -> int:
        """The exit status; kills what does not end."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends the whole group at once, and takes away what it had no time to."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(5)
        forget_ledger(self.port)

    def stop(self) -> None:
        """SIGTERM; the gateway must end by itself, cleanly, and have logged neither a trace nor a secret."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.wait()
        log = self.log()
        assert status == 0, f"exit status {status}:\n{log[-4000:]}"
        assert_clean(log)

    def at_rest(self) -> bool:
        """No request is under way in any worker."""
        return self.metric_now("gateway_in_flight_requests") == 0


def assert_clean(log: str) -> None:
    """No traceback, no secret and no broken line in a JSON log."""
    assert "Traceback" not in log, log[-6000:]
    for secret in (*PROVIDER_KEYS, *CALLER_KEYS):
        assert secret not in log
    for line in log.splitlines():
        assert isinstance(json.loads(line), dict), line


def clean_environment() -> dict[str, str]:
    """This environment without provider keys, base URLs and proxies, so that the config alone decides."""
    dirty = ("_KEY", "_TOKEN", "_BASE_URL", "_API_BASE", "_PROXY")
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith(dirty)}
    return {**kept, "PYTHONPATH": str(ROOT)}
