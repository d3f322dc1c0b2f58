"""Hits are checked by share; where more were wrong than may be, likeness must be greater from then on."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache import verification
from gateway.cache.verification import HIGHEST, NEVER, STEP, Verification, at_least, same_answer
from tests.unit.cache.meaning_house import Strict, Words

SPACE, OTHER = b"a" * 16, b"b" * 16


def judge(one: Verification, verdicts: str, namespace: bytes = SPACE) -> None:
    for verdict in verdicts:
        one.judged(namespace, verdict == "+")


def test_a_share_of_the_hits_is_checked() -> None:
    one = Verification(0.1, 0.02, draw=random.Random(1).random)
    assert 60 < sum(one.wanted() for _ in range(1_000)) < 140
    assert not any(Verification(0.0, 0.02).wanted() for _ in range(1_000))


def test_right_answers_leave_the_threshold() -> None:
    one = Verification(0.1, 0.02)
    judge(one, "+" * 500 + "-" + "+" * 100)
    assert one.threshold(SPACE, 0.93) == 0.93
    assert one.total.error == pytest.approx(1 / 601)


def test_a_namespace_that_errs_rises_and_takes_the_others_along_only_when_all_do() -> None:
    one = Verification(0.1, 0.02)
    judge(one, "+" * 400, OTHER)
    judge(one, "-")
    assert one.threshold(SPACE, 0.93) == pytest.approx(0.93 + STEP)
    assert one.threshold(OTHER, 0.93) == 0.93
    judge(one, "-" * 20, b"c" * 16)
    assert one.threshold(OTHER, 0.93) > 0.93


@pytest.mark.parametrize("configured", [0.9, 0.93, 0.985, 0.995])
def test_it_rises_to_the_highest_and_then_nothing_is_alike(configured: float) -> None:
    one = Verification(0.1, 0.02)
    told = [configured]
    while told[-1] != NEVER:
        judge(one, "-")
        told.append(one.threshold(SPACE, configured))
        assert len(told) < 50
    assert told == sorted(told)
    assert max(told[:-1]) <= max(HIGHEST, configured)


@given(st.text("+-", max_size=60))
def test_counts_add_up(verdicts: str) -> None:
    one = Verification(0.1, 0.02)
    judge(one, verdicts)
    assert (one.total.checked, one.total.wrong) == (len(verdicts), verdicts.count("-"))
    assert sum(tally.wrong for _, tally in one.worst(10)) == one.total.wrong


def test_the_worst_come_first_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "REMEMBERED", 3)
    one = Verification(0.1, 0.02)
    for number, verdicts in enumerate(("---", "-+", "+", "--")):
        judge(one, verdicts, bytes([number]) * 16)
    assert [name[0] for name, _ in one.worst(5)] == [3, 1]


@given(st.integers(1, 300), st.data())
def test_what_is_proven_never_passes_what_was_seen(checked: int, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, checked))
    assert -1e-9 <= at_least(wrong, checked) <= wrong / checked + 1e-9


ANSWERS = [
    ("yes it is", "yes  it is\n", True),
    ("yes it is", "yes it was", True),
    ("yes it is", "no never", False),
    ("yes other", "yes it is", False),
    ("yes " + "other " * 60, "yes " + "other " * 60 + "it", True),
    ("", "yes", None),
    ("yes", " ", None),
]


@pytest.mark.parametrize(("kept", "fresh", "same"), ANSWERS)
async def test_answers_are_compared(kept: str, fresh: str, same: bool | None) -> None:
    assert await same_answer(kept, fresh, Words(), Strict()) is same


class Nothing(Words):
    def now(self, text: str) -> bytes | None:
        return None


async def test_without_vectors_nothing_can_be_told() -> None:
    assert await same_answer("yes it is", "yes it was", Nothing(), Strict()) is None
    assert await same_answer("yes", "yes", Nothing(), Strict()) is True
