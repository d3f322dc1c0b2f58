"""Budgets and limits under load, at the real gateway: what was granted, stored and settled agrees to the nano-dollar.

`BUDGET_KILLS` is how many workers are killed (8 by default), `BUDGET_CALLERS` how many ask at once; for 2,000 of them
the budget has room for 1,000 requests.
"""

import contextlib
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from fault_server import FaultServer
from gateway_process import OPENAI_KEY, Gateway, until
from openai_wire import USAGE

from gateway._speedups import health, limits
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts, Purse
from gateway.schemas.chat import ChatRequest, Message, Text
from gateway.telemetry.cells import sections
from gateway.tokens.conversations import prompt_tokens

CHAT = "/v1/chat/completions"
KEY = "gw-exact-canary-40a1"
CALLERS = int(os.environ.get("BUDGET_CALLERS", "200"))
KILLS = int(os.environ.get("BUDGET_KILLS", "8"))
REQUESTS = max(300, CALLERS // 2)
OUTPUT = int(str(USAGE["completion_tokens"]))
PRICE = 1_000 * OUTPUT
"""Nano-dollars of each request, before and after: nothing for the prompt, one USD per million tokens of the answer."""
ROWS = 16


def start(upstream: FaultServer, folder: Path, key: dict[str, Any], **more: Any) -> Gateway:
    """A gateway of four workers and one key."""
    config = {
        "server": {"workers": 4, "drain": "2s"},
        "breaker": "off",
        "providers": {"openai": {"base_url": f"{upstream.url}/v1", "keys": [OPENAI_KEY]}},
        "keys": {"k": {"value": KEY, **key}},
        "prices": {"openai/m": {"input": 0, "cached": 0, "output": 1}},
        **more,
    }
    return Gateway(config, folder)


def ask(gateway: Gateway, model: str = "openai/m", tokens: int = OUTPUT) -> int:
    """The status of one request."""
    body = {"model": model, "max_tokens": tokens, "messages": [{"role": "user", "content": "hi"}]}
    return gateway.post(CHAT, body, key=KEY).status


def at_once(callers: int, call: Callable[[], None]) -> None:
    """So many threads."""
    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def purse(gateway: Gateway, row: int, id: str, period: str) -> Purse:
    """A budget, as a row that no worker has sees it."""
    path = Path("/dev/shm") / f"gateway-{os.getuid()}-{gateway.port}.ledger"
    every = (*sections(), *health.sections(), *limits.sections(workers=ROWS))
    return Accounts(Ledger.open(path, every), row).budget(id, 1, period=period)


def rows(folder: Path) -> list[tuple[str, int, int]]:
    """(request id, status, nano-dollars) of all that is stored."""
    if not (folder / "data" / "gateway.db").exists():
        return []
    store = sqlite3.connect(f"file:{folder}/data/gateway.db?mode=ro", uri=True, timeout=5)
    try:
        return store.execute("SELECT request_id, status, COALESCE(cost_nano_usd, 0) FROM records").fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        store.close()


def test_a_budget_for_so_many_requests_grants_exactly_so_many(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    budget = {"usd": REQUESTS * PRICE / 1e9, "per": "never"}
    gateway = start(openai_upstream, tmp_path, {"budgets": [budget]})
    statuses: list[int] = []
    try:
        at_once(CALLERS, lambda: statuses.extend(ask(gateway) for _ in range(1 + 2 * REQUESTS // CALLERS)))
        assert Counter(statuses)[200] == REQUESTS
        assert set(statuses) == {200, 402}
        assert len(openai_upstream.seen) == REQUESTS
        found = purse(gateway, ROWS - 1, "key:k/never", "never")
        assert (found.spent(time.time_ns()), found.reserved) == (REQUESTS * PRICE, 0)
        until(lambda: len(rows(tmp_path)) == len(statuses))
        assert sum(cost for _, _, cost in rows(tmp_path)) == REQUESTS * PRICE
        gateway.stop()
    finally:
        if gateway.process.poll() is None:
            gateway.kill()


def test_a_budget_is_passed_by_no_more_than_requests_under_way_use_beyond_their_reservations(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    """A provider that heeds no max_tokens: each answer costs more than was reserved for it."""
    asked, room = 3, REQUESTS * PRICE // 2
    beyond = PRICE - 1_000 * asked
    gateway = start(openai_upstream, tmp_path, {"budgets": [{"usd": room / 1e9, "per": "never"}]})
    statuses: list[int] = []
    at_most = 40
    try:
        at_once(
            at_most,
            lambda: statuses.extend(ask(gateway, tokens=asked) for _ in range(1 + REQUESTS // at_most)),
        )
        assert set(statuses) == {200, 402}
        spent = Counter(statuses)[200] * PRICE
        assert room - PRICE < spent <= room + at_most * beyond
        assert ask(gateway, tokens=asked) == 402
        found = purse(gateway, ROWS - 1, "key:k/never", "never")
        assert (found.spent(time.time_ns()), found.reserved) == (spent, 0)
        gateway.stop()
    finally:
        if gateway.process.poll() is None:
            gateway.kill()


def test_a_limit_of_tokens_is_passed_by_no_more_than_the_guess_was_wrong(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    """So many a minute, and what has flowed back meanwhile. What the provider counts beyond the gateway's own count of
    the prompt is owed by those that are under way at once."""
    limit, at_most = 2_000, 50
    used = int(str(USAGE["total_tokens"]))
    request = ChatRequest(dialect="openai_chat", model="m", messages=(Message("user", (Text("hi"),)),))
    counted = prompt_tokens("m", request)
    wrong = int(str(USAGE["prompt_tokens"])) - counted
    assert 0 < wrong < used / 2
    gateway = start(openai_upstream, tmp_path, {"limits": [{"tokens": limit, "per": "minute"}]})
    statuses: list[int] = []
    try:
        began = time.monotonic()
        at_once(at_most, lambda: statuses.extend(ask(gateway) for _ in range(6)))
        flowed = limit * (time.monotonic() - began) / 60
        good = Counter(statuses)[200]
        assert set(statuses) == {200, 429}
        assert limit - 2 * used <= good * used <= limit + flowed + at_most * wrong
        gateway.stop()
    finally:
        if gateway.process.poll() is None:
            gateway.kill()


def workers(gateway: Gateway) -> list[psutil.Process]:
    """Those that serve or soon will: not the control process, which is of another priority."""
    return [child for child in psutil.Process(gateway.process.pid).children() if child.nice() == 0]


class Crowd:
    """Callers that ask without a pause."""

    def __init__(self, gateway: Gateway, number: int) -> None:
        self._gateway = gateway
        self._over = threading.Event()
        self.answered: list[str] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self) -> None:
        body = {"model": "openai/m", "messages": [{"role": "user", "content": "hi"}]}
        while not self._over.is_set():
            with contextlib.suppress(OSError, EOFError, ValueError, AssertionError):
                with self._gateway.connect(timeout=20) as connection:
                    connection.send(self._gateway.encode(CHAT, body, key=KEY))
                    reply = connection.reply()
                assert reply.complete
                assert reply.status == 200
                self.answered.append(reply.headers["x-gateway-request-id"])


def test_what_killed_workers_served_is_stored_settled_and_given_back(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    budgets = [{"usd": 1000, "per": "day"}, {"usd": 5, "per": "never", "soft": True}]
    gateway = start(openai_upstream, tmp_path, {"budgets": budgets})
    draw = random.Random(11)
    try:
        found = purse(gateway, ROWS - 1, "key:k/day", "day")
        crowd = Crowd(gateway, 8)
        try:
            for _ in range(KILLS):
                time.sleep(draw.uniform(0.1, 0.4))
                with contextlib.suppress(psutil.NoSuchProcess):
                    for victim in draw.sample(living := workers(gateway), min(1, len(living))):
                        victim.kill()
            until(lambda: len(crowd.answered) > 50)
        finally:
            crowd.stop()
        until(lambda: len(gateway.workers()) == 4)
        until(lambda: found.reserved == 0)
        until(lambda: set(crowd.answered) <= {one for one, _, _ in rows(tmp_path)})
        until(lambda: not unread(tmp_path))
        stored = rows(tmp_path)
        assert max(Counter(one for one, _, _ in stored).values()) == 1
        assert found.spent(time.time_ns()) == sum(cost for _, _, cost in stored)
        gateway.stop()
    finally:
        if gateway.process.poll() is None:
            gateway.kill()


def unread(folder: Path) -> bool:
    """Whether more of the journal is there than is stored."""
    store = sqlite3.connect(f"file:{folder}/data/gateway.db?mode=ro", uri=True, timeout=5)
    done = dict(store.execute('SELECT file, "offset" FROM journal_offsets').fetchall())
    store.close()
    files = (folder / "data" / "journal").glob("*.log")
    return any(path.stat().st_size > done.get(path.name, 0) for path in files)


def test_a_fallback_pays_at_the_provider_that_answered(openai_upstream: FaultServer, tmp_path: Path) -> None:
    """The first provider is away: its budget owes nothing, the other one's everything."""
    other = {"type": "openai", "base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}
    gateway = start(
        openai_upstream,
        tmp_path,
        {},
        providers={
            "away": {**other, "base_url": "http://127.0.0.1:9/v1"},
            "other": other,
        },
        quotas={f"provider:{name}": {"budgets": [{"usd": 1, "per": "never"}]} for name in ("away", "other")},
        models={"fast": {"targets": ["away/m", "other/m"]}},
        prices={name: {"input": 0, "output": 1} for name in ("away/m", "other/m")},
    )
    try:
        assert [ask(gateway, "fast") for _ in range(3)] == [200] * 3
        until(lambda: len(rows(tmp_path)) == 3)
        owed = [
            purse(gateway, ROWS - 1 - at, f"provider:{name}/never", "never").spent(time.time_ns())
            for at, name in enumerate(("away", "other"))
        ]
        assert owed == [0, 3 * PRICE]
        gateway.stop()
    finally:
        if gateway.process.poll() is None:
            gateway.kill()


def test_a_new_ledger_knows_what_the_period_has_spent(openai_upstream: FaultServer, tmp_path: Path) -> None:
    gateway = start(openai_upstream, tmp_path, {"budgets": [{"usd": 3 * PRICE / 1e9, "per": "never"}]})
    assert [ask(gateway) for _ in range(2)] == [200] * 2
    until(lambda: len(rows(tmp_path)) == 2)
    gateway.kill()  # and its ledger is removed, as by a restart of the machine
    again = start(openai_upstream, tmp_path, {"budgets": [{"usd": 3 * PRICE / 1e9, "per": "never"}]})
    try:
        found = purse(again, ROWS - 1, "key:k/never", "never")
        until(lambda: found.spent(time.time_ns()) == 2 * PRICE)
        assert [ask(again) for _ in range(2)] == [200, 402]
        again.stop()
    finally:
        if again.process.poll() is None:
            again.kill()


def test_what_was_spent_before_a_restart_counts_from_its_first_request(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    """Also while nobody can read the records: the store is away."""
    budget = {"budgets": [{"usd": 10 * PRICE / 1e9, "per": "never"}]}
    gateway = start(openai_upstream, tmp_path, budget)
    try:
        assert ask(gateway) == 200
        until(lambda: next((tmp_path / "data").glob("spent-*.msgpack"), None) is not None)
        assert [ask(gateway) for _ in range(10)] == [200] * 9 + [402]
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0, gateway.log()
        store = tmp_path / "data" / "gateway.db"
        for _ in range(2):
            if store.is_file():
                store.rename(tmp_path / "data" / "away")
                store.mkdir()
            gateway = start(openai_upstream, tmp_path, budget, server=gateway.config["server"])
            assert {ask(gateway) for _ in range(8)} == {402}
            gateway.signal(signal.SIGTERM)
            assert gateway.wait() == 0, gateway.log()
    finally:
        if gateway.process.poll() is None:
            gateway.kill()
