"""Work that can wait is done by a thread that gives way; what is urgent by one that does not."""

import os
import threading
import time

import pytest

from gateway.control.hands import Hands


async def test_urgent_work_is_done_by_another_thread_of_another_policy() -> None:
    hands = Hands()
    seen: dict[bool, tuple[int, int]] = {}
    for urgent in (False, True, False):
        seen[urgent] = await hands.work(
            lambda: (threading.get_ident(), os.sched_getscheduler(0)), urgent=urgent
        )
    assert seen[False][0] != seen[True][0]
    assert [seen[False][1], seen[True][1]] == [os.SCHED_IDLE, os.SCHED_BATCH]
    assert os.sched_getscheduler(0) == os.SCHED_OTHER  # whoever asks stays what it is


async def test_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await Hands().work(fail)


def may_return() -> bool:
    """Whether an idle thread of this process may leave that."""
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except PermissionError:
        return False
    return True


async def test_a_piece_that_takes_long_is_helped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this process may do that: a thread leaves SCHED_IDLE only by right."""
    monkeypatch.setattr("gateway.control.hands.PATIENCE", 0.01)

    def wait() -> int:
        for _ in range(1000):
            if os.sched_getscheduler(0) != os.SCHED_IDLE:
                break
            time.sleep(0.005)
        return os.sched_getscheduler(0)

    hands = Hands()
    if not await hands.work(may_return):
        pytest.skip("this process may not")
    assert await hands.work(wait) == os.SCHED_BATCH
    assert (
        await hands.work(lambda: os.sched_getscheduler(0)) == os.SCHED_IDLE
    )  # the next piece is patient again
