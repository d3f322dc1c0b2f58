"""Who calls: one caller for each key, found once a snapshot, and a visit for each request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest
from time import time
from typing import Any, Protocol

import msgspec

from gateway._speedups.billing import Metered
from gateway.access.bills import Bill
from gateway.access.holds import Send, Told, Wanted
from gateway.access.keys import credential
from gateway.access.rights import Caller, House, Terms
from gateway.errors import Forbidden, Unauthorized
from gateway.schemas.call import Call
from gateway.schemas.governance import VirtualKey
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record


class Asked(Protocol):
    """What is read of a request's head."""

    headers: dict[bytes, bytes]
    client: Any


NOTHING = Told()


class Visit:
    """One request of a caller: what it holds until it is over."""

    __slots__ = ("_bill", "_caller", "_house", "_wanted")

    def __init__(self, caller: Caller, house: House) -> None:
        self._caller = caller
        self._house = house
        self._bill: Bill | None = None
        self._wanted: Wanted = NOTHING

    def edit(self, call: Call) -> None:
        """Changes the call as the key demands. Raises Forbidden for fallbacks that it may not use."""
        caller = self._caller
        if caller.is_bound and getattr(call.facts, "wishes", False):
            caller.check_wishes(call)
        if caller.edits:
            caller.edit(call)

    def plan(self, call: Call, plan: Plan, record: Record) -> Plan:
        """The plan as far as the key allows it, and its limits' and budgets' consent. Raises Forbidden,
        LimitExceeded, BudgetExceeded."""
        terms = self._caller.terms(call.model, plan)
        if terms.narrowed is not None:
            plan = msgspec.structs.replace(plan, targets=terms.narrowed)
        if terms.weighs:
            self._wanted = self._house.guess.of(call, plan, record.key)
        if terms.holds:
            self._hold(terms, record)
        return plan

    def session(self, model: str, plan: Plan, record: Record) -> Plan:
        """As `plan`, for a session: it counts as one request, and its tokens and price are known at its end."""
        if not model:
            self.pass_by(plan.targets[0].provider, record)
            return plan
        plan = self._caller.allowed(model, plan)
        self._take(model, plan.targets[0], record)
        return plan

    def pass_by(self, provider: str, record: Record) -> None:
        """Consent to a request of which only the provider is known. Raises as `plan` does."""
        key = self._caller.key
        if key.models and record.endpoint not in key.endpoints:
            raise Forbidden(f"this API key is bound to models, and {record.endpoint} to none")
        if key.providers and provider not in key.providers:
            raise Forbidden(f"this API key may not use the provider {provider[:80]!r}")
        self._caller.need_own(provider)
        self._take("", Target(provider, ""), record)

    def _take(self, name: str, target: Target, record: Record) -> None:
        terms = self._caller.terms_at(name, target)
        if terms.holds:
            self._hold(terms, record)

    def _hold(self, terms: Terms, record: Record) -> None:
        house = self._house
        bill = Bill(house.accounts, house.numbers, terms.others, terms.targeted)
        bill.reserve(terms.common, terms.own, terms.target, self._wanted, house.watcher, record.key)
        self._bill = house.bills[id(record)] = bill

    def around(self, send: Send) -> Send:
        """A way back that says how far limits are used up."""
        bill = self._bill
        return send if bill is None or not bill.holding else Metered(send, bill)

    def settle(self, record: Record) -> None:
        """The request is over, whatever way it ended. What was not paid with its record is paid now."""
        bill = self._bill
        if bill is not None:
            self._house.bills.pop(id(record), None)
            bill.draw(record)
            bill.pay()
            if record.usage is not None:
                self._house.guess.learn(record, self._wanted)


class Static(Protocol):
    """Callers that the configuration knows by a key alone, or who need none."""

    def authenticate(self, headers: Mapping[bytes, bytes]) -> str: ...


class Tokens(Protocol):
    """Callers that come with a token of somebody whom the operator trusts."""

    def caller(self, token: bytes) -> VirtualKey | None: ...


class Callers:
    """Everybody who may call by one snapshot."""

    def __init__(self, house: House, static: Static | None, tokens: Tokens | None = None) -> None:
        """`static` is None where nobody but virtual keys may call."""
        self._house = house
        self._static = static
        self._tokens = tokens
        self._found: dict[bytes, Caller] = {}
        self._others: dict[str, Caller] = {}

    def authenticate(self, headers: Mapping[bytes, bytes]) -> str:
        """The caller's public key id, for a page that names no endpoint. Raises Unauthorized, Forbidden."""
        return self._caller(headers).key.id

    def admit(self, asked: Asked, record: Record) -> Visit:
        """A visit for one request. Raises Unauthorized and Forbidden."""
        given = credential(asked.headers)
        caller = None if given is None else self._found.get(sha256(given).digest())
        if caller is None:
            caller = self._caller(asked.headers)
        caller.enter(record.endpoint, asked.client, record)
        return Visit(caller, self._house)

    def forget(self, digests: Iterable[bytes]) -> None:
        """Whoever comes with a key of these is found anew."""
        for digest in digests:
            self._found.pop(digest, None)

    def fading(self) -> Iterator[None]:
        """Forgets one caller at each step. Whoever is asked for meanwhile is found anew."""
        for digest in tuple(self._found):
            self._found.pop(digest, None)
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
            caller = self._found.get(digest) or self._look_up(digest, given)
            if caller is not None:
                return caller
        if self._static is None:
            raise Unauthorized("no API key: send one as your SDK does (Authorization: Bearer …)" if given is None
                               else "the API key is not one of this gateway's keys")  # fmt: skip
        return self._other(self._static.authenticate(headers))

    def _look_up(self, digest: bytes, given: bytes) -> Caller | None:
        key = self._house.snapshot.key(digest)
        if key is not None and _is_valid(key, digest):
            caller = Caller(key, self._house)
            if key.rotated_digest:
                return caller  # whether its old digest still counts is asked anew each time
            self._found[digest] = caller
            return caller
        if key is None and self._tokens is not None and given.count(b".") == 2:
            found = self._tokens.caller(given)
            return None if found is None else Caller(found, self._house)
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
