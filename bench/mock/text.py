"""The words of mock answers: deterministic, numbered, so that loss, doubling and disorder show."""

from bench.mock.ask import Ask, begun
from bench.mock.behaviour import Behaviour

STAMP = "0" * 19  # stands for a time of writing in nanoseconds


def pieces(behaviour: Behaviour, echo: str | None) -> list[str]:
    """The texts of a stream's content events."""
    if echo is not None:
        width = max(1, behaviour.width)
        return [echo[at : at + width] for at in range(0, len(echo), width)]
    if behaviour.stamp:
        return [STAMP + " "] * behaviour.chunks
    return [piece(number, behaviour) for number in range(behaviour.chunks)]


def piece(number: int, behaviour: Behaviour) -> str:
    """The text of content event `number`: its number, filled up to `width` bytes."""
    if behaviour.emoji:
        return f"{number}👩‍🚀 "
    return f"{number} ".rjust(behaviour.width, "w")


def remaining(words: list[str], ask: Ask) -> list[str]:
    """What is left to say where the request ends with the answer's own beginning."""
    left = begun(ask)
    for number, word in enumerate(words):
        if not left:
            return words[number:]
        if not left.startswith(word) and not word.startswith(left):
            return words
        if len(left) < len(word):
            return [word[len(left) :], *words[number + 1 :]]
        left = left[len(word) :]
    return []


def answer_text(behaviour: Behaviour, echo: str | None) -> str:
    """The text of a plain answer, `size` bytes long."""
    if echo is not None:
        return echo
    if behaviour.emoji:
        return "👩‍🚀" * max(1, behaviour.size // len("👩‍🚀".encode()))
    words = " ".join(f"word{number}" for number in range(behaviour.size // 5 + 1))
    return words[: behaviour.size]


def tokens(text: str) -> int:
    """A plausible token count."""
    return max(1, len(text) // 4)
