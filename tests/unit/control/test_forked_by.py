"""Who forked a process, told when that one is gone already."""

import multiprocessing
import os
import time
from multiprocessing.connection import Connection

from gateway.control.child import parent

FORK = multiprocessing.get_context("fork")


def supervise(said: Connection) -> None:
    """Forks one that looks late, and is gone before it does."""
    FORK.Process(target=look, args=(os.getpid(), said)).start()
    os._exit(0)


def look(supervisor: int, said: Connection) -> None:
    while os.getppid() == supervisor:
        time.sleep(0.001)
    said.send((supervisor, parent(), os.getppid()))
    os._exit(0)


def test_a_parent_that_ended_early_is_still_known() -> None:
    heard, said = FORK.Pipe(duplex=False)
    first = FORK.Process(target=supervise, args=(said,))
    first.start()
    first.join()
    assert heard.poll(10)
    supervisor, told, now = heard.recv()
    assert told == supervisor != now


def test_what_nobody_forked_has_the_systems_parent() -> None:
    assert parent() == os.getppid()
