"""Who calls, what they may do, and what stands against it: one caller for each key, found once a snapshot."""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import translate
from functools import partial
from hashlib import sha256
from hmac import compare_digest
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from time import time
from typing import Any, Protocol

import msgspec

from gateway._speedups.ledger import LedgerError
from gateway._speedups.limits import Account, Accounts
from gateway.access.bills import NONE, Bill, Bound, Numbers, bound
from gateway.access.holds import Guess, Metered, Send, Told, Wanted, Warned
from gateway.access.keys import credential
from gateway.access.snapshot import Layers
from gateway.errors import BadRequest, Forbidden, Unauthorized, Unavailable
from gateway.schemas.call import Call
from gateway.schemas.governance import VirtualKey
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record
from gateway.telemetry.settle import Bills

MEMO = 256
"""Names kept for each caller; callers choose them."""

Settings = tuple[tuple[str, bytes], ...]


class Edit(Protocol):
    """What changes a call's parameters: some are defaults, which fill gaps, the others win."""

    def __call__(self, call: Call, defaults: Settings, forced: Settings) -> None: ...


class Asked(Protocol):
    """What is read of a request's head."""

    headers: dict[bytes, bytes]
    client: Any


Brought = Mapping[str, Mapping[str, object]]
"""The callers' own provider keys that are at hand, by the key's id and the provider."""
NOBODYS: Brought = {}


class House(msgspec.Struct, frozen=True):
    """What all callers of a snapshot share."""

    snapshot: Layers
    accounts: Accounts
    guess: Guess
    watcher: Warned
    edit: Edit
    numbers: Numbers = msgspec.field(default_factory=Numbers)
    bills: Bills = {}
    brought: Brought = NOBODYS


class Caller:
    """A key with what it may do, ready for its next request."""

    __slots__ = (
        *("_common", "_defaults", "_edits", "_forced", "_guarded", "_house", "_known", "_missing", "_models"),
        *("_networks", "_own", "_shared", "_targeted", "expires", "key"),
    )

    def __init__(self, key: VirtualKey, house: House) -> None:
        self.key = key
        self.expires = key.expires
        self._house = house
        self._models = _matcher(key.models)
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, key.networks))
        self._guarded = bool(key.blocked or key.expires or key.endpoints or key.networks)
        self._defaults, self._forced = _settings(key.defaults), _settings(key.forced)
        self._edits = bool(key.defaults or key.forced)
        at_hand = house.brought.get(key.id, {})
        self._missing = frozenset(name for name in key.credentials if name not in at_hand)
        self._known: dict[str, bool] = {}
        self._common: dict[str, Bound] = {}
        self._own: dict[tuple[str, Target], Bound] = {}
        self._shared, self._targeted = house.snapshot.shared, house.snapshot.targeted

    def enter(self, endpoint: str, client: Any, record: Record) -> None:
        """Notes who calls. Raises Unauthorized and Forbidden."""
        key = self.key
        record.key, record.team, record.user, record.org = key.id, key.team, key.user, key.org
        if key.tags:
            record.tags = key.tags
        record.keeps_bodies = key.keeps_bodies
        if self._guarded:
            self._check(endpoint, client)

    def _check(self, endpoint: str, client: Any) -> None:
        key = self.key
        if key.blocked:
            raise Forbidden("this API key is blocked")
        if key.expires and time() >= key.expires:
            raise Unauthorized("this API key has expired")
        if key.endpoints and endpoint not in key.endpoints:
            raise Forbidden(f"this API key may not be used for {endpoint}")
        if self._networks and not self._is_near(client):
            raise Forbidden("this API key may not be used from this address")

    def _is_near(self, client: Any) -> bool:
        try:
            address = ip_address(client[0])
        except (TypeError, ValueError):
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self._networks)

    def may_ask(self, name: str) -> bool:
        """Whether its globs allow a model by this name."""
        if self._models is None:
            return True
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= MEMO:
                self._known.clear()
            known = self._known[name] = self._models.fullmatch(name) is not None
        return known

    def edit(self, call: Call) -> None:
        """Fills in the key's defaults, and puts its forced parameters in place of the request's."""
        if self._edits:
            self._house.edit(call, self._defaults, self._forced)

    def allowed(self, name: str, plan: Plan) -> Plan:
        """The plan without what this key may not use. Raises Forbidden where nothing is left."""
        if self._models is not None:
            self._check_name(name, plan)
        if self.key.providers:
            targets = tuple([one for one in plan.targets if one.provider in self.key.providers])
            if not targets:
                raise Forbidden("this API key may not use any provider of this model", param="model")
            if len(targets) < len(plan.targets):
                plan = msgspec.structs.replace(plan, targets=targets)
        if self._missing:
            targets = tuple([one for one in plan.targets if one.provider not in self._missing])
            if not targets:
                self.need_own(plan.targets[0].provider)
            plan = msgspec.structs.replace(plan, targets=targets)
        return plan

    def need_own(self, provider: str) -> None:
        """Raises Unavailable where the caller's own key for a provider is not at hand: the gateway's is never used
        in its place."""
        if provider in self._missing:
            raise Unavailable(f"this API key's own key for the provider {provider[:80]!r} is not at hand yet")

    def _check_name(self, name: str, plan: Plan) -> None:
        first = plan.targets[0]
        if self.may_ask(name) or (not plan.route and self.may_ask(f"{first.provider}/{first.model}")):
            return
        raise Forbidden(f"this API key may not use the model {name[:200]!r}", param="model")

    def check_wishes(self, call: Call) -> None:
        """Raises Forbidden where the request names fallbacks that the key may not use."""
        if self._models is None or not getattr(call.facts, "wishes", False):
            return
        for field in ("fallbacks", "models"):
            span = call.facts.spans.get(field)
            if span is None:
                continue
            for one in _names(call.body[span[0] : span[1]]):
                if not self.may_ask(one):
                    raise Forbidden(f"this API key may not use the model {one[:200]!r}", param=field)

    @property
    def is_targeted(self) -> bool:
        """Whether anything stands on models or providers."""
        return bool(self._targeted)

    def common(self, name: str) -> Bound:
        """The limits and budgets of a request for `name`, wherever it goes."""
        found = self._common.get(name)
        if found is None:
            if len(self._common) >= MEMO:
                self._common.clear()
            values = {**self._callers(), "model": (name,)}
            kinds = (*self._shared, *(one for one in self._targeted if one.endswith("model")))
            found = self._common[name] = self._find(kinds, values)
        return found

    def own(self, name: str, target: Target) -> Bound:
        """Those of what it does at this target."""
        if not self._targeted:
            return NONE
        found = self._own.get((name, target))
        if found is None:
            if len(self._own) >= MEMO:
                self._own.clear()
            full = f"{target.provider}/{target.model}"
            models = (full,) if target.model and full != name else ()
            values = {**self._callers(), "model": models, "provider": (target.provider,)}
            found = self._own[name, target] = self._find(self._targeted, values)
        return found

    def _callers(self) -> dict[str, tuple[str, ...]]:
        key = self.key
        return {"key": (key.id,), "user": (key.user,), "team": (key.team,), "org": (key.org,)}

    def _find(self, kinds: tuple[str, ...], values: Mapping[str, tuple[str, ...]]) -> Bound:
        found: list[Account] = []
        for kind in kinds:
            first, _, last = kind.partition("+")
            for one in filter(None, values.get(first, ())):
                for other in filter(None, values.get(last, ())) if last else ("",):
                    found += self._bounds(f"{first}:{one}+{last}:{other}" if last else f"{first}:{one}")
        return bound(tuple(found[:MOST]))

    def _bounds(self, account: str) -> list[Account]:
        bounds, accounts = self._house.snapshot.bounds(account), self._house.accounts
        try:
            return [
                *(
                    accounts.limit(
                        *(one.id,),
                        seconds=one.seconds,
                        requests=one.requests,
                        tokens=one.tokens,
                        parallel=one.parallel,
                    )
                    for one in bounds.limits
                ),
                *(
                    accounts.budget(one.id, one.nano_usd, period=one.period, soft=one.soft)
                    for one in bounds.budgets
                ),
            ]
        except (LedgerError, ValueError) as error:
            raise Unavailable(
                "the gateway has no room for this key's limits; its operator must act"
            ) from error


NOTHING = Told()

MOST = 32
"""Limits and budgets of one request; further ones are left out, which the compiler warns of."""


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
        self._caller.check_wishes(call)
        self._caller.edit(call)

    def plan(self, call: Call, plan: Plan, record: Record) -> Plan:
        """The plan as far as the key allows it, and its limits' and budgets' consent. Raises Forbidden,
        LimitExceeded, BudgetExceeded."""
        caller = self._caller
        plan = caller.allowed(call.model, plan)
        name, target = call.model, plan.targets[0]
        common, own = caller.common(name), caller.own(name, target)
        if common.weighs or own.weighs:
            self._wanted = self._house.guess.of(call, plan, record.key)
        if common.handles or caller.is_targeted:
            self._hold(name, target, common, own, record)
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
        caller = self._caller
        common = caller.common(name)
        if common.handles or caller.is_targeted:
            self._hold(name, target, common, caller.own(name, target), record)

    def _hold(self, name: str, target: Target, common: Bound, own: Bound, record: Record) -> None:
        house = self._house
        bill = Bill(house.accounts, house.numbers, partial(self._caller.own, name))
        bill.reserve(common, own, target, self._wanted, house.watcher, record.key)
        self._bill = house.bills[id(record)] = bill

    def around(self, send: Send) -> Send:
        """A way back that says how far limits are used up."""
        return send if self._bill is None or not self._bill.holds else Metered(send, *self._bill.holds)

    def settle(self, record: Record) -> None:
        """The request is over, whatever way it ended. What was not paid with its record is paid now."""
        bill = self._bill
        if bill is not None:
            self._house.bills.pop(id(record), None)
            bill.draw(record)
            bill.pay()
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
        caller = self._caller(asked.headers)
        caller.enter(record.endpoint, asked.client, record)
        return Visit(caller, self._house)

    def fading(self) -> Iterator[None]:
        """Forgets one caller at each step. Whoever is asked for meanwhile is found anew."""
        for digest in tuple(self._found):
            self._found.pop(digest, None)
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


def _matcher(globs: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None


def _settings(given: Mapping[str, Any]) -> Settings:
    return tuple([(name, msgspec.json.encode(value)) for name, value in given.items()])


def _names(raw: bytes) -> list[str]:
    """The models that a list of fallbacks names."""
    try:
        found = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise BadRequest("the list of fallbacks is no JSON") from error
    items = found if isinstance(found, list) else [found]
    return [str(one.get("model", "")) if isinstance(one, dict) else str(one) for one in items]
