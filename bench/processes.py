"""Child processes of a measurement: started pinned, watched through /proc, ended with certainty."""

import atexit
import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil

from bench.cores import Cores

_STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None)
_LOWEST_PORT = 16_384  # below are the usual ones of other programs
_CLAIMS: list[socket.socket] = []  # of the ports that were given out


class ChildFailed(RuntimeError):
    """A child ended, or never came up; the message ends with the last lines of its log."""


class Footprint(msgspec.Struct, frozen=True):
    """What a process tree uses: CPU seconds since its start, resident bytes, and those of its largest worker.

    Workers are the descendants; a process without any is its own worker. A supervisor larger than its workers would
    otherwise hide their growth.
    """

    cpu: float
    rss: int
    largest: int
    processes: int


class Child:
    """A process group of its own, with its output in a log file."""

    def __init__(
        self, argv: Sequence[str], *, log: Path, cores: Cores = (), env: Mapping[str, str] | None = None
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else {**os.environ, **env},
                start_new_session=True,
                preexec_fn=lambda: _settle(cores),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def failure(self, what: str) -> ChildFailed:
        """An error that shows the end of the log."""
        tail = self.log.read_text(errors="replace").splitlines()[-15:]
        return ChildFailed("\n".join([f"{what} ({self.log})", *tail]))

    def await_port(self, port: int, *, host: str = "127.0.0.1", seconds: float = 20.0) -> None:
        """Returns once something listens on `port`. Raises ChildFailed when the child ends or time does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.running():
                raise self.failure("the process ended")
            if listens(host, port):
                return
            time.sleep(0.02)
        raise self.failure(f"nothing listens on port {port}")

    def stop(self) -> None:
        """SIGTERM to the child, then SIGKILL to what is left of its group."""
        if self.running():
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def _settle(cores: Cores) -> None:
    """In the child, before its program: onto its cores, and to end when the bench is killed."""
    if cores:
        os.sched_setaffinity(0, cores)
    end_with_parent()


def end_with_parent() -> None:
    """In a child, before its program: SIGTERM for it when the thread that started it is gone."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def listens(host: str, port: int) -> bool:
    """Whether a connection to the port is accepted."""
    try:
        socket.create_connection((host, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A free TCP port of the loopback interface that is this process's until it ends.

    No other process gets it here, and the kernel gives it to no connection: it is below the ports for those.
    """
    for port in random.sample(_own_ports(), 1000):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0ai-gateway-port-{port}")  # an abstract name: it goes with the process
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _CLAIMS.append(claim)
        return port
    raise OSError("no TCP port is free")


@atexit.register
def _give_up_ports() -> None:
    for claim in _CLAIMS:
        claim.close()


def _own_ports() -> range:
    """Ports that the kernel does not choose by itself, where it leaves enough of them."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return range(_LOWEST_PORT, lowest if lowest > _LOWEST_PORT + 1000 else 65_536)


def owner(port: int) -> int | None:
    """The process that listens on a local port, if it may be known; of several related ones the oldest."""
    pids = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid
    }
    return min(pids, default=None)


def foreign_load(seconds: float = 0.5) -> float:
    """Share of the machine's CPU time in use during a short look, 0 to 1: what others do, while nothing of
    ours runs."""
    return float(psutil.cpu_percent(interval=seconds)) / 100


def footprint(pid: int) -> Footprint:
    """What the process tree under `pid` uses now. A process that has just ended counts nothing."""
    cpu, sizes = 0.0, []
    for process in _tree(pid):
        try:
            times, memory = process.cpu_times(), process.memory_info()
        except psutil.NoSuchProcess:
            continue
        cpu += times.user + times.system
        sizes.append(memory.rss)
    return Footprint(
        cpu=cpu, rss=sum(sizes), largest=max(sizes[1:] or sizes, default=0), processes=len(sizes)
    )


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
