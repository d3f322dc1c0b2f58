"""A gateway whose workers serve some milliseconds with their cache and some without, in turns, and write down what a
request took of their processor in each. `python -m bench.taking_turns FILE serve …`: the rest is the gateway's own."""

import sys
from collections.abc import Awaitable
from pathlib import Path
from time import monotonic_ns, process_time_ns

import msgspec

from gateway import app, cli
from gateway.api.application import Application
from gateway.api.door import Inbound, Send
from gateway.pipeline import Gateway

TURN = 11_000_000
"""Nanoseconds: long beside what a change of turns disturbs, short beside what disturbs a machine."""
WRITTEN = 100
"""Turns between two writings."""


class Spent(msgspec.Struct):
    """What whole turns took: nanoseconds of the processor, in all threads of the worker, and requests."""

    cpu: int = 0
    requests: int = 0


class Turns(Application):
    """The application, with and without its cache. What is asked of it changes at the first request of each turn."""

    file: Path
    _both: tuple[Gateway, Gateway]
    _turn = _count = _cpu = 0

    def adopt(self, gateway: Gateway) -> None:
        """Both ways of one snapshot."""
        self._both = msgspec.structs.replace(gateway, caching=None), gateway
        self._spent = Spent(), Spent()
        super().adopt(gateway)

    def _http(self, inbound: Inbound, send: Send) -> Awaitable[None]:
        turn = monotonic_ns() // TURN
        if turn != self._turn:
            self._change(turn)
        self._count += 1
        return super()._http(inbound, send)

    def _change(self, turn: int) -> None:
        cpu = process_time_ns()
        if turn == self._turn + 1 and self._count > 1:  # else there was nothing to do for a while
            spent = self._spent[self._turn & 1]
            spent.cpu += cpu - self._cpu
            spent.requests += self._count
        if turn % WRITTEN == 0:
            self.file.write_bytes(msgspec.json.encode(self._spent))
        self._turn, self._count, self._cpu = turn, 0, cpu
        self._gateway = self._both[turn & 1]


if __name__ == "__main__":
    Turns.file = Path(sys.argv[1])
    vars(app)["Application"] = Turns
    sys.exit(cli.main(sys.argv[2:]))
