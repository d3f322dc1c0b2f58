"""Tables of series: many processes add at once, and every key keeps exactly what was added to it."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.ledger import KEY_LIMIT, Ledger, RequestCells, Table, table_sections

PROCESSES = 4
KEYS = 3000
ROUNDS = 4
SHARED = table_sections("things", slots=4096, cells=10)


def make_table(path: Path, slots: int = 32, cells: int = 3) -> Table:
    return Table(Ledger.create(path / "ledger", table_sections("things", slots=slots, cells=cells)), "things")


def contents(table: Table) -> dict[bytes, list[int]]:
    keys, values = table.snapshot()
    assert len(set(keys)) == len(keys)
    return {key: values[at * table.width : (at + 1) * table.width].tolist() for at, key in enumerate(keys)}


def hammer(path: str, barrier: Barrier, number: int) -> None:
    table = Table(Ledger.open(path, SHARED), "things")
    barrier.wait()
    for turn in range(ROUNDS):
        for key in range(KEYS):
            # All processes create the same key at nearly the same moment, and each adds on its own way too.
            block = table.locate(b"key-%d" % key)
            table.add(block, 0, 1)
            table.add(block, 1 + number, key + turn)


def test_processes_that_race_to_create_and_add_lose_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger")
    ledger = Ledger.create(path, SHARED)
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(PROCESSES)
    processes = [spawn.Process(target=hammer, args=(path, barrier, n)) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    found = contents(Table(ledger, "things"))
    own = {key: sum(key + turn for turn in range(ROUNDS)) for key in range(KEYS)}
    assert found == {
        b"key-%d" % key: [PROCESSES * ROUNDS, *[own[key]] * PROCESSES, *[0] * 11] for key in range(KEYS)
    }


def test_a_lost_race_wastes_no_block(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger")
    ledger = Ledger.create(path, SHARED)
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(PROCESSES)
    processes = [fork.Process(target=hammer, args=(path, barrier, n)) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    # At the end a process may hold one block that it lost a race for and found no use for.
    assert KEYS <= Table(ledger, "things").used <= KEYS + PROCESSES


def test_a_full_table_says_so_and_keeps_serving_what_it_has(tmp_path: Path) -> None:
    table = make_table(tmp_path, slots=4)
    blocks = [table.locate(b"%d" % number) for number in range(4)]
    assert sorted(blocks) == [0, 1, 2, 3]
    assert table.locate(b"one more") == -1
    assert [table.locate(b"%d" % number) for number in range(4)] == blocks
    assert table.used == 4


def test_the_reserve_is_refused_to_those_who_leave_it(tmp_path: Path) -> None:
    table = make_table(tmp_path, slots=4)
    assert [table.locate(b"%d" % number, 1) for number in range(4)] == [0, 1, 2, -1]
    assert table.locate(b"3") == 3


def test_keys_are_told_apart_by_length_and_content(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    keys = [b"", b"\0", b"\0\0", b"a", b"a\0", b"x" * KEY_LIMIT, b"x" * (KEY_LIMIT - 1)]
    assert len({table.locate(key) for key in keys}) == len(keys)
    assert set(contents(table)) == set(keys)
    with pytest.raises(ValueError, match="bytes"):
        table.locate(b"x" * (KEY_LIMIT + 1))


@pytest.mark.parametrize(("block", "cell"), [(-1, 0), (32, 0), (0, -1), (0, 8), (2**31 - 1, 0)])
def test_no_cell_outside_the_table_can_be_touched(tmp_path: Path, block: int, cell: int) -> None:
    table = make_table(tmp_path)
    with pytest.raises(IndexError):
        table.add(block, cell, 1)


def test_forked_children_of_one_table_make_series_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    Ledger.create(path, SHARED)
    table = Table(Ledger.open(path, SHARED), "things")
    table.locate(b"parent 1")
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            table.locate(b"child %d" % number)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    table.locate(b"parent 2")
    assert set(contents(table)) == {b"parent 1", b"parent 2", *(b"child %d" % n for n in range(4))}


@given(
    st.lists(st.tuples(st.binary(max_size=6), st.integers(0, 2), st.integers(-(2**40), 2**40)), max_size=60)
)
def test_property_a_table_is_a_dict_of_sums(
    tmp_path_factory: pytest.TempPathFactory, adds: list[tuple[bytes, int, int]]
) -> None:
    table = make_table(tmp_path_factory.mktemp("table"), slots=64)
    expected: dict[bytes, list[int]] = {}
    for key, cell, amount in adds:
        table.add(table.locate(key), cell, amount)
        expected.setdefault(key, [0] * table.width)[cell] += amount
    assert contents(table) == expected
    assert list(contents(table)) == list(expected)


# --- the block of a request ------------------------------------------------------------------------------------------

BOUNDS = [[10, 20], [5], [100], [10, 20]]


def request_cells(tmp_path: Path) -> tuple[Table, RequestCells]:
    table = make_table(tmp_path, cells=20)
    table.locate(b"series")
    return table, RequestCells(table, BOUNDS)


def split(block: list[int]) -> tuple[list[int], list[int], list[list[int]]]:
    return block[:4], block[4:10], [block[10:13], block[13:15], block[15:17], block[17:20]]


def test_a_request_fills_buckets_sums_and_plain_cells(tmp_path: Path) -> None:
    table, cells = request_cells(tmp_path)
    cells.add(0, 20, 14, 101, 1, 2, 3, 4, 5, True)
    sums, plain, buckets = split(contents(table)[b"series"])
    assert sums == [20, 6, 101, 14]
    assert plain == [1, 2, 3, 4, 5, 1]
    assert buckets == [[0, 1, 0], [0, 1], [0, 1], [0, 1, 0]]


def test_waiting_in_a_line_is_neither_overhead_nor_the_providers(tmp_path: Path) -> None:
    table, cells = request_cells(tmp_path)
    cells.add(0, 20, 11, 0, 0, 0, 0, 0, 0, False, 7)
    sums, _, buckets = split(contents(table)[b"series"])
    assert sums == [20, 2, 0, 11]
    assert buckets == [[0, 1, 0], [1, 0], [0, 0], [0, 1, 0]]


def test_figures_that_make_no_sense_cannot_spoil_a_sum(tmp_path: Path) -> None:
    table, cells = request_cells(tmp_path)
    cells.add(0, -5, 10**30, 0, -1, 10**30, None, "7", None, False)
    sums, plain, buckets = split(contents(table)[b"series"])
    assert sums == [0, 0, 0, 2**53]
    assert plain == [0, 2**53, 0, 0, 0, 0]
    assert buckets == [[1, 0, 0], [1, 0], [0, 0], [0, 0, 1]]


def test_a_request_outside_the_table_is_refused(tmp_path: Path) -> None:
    _, cells = request_cells(tmp_path)
    for block in (-1, 32):
        with pytest.raises(IndexError):
            cells.add(block, 1, 1, 1, 1, 1, 1, 1, 1, False)


@pytest.mark.parametrize("bounds", [BOUNDS[:3], [[2, 1], [], [], []], [list(range(32)), [], [], []]])
def test_bounds_that_do_not_fit_are_refused(tmp_path: Path, bounds: list[list[int]]) -> None:
    with pytest.raises(ValueError, match=r"bounds|histograms|blocks"):
        RequestCells(make_table(tmp_path, cells=60), bounds)
    with pytest.raises(ValueError, match="blocks"):
        RequestCells(make_table(tmp_path, cells=8), BOUNDS)
