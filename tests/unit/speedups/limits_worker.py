"""A worker of the tests of limits between processes: `python limits_worker.py LEDGER ROW MODE AMOUNT REPORT`.

`grab` takes until it is refused 300 times in a row; `race` takes of one small budget or limit after the other at set
moments, together with its like; `churn` reserves and settles for ever, and notes each
record in REPORT, a mapped file, before it settles it, with numbers from the one on that stands there.
"""

import mmap
import random
import struct
import sys
import time

from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Account, Accounts, Hold, sections

SHAPE = {"limits": 2_100, "budgets": 2_100, "rolling": 2, "workers": 8}
PRICE = 7
RACES = 4_000


def handles_of(accounts: Accounts, amount: int) -> tuple[Account, ...]:
    return (
        accounts.limit("key", seconds=10_000_000, requests=10**9, tokens=10**12, parallel=64),
        accounts.budget("key", amount * PRICE, period="never"),
        accounts.budget("team", amount * PRICE * 2, period="never"),
        accounts.budget("org", amount * PRICE * 2, period="rolling:1000000"),
        *(accounts.budget(f"soft {at}", 1, period="never", soft=True) for at in range(28)),
    )


def grab(accounts: Accounts, handles: tuple[Account, ...]) -> int:
    """Takes all it can get, and gives some of it back."""
    granted = refusals = 0
    while refusals < 300:
        answer = accounts.reserve(handles, time.time_ns(), 1, PRICE)
        if isinstance(answer, Hold):
            granted, refusals = granted + 1, 0
            if random.random() < 0.3:
                answer.release(time.time_ns())
                granted -= 1
            else:
                answer.settle(1, PRICE, time.time_ns())
        else:
            refusals += 1
            time.sleep(0)
    return granted


def race(accounts: Accounts) -> None:
    """Prints how often each account granted; every 10 µs all racers turn to the next."""
    racing: list[Account] = [
        accounts.budget(f"race-{turn}", 2 * PRICE, period="never")
        if turn % 2
        else accounts.limit(f"race-{turn}", parallel=2)
        for turn in range(RACES)
    ]
    begun = (time.time_ns() // 200_000_000 + 1) * 200_000_000
    kept: list[Hold] = []
    granted = []
    for turn, account in enumerate(racing):
        moment, before = begun + turn * 10_000, len(kept)
        while time.time_ns() < moment:
            pass
        answer = accounts.reserve((account,), moment, 0, PRICE)
        if isinstance(answer, Hold):
            kept.append(answer)
        granted.append(len(kept) - before)
    print(*granted, flush=True)
    sys.stdin.readline()


def churn(accounts: Accounts, handles: tuple[Account, ...], report: mmap.mmap) -> None:
    holds: list[Hold] = []
    (sequence,) = struct.unpack_from("<q", report)
    paid, now = 0, time.time_ns()
    while True:
        answer = accounts.reserve(handles, now, 100, PRICE * 3)
        if isinstance(answer, Hold):
            holds.append(answer)
        if len(holds) > 10:
            price = sequence % PRICE
            sequence += 1
            # As a journal would have it: what is about to be settled, and the sum of all before it.
            struct.pack_into("<qqq", report, 32 * (sequence % 2), sequence, paid, price)
            holds.pop(0).settle(5, price, now, sequence)
            paid += price


def main(path: str, row: str, mode: str, amount: str, report: str) -> None:
    accounts = Accounts(Ledger.open(path, sections(**SHAPE)), int(row))
    handles = handles_of(accounts, int(amount))
    print("ready", flush=True)
    sys.stdin.readline()
    if mode == "grab":
        print(grab(accounts, handles), flush=True)
    elif mode == "race":
        race(accounts)
    else:
        with open(report, "r+b") as file:
            churn(accounts, handles, mmap.mmap(file.fileno(), 64))


if __name__ == "__main__":
    main(*sys.argv[1:])
