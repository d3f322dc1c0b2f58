"""A mock provider that misbehaves by the model's name, a gateway in front of it, and what both saw of a case."""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fault_cases import Case
from gateway_process import CALLER_KEY, Gateway, until
from raw_client import Reply

from bench.mock import Mock, Seen, start_mock
from gateway._speedups import health
from gateway._speedups.ledger import Ledger
from gateway.control.files import runtime_folder
from gateway.telemetry.cells import sections

PATIENCE = 30.0  # seconds in which something that is over must be seen to be over


class MockThread:
    """`bench.mock` on an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.mock: Mock = self._run(start_mock(keep=100_000, chunks=6, size=60))

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def stop(self) -> None:
        self._run(self.mock.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def seen_of(self, provider: str) -> list[Seen]:
        """The requests that came for one of the gateway's providers, in their order."""
        return [seen for seen in tuple(self.mock.seen) if seen.target.startswith(f"/{provider}/")]

    def busy(self) -> set[int]:
        async def look() -> set[int]:
            return self.mock.busy

        found: set[int] = self._run(look())
        return found


@dataclass
class Outcome:
    """What came of a case."""

    reply: Reply
    seen: list[Seen]
    seconds: float
    left_over: set[int]  # connections that still waited for the end of an answer
    after: Reply  # the same provider, asked for something healthy


def configuration(
    mock: Mock, cases: Iterable[Case], mid_stream: str = "error", **more: Any
) -> dict[str, Any]:
    """A provider and a route for each case; `spare-…` stand by."""
    providers = {f"spare-{dialect}": wire_provider(mock, dialect, f"spare-{dialect}") for dialect in _PATHS}
    routes: dict[str, Any] = {}
    for case in cases:
        scheme = "https" if case.fault.tls else "http"
        providers[case.own] = wire_provider(mock, case.provider, case.own, scheme) | case.fault.settings
        spare = [f"spare-{SPARE.get(case.provider, 'openai')}/mock"] if case.spare else []
        routes[case.name] = {"targets": [{"model": f"{case.own}/{case.fault.name}"}], "fallbacks": spare}
    return {
        "auth": {"keys": [CALLER_KEY]},
        "providers": providers,
        "models": routes,
        "mid_stream": mid_stream,
        **more,
    }


_PATHS = {"openai": "/v1", "anthropic": "", "gemini": "", "bedrock": "", "cohere": "", "deepseek": ""}
SPARE = {"openai": "anthropic"}
"""The dialect of what stands by; of all others it is OpenAI's."""


def wire_provider(mock: Mock, dialect: str, name: str, scheme: str = "http") -> dict[str, Any]:
    """A provider as the configuration has it. Azure has Responses at any address, a server like OpenAI's not."""
    if dialect == "responses":
        return {
            "type": "azure",
            "base_url": f"{scheme}://{mock.host}:{mock.port}/{name}",
            "keys": ["provider-key"],
        }
    url = f"{scheme}://{mock.host}:{mock.port}/{name}{_PATHS[dialect]}"
    return {"type": dialect, "base_url": url, "keys": ["provider-key"]}


def ask(gateway: Gateway, caller: str, model: str, stream: bool) -> Reply:
    """A small question in one dialect."""
    path, body = question(caller, model, stream)
    with gateway.connect(30.0) as connection:
        connection.send(gateway.encode(path, body))
        return connection.reply()


def question(caller: str, model: str, stream: bool) -> tuple[str, dict[str, Any]]:
    """Path and body of a small question."""
    turn = {"role": "user", "content": "hi"}
    if caller == "openai":
        return "/v1/chat/completions", {"model": model, "messages": [turn], "stream": stream}
    if caller == "anthropic":
        return "/v1/messages", {"model": model, "max_tokens": 99, "messages": [turn], "stream": stream}
    if caller == "responses":
        return "/v1/responses", {"model": model, "input": "hi", "stream": stream}
    if caller == "cohere":
        return "/cohere/v2/chat", {"model": model, "messages": [turn], "stream": stream}
    if caller == "bedrock":
        method = "converse-stream" if stream else "converse"
        said = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
        return f"/bedrock/model/{model}/{method}", said
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{method}", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def meet(gateway: Gateway, mock: MockThread, case: Case) -> Outcome:
    """Asks, waits until nothing of it is left at the provider, and asks the provider for something healthy."""
    began = time.monotonic()
    reply = ask(gateway, case.caller, case.name, case.stream)
    seconds = time.monotonic() - began
    seen = mock.seen_of(case.own)
    used = {one.connection for one in seen}
    deadline = time.monotonic() + PATIENCE
    while (left_over := mock.busy() & used) and time.monotonic() < deadline:
        time.sleep(0.02)
    healthy = "spare-openai/mock" if case.fault.tls else f"{case.own}/mock"
    after = ask(gateway, case.caller, healthy, False)
    return Outcome(reply, seen, seconds, left_over, after)


def nothing_is_left(
    gateway: Gateway, mock: MockThread, targets: Iterable[tuple[str, str]], folder: Path
) -> None:
    """Until all that was asked is over, in the gateway and at the provider; both see it a little after the caller."""
    asked = list(targets)
    until(gateway.at_rest)
    until(lambda: in_flight(gateway, asked, folder) == 0)
    until(lambda: not mock.busy())


def ends_well(gateway: Gateway, mock: MockThread) -> None:
    """The gateway stops, and leaves no connection open."""
    gateway.stop()
    until(lambda: mock.mock.stats.open == 0)


def in_flight(gateway: Gateway, targets: Iterable[tuple[str, str]], folder: Path) -> int:
    """What the ledger still holds as under way: requests of the workers and tries at (provider, model). It is read
    from a copy, so that looking changes nothing."""
    copy = folder / "copy.ledger"
    shutil.copy(next(runtime_folder().glob(f"gateway-*-{gateway.port}.ledger")), copy)
    ledger = Ledger.open(copy, (*sections(), *health.sections()))
    board = health.Board(ledger, 63)
    tries = sum(board.target(f"{one}\0{model}".encode()).in_flight for one, model in targets)
    return tries + sum(worker.in_flight for worker in ledger.workers())
