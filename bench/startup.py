"""The command `python -m bench.startup`: time from `gateway serve` to the first answer."""

import argparse
import http.client
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.cores import available, layout
from bench.load.exchange import Exchange
from bench.processes import Child, ChildFailed
from bench.scenarios import BY_NAME, Server, exchange
from bench.servers import spawn_gateway, start_mock

LIMIT = 1.5  # seconds
_GIVE_UP = 30.0
_POLL = 0.005


class Startup(msgspec.Struct, frozen=True):
    """Seconds of each start; the verdict is on the median."""

    seconds: list[float]
    median: float
    limit: float
    met: bool


def main() -> int:
    """0 when the median is within the limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    where = layout(available())
    mock, mock_server = start_mock(arguments.out, where.mock)
    try:
        found = [_start(arguments.out, mock_server, arguments.workers) for _ in range(arguments.times)]
    except ChildFailed as failure:
        print(f"bench.startup: {failure}", file=sys.stderr)
        return 1
    finally:
        mock.stop()
    median = round(statistics.median(found), 3)
    verdict = Startup([round(one, 3) for one in found], median, LIMIT, median <= LIMIT)
    print(msgspec.json.encode(verdict).decode())
    return 0 if verdict.met else 1


def _start(out: Path, mock: Server, workers: int) -> float:
    began = time.perf_counter()
    child, server = spawn_gateway(out, f"http://{mock.host}:{mock.port}", (), workers=workers)
    try:
        _await(lambda: _answers(server, exchange(BY_NAME["unary"], server)), child)
        return time.perf_counter() - began
    finally:
        child.stop()


def _await(true: Callable[[], bool], child: Child) -> None:
    deadline = time.monotonic() + _GIVE_UP
    while time.monotonic() < deadline:
        if true():
            return
        if not child.running():
            raise child.failure("the gateway ended")
        time.sleep(_POLL)
    raise child.failure("no answer")


def _answers(server: Server, what: Exchange) -> bool:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
    headers = {**what.headers, "content-type": "application/json"}
    try:
        connection.request("POST", what.path, what.body, headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
