"""Who calls: one caller for each key, found once a snapshot, and a visit for each request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest
from time import time, time_ns
from typing import Protocol

from gateway._speedups.billing import Porter, Stay
from gateway._speedups.limits import Limiter, Purse
from gateway.access.bills import Bill
from gateway.access.holds import NANO, Told, Warned, seconds
from gateway.access.keys import credential
from gateway.access.rights import Caller, House
from gateway.access.words import Speaking, budget_words, limit_words
from gateway.errors import BudgetExceeded, Forbidden, LimitExceeded, Unauthorized
from gateway.schemas.governance import Budget, Limit, VirtualKey
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record

NOTHING = Told()


class Visit(Bill, Stay):
    """One request of a caller: what it holds until it is over. What nearly every request does stands in
    `_speedups/billing_visits`; here is what the others do."""

    __slots__ = ()

    caller: Caller

    def session(self, model: str, plan: Plan, record: Record) -> Plan:
        """As `plan`, for a session: it counts as one request, and its tokens and price are known at its end."""
        if not model:
            self.pass_by(plan.targets[0].provider, record)
            return plan
        self._check_forced(record)
        plan = self.caller.allowed(model, plan)
        self._take(model, plan.targets[0], record)
        return plan

    def spend(self, tokens: int, nano_usd: int) -> None:
        """A session used more: that is held, too, until all of it is settled. Raises BudgetExceeded where a budget, and
        LimitExceeded where a limit of tokens has nothing left."""
        now = time_ns()
        held = self.held()
        for hold, _, _ in held:
            hold.extend(tokens, nano_usd, now)
        for _, bound, _ in held:
            for one in bound.handles:
                if isinstance(one, Purse) and not one.soft and one.remaining(now) <= 0:
                    found = self.caller.standing(one.id)
                    words = budget_words(found) if isinstance(found, Budget) else repr(one.id)
                    raise BudgetExceeded(f"the budget of {words} is used up")
                if isinstance(one, Limiter):
                    self._check_tokens(one, now)

    def _check_tokens(self, limiter: Limiter, now: int) -> None:
        told = limiter.tokens_left(now)
        if told is None or told[1]:
            return
        found = self.caller.standing(limiter.id)
        if not isinstance(found, Limit):
            raise LimitExceeded(f"the limit of {limiter.id!r} is used up", None, [])
        wait = max(0, told[2] - found.seconds * NANO)  # until the next request would be let in
        words = limit_words(found, "tokens")
        raise LimitExceeded(f"the limit of {words} is used up; try again in {seconds(wait)}", wait / NANO, [])

    def _heard(self, watcher: Warned) -> Warned:
        """What it is told names the caller's own accounts."""
        return Speaking(watcher, self.caller.standing)

    def pass_by(self, provider: str, record: Record) -> None:
        """Consent to a request of which only the provider is known. Raises as `plan` does."""
        key = self.caller.key
        if key.models and record.endpoint not in key.endpoints:
            raise Forbidden(f"this API key is bound to models, and {record.endpoint} to none")
        self._check_forced(record)
        if key.providers and provider not in key.providers:
            raise Forbidden(f"this API key may not use the provider {provider[:80]!r}")
        self.caller.need_own(provider)
        self._take("", Target(provider, ""), record)

    def _check_forced(self, record: Record) -> None:
        """Raises Forbidden where parameters are forced on what the gateway does not read, unless the key names it."""
        key = self.caller.key
        if key.forced and record.endpoint not in key.endpoints:
            raise Forbidden(f"this API key has forced parameters, and nobody sets them in {record.endpoint}")

    def _take(self, name: str, target: Target, record: Record) -> None:
        terms = self.caller.terms_at(name, target)
        if terms.holds:
            self._hold(terms, record)


class Static(Protocol):
    """Callers that the configuration knows by a key alone, or who need none. It `remembers` where a credential that was
    let in is one of few, by which its caller is known from then on."""

    remembers: bool

    def authenticate(self, headers: Mapping[bytes, bytes]) -> str: ...


class Tokens(Protocol):
    """Callers that come with a token of somebody whom the operator trusts."""

    def caller(self, token: bytes) -> VirtualKey | None: ...


class Callers(Porter):
    """Everybody who may call by one snapshot."""

    def __init__(self, house: House, static: Static | None, tokens: Tokens | None = None) -> None:
        """`static` is None where nobody but virtual keys may call."""
        super().__init__(
            Visit, house.accounts, house.numbers, house.guess, house.watcher, house.bills, NOTHING
        )
        self._house = house
        self._static = static
        self._tokens = tokens
        self._others: dict[str, Caller] = {}

    def authenticate(self, headers: Mapping[bytes, bytes]) -> str:
        """The caller's public key id, for a page that names no endpoint. Raises Unauthorized, Forbidden."""
        return self._caller(headers).key.id

    def forget(self, digests: Iterable[bytes]) -> None:
        """Whoever comes with a key of these is found anew."""
        for digest in digests:
            self.found.pop(digest)

    def fading(self) -> Iterator[None]:
        """Forgets one caller at each step. Whoever is asked for meanwhile is found anew."""
        for digest in self.found.digests():
            self.found.pop(digest)
            yield
        for account in tuple(self._house.handles):
            self._house.handles.pop(account, None)
            yield

    def visible(self, headers: Mapping[bytes, bytes]) -> Callable[[str], bool] | None:
        """Which models a list shows to this caller; None where all. Raises Unauthorized and Forbidden."""
        caller = self._caller(headers)
        return caller.may_ask if caller.key.models else None

    def _caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        given = credential(headers)
        if given is not None:
            digest = sha256(given).digest()
            caller: Caller | None = self.found.get(digest) or self._look_up(digest, given)
            if caller is not None:
                return caller
        if self._static is None:
            raise Unauthorized("no API key: send one as your SDK does (Authorization: Bearer …)" if given is None
                               else "the API key is not one of this gateway's keys")  # fmt: skip
        id = self._static.authenticate(headers)
        if given is None or not self._static.remembers:
            return self._other(id)
        caller = Caller(VirtualKey(id, ""), self._house)
        self.found.add(digest, caller)
        return caller

    def _look_up(self, digest: bytes, given: bytes) -> Caller | None:
        key = self._house.snapshot.key(digest)
        if key is not None and _is_valid(key, digest):
            caller = Caller(key, self._house)
            if key.rotated_digest:
                return caller  # whether its old digest still counts is asked anew each time
            self.found.add(digest, caller)
            return caller
        if key is None and self._tokens is not None and given.count(b".") == 2:
            found = self._tokens.caller(given)
            return None if found is None else Caller(self._house.snapshot.judged(found), self._house)
        return None

    def _other(self, id: str) -> Caller:
        caller = self._others.get(id)
        if caller is None:
            caller = self._others[id] = Caller(VirtualKey(id, ""), self._house)
        return caller


def _is_valid(key: VirtualKey, digest: bytes) -> bool:
    if compare_digest(key.digest, digest.hex()):
        return True
    return compare_digest(key.rotated_digest, digest.hex()) and time() < key.rotated_until
