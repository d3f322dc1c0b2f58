"""What one key may do, and what stands against it: found once a snapshot, ready for its next request."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import translate
from functools import lru_cache, partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from sys import intern
from time import time
from typing import Any, Protocol

import msgspec

from gateway._speedups.billing import Bound, Guest, Numbers, Terms
from gateway._speedups.ledger import LedgerError
from gateway._speedups.limits import Account, Accounts
from gateway.access.bills import NONE, bound
from gateway.access.holds import Guess, Warned
from gateway.access.snapshot import Layers
from gateway.errors import BadRequest, Forbidden, Unauthorized, Unavailable
from gateway.schemas.call import Call
from gateway.schemas.governance import Budget, Limit, VirtualKey, same_model
from gateway.schemas.plan import Plan, Target
from gateway.telemetry.settle import Bills

MOST = 32
"""Limits and budgets of one request; further ones are left out, which the compiler warns of."""
MEMO = 256
"""Names kept for each caller; callers choose them."""

Settings = tuple[tuple[str, bytes], ...]


class Edit(Protocol):
    """What changes a call's parameters: some are defaults, which fill gaps, the others win."""

    def __call__(self, call: Call, defaults: Settings, forced: Settings) -> None: ...


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
    handles: dict[str, list[Account]] = {}
    """Limits and budgets of accounts that several keys have."""


def nothing_more(_target: Target) -> Bound:
    """What stands on a target where nothing stands on any: one for all callers."""
    return NONE


class Caller(Guest):
    """A key with what it may do, ready for its next request. What every request asks of it is in
    `_speedups/billing_visits`."""

    __slots__ = (
        *("_common", "_defaults", "_forced", "_house", "_known", "_missing", "_models", "_networks", "_own"),
        *("_shared", "_targeted", "_terms", "expires"),
    )

    def __init__(self, key: VirtualKey, house: House) -> None:
        super().__init__(
            key,
            guarded=bool(key.blocked or key.expires or key.endpoints or key.networks),
            is_bound=bool(key.models),
            edits=bool(key.defaults or key.forced),
        )
        self.expires = key.expires
        self._house = house
        self._models = _matcher(key.models)
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, key.networks))
        self._defaults, self._forced = _settings(key.defaults), _settings(key.forced)
        at_hand = house.brought.get(key.id, {})
        self._missing = frozenset(name for name in key.credentials if name not in at_hand)
        self._known: dict[str, bool] = {}
        self._common: dict[str, Bound] = {}
        self._own: dict[tuple[str, Target], Bound] = {}
        self._terms: dict[str, Terms] = {}
        self._shared, self._targeted = house.snapshot.shared, house.snapshot.targeted

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
        """Fills in the key's defaults, and puts its forced parameters in place of the request's; where it `edits`."""
        self._house.edit(call, self._defaults, self._forced)

    def allowed(self, name: str, plan: Plan) -> Plan:
        """The plan without what this key may not use. Raises Forbidden where nothing is left."""
        if self.is_bound:
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

    def terms(self, name: str, plan: Plan) -> Terms:
        """What stands against a request for `name` that would go as planned. Raises Forbidden and Unavailable."""
        found = self._terms.get(name)
        if found is not None and found.is_route == bool(plan.route):
            targets = plan.targets
            if found.targets is targets or found.targets == targets:
                return found
        allowed = self.allowed(name, plan)
        found = self.terms_at(name, allowed.targets[0], plan, None if allowed is plan else allowed.targets)
        if len(self._terms) >= MEMO:
            self._terms.clear()
        self._terms[name] = found
        return found

    def terms_at(
        self, name: str, target: Target, plan: Plan | None = None, narrowed: tuple[Target, ...] | None = None
    ) -> Terms:
        """The same of a request to this target, whatever the key allows."""
        common, own = self.common(name), self.own(name, target)
        return Terms(
            *(intern(name), (target,) if plan is None else plan.targets, narrowed, target, common, own),
            partial(self.own, name) if self._targeted else nothing_more,
            is_route=plan is not None and bool(plan.route),
            targeted=bool(self._targeted),
        )

    def common(self, name: str) -> Bound:
        """The limits and budgets of a request for `name`, wherever it goes."""
        found = self._common.get(name)
        if found is None:
            if len(self._common) >= MEMO:
                self._common.clear()
            values = {**self._callers(), "model": (same_model(name),)}
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
            full = same_model(f"{target.provider}/{target.model}")
            models = (full,) if target.model and full != same_model(name) else ()
            values = {**self._callers(), "model": models, "provider": (target.provider,)}
            found = self._own[name, target] = self._find(self._targeted, values)
        return found

    def standing(self, id: str) -> Limit | Budget | None:
        """The limit or budget with this id on one of the accounts that this caller's latest requests had."""
        targets = {one for _, one in self._own}
        names = {*self._common, *[f"{one.provider}/{one.model}" for one in targets]}
        values = {**self._callers(), "model": tuple({same_model(one) for one in names})}
        values["provider"] = tuple({one.provider for one in targets})
        for account in _accounts((*self._shared, *self._targeted), values):
            bounds = self._house.snapshot.bounds(account)
            every: tuple[Limit | Budget, ...] = (*bounds.limits, *bounds.budgets)
            for one in every:
                if one.id == id:
                    return one
        return None

    def _callers(self) -> dict[str, tuple[str, ...]]:
        key = self.key
        return {"key": (key.id,), "user": (key.user,), "team": (key.team,), "org": (key.org,)}

    def _find(self, kinds: tuple[str, ...], values: Mapping[str, tuple[str, ...]]) -> Bound:
        found: list[Account] = []
        for account in _accounts(kinds, values):
            found += self._bounds(account)
        return bound(tuple(found[:MOST]))

    def _bounds(self, account: str) -> list[Account]:
        if account.startswith("key:"):
            return self._opened(account)
        handles = self._house.handles
        found = handles.get(account)
        if found is None:
            found = self._opened(account)
            if found:  # callers with tokens name any number of accounts; those that are bounded are counted
                handles[account] = found
        return found

    def _opened(self, account: str) -> list[Account]:
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


def _accounts(kinds: Iterable[str], values: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Those of these kinds that something with these values has."""
    for kind in kinds:
        first, _, last = kind.partition("+")
        for one in filter(None, values.get(first, ())):
            for other in filter(None, values.get(last, ())) if last else ("",):
                yield f"{first}:{one}+{last}:{other}" if last else f"{first}:{one}"


@lru_cache(MEMO)
def _matcher(globs: tuple[str, ...]) -> re.Pattern[str] | None:
    """Who matches may be asked for. A glob without a slash is of a model's own name, whoever serves it."""
    bare = [f"[^/]+/{translate(one)}" for one in globs if one and "/" not in one]
    return re.compile("|".join([*map(translate, globs), *bare])) if globs else None


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
