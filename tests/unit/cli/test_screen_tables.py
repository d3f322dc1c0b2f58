"""Tables that fit, money that is exact, times that people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.commands.budgets import begin
from gateway.commands.reading import Trouble, duration, since
from gateway.commands.screens import dollar, dollars, shown, table

NAMES = ("ID", "MODELS", "COUNT")
ROWS = [("key_0123456789", "openai/gpt-4o-mini anthropic/claude", "1,234"), ("k", "all", "5")]


def test_columns_are_aligned_and_numbers_stand_right() -> None:
    assert list(table(NAMES, ROWS, (2,))) == [
        "ID              MODELS                               COUNT",
        "key_0123456789  openai/gpt-4o-mini anthropic/claude  1,234",
        "k               all                                      5",
    ]


def test_a_text_gives_way_and_an_id_does_not() -> None:
    lines = list(table(NAMES, ROWS, (2,), (0,), 35))
    assert max(map(len, lines)) <= 35
    assert "key_0123456789" in lines[1]
    assert "1,234" in lines[1]
    assert "…" in lines[1]


def test_where_nothing_can_give_way_rows_become_paragraphs() -> None:
    lines = list(table(NAMES, ROWS, (2,), (0,), 20))
    assert lines == [
        *("key_0123456789", "  MODELS  openai/gpt-4o-mini anthropic/claude", "  COUNT   1,234"),
        *("", "k", "  MODELS  all", "  COUNT   5"),
    ]


def test_columns_that_can_be_spared_go_first() -> None:
    rows = [(*row, "2026-11-22") for row in ROWS]
    lines = list(table((*NAMES, "CREATED"), rows, (2,), (0,), 62, spare=(3,)))
    assert lines == list(table(NAMES, ROWS, (2,), (0,), 62))
    assert not any("…" in line for line in lines)
    assert lines[1].endswith("1,234")
    whole = list(table((*NAMES, "CREATED"), rows, (2,), (0,), 80, spare=(3,)))
    assert whole[0].endswith("CREATED")


def test_paragraphs_have_what_could_be_spared() -> None:
    rows = [(*row, "2026-11-22") for row in ROWS]
    lines = list(table((*NAMES, "CREATED"), rows, (2,), (0,), 20, spare=(3,)))
    assert lines[3] == "  CREATED  2026-11-22"


@given(st.integers(-(2**63), 2**63 - 1))
def test_money_is_exact(amount: int) -> None:
    whole, _, rest = dollar(amount).replace(",", "").partition(".")
    assert int(whole + rest.ljust(9, "0")) == amount
    assert len(rest) >= 2


def test_a_column_of_money_has_one_number_of_decimals() -> None:
    assert dollars([1_500_000_000, 1, None]) == ["1.500000000", "0.000000001", "unknown"]
    assert dollars([2_000_000_000_000]) == ["2,000.00"]


def test_texts_of_others_cannot_move_the_cursor() -> None:
    assert shown("a\x1b[2Jb\nc") == "a?[2Jb?c"


def test_times_as_people_write_them() -> None:
    assert since("7d", 1_000_000.0) == 1_000_000.0 - 7 * 86_400
    assert since("24h", 100_000.0) == 100_000.0 - 86_400
    assert since("2026-11-01") == 1_793_491_200.0
    assert since("2026-11-01T12:00+02:00") == 1_793_491_200.0 + 10 * 3600
    assert since("all") == 0.0
    assert (duration("90d"), duration("1h"), duration("30")) == (90 * 86_400, 3600, 30)
    for wrong in ("yesterday", "7", "", "-7d", "7 d"):
        with pytest.raises(Trouble):
            since(wrong)


def test_periods_begin_where_the_gateway_begins_them() -> None:
    now = 1_795_324_917.0  # Sunday 2026-11-22 05:21:57
    assert begin("day", now) == 1_795_305_600
    assert begin("week", now) == 1_795_305_600 - 6 * 86_400  # Monday
    assert begin("month", now) == 1_793_491_200
    assert begin("never", now) == 0
    assert 0 <= now - 3600 - begin("rolling:3600", now) < 60
