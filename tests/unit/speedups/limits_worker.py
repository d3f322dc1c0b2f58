"""A worker of the tests of limits between processes: `python limits_worker.py LEDGER ROW MODE AMOUNT REPORT`.

`grab` takes until it is refused 300 times in a row; `churn` reserves and settles for ever, and notes each
record in REPORT, a mapped file, before it settles it, with numbers from the one on that stands there.
"""

import mmap
import random
import struct
import sys
import time

from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Account, Accounts, Hold, sections

SHAPE = {"limits": 8, "budgets": 8, "rolling": 2, "workers": 8}
PRICE = 7


def handles_of(accounts: Accounts, amount: int) -> tuple[Account, ...]:
    return (
        accounts.limit("key", seconds=10_000_000, requests=10**9, tokens=10**12, parallel=64),
        accounts.budget("key", amount * PRICE, period="never"),
        accounts.budget("team", amount * PRICE * 2, period="never"),
        accounts.budget("org", amount * PRICE * 2, period="rolling:1000000"),
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


def churn(accounts: Accounts, handles: tuple[Account, ...], report: mmap.mmap) -> None:
    holds: list[Hold] = []
    (sequence,) = struct.unpack_from("<q", report)
    paid = 0
    while True:
        answer = accounts.reserve(handles, time.time_ns(), random.randrange(100), PRICE * 3)
        if isinstance(answer, Hold):
            holds.append(answer)
        if len(holds) > random.randrange(20):
            price = random.randrange(PRICE * 2)
            sequence += 1
            # As a journal would have it: what is about to be settled, and the sum of all before it.
            struct.pack_into("<qqq", report, 32 * (sequence % 2), sequence, paid, price)
            holds.pop(random.randrange(len(holds))).settle(5, price, time.time_ns(), sequence)
            paid += price


def main(path: str, row: str, mode: str, amount: str, report: str) -> None:
    accounts = Accounts(Ledger.open(path, sections(**SHAPE)), int(row))
    handles = handles_of(accounts, int(amount))
    print("ready", flush=True)
    sys.stdin.readline()
    if mode == "grab":
        print(grab(accounts, handles), flush=True)
        return
    with open(report, "r+b") as file:
        churn(accounts, handles, mmap.mmap(file.fileno(), 64))


if __name__ == "__main__":
    main(*sys.argv[1:])
