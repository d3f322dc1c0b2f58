"""What governance costs a request: admission and settling with ten thousand keys and four levels of limits and
budgets, and how long a worker is held up by a new snapshot. `python -m bench.governance`"""

import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import perf_counter_ns

from gateway._speedups import limits
from gateway._speedups.jsonscan import request_facts
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts
from gateway.access.callers import Callers
from gateway.access.rights import House
from gateway.access.snapshot import Layers, Snapshot, encoded
from gateway.providers.catalog import Catalog
from gateway.schemas.call import Call
from gateway.schemas.governance import Budget, Governance, Limit, VirtualKey
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.telemetry.cells import sections
from gateway.telemetry.counters import Counters
from gateway.tokens.ratios import Counter, Ratios
from gateway.wiring.governing import Watch, edit
from gateway.wiring.guessing import Guesses, Lessons
from gateway.wiring.machine import settle_memory

KEYS, TEAMS, TURNS, WARM = 10_000, 200, 20_000, 2_000
BODY = b'{"model":"openai/gpt-4o-mini","max_tokens":50,"messages":[{"role":"user","content":"How are you today?"}]}'
MANY = 1_000_000_000


def governance() -> Governance:
    """Keys with their users, teams and organisations, each of them with a limit and a budget."""
    keys = [
        VirtualKey(
            f"key-{n}",
            sha256(f"gw-{n}".encode()).hexdigest(),
            org=f"org-{n % 10}",
            team=f"team-{n % TEAMS}",
            user=f"user-{n % 5000}",
            models=("openai/*",),
        )
        for n in range(KEYS)
    ]
    accounts = sorted({f"{kind}:{getattr(one, kind)}" for one in keys for kind in ("user", "team", "org")})
    accounts += [f"key:{one.id}" for one in keys]
    return Governance(
        1,
        tuple(keys),
        tuple([Limit(f"{one}/60s", one, 60, MANY, MANY) for one in accounts]),
        tuple([Budget(f"{one}/month", one, MANY * 1_000_000) for one in accounts]),
    )


class Asked:
    """The head of a request with the key of this number."""

    def __init__(self, number: int) -> None:
        self.headers = {b"authorization": b"Bearer gw-%d" % number}
        self.client = ("127.0.0.1", 1)


def median(name: str, times: list[int]) -> None:
    """One line: the median and the 99th percentile in microseconds."""
    times.sort()
    print(
        f"{name:<28} {times[len(times) // 2] / 1e3:8.2f} µs   p99 {times[len(times) * 99 // 100] / 1e3:8.2f} µs"
    )


def timed(work: Callable[[], object]) -> int:
    """Nanoseconds that it takes."""
    begun = perf_counter_ns()
    work()
    return perf_counter_ns() - begun


def main() -> None:
    """Prints the table."""
    content = encoded(governance())
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.create(Path(folder) / "ledger", (*sections(), *limits.sections()))
        accounts = Accounts(ledger, 0)
        settle_memory()  # as a worker does
        median("taking up a snapshot", [timed(lambda: Snapshot(content)) for _ in range(200)])
        house = House(
            *(Layers(Snapshot(content)), accounts, Guesses(Catalog({}), Lessons(Counter(Ratios())))),
            *(Watch(Counters(ledger)), edit),
        )
        who = Callers(house, None)
        plan = Plan((Target("openai", "gpt-4o-mini"),))
        first = [turn(who, Asked(n), plan) for n in range(WARM)]
        again = [turn(who, Asked(n % WARM), plan) for n in range(TURNS)]
        median("a key's first admission", [one[0] for one in first])
        median("admission", [one[0] for one in again])
        median("settling", [one[1] for one in again])
        accounts.leave()


def turn(who: Callers, asked: Asked, plan: Plan) -> tuple[int, int]:
    """One request's admission and settling, in nanoseconds."""
    record = Record("r", endpoint="chat_completions")
    call = Call("chat_completions", "openai", BODY, request_facts(BODY), "openai/gpt-4o-mini")
    begun = perf_counter_ns()
    visit = who.admit(asked, record)
    visit.edit(call)
    visit.plan(call, plan, record)
    admitted = perf_counter_ns() - begun
    record.provider, record.model = "openai", "gpt-4o-mini"
    record.attempts = [Attempt("openai", "gpt-4o-mini")]
    record.usage, record.cost_nano_usd = Usage(12, 40), 1234
    return admitted, timed(lambda: visit.settle(record))


if __name__ == "__main__":
    main()
