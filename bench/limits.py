"""The command `python -m bench.limits`: what limits and budgets cost a request, in microseconds, in one process.

A ledger holds 10,000 keys, 200 teams, an organisation and a model, each with a limit and a budget, so that a request
takes from eight handles. Each number is the least of several repeats.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import perf_counter_ns, time_ns

from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Account, Accounts, Hold, Refusal, sections

KEYS = 10_000
TEAMS = 200
LOOPS = 10_000
REPEATS = 9

Chain = tuple[Account, ...]


def level(accounts: Accounts, name: str) -> Chain:
    """A limit and a budget that are never used up."""
    return (
        accounts.limit(name, seconds=86_400, requests=10**9, tokens=10**12, parallel=10**6),
        accounts.budget(name, 10**15, period="month"),
    )


def chains(accounts: Accounts) -> list[Chain]:
    """For each key its eight handles: of the key, its team, its organisation and the model."""
    shared = level(accounts, "org:o") + level(accounts, "model:m")
    teams = [level(accounts, f"team:{team}") for team in range(TEAMS)]
    return [level(accounts, f"key:{key}") + teams[key % TEAMS] + shared for key in range(KEYS)]


def least(step: Callable[[list[Chain]], tuple[int, ...]], picks: list[Chain]) -> list[float]:
    """Microseconds of one operation, for each that `step` times over all picks."""
    found = [step(picks) for _ in range(REPEATS)]
    return [min(column) / len(picks) / 1000 for column in zip(*found, strict=True)]


def journey(accounts: Accounts) -> Callable[[list[Chain]], tuple[int, ...]]:
    """Times reserving and settling of one request after another."""

    def run(picks: list[Chain]) -> tuple[int, ...]:
        reserving = settling = 0
        for chain in picks:
            now = time_ns()
            begun = perf_counter_ns()
            hold = accounts.reserve(chain, now, 900, 40_000)
            between = perf_counter_ns()
            assert isinstance(hold, Hold)
            hold.settle(700, 31_000, now, 1)
            settling += perf_counter_ns() - between
            reserving += between - begun
        return reserving, settling

    return run


def refusals(accounts: Accounts) -> Callable[[list[Chain]], tuple[int, ...]]:
    """Times refusals by the last of nine handles."""
    empty = accounts.budget("empty", 0)

    def run(picks: list[Chain]) -> tuple[int, ...]:
        taken = 0
        for chain in picks:
            asked = (*chain, empty)
            begun = perf_counter_ns()
            answer = accounts.reserve(asked, begun, 900, 40_000)
            taken += perf_counter_ns() - begun
            assert isinstance(answer, Refusal)
        return (taken,)

    return run


def main() -> None:
    """Prints one line for each operation."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.create(Path(folder, "ledger"), sections())
        accounts, others = Accounts(ledger, 0), [Accounts(ledger, number) for number in range(1, 4)]
        begun = perf_counter_ns()
        found = chains(accounts)
        made = (perf_counter_ns() - begun) / 1e6
        many = Random(5).choices(found, k=LOOPS)
        reserve, settle = least(journey(accounts), many)
        warm_reserve, warm_settle = least(journey(accounts), [found[0]] * LOOPS)
        (refuse,) = least(refusals(accounts), many)
        begun = perf_counter_ns()
        others[0].leave()
        cleaned = (perf_counter_ns() - begun) / 1e6
        print(f"ledger              {ledger.size / 1e6:8.1f} MB")
        print(f"handles of all keys {made:8.1f} ms")
        print(f"row given back      {cleaned:8.1f} ms")
        print(f"reserve, 8 handles  {reserve:8.2f} us, the same key each time {warm_reserve:.2f}")
        print(f"settle, 8 handles   {settle:8.2f} us, the same key each time {warm_settle:.2f}")
        print(f"refusal by the last {refuse:8.2f} us, four rows known")


if __name__ == "__main__":
    main()
