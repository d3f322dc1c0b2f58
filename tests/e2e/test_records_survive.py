"""Every answer that a caller got is a row of the store, once: whoever is killed, and while the store is away.

`RECORD_KILLS` is how many processes are killed (20 by default; `make soak` takes 200).
"""

import contextlib
import os
import random
import resource
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from fault_server import FaultServer
from gateway_process import Gateway
from samples import HELLO

CHAT = "/v1/chat/completions"
KILLS = int(os.environ.get("RECORD_KILLS", "20"))
PATIENCE = 40.0


class Callers:
    """Some callers that ask without a pause: whole answers, streams and mistakes by turns."""

    def __init__(self, gateway: Gateway, number: int) -> None:
        self._gateway = gateway
        self._over = threading.Event()
        self.answered: list[tuple[str, int]] = []
        self.broken = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(at,)) for at in range(number)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _ask(self, at: int) -> None:
        turn = at
        while not self._over.is_set():
            turn += 1
            model = "nobody/knows" if turn % 7 == 0 else "my-vllm/x"
            body = {"model": model, "messages": HELLO, "stream": turn % 3 == 0}
            try:
                with self._gateway.connect(timeout=20) as connection:
                    connection.send(self._gateway.encode(CHAT, body))
                    reply = connection.reply()
            except (OSError, EOFError, ValueError, AssertionError):
                with self._lock:
                    self.broken += 1
                time.sleep(0.005)
                continue
            streamed = body["stream"] and reply.status == 200
            whole = b"[DONE]" in reply.body if streamed else reply.complete
            with self._lock:
                if whole:
                    self.answered.append((reply.headers["x-gateway-request-id"], reply.status))
                else:
                    self.broken += 1


def rows(data: Path) -> list[tuple[str, int]]:
    """(request id, status) of all that is stored."""
    if not (data / "gateway.db").exists():
        return []
    store = sqlite3.connect(f"file:{data}/gateway.db?mode=ro", uri=True, timeout=5)
    try:
        return store.execute("SELECT request_id, status FROM records").fetchall()
    except sqlite3.OperationalError:
        return []  # there is no table yet
    finally:
        store.close()


def until_stored(data: Path, answered: list[tuple[str, int]]) -> list[tuple[str, int]]:
    deadline = time.monotonic() + PATIENCE
    while True:
        found = rows(data)
        if set(answered) <= set(found):
            return found
        assert time.monotonic() < deadline, sorted(set(answered) - set(found))[:5]
        time.sleep(0.1)


def background(gateway: Gateway) -> list[psutil.Process]:
    """Control and the recorder. A worker that just starts does not listen yet; they are those of another priority."""
    workers = {worker.pid for worker in gateway.workers()}
    children = psutil.Process(gateway.process.pid).children()
    return [child for child in children if child.pid not in workers and gives_way(child)]


def gives_way(process: psutil.Process) -> bool:
    try:
        return process.nice() > 0
    except psutil.Error:
        return False


def slay(gateway: Gateway, whom: str) -> None:
    victims = gateway.workers()[:1] if whom != "control" else []
    for victim in [*victims, *(background(gateway) if whom != "worker" else ())]:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()


def until(condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition never came to hold"
        time.sleep(0.05)


def test_rows_are_the_answers_whoever_is_killed(start_gateway: Any, tmp_path: Path) -> None:
    gateway = start_gateway()
    data = tmp_path / "gateway-0" / "data"
    draw = random.Random(7)
    callers = Callers(gateway, 8)
    try:
        for kill in range(KILLS):
            time.sleep(draw.uniform(0.05, 0.4))
            slay(
                gateway,
                ("worker", "worker", "worker", "control", "both")[draw.randrange(5)] if kill else "both",
            )
        until(lambda: len(gateway.workers()) == 2)
        before = len(callers.answered)
        until(lambda: len(callers.answered) > max(100, before + 20))
    finally:
        callers.stop()
    found = until_stored(data, callers.answered)
    counts = Counter(request_id for request_id, _ in found)
    assert max(counts.values()) == 1
    surplus = set(found) - set(callers.answered)
    assert len(surplus) <= callers.broken  # the answer was ready, and its worker died before it left
    gateway.kill()


@pytest.fixture
def locked(tmp_path: Path) -> Any:
    """Locks a store's file against everybody; call it again to let go."""
    holders: list[sqlite3.Connection] = []

    def toggle(data: Path) -> None:
        if holders:
            holders.pop().close()
            return
        holder = sqlite3.connect(data / "gateway.db", isolation_level=None, timeout=10)
        holder.execute("BEGIN IMMEDIATE")
        holders.append(holder)

    yield toggle
    for holder in holders:
        holder.close()


def test_a_locked_store_costs_no_request_and_no_row(
    start_gateway: Any, openai_upstream: FaultServer, tmp_path: Path, locked: Any
) -> None:
    gateway = start_gateway()
    data = tmp_path / "gateway-0" / "data"
    until(lambda: (data / "gateway.db").exists() and bool(stored_tables(data)))
    locked(data)
    callers = Callers(gateway, 2)
    try:
        until(lambda: "store_away" in gateway.log())
        assert callers.broken == 0
        assert {status for _, status in callers.answered} == {200, 404}
    finally:
        callers.stop()
        locked(data)
    assert sorted(until_stored(data, callers.answered)) == sorted(callers.answered)
    assert gateway.log().count("store_away") == 1
    gateway.stop()


def stored_tables(data: Path) -> list[Any]:
    store = sqlite3.connect(data / "gateway.db")
    try:
        return store.execute("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchall()
    finally:
        store.close()


def test_a_journal_that_cannot_be_written_is_counted(start_gateway: Any, tmp_path: Path) -> None:
    """A file stands where the journal's directory should be: the requests go on."""
    data = tmp_path / "gateway-0" / "data"
    data.mkdir(parents=True)
    (data / "journal").write_text("")
    gateway = start_gateway()
    for _ in range(3):
        assert gateway.post(CHAT, {"model": "my-vllm/x", "messages": HELLO}).status == 200
    assert gateway.metric("gateway_journal_lost_total") == 3
    assert "journal_failed" in gateway.log()
    (data / "journal").unlink()
    until(lambda: (data / "journal").is_dir() and len(list((data / "journal").iterdir())) == 2)
    reply = gateway.post(CHAT, {"model": "my-vllm/x", "messages": HELLO})
    assert until_stored(data, [(reply.headers["x-gateway-request-id"], 200)])
    gateway.kill()


def test_a_full_disk_costs_records_and_no_request(start_gateway: Any, tmp_path: Path) -> None:
    """No file may grow any further, as on a disk without room: what is written meanwhile is lost and counted."""
    gateway = start_gateway()
    data = tmp_path / "gateway-0" / "data"
    asked = {"model": "my-vllm/x", "messages": HELLO}
    before = [gateway.post(CHAT, asked) for _ in range(8)]
    until_stored(data, [(one.headers["x-gateway-request-id"], one.status) for one in before])
    worker_limits(gateway, max(path.stat().st_size for path in (data / "journal").glob("*.log")) + 100)
    full = [gateway.post(CHAT, asked) for _ in range(20)]
    assert {one.status for one in full} == {200}
    lost = gateway.metric("gateway_journal_lost_total")
    assert 0 < lost <= 20
    worker_limits(gateway, resource.RLIM_INFINITY)
    after = [gateway.post(CHAT, asked) for _ in range(8)]
    assert gateway.metric("gateway_journal_lost_total") == lost
    until_stored(data, [(one.headers["x-gateway-request-id"], one.status) for one in after])
    until(lambda: len(rows(data)) >= 8 + 20 - lost + 8)
    found = rows(data)
    assert len(found) == 8 + 20 - lost + 8
    assert max(Counter(found).values()) == 1
    gateway.stop()


def worker_limits(gateway: Gateway, size: int) -> None:
    """No worker's files may be larger."""
    for worker in gateway.workers():
        worker.rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
