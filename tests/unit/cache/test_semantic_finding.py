"""A question finds the answer of one that means the same: of its namespace, near enough, and past the guards."""

import asyncio
import multiprocessing
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups import shelf
from gateway._speedups.shelf import Shelf
from gateway.cache import semantic as semantics
from gateway.cache.agreement import Agreement
from gateway.cache.learned import Learned, pack, unpack
from gateway.cache.semantic import MOST_TEXT, Bounds, Log, Near, Semantic
from gateway.cache.spaces import LOOKED_AT
from gateway.cache.store import Store
from gateway.cache.vectors import Vectors
from gateway.cache.verification import same_answer
from gateway.cache.worded import Worded
from tests.unit.cache.meaning_house import (
    DIMENSIONS,
    LATER,
    NOW,
    Logged,
    Strict,
    Words,
    direction,
    key_of,
)

SPACE = b"a" * 16
OTHER = b"b" * 16


def made(log: Log, *, reworded: bool = False, **parts: object) -> Semantic:
    searched = Vectors(DIMENSIONS, memory=1 << 24, most=1_000, life=LATER - NOW) if reworded else None
    questions = Worded(memory=1 << 24, life=LATER - NOW, now=NOW) if searched is None else searched
    settings: dict[str, Any] = {"embedder": Words(), "guards": Strict(), **parts}
    return Semantic(log=log, questions=questions, reworded=searched, **settings)


def follow(one: Semantic, now: float = NOW) -> None:
    while one.follow(now):
        pass


def learn(one: Semantic, text: str, *, namespace: bytes = SPACE, scope: int = 1) -> bool:
    return one.add(namespace, text, key_of((namespace, text)), LATER, scope)


async def found(one: Semantic, text: str, *, namespace: bytes = SPACE, now: float = NOW) -> str | None:
    near = await one.find(namespace, text, 0.9, now)
    if near is None:
        return None
    assert near.key == key_of((namespace, near.text))
    assert 0.9 <= near.similarity <= 1.0001
    return near.text


async def test_what_one_worker_learns_all_find() -> None:
    log = Logged()
    first, second = made(log.reader()), made(log.reader())
    assert learn(first, "cancel my order")
    assert await found(first, "cancel an order") is None
    for one in (first, second):
        follow(one)
        assert await found(one, "cancel an order") == "cancel my order"
        assert await found(one, "renew an order") is None


async def test_spacing_makes_no_other_question() -> None:
    log = Logged()
    one = made(log.reader())
    learn(one, "  cancel\n my order ")
    follow(one)
    near = await one.find(SPACE, "cancel my   order\n", 0.9, NOW)
    assert near is not None
    assert near == Near(key_of((SPACE, "  cancel\n my order ")), near.similarity, "cancel my order")


async def test_a_look_alike_that_guards_refuse_is_passed_over() -> None:
    log, guards = Logged(), Strict()
    one = made(log.reader(), guards=guards)
    learn(one, "cancel twin")
    follow(one)
    assert await found(one, "cancel") is None
    assert one.refused == 1
    learn(one, "cancel soon please")
    follow(one)
    assert await found(one, "cancel") == "cancel soon please"


async def test_what_cannot_agree_is_not_even_asked_about() -> None:
    log, guards = Logged(), Strict()
    one = made(log.reader(), guards=guards)
    learn(one, "cancel other")
    follow(one)
    assert await found(one, "cancel") is None
    assert (one.refused, guards.asked) == (0, [])


async def test_the_same_words_need_no_guards() -> None:
    log, guards = Logged(), Strict()
    one = made(log.reader(), guards=guards)
    learn(one, "cancel other")
    follow(one)
    assert await found(one, "cancel other") == "cancel other"
    assert guards.asked == []


class Judge:
    def __init__(self, verdict: bool | None) -> None:
        self.verdict = verdict
        self.asked: list[tuple[str, str]] = []

    async def agrees(self, asked: str, kept: str) -> bool | None:
        self.asked.append((asked, kept))
        return self.verdict


@pytest.mark.parametrize(("verdict", "hit"), [(True, True), (False, False), (None, False)])
async def test_a_verifier_has_the_last_word(verdict: bool | None, hit: bool) -> None:
    log, judge = Logged(), Judge(verdict)
    one = made(log.reader(), verifier=judge)
    for text in ("cancel a", "cancel b", "cancel c", "cancel other", "cancel else"):
        learn(one, text)
    follow(one)
    assert (await found(one, "cancel now") is not None) == hit
    assert len(judge.asked) == (1 if hit else semantics.CHECKED)
    assert all("other" not in kept and "else" not in kept for _, kept in judge.asked)


@pytest.mark.parametrize(("verdict", "hit"), [(True, "cancel else"), (False, None), (None, None)])
async def test_a_verifier_decides_about_other_words_where_it_is_let(
    verdict: bool | None, hit: str | None
) -> None:
    log, judge = Logged(), Judge(verdict)
    one = made(log.reader(), verifier=judge, reworded=True)
    for text in ("cancel other", "cancel else", "renew else"):
        learn(one, text)
    follow(one)
    assert await found(one, "cancel") == hit
    assert judge.asked == [("cancel", "cancel else")]


async def test_nobody_decides_about_other_words_without_a_verifier() -> None:
    log = Logged()
    one = made(log.reader(), reworded=True)
    learn(one, "cancel else")
    follow(one)
    assert await found(one, "cancel") is None


BOUNDS = Bounds(usual=0.93, same_words=0.75)


@pytest.mark.parametrize(
    ("threshold", "likeness", "hit"),
    [(0.93, 0.8, True), (0.93, 0.7, False), (0.94, 0.8, False), (0.94, 0.95, True), (0.9, 0.8, True)],
)
async def test_questions_of_the_same_words_may_be_less_alike_unless_more_is_asked_for(
    threshold: float, likeness: float, hit: bool
) -> None:
    log = Logged()
    one = made(log.reader(), bounds=BOUNDS, embedder=Apart(likeness))
    learn(one, "cancel my order")
    follow(one)
    near = await one.find(SPACE, "order my cancel", threshold, NOW)
    assert (near is not None) == hit
    if near is not None:
        assert near.similarity == pytest.approx(likeness, abs=1e-5)


async def test_the_nearest_of_the_same_words_answers() -> None:
    log = Logged()
    one = made(log.reader())
    for text in ("cancel a b c", "cancel a b", "cancel a b c d"):
        learn(one, text)
    follow(one)
    assert await found(one, "cancel a b e") == "cancel a b"


async def test_of_very_many_that_say_the_same_the_newest_are_looked_at() -> None:
    log = Logged()
    one = made(log.reader())
    learn(one, "cancel first")
    for number in range(LOOKED_AT):
        learn(one, f"renew {number}")
    follow(one)
    assert await found(one, "cancel second") is None
    assert await found(one, "renew x") is not None


class Apart(Words):
    """An embedder to whom all texts that differ are equally far from each other, so many as they are."""

    def __init__(self, likeness: float) -> None:
        self._likeness = likeness
        self._texts: dict[str, int] = {}

    def now(self, text: str) -> bytes | None:
        number = self._texts.setdefault(text, len(self._texts) + 1)
        values = [0.0] * DIMENSIONS
        values[0], values[number] = self._likeness**0.5, (1 - self._likeness) ** 0.5
        return struct.pack(f"<{DIMENSIONS}f", *values)


texts = st.sampled_from(["cancel a", "cancel b", "renew a", "renew b"])
places = st.sampled_from([SPACE, OTHER, b"c" * 16])


@given(st.lists(st.tuples(places, texts), max_size=20), places, texts)
async def test_what_is_found_is_of_the_namespace(
    learned: list[tuple[bytes, str]], where: bytes, asked: str
) -> None:
    log = Logged()
    one = made(log.reader())
    for namespace, text in learned:
        learn(one, text, namespace=namespace, scope=namespace[0])
    follow(one)
    expected = {
        text for namespace, text in learned if namespace == where and text.split()[0] == asked.split()[0]
    }
    assert (await found(one, asked, namespace=where) in expected) == bool(expected)


async def test_an_answer_that_is_gone_is_not_told_again() -> None:
    log = Logged()
    one = made(log.reader())
    learn(one, "cancel a")
    follow(one)
    one.forget(SPACE, key_of((SPACE, "cancel a")))
    assert await found(one, "cancel a") is None


async def test_a_purge_reaches_every_worker() -> None:
    log = Logged()
    one = made(log.reader())
    learn(one, "cancel a", scope=1)
    learn(one, "cancel a", namespace=OTHER, scope=2)
    log.purge(1, NOW)
    follow(one)
    assert await found(one, "cancel a") is None
    assert await found(one, "cancel a", namespace=OTHER) == "cancel a"


async def test_an_ended_answer_is_neither_learned_nor_told() -> None:
    log = Logged()
    one, late = made(log.reader()), made(log.reader())
    learn(one, "cancel a")
    follow(one)
    follow(late, LATER)
    assert await found(one, "cancel a", now=LATER) is None
    assert late.questions.entries == 0


@pytest.mark.parametrize("text", ["", "  \n", "a" * (MOST_TEXT + 1), "\ud800"])
async def test_what_is_no_question_is_neither_learned_nor_found(text: str) -> None:
    log = Logged()
    one = made(log.reader())
    assert not learn(one, text)
    assert log.frames == []
    if text != "\ud800":
        assert await one.find(SPACE, text, 0.9, NOW) is None


async def test_a_log_that_does_not_write_is_a_miss() -> None:
    log = Logged()
    log.broken = True
    one = made(log.reader())
    assert not learn(one, "cancel a")
    follow(one)
    assert await found(one, "cancel a") is None


class Remote(Words):
    """An embedder behind a wire: it has at once only what it was asked before."""

    cheap = False
    fingerprint = b"remote--"

    def __init__(self, fails: bool = False) -> None:
        self.known: dict[str, bytes | None] = {}
        self.fails = fails

    def now(self, text: str) -> bytes | None:
        return self.known.get(text)

    def prepare(self, text: str) -> None:
        if not self.fails:
            self.known[text] = super().now(text)

    async def embed(self, text: str) -> bytes | None:
        if not self.fails:
            self.known[text] = super().now(text)
        return self.known.get(text)


class Slow(Words):
    """An embedder that has nothing at once, and counts who waits."""

    cheap = False

    def __init__(self) -> None:
        self.waited = self.prepared = 0

    def now(self, text: str) -> bytes | None:
        return None

    def prepare(self, text: str) -> None:
        self.prepared += 1

    async def embed(self, text: str) -> bytes | None:
        self.waited += 1
        await asyncio.sleep(0.001)
        return super().now(text)


async def test_vectors_that_took_time_travel_with_the_log() -> None:
    log = Logged()
    first, second = made(log.reader(), embedder=Remote()), made(log.reader(), embedder=Remote())
    assert not learn(first, "cancel a")
    assert await found(first, "cancel a") is None
    assert learn(first, "cancel a")
    follow(second)
    assert await found(second, "cancel b") == "cancel a"


async def test_a_vector_that_comes_after_the_answer_is_waited_for_beside_it() -> None:
    log = Logged()
    one = made(log.reader(), embedder=Slow())
    assert await found(one, "cancel a") is None
    assert not learn(one, "cancel a")
    assert log.frames == []
    await asyncio.sleep(0.02)
    follow(one)
    assert await found(one, "cancel b") == "cancel a"


async def test_a_miss_waits_for_no_vector() -> None:
    embedder = Slow()
    one = made(Logged().reader(), embedder=embedder)
    assert await found(one, "cancel a") is None
    assert (embedder.waited, embedder.prepared) == (0, 1)


async def test_no_more_than_a_few_questions_wait_to_be_written() -> None:
    log, embedder = Logged(), Slow()
    one = made(log.reader(), embedder=embedder)
    for number in range(semantics.MOST_LATER + 10):
        learn(one, f"cancel {number}")
    await asyncio.sleep(0.02)
    assert len(log.frames) == semantics.MOST_LATER
    learn(one, "cancel late")
    one.stop()
    await asyncio.sleep(0.02)
    assert len(log.frames) == semantics.MOST_LATER


async def test_a_question_that_was_purged_while_its_vector_was_awaited_is_not_written(tmp_path: Path) -> None:
    store = Store(Shelf(1000), tmp_path, max_size=1 << 20, max_entry=1 << 10)
    one = made(store, embedder=Slow(), wall=lambda: 100.0)
    assert not learn(one, "cancel a", scope=1)
    assert not learn(one, "cancel b", scope=2)
    assert store.purge(1, 200.0)
    await asyncio.sleep(0.02)
    learned = [unpack(frame.payload) for frame in store.tail() if frame.kind == semantics.VECTOR]
    assert [question.text for question in learned if question is not None] == [b"cancel b"]


async def test_without_a_vector_in_time_the_request_goes_on() -> None:
    one = made(Logged().reader(), embedder=Remote(fails=True))
    assert await one.find(SPACE, "cancel a", 0.9, NOW) is None
    assert not learn(one, "cancel a")


async def test_vectors_of_another_embedder_are_passed_over() -> None:
    log = Logged()
    learn(made(log.reader()), "cancel a")
    other = made(log.reader(), embedder=Remote())
    follow(other)
    assert (other.questions.entries, other.damaged) == (0, 0)


class Mad(Words):
    """An embedder that has no directions."""

    def __init__(self, value: float, dimensions: int = DIMENSIONS) -> None:
        self._vector = struct.pack(f"<{dimensions}f", *[value] * dimensions)

    def now(self, text: str) -> bytes | None:
        return self._vector


@pytest.mark.parametrize(
    "embedder",
    [Mad(float("nan")), Mad(float("inf")), Mad(0.0), Mad(7.0), Mad(1.0, 1), Mad(0.5, 0)],
    ids=["nan", "infinite", "zero", "too long", "one number", "nothing"],
)
@pytest.mark.parametrize("reworded", [False, True])
async def test_an_embedder_gone_mad_is_a_miss(embedder: Mad, reworded: bool) -> None:
    log, judge = Logged(), Judge(True)
    one = made(log.reader(), embedder=embedder, verifier=judge, reworded=reworded)
    for text in ("cancel a", "cancel else"):
        learn(one, text)
    follow(one)
    assert await one.find(SPACE, "cancel b", 0.9, NOW) is None
    if embedder.now("") != struct.pack("<f", 1.0):  # which is a direction, if one of two
        assert await same_answer("cancel a", "cancel b", embedder, Strict()) is None


async def test_a_question_of_which_a_note_is_damaged_is_read_anew_or_not_found() -> None:
    log, guards = Logged(), Agreement()
    one = made(log.reader(), guards=guards)
    whole = guards.note("cancel a")
    for cut in range(len(whole)):
        for note in (whole[:cut], whole[:cut] + b"\xff" * (len(whole) - cut)):
            log.put(key_of((cut, note)), 1, LATER, pack(Learned(Words.fingerprint, SPACE, b"cancel a", note)))
    follow(one)
    assert one.damaged == 0
    near = await one.find(SPACE, "cancel a!", 0.9, NOW)
    assert near is not None
    assert near.text == "cancel a"
    assert await one.find(SPACE, "cancel b", 0.5, NOW) is None


def good(vector: bytes = b"") -> bytes:
    return pack(Learned(Words.fingerprint, SPACE, b"cancel a", b"same", vector))


DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "another version": b"\x09" + good()[1:],
    "cut in the head": good()[:20],
    "cut in the text": good()[:40],
    "no text": pack(Learned(Words.fingerprint, SPACE, b"", b"same")),
    "text that is none": pack(Learned(Words.fingerprint, SPACE, b"\xff\xfe", b"same")),
    "half a number": good(direction(1)[:-1]),
    "other dimensions": good(direction(1, DIMENSIONS + 1)),
    "too long a vector": good(b"\x00\x00\x80\x3f" * DIMENSIONS),
    "a vector beyond all bounds": good(struct.pack("<f", 1.0) + bytes(4 * 4096)),
    "no direction": good(bytes(4 * DIMENSIONS)),
    "no numbers": good(b"\xff" * 4 * DIMENSIONS),
}


@pytest.mark.parametrize("damage", DAMAGED)
async def test_damaged_frames_are_passed_over(damage: str) -> None:
    log = Logged()
    one = made(log.reader())
    log.put(key_of(0), 1, LATER, DAMAGED[damage])
    log.put(key_of(0)[:5], 1, LATER, good())
    log.put(key_of(0), 1, LATER, b"whatever", kind=77)
    learn(one, "renew a")
    follow(one)
    assert one.damaged == 2
    assert one.questions.entries == 1
    assert await found(one, "renew a") == "renew a"


@given(st.binary(max_size=200) | st.builds(bytes.__add__, st.just(good()[:60]), st.binary(max_size=80)))
def test_reading_a_frame_never_fails(payload: bytes) -> None:
    learned = unpack(payload)
    if learned is not None:
        assert pack(learned) == payload


def test_following_works_a_slice_at_a_time() -> None:
    log = Logged()
    one = made(log.reader())
    for number in range(10):
        learn(one, f"cancel {number}")
    moments = iter(range(1_000))

    def clock() -> float:
        return next(moments) * semantics.SLICE / 2

    sliced = made(log.reader(), clock=clock)
    calls = 1
    while sliced.follow(NOW):
        calls += 1
    assert calls > 2
    assert sliced.questions.entries == 10


def writes(folder: Path, shared: Shelf) -> None:
    store = Store(shared, folder / "cache", max_size=1 << 24, max_entry=1 << 16)
    one = made(store)
    assert learn(one, "cancel my order")
    store.close()


async def test_what_another_process_wrote_is_found(tmp_path: Path) -> None:
    shared = Shelf(1_000)
    store = Store(shared, tmp_path / "cache", max_size=1 << 24, max_entry=1 << 16)
    one = made(store)
    follow(one)
    run(writes, tmp_path, shared)
    follow(one)
    assert await found(one, "cancel an order") == "cancel my order"
    store.close()


def run(work: Callable[..., None], *arguments: object) -> None:
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments, daemon=True)
    process.start()
    process.join(20)
    assert process.exitcode == 0


def test_the_log_knows_questions_by_the_same_kind() -> None:
    assert (semantics.VECTOR, semantics.PURGE) == (shelf.VECTOR, shelf.PURGE)
