"""The compiled reader reads as the naive one does: texts of the pairs, and texts made up of every word it knows."""

from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway._speedups import gist
from gateway.cache.guards import gist_of
from gateway.cache.guards.reading import LISTS, TABLES, reader
from tests.reference import gist_oracle

DATA = Path(__file__).parents[3] / "bench" / "data"


def phrases() -> list[str]:
    """What takes several words to say: frames of sentences, and words that mean another one."""
    framed = [
        words
        for name in ("greetings", "requests", "askings")
        for rows in TABLES[name].values()
        for words in rows
    ]
    meant = [words for rows in TABLES["phrases"].values() for words, _ in rows]
    return sorted({" ".join(words) for words in (*framed, *meant)})


KNOWN = sorted({word for words in LISTS.values() for word in words})
PHRASES = phrases()
OTHERS = str.split(
    """cats Anna Rome IBM walked running 5 7.5 $20k 3rd 2024-01-05 10:30 x>5 -r file.txt hello. (maybe) Anna's can't
    won't isn't I'd what's on-site and/or "quoted 'this' `code` 日本 où ¿qué? … ? . , — II XIV US twenty-five hundred
    it 2 May 3 March, 2025 five-page hundred-dollar mW MW Co CO
    getUsers x² x₂ 5G 3M Monday-Friday
    cannot me us than as Sie for in "No more" 5! Polish polish K k"""
)
MARKS = ("", "", "", "", ",", ".", "?", "!", ":", ";", "'s", "\n")

raised = st.builds(str.capitalize, st.sampled_from(KNOWN))
spoken = st.one_of(
    st.sampled_from(KNOWN), st.sampled_from(PHRASES), st.sampled_from(OTHERS), raised, st.text(max_size=30)
)
marked = st.builds(str.__add__, spoken, st.sampled_from(MARKS))
texts = st.lists(marked, max_size=25).map(" ".join)


def pairs() -> list[str]:
    rows = [
        msgspec.json.decode(line)
        for part in ("dev", "held_out", "users", "users_held_out")
        for line in (DATA / f"semantic_pairs_{part}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return [row[side] for row in rows for side in ("a", "b")]


@settings(max_examples=1500)
@given(texts)
def test_a_made_up_text_is_read_as_the_naive_reader_reads_it(text: str) -> None:
    assert gist_of(text) == gist_oracle.gist_of(text)


def test_the_pairs_are_read_as_the_naive_reader_reads_them() -> None:
    different = [text for text in pairs() if gist_of(text) != gist_oracle.gist_of(text)]
    assert different == []


def test_what_is_remembered_changes_nothing() -> None:
    """Twice through more words than are remembered, so that some are read, some recalled, and some forgotten."""
    one = reader()
    asked = [f"Can Word{place} or word{place} walk? word{place}s" for place in range(gist.REMEMBERED)]
    first = [one.read(text) for text in asked]
    assert [one.read(text) for text in asked] == first
    assert first[0] == gist_oracle.gist_of(asked[0])


def test_a_text_beyond_the_bound_is_only_itself() -> None:
    text = "cats " * (gist.LONGEST // 5)
    assert gist_of(text).line == ("cat",) * (gist.LONGEST // 5)
    assert gist_of(text + "?").line == (text + "?",)
