"""What holds of the guards for every text: no text frightens them, and no number, name or place slips through."""

import sys
from types import FrameType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.guards import agree, gist_of, objection, pack, signature, unpack, why
from tests.reference import gist_oracle
from tests.reference.gist_sentences import tokens_of

_words = str.split
NAMES = _words("Anna Boston Carla Dover Emil Fargo Greta Hobart Ivan Jaipur Kiel Lyon Mumbai Nokia Oslo")
WORDS = _words(
    """what is the a of from to not never in Paris Rome 5 7.5 $20 3rd how do I can why if and or please "it" can't
Anna's, (maybe) x>5 -r file.txt hello. 日本 où ¿qué? over before JSON twenty five % ' " ` … US"""
)
FRAMES = (
    "What is the size of {} boxes?", "Give me {} reasons to run", "Is {} a lot?", "How many weeks are {} days?",
    "Explain error {}", "costs ${}", "Wie viel sind {} Euro?", "{}", "{} 頭の馬", "Python {}.0", "{}kg of rice",
)  # fmt: skip
DIRECTIONS = (
    "How do I get from {} to {}?", "Did {} beat {}?", "a letter to {} from {}", "Who sent {} to {}?",
    "Is {} older than {}?", "what did {} say about {}", "Von {} nach {}", "{} owes {} money", "Was {} hired by {}?",
)  # fmt: skip

texts = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join))
whole = st.integers(0, 10**12)


@given(texts)
def test_every_text_agrees_with_itself(text: str) -> None:
    gist = gist_of(text)
    assert objection(gist, gist_of(text)) == ""
    assert unpack(pack(gist)) == gist


@given(texts, texts)
def test_agreement_has_no_direction(one: str, other: str) -> None:
    assert agree(one, other) == agree(other, one)
    if agree(one, other):
        assert signature(gist_of(one)) == signature(gist_of(other))


@given(st.sampled_from(FRAMES), whole, whole)
def test_another_number_is_another_question(frame: str, one: int, other: int) -> None:
    assert agree(frame.format(one), frame.format(other)) == (one == other)


@given(st.sampled_from(DIRECTIONS), st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True))
def test_two_names_that_change_places_disagree(frame: str, names: list[str]) -> None:
    one, other = names
    assert not agree(frame.format(one, other), frame.format(other, one))


@given(st.sampled_from(DIRECTIONS), st.lists(st.sampled_from(NAMES), min_size=3, max_size=3, unique=True))
def test_another_name_is_another_question(frame: str, names: list[str]) -> None:
    one, other, third = names
    assert not agree(frame.format(one, other), frame.format(one, third))


@given(texts)
def test_a_denied_text_is_another(text: str) -> None:
    assert not agree(f"Is it true that {text}", f"Is it not true that {text}")


@given(st.text(max_size=80).filter(str.strip), st.text(max_size=80).filter(str.strip))
def test_what_is_not_understood_must_be_the_same(one: str, other: str) -> None:
    foreign = "¿Cuál es la diferencia entre {} y ésta?"
    if agree(foreign.format(one), foreign.format(other)):
        spoken = [
            [token.word for token in tokens_of(foreign.format(text)) if token.word] for text in (one, other)
        ]
        assert spoken[0] == spoken[1]


HOSTILE = (
    "'", '"', "a'", "' ", "-", "a-", "1,", "1.", "$1", "not ", "please, ", "and a ", "one ", "from a to ", "(", "a(",
    "hundred ",
    "in order ", "A.", "é", "\n", ". ", "if, ", "how do i ", "1-", "\u0301", "x=",
)  # fmt: skip


def test_a_long_hostile_text_is_read_in_steps_that_grow_with_its_length() -> None:
    """Counts lines that Python runs, not time: four times the text may take some five times the steps. The compiled
    reader takes the steps of the naive one, of which Python sees all."""

    def steps(text: str) -> int:
        count = 0

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal count
            count += 1
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            gist_oracle.gist_of(text)
        finally:
            sys.settrace(before)
        return count

    for piece in HOSTILE:
        short, long = steps(piece * (800 // len(piece))), steps(piece * (3200 // len(piece)))
        assert long < 5 * short + 2000, piece


def test_two_long_texts_of_the_same_words_are_compared_in_bounded_time() -> None:
    words = [f"word{place}" for place in range(700)]
    assert why(" ".join(words), " ".join(reversed(words))) == "order"


def test_a_text_beyond_the_bound_agrees_with_itself_alone() -> None:
    text = "What is this? " * 1000
    assert agree(text, text)
    assert not agree(text, text + "And this?")
