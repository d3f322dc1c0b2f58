"""Verdicts on hits are counted once for all workers: what one finds out, the others heed."""

from pathlib import Path

import pytest

from gateway._speedups.ledger import Ledger, table_sections
from gateway.cache.verdicts import MOST_ROUTES, Verdicts, by_route, edition_of, told_apart
from gateway.cache.verification import STEP, Verification
from gateway.schemas.caching import Semantic, Verifier

NOW = edition_of(Semantic())
SPACE, OTHER = b"a" * 16, b"b" * 16


def ledger_of(folder: Path, slots: int = 64) -> Ledger:
    return Ledger.create(folder / "ledger", table_sections("verdicts", slots=slots, cells=5))


def checking(ledger: Ledger, edition: bytes = NOW) -> tuple[Verdicts, Verification]:
    verdicts = Verdicts(ledger, edition)
    return verdicts, Verification(1.0, 0.02, tallies=verdicts)


def test_what_one_worker_finds_out_another_heeds(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    (_, one), (verdicts, other) = checking(ledger), checking(ledger)
    assert not one.judged(SPACE, True)
    assert one.judged(SPACE, False)
    assert one.threshold(SPACE, 0.93) == pytest.approx(0.93 + STEP)
    assert other.threshold(SPACE, 0.93) == 0.93
    verdicts.refresh()
    assert other.threshold(SPACE, 0.93) == pytest.approx(0.93 + STEP)
    assert (other.total.checked, other.total.wrong) == (2, 1)


def test_checks_of_all_workers_add_up(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    (_, one), (_, other) = checking(ledger), checking(ledger)
    for _ in range(300):
        one.judged(SPACE, True)
        other.judged(OTHER, True)
    assert not other.judged(OTHER, False)
    assert (other.total.checked, other.total.wrong, other.total.rises) == (601, 1, 0)
    assert [(name, tally.wrong) for name, tally in other.worst(5)] == [(b"b", 1)]


@pytest.mark.parametrize(
    "changed",
    [
        Semantic(threshold=0.95),
        Semantic(error_bound=0.1),
        Semantic(embedder="openai/small"),
        Semantic(same_words=0.8),
        Semantic(verifier=Verifier("/m")),
    ],
)
def test_other_settings_begin_anew(tmp_path: Path, changed: Semantic) -> None:
    ledger = ledger_of(tmp_path)
    checking(ledger)[1].judged(SPACE, False)
    _, anew = checking(ledger, edition_of(changed))
    assert anew.total.checked == 0
    assert anew.threshold(SPACE, 0.95) == 0.95
    assert edition_of(Semantic(verify=0.5, max_tokens=9)) == NOW


def test_in_a_full_table_each_counts_for_itself(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, slots=2)
    (_, one), (verdicts, other) = checking(ledger), checking(ledger)
    one.judged(SPACE, True)
    assert other.judged(OTHER, False)
    verdicts.refresh()
    assert other.threshold(OTHER, 0.93) > 0.93
    assert {name: tally.checked for name, tally in verdicts.all()} == {b"a": 1, b"b": 1}


def judged(one: Verification, route: str, verdicts: str) -> None:
    for verdict in verdicts:
        one.judged(SPACE, verdict == "+", route)


THRESHOLDS = {"faq": 0.93, "strict": 0.97, "unasked": 0.93}


def test_routes_are_told_apart_and_what_is_left_of_all_is_the_others(tmp_path: Path) -> None:
    verdicts, one = checking(ledger_of(tmp_path))
    judged(one, "faq", "+" * 200 + "-")
    judged(one, "strict", "+" * 50)
    judged(one, "", "+" * 30 + "-")
    assert by_route(verdicts, THRESHOLDS, 0.93) == [
        ("faq", 201, 1, 0.93),
        ("strict", 50, 0, 0.97),
        ("", 31, 1, 0.93),
    ]
    assert by_route(verdicts, {}, 0.93) == [("", 282, 2, 0.93)]


def test_the_route_that_errs_must_be_asked_more_alike(tmp_path: Path) -> None:
    verdicts, one = checking(ledger_of(tmp_path))
    for number in range(256):
        one.judged(bytes([number]) * 16, True, "strict")
    for number in range(0, 250, 50):
        one.judged(bytes([number]) * 16, False, "faq")
    found = {route: threshold for route, _, _, threshold in by_route(verdicts, THRESHOLDS, 0.93)}
    assert found["faq"] > 0.93
    assert found["strict"] == 0.97
    assert one.threshold(b"\xff" * 16, 0.93, "faq") == pytest.approx(found["faq"])
    assert one.threshold(b"\xff" * 16, 0.97, "strict") == 0.97


def test_only_so_many_routes_are_told_apart() -> None:
    names = told_apart({f"route {number}": None for number in range(MOST_ROUTES + 50)})
    assert names == {f"route {number}" for number in range(MOST_ROUTES)}
