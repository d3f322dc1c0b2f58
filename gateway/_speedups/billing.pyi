"""What one request holds and owes, on the way of nearly every request: reserved, drawn and paid in compiled code.

The ways beside it (a refusal, several tries, a target that was not expected) are methods that `access/bills.py` adds:
`_reconsider`, `_warn`, `_draw`, `_charge`.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway._speedups.limits import Account, Accounts, Hold, Refusal
from gateway.schemas.plan import Target
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
    """What one request holds, and then owes."""

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
        """One more due: `used` tokens and `cost` nano-dollars, on what a hold has or, without one, on all of the
        bound."""

    def held(self) -> list[tuple[Hold, Bound, Target | None]]:
        """(hold, bound, target) of each hold; None is every target."""

    def pay(self) -> None:
        """Settles what was drawn, once; what is held beside that is given back."""

def figures(requests: Told, tokens: Told) -> list[Header]:
    """How far limits are used up, in OpenAI's words: (limit, left, ns until full) of requests and of tokens, or None.
    https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers"""

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
    out."""

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
