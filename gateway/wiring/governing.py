"""Who may call a worker and how much: the keys of the file and the store, over the ledger's limits."""

from time import monotonic
from typing import Protocol

from gateway._speedups.billing import Numbers
from gateway._speedups.ledger import Ledger, LedgerError
from gateway._speedups.limits import Accounts
from gateway.access.bills import replay
from gateway.access.callers import Callers, Tokens
from gateway.access.keys import Keyless, Shut, StaticKeys
from gateway.access.rights import NOBODYS, Brought, House, Settings
from gateway.access.snapshot import Layers, Snapshot
from gateway.config import Config
from gateway.config.model import Jwt
from gateway.control.files import journal_folder
from gateway.control.handed import revoked_path
from gateway.pipeline import Access
from gateway.providers.catalog import Catalog
from gateway.routing.settings import BOUNDS, exceeds, fill, settable, settle
from gateway.schemas.call import Call
from gateway.telemetry.counters import Counters
from gateway.telemetry.lastwords import last_charge
from gateway.telemetry.logs import log
from gateway.telemetry.settle import Bills
from gateway.tokens.ratios import Counter
from gateway.wiring.guessing import Guesses, Lessons
from gateway.wiring.revoking import Revoking

AGAIN = 60.0
"""Seconds until the same budget's warning is logged again by the same worker."""

MEMO = 1024
SWEEP = 5
"""Beats between two looks for dead workers."""


class Said(Protocol):
    """The configuration of the moment, what its file says of callers, and what the store says."""

    @property
    def config(self) -> Config: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def declared(self) -> Snapshot: ...
    @property
    def stored(self) -> Snapshot: ...


class Governing:
    """What of it lives as long as a worker."""

    def __init__(self, ledger: Ledger, worker: int, bills: Bills, counter: Counter) -> None:
        self._ledger = ledger
        self._worker = worker
        self._bills = bills
        self._lessons = Lessons(counter)
        self._accounts: Accounts | None = None
        self._tokens: tuple[Jwt, Tokens] | None = None
        self._numbers = Numbers()
        self._beats = 0
        self._revoking: Revoking | None = None
        self._watch = Watch(Counters(ledger))

    def access(self, said: Said, brought: Brought = NOBODYS) -> Access:
        """Who may call now. Where no keys, limits or budgets are, nothing of all this is in the way."""
        config = said.config
        if self._revoking is None:
            self._revoking = Revoking(revoked_path(config))
        layers = Layers(said.declared, said.stored, revoked=self._revoking.revoked)
        if not layers.governs and config.auth.jwt is None:
            return static(config)
        if self._accounts is None:
            self._accounts = self._opened(config)
        guesses = Guesses(said.catalog, self._lessons, config.limits.reserve)
        house = House(layers, self._accounts, guesses, self._watch, edit, self._numbers, self._bills, brought)
        open_to_others = bool(config.auth.keys) or not (layers.keyed or config.auth.jwt)
        callers = Callers(house, static(config) if open_to_others else None, self._issued(config))
        self._revoking.over(callers, said.stored.version)
        return callers

    def look(self, version: int) -> None:
        """Whether keys have been revoked, where the ledger's version is another one."""
        if self._revoking is not None:
            self._revoking.look(version)

    def _issued(self, config: Config) -> Tokens | None:
        """Those with a token, where the file says whose; what is known of its keys outlives other changes."""
        if config.auth.jwt is None:
            return None
        if self._tokens is None or self._tokens[0] != config.auth.jwt:
            from gateway.access.tokens import TokenCallers, fetched  # only where its package is needed

            self._tokens = config.auth.jwt, TokenCallers(config.auth.jwt, fetched)
        return self._tokens[1]

    def _opened(self, config: Config) -> Accounts:
        """The row of this worker, whose last owner may have died before its last record was settled."""
        accounts = Accounts(self._ledger, self._worker)
        self._numbers = Numbers(accounts.inherited)
        if config.journal.enabled:
            try:
                settled = replay(accounts, last_charge(journal_folder(config), self._worker))
            except (OSError, ValueError, LedgerError) as error:
                log.error(
                    "charge_unsettled", error=str(error), hint="one request may be missing in its budgets"
                )
            else:
                if settled:
                    log.info("charge_settled", worker=self._worker)
        return accounts

    def beat(self) -> None:
        """Now and then gives back what dead workers had reserved."""
        self._beats += 1
        if self._accounts is not None and self._beats % SWEEP == 0:
            self._accounts.sweep()

    def close(self) -> None:
        """Gives back what the worker holds."""
        if self._revoking is not None:
            self._revoking.close()
        if self._accounts is not None:
            self._accounts.leave()


def static(config: Config) -> StaticKeys | Keyless | Shut:
    """Those whom the configuration knows by a key alone; without any, this machine."""
    if config.auth.keys:
        return StaticKeys(key.reveal() for key in config.auth.keys)
    if not config.server.allow_insecure and config.server.faces_others:
        return Shut()
    return Keyless(local_only=not config.server.allow_insecure)


class Watch:
    """Counts and logs what limits and budgets do."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._logged: dict[str, float] = {}

    def budget_warning(self, budget: str, key: str) -> None:
        """A soft budget is used up, and the request goes on."""
        self._counters.add("budget_warnings")
        now = monotonic()
        if now - self._logged.get(budget, -AGAIN) >= AGAIN:
            if len(self._logged) >= MEMO:
                self._logged.clear()
            self._logged[budget] = now
            log.warning("budget_exceeded", budget=budget, key=key, soft=True)

    def limit_refused(self, limit: str, kind: str) -> None:
        """A request may not go."""
        self._counters.add("budget_refusals" if kind == "money" else "limit_refusals")
        if log.debugs:
            log.debug("limit_refused", limit=limit, kind=kind)


def edit(call: Call, defaults: Settings, forced: Settings) -> None:
    """Fills gaps with `defaults` and writes the `forced` over what the request says; of bounds the lower one holds."""
    if not settable(call):
        return
    if defaults:
        fill(call, defaults)
    kept = [
        one
        for one in forced
        if one[0] not in BOUNDS or not one[1].isdigit() or exceeds(call, one[0], int(one[1]))
    ]
    if kept:
        settle(call, tuple(kept))
