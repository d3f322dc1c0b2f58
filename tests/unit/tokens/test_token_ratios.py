"""What providers report corrects what is counted for models whose encoding is not known."""

import pytest
from test_conversation_tokens import WEATHER, chat

from gateway.schemas.chat import ChatRequest
from gateway.tokens.conversations import prompt_tokens
from gateway.tokens.ratios import HIGHEST, LEAST_WEIGHT, Counter, Ratios


def test_nothing_learnt_changes_nothing() -> None:
    request = chat(WEATHER)
    assert Counter(Ratios()).count_request("claude-x", request) == prompt_tokens("claude-x", request)


def test_the_first_report_counts_whole() -> None:
    counter = Counter(Ratios())
    counter.ratios.learn("claude-x", 100, 120)
    request = chat(WEATHER)
    assert counter.count_request("claude-x", request) == round(prompt_tokens("claude-x", request) * 1.2)
    assert counter.ratios.ratio("claude-y") == 1.0


def test_a_change_is_followed_and_an_outlier_is_not() -> None:
    ratios = Ratios()
    for _ in range(200):
        ratios.learn("m", 1000, 1100)
    ratios.learn("m", 1000, 2100)
    assert ratios.ratio("m") == pytest.approx(1.1 + LEAST_WEIGHT)
    for _ in range(200):
        ratios.learn("m", 1000, 1300)
    assert ratios.ratio("m") == pytest.approx(1.3, rel=0.001)


@pytest.mark.parametrize(
    ("model", "counted", "reported"),
    [("gpt-4o", 1000, 1500), ("m", 5, 9), ("m", 1000, 0), ("m", 1000, int(1000 * HIGHEST) + 1), ("m", 0, 10)],
)
def test_what_teaches_nothing_is_not_learnt(model: str, counted: int, reported: int) -> None:
    ratios = Ratios()
    ratios.learn(model, counted, reported)
    assert ratios.ratio(model) == 1.0


def test_models_are_bounded() -> None:
    ratios = Ratios(most=2)
    for model in ("a", "b", "a", "c"):
        ratios.learn(model, 100, 150)
    assert [ratios.ratio(model) for model in "abc"] == [1.5, 1.0, 1.5]


def test_any_count_may_be_scaled() -> None:
    def ten(model: str, request: ChatRequest) -> int:
        return 10

    counter = Counter(Ratios(), ten)
    counter.ratios.learn("m", 100, 200)
    assert counter.count_request("m", chat(WEATHER)) == 20
