"""What became of checked hits, counted in the ledger: what one worker finds out, all of them heed.

Namespaces are as many as callers write prompts, so they are counted in groups, by their hash: one that errs makes the
few others of its group more careful. Routes are counted beside them, under their own names.
"""

from collections.abc import Mapping
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from gateway._speedups.ledger import Ledger, Table
from gateway.cache.verification import ALL, Tally, is_route, of_route, risen
from gateway.schemas.caching import Semantic

OTHER = ""
"""The route of requests that name none, and of those beyond MOST_ROUTES."""
MOST_ROUTES = 100
"""Routes that are counted each for itself."""

_EDITION = 8
_FIELDS = Tally.__struct_fields__


class Verdicts:
    """Tallies under one `edition` of the settings: what was found out under others says nothing of these.

    `get` tells what was known when `refresh` or `add` was last called. Where the table is full, each worker counts for
    itself.
    """

    def __init__(self, ledger: Ledger, edition: bytes) -> None:
        self._table = Table(ledger, "verdicts")
        self._edition = edition
        self._known: dict[bytes, Tally] = {}
        self.refresh()

    def name(self, namespace: bytes) -> bytes:
        """Its group, one of 256: namespaces are hashes."""
        return namespace[:1]

    def get(self, name: bytes) -> Tally | None:
        return self._known.get(name)

    def all(self) -> list[tuple[bytes, Tally]]:
        """The groups."""
        return [(name, tally) for name, tally in self._known.items() if name != ALL and not is_route(name)]

    def add(self, name: bytes, change: Tally) -> Tally:
        block = self._table.locate(self._edition + name)
        if block < 0:
            self._known.setdefault(name, Tally()).grow(change)
            return self._known[name]
        for cell, field in enumerate(_FIELDS):
            amount = getattr(change, field)
            if amount:
                self._table.add(block, cell, amount)
        self.refresh()
        return self._known[name]

    def refresh(self) -> None:
        """Reads what all workers have counted: some tens of microseconds."""
        keys, cells = self._table.snapshot()
        width = self._table.width
        for at, key in enumerate(keys):
            if key.startswith(self._edition):
                self._known[key[len(self._edition) :]] = Tally(*cells[at * width : at * width + len(_FIELDS)])


def edition_of(settings: Semantic) -> bytes:
    """Of those settings by which hits are found and judged."""
    said = (
        *(settings.embedder, settings.path, settings.threshold, settings.error_bound),
        *(settings.same_words, settings.verifier),
    )
    return blake2b(repr(said).encode(), digest_size=_EDITION).digest()


class Checked(NamedTuple):
    """What came of the checks of one route's hits, and how alike its questions must be now."""

    route: str
    checked: int
    wrong: int
    threshold: float


def told_apart(routes: Mapping[str, object]) -> frozenset[str]:
    """The routes that are counted each for itself."""
    return frozenset(islice(routes, MOST_ROUTES))


def by_route(verdicts: Verdicts, thresholds: Mapping[str, float], usual: float) -> list[Checked]:
    """What is known of each route of which any hit was checked; OTHER has what is left of all. `thresholds` are those
    of the configuration."""
    total = verdicts.get(ALL) or Tally()
    found = []
    checked, wrong = total.checked, total.wrong
    for route in islice(thresholds, MOST_ROUTES):
        tally = verdicts.get(of_route(route))
        if tally is None:
            continue
        now = risen(thresholds[route], max(total.rises, tally.rises))
        found.append(Checked(route, tally.checked, tally.wrong, now))
        checked, wrong = checked - tally.checked, wrong - tally.wrong
    if checked > 0:
        rises = (verdicts.get(of_route(OTHER)) or Tally()).rises
        found.append(Checked(OTHER, checked, max(0, wrong), risen(usual, max(total.rises, rises))))
    return found
