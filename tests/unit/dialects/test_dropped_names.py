"""What is dropped is named in the caller's own words, and what nobody else could use does not make a route refuse."""

import pytest

from gateway.dialects.dropped import CITE, CITED, LONGEST, MOST, PROOF, THOUGHT, Dropped, spelled, telling

NAMES = ("top_k", "stop", PROOF, THOUGHT, "temperature>1", "messages.content.input.web_search_call", "x")


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        (
            "gemini",
            (
                "generationConfig.topK",
                "generationConfig.stopSequences",
                "contents.parts.thoughtSignature",
                "contents.parts.thought",
                "generationConfig.temperature>1",
                "contents.parts.input.web_search_call",
                "x",
            ),
        ),
        (
            "openai_responses",
            (
                "top_k",
                "stop",
                "input.reasoning.encrypted_content",
                "input.reasoning",
                "temperature>1",
                "input.web_search_call",
                "x",
            ),
        ),
        (
            "cohere",
            (
                "k",
                "stop_sequences",
                "messages.content.thinking.signature",
                "messages.content.thinking",
                "temperature>1",
                "messages.content.input.web_search_call",
                "x",
            ),
        ),
        ("a_dialect_without_words", NAMES),
    ],
)
def test_names_are_the_callers_own(dialect: str, words: tuple[str, ...]) -> None:
    assert spelled(NAMES, dialect) == words


def test_two_neutral_names_with_one_word_are_said_once() -> None:
    media = ("messages.content.image.file_id", "messages.content.document.file_id")
    assert spelled(media, "gemini") == ("contents.parts.fileData.fileUri",)


@pytest.mark.parametrize(
    "dialect", ["openai_chat", "openai_responses", "anthropic", "gemini", "bedrock", "cohere"]
)
def test_what_nobody_else_could_use_is_no_reason_to_refuse(dialect: str) -> None:
    assert telling(spelled((PROOF, CITED), dialect)) == ()
    matters = spelled((THOUGHT, CITE, "tools.strict", "messages.content.cache_control"), dialect)
    assert telling(matters) == matters


def test_names_that_callers_choose_are_bounded() -> None:
    dropped = Dropped()
    for number in range(3 * MOST):
        dropped.add(f"{number}" + "x" * 500)
    assert len(dropped.names()) == MOST
    assert all(len(name) == LONGEST for name in dropped.names())
