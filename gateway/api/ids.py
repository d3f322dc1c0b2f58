"""Request ids: unique across workers and restarts, cheap, and sortable within a worker."""

from itertools import count
from secrets import token_hex


class RequestIds:
    """`gw-` + 16 random hex digits of this worker + a counter; no system call per request."""

    def __init__(self) -> None:
        self._prefix = f"gw-{token_hex(8)}"
        self._next = count(1).__next__

    def next(self) -> str:
        return f"{self._prefix}{self._next():08x}"
