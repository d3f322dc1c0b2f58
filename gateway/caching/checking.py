"""Hits that were found by meaning are checked: a share of them is asked upstream too, behind the caller's back.

Both answers are compared, and what comes of it decides how alike questions must be from then on.
"""

from collections.abc import Awaitable, Callable, Container
from typing import Protocol

from gateway._speedups.asking import Asked
from gateway.cache.canonical import Kept, open_entry
from gateway.cache.entries import pack
from gateway.cache.hearing import Keeper
from gateway.cache.verdicts import OTHER
from gateway.cache.verification import Verification
from gateway.schemas.call import Call
from gateway.schemas.chat import Reply, Text, ToolCall
from gateway.schemas.plan import Target
from gateway.schemas.record import Record
from gateway.telemetry.logs import log
from gateway.upstream.shadow import Heard

Compare = Callable[[str, str], Awaitable[bool | None]]
"""Whether two answers say the same; None where that cannot be told. Never raises but for cancellation."""


class Copies(Protocol):
    """Who sends copies of requests: bounded in number, never waited for."""

    def copy(self, target: Target, call: Call, record: Record, heard: Heard) -> None: ...


class Counts(Protocol):
    def cache_verified(self, verdict: str) -> None: ...


class Checks:
    """What is checked, by one snapshot of the configuration."""

    def __init__(
        self,
        verification: Verification,
        compare: Compare,
        copies: Copies,
        counts: Counts,
        routes: Container[str] = (),
    ) -> None:
        """`routes` are those that are counted each for itself."""
        self._verification = verification
        self._routes = routes
        self._compare = compare
        self._copies = copies
        self._counts = counts

    def threshold(self, namespace: bytes, wished: float, route: str = OTHER) -> float:
        """How alike questions of a namespace, asked of a route, must be, where this much was wished for."""
        return self._verification.threshold(namespace, wished, self._counted(route))

    def cast(self, asked: Asked, namespace: bytes, kept: Kept, most: int) -> None:
        """An answer was found that perhaps is to be checked. Returns at once; whoever gave the answer is asked, since
        another model would say something else. Of an answer of more than `most` bytes nothing can be told."""
        if not self._verification.wanted():
            return
        target = Target(kept.entry.provider, kept.entry.model)
        keeper = Keeper(asked.call.endpoint, asked.call.stream, most)
        check = Check(self, namespace, asked.plan.route, said(kept.reply), keeper)
        self._copies.copy(target, asked.call, asked.record, check)

    async def judge(self, namespace: bytes, route: str, kept: str, fresh: str | None) -> None:
        """Compares what was told with what would have been."""
        same = None if fresh is None else await self._compare(kept, fresh)
        if same is None:
            self.untold()
            return
        self._counts.cache_verified("agreed" if same else "differed")
        if self._verification.judged(namespace, same, self._counted(route)):
            total = self._verification.total
            log.warning(
                "cache_threshold_raised",
                checked=total.checked,
                wrong=total.wrong,
                route=route,
                hint="questions were taken for others: raise cache.semantic.threshold, or turn it off there",
            )

    def _counted(self, route: str) -> str:
        return route if route in self._routes else OTHER

    def untold(self) -> None:
        """It cannot be told."""
        self._counts.cache_verified("failed")


class Check:
    """One answer that is asked for anew, and what was told in its place."""

    def __init__(self, checks: Checks, namespace: bytes, route: str, told: str, keeper: Keeper) -> None:
        self._checks = checks
        self._namespace = namespace
        self._route = route
        self._told = told
        self._keeper = keeper

    def hear(self, data: bytes) -> None:
        """The next bytes of the answer."""
        self._keeper.hear(data)

    async def ended(self, record: Record) -> None:
        """It came to its right end."""
        entry = self._keeper.entry(record)
        fresh = None if entry is None else open_entry(pack(entry))
        again = None if fresh is None else said(fresh.reply)
        await self._checks.judge(self._namespace, self._route, self._told, again)

    def failed(self) -> None:
        """It did not."""
        self._checks.untold()


def said(reply: Reply) -> str:
    """What an answer says: its texts and the calls that it makes."""
    words: list[str] = []
    for part in reply.choices[0].parts:
        if isinstance(part, Text):
            words.append(part.text)
        elif isinstance(part, ToolCall):
            words.append(f"{part.name} {part.arguments}")
    return " ".join(words)
