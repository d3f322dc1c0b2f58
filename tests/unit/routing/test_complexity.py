"""The complexity score: from 0 to 1, the same every time, and higher for what is harder."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.complexity import complexity
from gateway.schemas.chat import ChatRequest, Message, Text, Tool


def asking(*texts: str, tools: int = 0) -> ChatRequest:
    messages = tuple(Message("user", (Text(text),)) for text in texts)
    return ChatRequest(
        dialect="openai", model="m", messages=messages, tools=tuple(Tool(f"t{n}") for n in range(tools))
    )


def test_harder_prompts_score_higher() -> None:
    prompts = [
        asking("hi"),
        asking("What is the capital of France?"),
        asking("Explain why quicksort is fast, and compare it with merge sort."),
        asking(
            "Prove that ∑ 1/n² = π²/6, then analyze and refactor this:\n```python\ndef f(x):\n    return x\n```\n"
            * 5,
            tools=4,
        ),
    ]
    scores = [complexity(prompt) for prompt in prompts]
    assert scores == sorted(scores)
    assert scores[0] < 0.1
    assert scores[-1] > 0.5


def test_each_sign_counts() -> None:
    plain = complexity(asking("word " * 40))
    assert complexity(asking("word " * 4000)) > plain
    assert complexity(asking(*["word " * 10] * 4)) > plain
    assert complexity(asking("word " * 40, tools=3)) > plain
    assert complexity(asking("word " * 39 + "```")) > plain
    assert complexity(asking("word " * 39 + "x ≤ y")) > plain


@given(st.lists(st.text(), max_size=5), st.integers(0, 30))
def test_the_score_is_bounded_and_steady(texts: list[str], tools: int) -> None:
    score = complexity(asking(*texts, tools=tools))
    assert 0.0 <= score <= 1.0
    assert score == complexity(asking(*texts, tools=tools))


def test_a_long_prompt_is_not_read_whole() -> None:
    """The middle of a long question cannot matter: only its length does."""
    head, tail = "a" * 2500, "b" * 2500
    assert complexity(asking(head + "x" * 30 + tail)) == complexity(
        asking(head + "why? prove 1 = 2 `````` ++++++"[:30].ljust(30) + tail)
    )
