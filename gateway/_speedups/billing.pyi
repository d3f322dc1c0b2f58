"""What one request holds and owes, on the way that nearly every request takes: admitted, reserved, drawn and paid in
compiled code.

The ways beside it (a refusal, several tries, a target that was not expected) are methods that `access/bills.py` adds:
`_reconsider`, `_warn`, `_draw`, `_charge`; a caller's, those of `access/callers.py` and `access/rights.py`.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, final

from gateway._speedups.limits import Account, Accounts, Hold, Refusal
from gateway.schemas.call import Call
from gateway.schemas.governance import VirtualKey
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record

Header = tuple[bytes, bytes]
Told = tuple[int, int, int] | None

class _Wanted(Protocol):
    @property
    def amount(self) -> tuple[int, int]: ...

class Numbers:
    """The numbers of a row's charges: they rise, whoever has the row."""

    def __init__(self, inherited: int = 0) -> None: ...
    def take(self, count: int) -> int:
        """The first of so many."""

class Bound:
    """Limits and budgets (`handles`), and the budgets among them as a charge names them. `weighs`: it matters to any of
    them how much a request takes."""

    handles: tuple[Account, ...]
    budgets: tuple[str, ...]
    weighs: bool

    def __init__(
        self, handles: tuple[Account, ...] = (), budgets: tuple[str, ...] = (), weighs: bool = False
    ) -> None: ...

class Claim:
    """What one request holds, and then owes. Nothing that it refers to leads back to it."""

    accounts: Accounts
    numbers: Numbers
    others: Callable[[Target], Bound]
    common: Hold | None
    own: Hold | None
    target: Target | None
    reserved: int
    drawn: bool
    targeted: bool

    def __init__(
        self, accounts: Accounts, numbers: Numbers, others: Callable[[Target], Bound], targeted: bool = True
    ) -> None:
        """`others` finds what stands on a target that was not expected; without `targeted` there is no such thing."""

    def reserve(
        self, common: Bound, own: Bound, target: Target, wanted: _Wanted, watcher: object, key: str
    ) -> None:
        """Takes from the caller's accounts and from the target's, or from none. What is wanted may be a guess as long
        as there is room for many of its kind; it neither refuses a request nor takes the last of a limit.

        Raises LimitExceeded and BudgetExceeded."""

    def take(self, common: Bound, own: Bound, target: Target, tokens: int, nano_usd: int) -> Refusal | None:
        """The refusal, with nothing taken, or None."""

    def release(self) -> None:
        """Nothing more is held."""

    @property
    def holding(self) -> bool:
        """Whether anything was held."""

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What is held."""

    def draw(self, record: Record) -> None:
        """All is known of the request: writes into the record what is charged to whom.

        A request that never left the gateway consumed nothing. One whose caller went away, or whose provider was silent
        for too long, has used what was reserved: the provider may well have answered."""

    def owes(self, hold: Hold | None, bound: Bound, used: int, cost: int) -> None:
        """One more due, in the order of `held`: `used` tokens and `cost` nano-dollars, on what one of the two holds has
        or, without one, on all of the bound."""

    def held(self) -> list[tuple[Hold, Bound, Target | None]]:
        """(hold, bound, target) of each hold; None is every target."""

    def pay(self) -> None:
        """Settles what was drawn, once; what is held beside that is given back."""

def figures(requests: Told, tokens: Told) -> list[Header]:
    """How far limits are used up, in OpenAI's words: (limit, left, ns until full) of requests and of tokens, or None.
    https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers"""

_S = TypeVar("_S", bound="_Send")

class _Send(Protocol):
    @property
    def started(self) -> bool: ...
    async def whole(self, status: int, headers: list[Header], body: bytes) -> None: ...
    async def start(self, status: int, headers: list[Header]) -> None: ...
    def chunk(self, data: bytes) -> Awaitable[None]: ...
    async def end(self) -> None: ...
    async def cut(self) -> None: ...

class Metered:
    """A way back whose answers say how far the caller's limits are used up; what the provider says of its own is left
    out. Nothing that it refers to leads back to it."""

    def __init__(self, send: _Send, claim: Claim) -> None: ...
    @property
    def started(self) -> bool:
        """Whether the head of an answer has left."""

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None:
        """A complete answer, to be awaited."""

    async def start(self, status: int, headers: list[Header]) -> None:
        """The head of a streamed answer, to be awaited."""

    def chunk(self, data: bytes) -> Awaitable[None]: ...
    async def end(self) -> None: ...
    async def cut(self) -> None: ...

class _Asked(Protocol):
    @property
    def headers(self) -> dict[bytes, bytes]: ...
    @property
    def client(self) -> Any: ...

class _Guess(Protocol):
    def of(self, call: Call, plan: Plan, key: str) -> _Wanted: ...

@final
class Terms:
    """What stands against requests for `name` with these targets: `narrowed` are those that are allowed, where not
    all of them are. `holds`: a request takes from some account, `weighs`: how much matters. `others` finds what stands
    on a target that was not expected; only where `targeted` there may be such."""

    name: str
    targets: tuple[Target, ...]
    narrowed: tuple[Target, ...] | None
    target: Target
    common: Bound
    own: Bound
    others: Callable[[Target], Bound]
    is_route: bool
    targeted: bool
    holds: bool
    weighs: bool

    def __init__(
        self,
        name: str,
        targets: tuple[Target, ...],
        narrowed: tuple[Target, ...] | None,
        target: Target,
        common: Bound,
        own: Bound,
        others: Callable[[Target], Bound],
        *,
        is_route: bool,
        targeted: bool,
    ) -> None: ...

class Guest:
    """A caller, as each of its requests finds it. `guarded`: not every request may come in, `is_bound`: not every model
    may be asked for, `edits`: the key has parameters of its own."""

    key: VirtualKey
    guarded: bool
    is_bound: bool
    edits: bool

    def __init__(self, key: VirtualKey, *, guarded: bool, is_bound: bool, edits: bool) -> None: ...

class Stay(Claim):
    """One request of a caller, made by a porter: what it holds until it is over."""

    caller: Any
    """A guest."""

    def edit(self, call: Call) -> None:
        """Changes the call as the key demands. Raises Forbidden for fallbacks that it may not use."""

    def plan(self, call: Call, plan: Plan, record: Record) -> Plan:
        """The plan as far as the key allows it, and its limits' and budgets' consent. Raises Forbidden, Unavailable,
        LimitExceeded, BudgetExceeded."""

    def _hold(self, terms: Terms, record: Record) -> None: ...
    def around(self, send: _S) -> _S | Metered:
        """A way back that says how far limits are used up."""

    def settle(self, record: Record) -> None:
        """The request is over, whatever way it ended. What was not paid with its record is paid now."""

@final
class Found:
    """Callers whom a porter has found before, by the digests of their credentials. None of them leads back to it. At
    most half of the places are taken."""

    def __len__(self) -> int: ...
    def get(self, digest: bytes) -> Any:
        """The caller with this digest, or None."""

    def add(self, digest: bytes, caller: Guest) -> None:
        """One more; it has no other digest."""

    def pop(self, digest: bytes) -> None:
        """Forgets the caller, where there is one."""

    def digests(self) -> list[bytes]:
        """All of them."""

class Porter:
    """Lets callers in; those whom it has `found` before, at once. `visits` is what their requests are; the rest is what
    a house has."""

    found: Found

    def __init__(
        self,
        visits: type[Stay],
        accounts: Accounts,
        numbers: Numbers,
        guess: _Guess,
        watcher: object,
        bills: dict[int, Any],
        nothing: _Wanted,
    ) -> None:
        """`nothing` is what is wanted of requests that nobody weighs. TypeError where `visits` are no kind of Stay."""

    def admit(self, asked: _Asked, record: Record) -> Any:
        """A visit for one request. Raises Unauthorized and Forbidden."""
