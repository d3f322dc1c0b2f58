"""Who calls, what they may do, and what stands against it: one caller for each key, found once a snapshot."""

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from hashlib import sha256
from hmac import compare_digest
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from time import time
from typing import Any, Protocol

import msgspec

from gateway._speedups.ledger import LedgerError
from gateway._speedups.limits import Account, Accounts, Hold
from gateway.access.holds import Guess, Handles, Metered, Send, Warned, reserve, settle
from gateway.access.keys import credential
from gateway.access.snapshot import Layers
from gateway.errors import BadRequest, Forbidden, Unauthorized, Unavailable
from gateway.schemas.call import Call
from gateway.schemas.governance import VirtualKey
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record

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


class House(msgspec.Struct, frozen=True):
    """What all callers of a snapshot share."""

    snapshot: Layers
    accounts: Accounts
    guess: Guess
    watcher: Warned
    edit: Edit


class Caller:
    """A key with what it may do, ready for its next request."""

    def __init__(self, key: VirtualKey, house: House) -> None:
        self.key = key
        self.expires = key.expires
        self._house = house
        self._models = _matcher(key.models)
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, key.networks))
        self._guarded = bool(key.blocked or key.expires or key.endpoints or key.networks)
        self._defaults, self._forced = _settings(key.defaults), _settings(key.forced)
        self._edits = bool(key.defaults or key.forced)
        self._known: dict[str, bool] = {}
        self._handles: dict[tuple[str, Target], Handles] = {}

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

    def allowed(self, call: Call, plan: Plan) -> Plan:
        """The plan without what this key may not use. Raises Forbidden where nothing is left."""
        if self._models is not None:
            self._check_names(call, plan)
        if self.key.providers:
            targets = tuple([one for one in plan.targets if one.provider in self.key.providers])
            if not targets:
                raise Forbidden("this API key may not use any provider of this model", param="model")
            if len(targets) < len(plan.targets):
                plan = msgspec.structs.replace(plan, targets=targets)
        return plan

    def _check_names(self, call: Call, plan: Plan) -> None:
        first = plan.targets[0]
        if self.may_ask(call.model) or (not plan.route and self.may_ask(f"{first.provider}/{first.model}")):
            return
        raise Forbidden(f"this API key may not use the model {call.model[:200]!r}", param="model")

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

    def handles(self, name: str, target: Target) -> Handles:
        """The limits and budgets that a request for `name`, which goes to `target`, is subject to."""
        found = self._handles.get((name, target))
        if found is None:
            if len(self._handles) >= MEMO:
                self._handles.clear()
            found = self._handles[name, target] = self._find(name, target)
        return found

    def _find(self, name: str, target: Target) -> Handles:
        snapshot, key = self._house.snapshot, self.key
        full = f"{target.provider}/{target.model}"
        values = {
            "key": (key.id,), "user": (key.user,), "team": (key.team,), "org": (key.org,),
            "model": tuple(dict.fromkeys((name, full))), "provider": (target.provider,),
        }  # fmt: skip
        found: list[Account] = []
        for kind in sorted(snapshot.kinds):
            first, _, last = kind.partition("+")
            for one in filter(None, values.get(first, ())):
                for other in filter(None, values.get(last, ())) if last else ("",):
                    found += self._bounds(f"{first}:{one}+{last}:{other}" if last else f"{first}:{one}")
        return tuple(found[:MOST])

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


MOST = 32
"""Limits and budgets of one request; further ones are left out, which the compiler warns of."""


class Visit:
    """One request of a caller: what it holds until it is over."""

    __slots__ = ("_caller", "_hold", "_house", "_reserved")

    def __init__(self, caller: Caller, house: House) -> None:
        self._caller = caller
        self._house = house
        self._hold: Hold | None = None
        self._reserved = 0

    def edit(self, call: Call) -> None:
        """Changes the call as the key demands. Raises Forbidden for fallbacks that it may not use."""
        self._caller.check_wishes(call)
        self._caller.edit(call)

    def plan(self, call: Call, plan: Plan, record: Record) -> Plan:
        """The plan as far as the key allows it, and its limits' and budgets' consent. Raises Forbidden,
        LimitExceeded, BudgetExceeded."""
        plan = self._caller.allowed(call, plan)
        handles = self._caller.handles(call.model, plan.targets[0])
        if handles:
            wanted = self._house.guess.of(call, plan)
            self._reserved = wanted[0]
            self._hold = reserve(self._house.accounts, handles, wanted, self._house.watcher, record.key)
        return plan

    def pass_by(self, provider: str, record: Record) -> None:
        """Consent to a request of which only the provider is known. Raises as `plan` does."""
        key = self._caller.key
        if key.models and record.endpoint not in key.endpoints:
            raise Forbidden(f"this API key is bound to models, and {record.endpoint} to none")
        if key.providers and provider not in key.providers:
            raise Forbidden(f"this API key may not use the provider {provider[:80]!r}")
        handles = self._caller.handles("", Target(provider, ""))
        if handles:
            self._hold = reserve(self._house.accounts, handles, (0, 0), self._house.watcher, record.key)

    def around(self, send: Send) -> Send:
        """A way back that says how far limits are used up."""
        return send if self._hold is None else Metered(send, self._hold)

    def settle(self, record: Record) -> None:
        """The request is over, whatever way it ended."""
        if self._hold is not None:
            settle(self._hold, record, self._reserved)
            self._house.guess.learn(record)


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

    def visible(self, headers: Mapping[bytes, bytes]) -> Callable[[str], bool]:
        """Which models a list shows to this caller. Raises Unauthorized and Forbidden."""
        return self._caller(headers).may_ask

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
