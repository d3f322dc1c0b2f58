"""What the cache's journey is given: a request, and the rooms that stand around it."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from gateway._speedups.asking import Asked, named
from gateway._speedups.shelf import Gathered, Reader
from gateway.caching.replaying import Found
from gateway.caching.sharing import Shared
from gateway.schemas.caching import Settings
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan
from gateway.schemas.record import Record
from gateway.upstream.tries import Reply


class Store(Protocol):
    """Where entries are, shared by all workers; nothing of it waits or fails. `put` takes a key, whose it is, when it
    expires and the entry; then what it is, and when its question was asked (else now): a purge takes what is older.
    The usual way takes its `reader`, and what is `gathered` for one write."""

    reader: Reader
    gathered: Gathered

    @property
    def get(self) -> Callable[[bytes, float], Found | None]: ...
    @property
    def put(self) -> Callable[..., bool]: ...


class Near(Protocol):
    """An entry whose question is like the one that was asked."""

    @property
    def key(self) -> bytes: ...
    @property
    def similarity(self) -> float: ...


class Meaning(Protocol):
    """Finds entries by what was asked."""

    async def find(self, namespace: bytes, text: str, threshold: float, now: float) -> Near | None: ...
    def add(self, namespace: bytes, text: str, key: bytes, expires: float, scope: int) -> bool: ...
    def forget(self, namespace: bytes, key: bytes) -> None: ...


class Dispatch(Protocol):
    def send(self, plan: Plan, call: Call, record: Record) -> Awaitable[Reply]: ...
    def deadline(self, plan: Plan, record: Record) -> int: ...


class Callers(Protocol):
    """Who watches callers that wait. `instead` returns the task in whose place the request is cancelled from now on."""

    def instead(self, inbound: Any, task: Shared) -> Any: ...


class Books(Protocol):
    """Prices records, and hears of the gateway's own failures."""

    def price(self, record: Record) -> None: ...
    def defect(self, record: Record, error: Exception) -> None: ...


class Counts(Protocol):
    """Counts what the cache does."""

    def cache_lookup(self, result: str, ns: int, similarity: float = 0.0) -> None: ...
    def cache_saved(self, record: Record) -> None: ...


class Rules(Protocol):
    """What holds for requests of a route, a key and a team."""

    def __call__(self, route: str, key: str, team: str) -> Settings: ...


def model_of(asked: Asked) -> str:
    """The model as answers are kept under: the same however its provider is spelled."""
    return named(asked.call, asked.plan)
