"""What a worker asks of the interpreter and of the system's scheduler."""

import gc
import os
from contextlib import suppress


def settle_memory() -> None:
    """What start-up made lives as long as the worker: the collector need not look at it again, nor look so often.

    How long one look takes is how much has come since the last one: thousands of new callers after a change of
    governance are looked at in pieces of 10,000 objects, about 1 ms. What comes and goes with some hundred requests at
    once, each of them 30 objects, is not looked at: 64 of them crossed 2,000 again and again, at 1 to 2 % of the CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 1, 500)


def prefer_throughput() -> None:
    """Lets a woken thread wait for the running one: SCHED_BATCH, for this thread and those that it starts.

    A worker's two threads, the server's and the event loop's, wake each other several times a request and share one
    interpreter lock. Under the usual policy the woken one takes the core, finds the lock held and goes back to sleep;
    on one core that costs a quarter of the throughput (docs/performance.md).
    """
    with suppress(OSError):  # a sandbox may forbid it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
