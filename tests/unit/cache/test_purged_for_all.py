"""A purge of everybody's answers: no process tells what was kept until then, nor after a restart, and it is erased."""

from pathlib import Path

from store_house import LATER, NOW, files_of, fill, kept, key_of, payload_of, store_in

from gateway._speedups.ledger import Ledger, table_sections
from gateway._speedups.shelf import EVERYBODY
from gateway.cache.files import marks
from gateway.cache.keys import owner_of, scope_named
from gateway.cache.store import PURGE, VECTOR, Shelf
from gateway.cache.vectors import Vectors
from gateway.cache.worded import Worded
from gateway.config import Config
from gateway.control.caching import Caching
from gateway.control.keeping import MOST_MEMBERS, Desk, Keeping, cache_folder, shelf_for
from tests.unit.cache.meaning_house import NOW as ASKED
from tests.unit.cache.meaning_house import direction, question

SPACE, OTHER = b"a" * 16, b"b" * 16


def test_all_processes_refuse_what_any_scope_wrote_until_then(tmp_path: Path) -> None:
    shelf = Shelf(1000)
    store, other = store_in(tmp_path, shelf), store_in(tmp_path, shelf)
    fill(store, range(10), scope=1)
    fill(store, range(10, 20), scope=2)
    assert other.put(key_of(20), 2, LATER, payload_of(20), now=NOW + 2)
    assert other.purge(EVERYBODY, NOW + 1)
    assert kept(store, range(21)) == {20}
    assert other.purge(EVERYBODY, NOW)  # an earlier one takes nothing back
    assert other.put(key_of(3), 1, LATER, payload_of(3), now=NOW + 3)
    assert kept(store, range(21)) == {3, 20}


def test_it_is_erased_and_a_restart_brings_nothing_back(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for scope in (1, 2):
        store.put(key_of(scope), scope, LATER, b"a secret", now=NOW)
        store.put(key_of(scope), scope, LATER, b"a secret", VECTOR, now=NOW)
    store.put(key_of(3), 3, LATER, b"the next", now=NOW + 2)
    assert store.purge(EVERYBODY, NOW + 1)
    store.close()
    again = store_in(tmp_path)
    Caching(again, clock=lambda: NOW + 3).step()
    assert [again.get(key_of(number), NOW) is not None for number in (1, 2, 3)] == [False, False, True]
    assert [one.kind for one in again.tail()] == [PURGE]
    folder = tmp_path / "cache"
    assert b"a secret" not in b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def test_files_go_in_which_nothing_is_left(tmp_path: Path) -> None:
    store = store_in(tmp_path, segment=5000)
    fill(store, range(100), scope=1)
    fill(store, range(100, 110), scope=2)
    now = NOW + 3
    job, files = Caching(store, clock=lambda: now), len(files_of(tmp_path))
    assert store.purge(1, NOW)
    job.step()
    assert kept(store, range(110)) == {*range(100, 110)}
    assert files > 3
    assert len(files_of(tmp_path)) < 3  # what is written yet, and what the others share
    assert store.purge(EVERYBODY, NOW)
    store.close()
    job.step()
    assert files_of(tmp_path) == []
    job.count()
    assert store.stats().entries == 0
    assert store.put(key_of(1), 1, LATER, payload_of(1), now=NOW + 1)
    assert kept(store, range(10)) == {1}


def test_questions_go_as_their_answers_do() -> None:
    worded = Worded(memory=1 << 24, life=1_000.0, now=ASKED)
    vectors = Vectors(len(direction("two")) // 4, memory=1 << 24, most=64, life=1_000.0)
    for kinds in (worded, vectors):
        kinds.add(SPACE, 1, question("one", written=ASKED, mark=1), ASKED)
        kinds.add(OTHER, 2, question("two", written=ASKED, mark=1), ASKED)
        kinds.purge(EVERYBODY, ASKED + 1)
        kinds.add(SPACE, 1, question("anew", written=ASKED + 2, mark=1), ASKED)
    assert [len(worded.same(space, 1, b"", ASKED)) for space in (SPACE, OTHER)] == [1, 0]
    near = [vectors.nearest(space, direction("two"), 9, -1.0, ASKED) for space in (SPACE, OTHER)]
    assert [len(found) for found in near] == [1, 0]
    worded.tend(ASKED)
    assert [text for text in worded._young._texts if text] == [b"question anew"]


def test_a_tenant_of_very_many_keys_takes_everybodys_along(tmp_path: Path) -> None:
    config = Config(data=str(tmp_path))
    ledger = Ledger.create(tmp_path / "ledger", table_sections("events", slots=8, cells=8))
    shelf = shelf_for(config)
    desk = Desk(shelf, ledger, Keeping(shelf, lambda: config))
    cache_folder(config).mkdir()
    assert desk.purge("team", "red", {("key", "a"), ("user", "b")})
    named = {owner_of(scope_named(*one)) for one in (("team", "red"), ("key", "a"), ("user", "b"))}
    assert {one.scope for one in marks(cache_folder(config))} == named
    assert desk.purge("team", "red", {("key", str(number)) for number in range(MOST_MEMBERS)})
    assert {one.scope for one in marks(cache_folder(config))} == {*named, EVERYBODY}
