"""What other vendors' models make of the tokens that the gateway counts, learnt from the usage they report."""

from collections.abc import Callable

from gateway.schemas.chat import ChatRequest
from gateway.tokens.conversations import prompt_tokens
from gateway.tokens.models import reading_of

MOST_MODELS = 1024
SMALLEST = 32
"""Counted tokens of a prompt that teaches: in a smaller one, what surrounds the text outweighs it."""
LOWEST, HIGHEST = 0.25, 4.0
"""No tokenizer is further from o200k; what is (a prompt's file, say) was not counted right."""
LEAST_WEIGHT = 0.05
"""Of a new report, when there were many: about the last twenty decide."""


class Ratios:
    """Reported to counted tokens for each model, in this process. Those that reported longest ago are
    forgotten."""

    def __init__(self, most: int = MOST_MODELS) -> None:
        self._most = most
        self._known: dict[str, tuple[float, int]] = {}

    def ratio(self, model: str) -> float:
        """1.0 for a model whose encoding is known, or that has told nothing yet."""
        return self._known.get(model, (1.0, 0))[0]

    def learn(self, model: str, counted: int, reported: int) -> None:
        """`counted` is what `prompt_tokens` said of the prompt, before any ratio; `reported` the provider's number."""
        if counted < SMALLEST or reported <= 0 or reading_of(model).known:
            return
        seen = reported / counted
        if not LOWEST <= seen <= HIGHEST:
            return
        before, reports = self._known.pop(model, (seen, 0))
        weight = max(1 / (reports + 1), LEAST_WEIGHT)
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[model] = (before + weight * (seen - before), reports + 1)


class Counter:
    """Counts prompts for admission, routing and whoever asks, and learns from what they turn out to be."""

    def __init__(self, ratios: Ratios, count: Callable[[str, ChatRequest], int] = prompt_tokens) -> None:
        self.ratios = ratios
        self._count = count

    def count(self, model: str, request: ChatRequest) -> int:
        """The prompt's tokens before any ratio."""
        return self._count(model, request)

    def count_request(self, model: str, request: ChatRequest) -> int:
        """The prompt's tokens as this model is expected to report them."""
        return self.scaled(model, self._count(model, request))

    def scaled(self, model: str, counted: int) -> int:
        """What `counted` tokens of `prompt_tokens` are for this model. Keep `counted` for `Ratios.learn`."""
        return round(counted * self.ratios.ratio(model))
