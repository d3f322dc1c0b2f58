"""The command `python -m bench.caching_memory`: starting with a full cache, and what it takes.

A real gateway with four workers answers one question from a mock; beside that answer a million entries and a hundred
thousand questions of the same namespace are written through the store's own interface. Then the gateway starts anew,
and this tells when it gave its first answer, its first exact hit and its first semantic one, until when its indexes
were filled, how long exact hits took meanwhile and afterwards, and how much memory each process has for itself.
"""

import argparse
import asyncio
import hashlib
import http.client
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console

from bench.processes import Child, free_port
from bench.semantic import percentiles
from bench.semantic_questions import numbered
from bench.servers import GATEWAY_KEY, start_mock
from gateway._speedups.shelf import Shelf
from gateway.cache.agreement import Agreement
from gateway.cache.embedding.static import installed
from gateway.cache.learned import Learned, pack, unpack
from gateway.cache.store import ENTRY, VECTOR, Store
from gateway.control.caching import Caching

ASKED = "How do I renew my expired library card before the summer holidays?"
ALIKE = "Hello, how do I renew my expired library card before the summer holidays?"
HEADERS = {"authorization": f"Bearer {GATEWAY_KEY}", "content-type": "application/json"}
DAY = 86_400
CONNECTIONS = 16
QUIET = 0.04
"""Share of a processor below which a worker fills nothing any more."""
PATIENCE = 300.0


def body_of(text: str) -> bytes:
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": text}], "max_tokens": 64}
    return json.dumps(body).encode()


def config_of(mock: str, port: int, workers: int, data: Path) -> str:
    """A gateway's configuration, in the part of YAML that is JSON."""
    return json.dumps(
        {
            "server": {"host": "127.0.0.1", "port": port, "admin_port": free_port(), "workers": workers},
            "auth": {"keys": [GATEWAY_KEY]},
            "providers": {"openai": {"base_url": f"{mock}/v1", "keys": ["sk-mock-openai"]}},
            "cache": {"mode": "semantic", "ttl": "24h", "max_size": "16GiB"},
            "data": str(data),
        }
    )


class Ask:
    """Asks one gateway, on a new connection each time."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __call__(self, text: str, how: str = "") -> tuple[int, str]:
        """The status, and what the cache said; 0 where nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        headers = {**HEADERS, "x-gateway-cache": how} if how else HEADERS
        try:
            connection.request("POST", "/v1/chat/completions", body_of(text), headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("x-gateway-cache") or ""
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def until(self, text: str, how: str, wanted: tuple[int, str], pause: float = 0.005) -> float:
        """When this answer came."""
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end:
            status, told = self(text, how)
            if status == wanted[0] and wanted[1] in told:
                return time.perf_counter()
            time.sleep(pause)
        raise SystemExit(f"no answer of the kind {wanted} in {PATIENCE} s; the last was {status} {told}")


def filled(data: Path, entries: int, vectors: int) -> float:
    """Writes entries and questions beside the one that is there; how many seconds that took."""
    shelf = Shelf(entries)
    store = Store(shelf, data / "cache", max_size=16 << 30, max_entry=1 << 20)
    Caching(store).step()
    told = [frame for frame in store.tail() if frame.kind == VECTOR]
    learned = unpack(told[0].payload)
    found = store.get(told[0].key, time.time())
    assert learned is not None
    assert found is not None
    begun, ends, scope, guards = time.perf_counter(), time.time() + DAY, told[0].scope, Agreement()
    fingerprint, namespace = installed().fingerprint, learned.namespace
    for number in range(entries):
        key = hashlib.blake2b(str(number).encode(), digest_size=32).digest()
        store.put(key, scope, ends, found.payload, ENTRY)
        if number < vectors:
            text = numbered(number)
            question = Learned(fingerprint, namespace, text.encode(), guards.note(text))
            store.put(key, scope, ends, pack(question), VECTOR)
    store.close()
    return time.perf_counter() - begun


class Trickle:
    """Exact hits at a steady rate on kept connections, and how long each took."""

    def __init__(self, port: int, rate: float) -> None:
        self._port = port
        self._rate = rate
        body = body_of(ASKED)
        head = "".join(f"{name}: {value}\r\n" for name, value in {**HEADERS, "host": "gateway"}.items())
        start = f"POST /v1/chat/completions HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n"
        self._request = start.encode() + body
        self.took: list[float] = []

    async def run(self, processes: list[psutil.Process], least: float, *, until_quiet: bool) -> float:
        """For `least` seconds, and until no process works on by itself; when that was."""
        self.took = []
        over = asyncio.Event()
        tasks = [asyncio.create_task(self._ask(over, turn / CONNECTIONS)) for turn in range(CONNECTIONS)]
        await asyncio.sleep(least)
        if until_quiet:
            await self._quiet(processes)
        found = time.perf_counter()
        over.set()
        await asyncio.gather(*tasks)
        return found

    async def _quiet(self, processes: list[psutil.Process]) -> None:
        usual = self._rate / len(processes) * 0.0004  # what the hits themselves cost, about
        while True:
            before = [sum(process.cpu_times()[:2]) for process in processes]
            await asyncio.sleep(1.0)
            worked = [
                sum(process.cpu_times()[:2]) - was for process, was in zip(processes, before, strict=True)
            ]
            if max(worked) < QUIET + usual:
                return

    async def _ask(self, over: asyncio.Event, turn: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        pause = CONNECTIONS / self._rate
        due = time.perf_counter() + turn * pause
        while not over.is_set():
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter()
            writer.write(self._request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.split(b"content-length: ")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            self.took.append(time.perf_counter() - begun)
            due = max(due + pause, begun)
        writer.close()


def private(process: psutil.Process) -> float:
    """Megabytes that this process shares with nobody."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum([int(line.split()[1]) for line in lines if line.startswith("Private_")]) / 1024


async def measured(port: int, child: Child, begun: float, arguments: argparse.Namespace) -> None:
    """Watches a gateway that was just started, and prints what it sees."""
    show, ask = Console().print, Ask(port)
    show(f"load average {os.getloadavg()[0]:.1f}")
    show(f"first answer            {ask.until('Hello', 'off', (200, '')) - begun:8.2f} s after the start")
    show(f"first exact hit         {ask.until(ASKED, 'only', (200, 'hit')) - begun:8.2f} s")
    trickle = Trickle(port, arguments.rate)
    found = asyncio.create_task(asyncio.to_thread(ask.until, ALIKE, "only", (200, "semantic"), 0.1))
    family = psutil.Process(child.pid).children(recursive=True)
    show_times = {"while the indexes fill": True, "afterwards": False}
    for name, until_quiet in show_times.items():
        end = await trickle.run(family, 5.0, until_quiet=until_quiet)
        told = percentiles(trickle.took)
        if until_quiet:
            show(f"first semantic hit      {await found - begun:8.2f} s")
            show(f"indexes filled          {end - begun:8.2f} s")
        show(
            f"exact hits {name:24} p50 {told['p50']:6.2f} ms, p99 {told['p99']:6.2f} ms, "
            f"longest {told['max']:6.2f} ms, {len(trickle.took)} of them, load {os.getloadavg()[0]:.1f}"
        )
    for process in sorted(family, key=private, reverse=True):
        show(f"private memory of {process.pid:8} {private(process):8.1f} MB")


def run(folder: Path, arguments: argparse.Namespace) -> None:
    mock, server = start_mock(folder, ())
    port, config, data = free_port(), folder / "gateway.yaml", folder / "data"
    config.write_text(config_of(f"http://{server.host}:{server.port}", port, arguments.workers, data))
    argv = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)]
    gateway = Child(argv, log=folder / "gateway.log")
    try:
        Ask(port).until(ASKED, "", (200, "hit"))
        gateway.stop()
        took = filled(data, arguments.entries, arguments.vectors)
        print(f"{arguments.entries} entries and {arguments.vectors} questions written in {took:.1f} s")
        begun = time.perf_counter()
        gateway = Child(argv, log=folder / "gateway.log")
        asyncio.run(measured(port, gateway, begun, arguments))
    finally:
        gateway.stop()
        mock.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.caching_memory", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=200.0, help="exact hits a second")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), arguments)


if __name__ == "__main__":
    main()
