"""The cache's step of a journey on the way that nearly every request takes: looked for in the usual way, and then known
ready-made, or asked for by somebody who is alone with the question.

The ways beside it are methods that `caching/journey.py` adds.
"""

from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

from gateway._speedups.ledger import Table

def mark(entry: str, count: int) -> str:
    """The id of an entry's answer number `count`."""

class Terms:
    """What holds for some requests: the operator's settings, what their callers wish within them, and who shares
    answers with whom: `scope`, whose `owner` the store knows by a number."""

    settings: Any
    wishes: Any
    scope: bytes
    owner: int
    looks: bool

    def __init__(self, settings: object, wishes: object, scope: bytes, owner: int) -> None: ...

class Ready:
    """An answer around its id, and what is known of the entry that it was made of, `written` at this Unix time."""

    written: float
    pieces: tuple[bytes, ...]
    headers: tuple[tuple[bytes, bytes], ...]
    content_type: bytes
    dropped: tuple[str, ...]
    size: int

    def __init__(
        self,
        written: float,
        pieces: tuple[bytes, ...],
        headers: tuple[tuple[bytes, bytes], ...],
        content_type: bytes,
        entry: object,
        dropped: tuple[str, ...],
        size: int,
    ) -> None: ...

LARGEST: int
"""Bytes of an answer that is remembered, and of what is known of it."""

class Memory:
    """Answers that a worker remembers, `most` bytes of them; the oldest are forgotten first."""

    def __init__(self, most: int) -> None: ...
    def find(self, place: tuple[Any, ...], written: float) -> Ready | None:
        """The answer that was made of the entry which was written then."""

    def keep(self, place: tuple[Any, ...], ready: Ready, found: Any) -> None:
        """Remembers one that is not too large, which was made of what was found."""

class Asked:
    """One request, where it may go, and what is looked for: under `key`, by `terms`. A `plain` request says nothing but
    texts and a few numbers. Whoever asks the provider leads those who join meanwhile: what they hear is `shared`; to be
    awaited is then the answer, and the way back for it."""

    inbound: Any
    endpoint: Any
    call: Any
    plan: Any
    record: Any
    terms: Terms
    key: bytes
    plain: bool
    began: int
    shared: Any

    def __init__(
        self, inbound: object, endpoint: object, call: object, plan: object, record: object
    ) -> None: ...
    def look_for(self, terms: Terms, key: bytes, plain: bool = False) -> None:
        """Says what is looked for."""

    @property
    def place(self) -> tuple[Any, ...] | None:
        """Under which the answer is remembered; None for one that may repeat what its request says."""

    def keep(self, body: bytes) -> None:
        """Keeps the answer, all of which this request was told, in a moment."""

    def done(self) -> None:
        """From now on nobody joins."""

    def failed(self, error: BaseException) -> None:
        """Nobody gets an answer."""

    def __await__(self) -> Generator[Any, None, tuple[Any, Any]]: ...
    def send(self, value: Any) -> Any:
        """Goes on until the dispatcher waits again. Raises StopIteration with the answer, and what the dispatcher
        raises."""

    def throw(self, *raised: Any) -> Any:
        """As `send`, with an exception for the dispatcher, such as a caller's going away."""

    def close(self) -> None:
        """Nobody waits any more."""

class Counts:
    """Counts what the cache says in blocks of a table of the ledger; in a full table nothing is counted."""

    def __init__(
        self,
        table: Table,
        looked: dict[str, int],
        ns: dict[str, int],
        saved: dict[str, tuple[int, int, int]],
    ) -> None:
        """`looked` and `ns` are blocks by the result, `saved` three of them: for tokens that were read, for those that
        were written, for nano-dollars."""

    def raised(self, block: int, amount: int) -> None:
        """Adds to a block's first cell."""

    def cache_lookup(self, result: str, ns: int, similarity: float = 0.0) -> None:
        """The cache was asked, which took so long."""

    def cache_saved(self, record: Any) -> None:
        """An answer was given that nobody had to be paid for."""

class Journey:
    """What is the same for all requests of one snapshot.

    `numbers` tell answers of one entry apart; `whole` is an answer in one piece. An entry is made of what was `heard`,
    `pack` writes it and `unpack` reads it; those of whole answers are written here: what stands `before` each, and a
    usage by `encode`. `streaming` are the headers of streams, `wishing` those by which callers ask for something."""

    flying: dict[bytes, Asked]
    memory: Memory
    clock: Callable[[], float]

    def __init__(
        self,
        store: Any,
        dispatcher: Any,
        books: Any,
        counts: Any,
        flying: dict[bytes, Asked],
        memory: Memory,
        clock: Callable[[], float],
        *,
        numbers: Iterator[int],
        whole: type,
        heard: Callable[[str, bytes, bool, Any], Any],
        before: bytes,
        encode: Callable[[Any], bytes],
        pack: Callable[[Any], bytes],
        unpack: Callable[[bytes], Any],
        streaming: tuple[tuple[bytes, bytes], ...],
        wishing: frozenset[bytes],
    ) -> None: ...
    def asked(self, inbound: Any, endpoint: Any, call: Any, plan: Any, record: Any) -> Asked:
        """What is looked for, by `answer`: a little later, so that what leads to it is at hand by then."""

    def answer(self, asked: Asked, send: Any) -> tuple[Any, Any] | Awaitable[tuple[Any, Any]]:
        """The answer, and the way back for it: a hit's at once, any other when it is awaited. Raises NotCached, and
        what the dispatcher raises."""

    def seek(self, asked: Asked, send: Any) -> tuple[Any, Any] | Awaitable[tuple[Any, Any]]:
        """The answer to what the request says is looked for."""

    def fresh(self, asked: Asked) -> Any:
        """What was told a moment ago and is not written yet, told to this caller; or None."""

    def find(self, asked: Asked) -> Any:
        """What is kept of it, told to this caller; or None."""

    def age(self, asked: Asked, created: float, provider: str, model: str) -> float:
        """Seconds; less than 0 for an entry that this request may not have: too old for it, or of whom it may not
        ask."""

    def ask(self, asked: Asked, send: Any) -> Awaitable[tuple[Any, Any]]:
        """Asks the provider; the answer is kept. To be awaited."""

    def settle(self) -> None:
        """Writes what waits for it."""

def named(call: Any, plan: Any) -> str:
    """The model as answers are kept under: the same however its provider is spelled."""

COMPLETE: frozenset[str]
"""The dialects' words for an answer that ended by itself. Any other was cut, filtered, refused or paused."""

def may_keep(record: Any, body: bytes, most: int, choices: int = 1) -> bool:
    """Whether `body`, all that a caller was told of an answer that came to its right end, is a whole one of at most so
    many bytes, and nothing but one."""
