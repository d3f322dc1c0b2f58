"""What requests will take of limits and budgets: guessed at first, counted where the guess would decide.

A guess costs little: the prompt by its size, at the tokens for each byte that the model's prompts were like, the answer
by what is asked for or by the answers before. It is good enough while there is room for many requests more. Where there
is not, the prompt is counted, and what was reserved by guess is reserved anew by count (`access/bills.py`).
"""

from collections.abc import Hashable
from time import time
from typing import Any, Generic, TypeVar

import msgspec

from gateway._speedups.guesses import ENOUGH, SMALLEST, Asked, Figure, Guesser, Outlook
from gateway._speedups.jsonscan import Facts, number
from gateway.dialects.endpoints import ENDPOINTS
from gateway.dialects.taps import gemini_choices
from gateway.errors import BadRequest
from gateway.providers.catalog import Catalog
from gateway.providers.prices import rates_at
from gateway.routing.needs import LONGEST_WORD, SHAPES, output_tokens
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest
from gateway.schemas.plan import Target
from gateway.schemas.record import Record
from gateway.tokens.models import reading_of
from gateway.tokens.ratios import Counter

FIRST_ANSWER = 512.0
"""Tokens of an answer, before a model has given any."""
FIRST_SIZE = 0.25
"""Tokens for each byte of a prompt, before its model has told any."""
USUAL_TOKENS = 1000
"""Of a prompt, by which its rates are chosen."""
ATTO_IN_NANO = 1e9
LEGACY = "completions"
MOST_ANSWERS, MOST_PROMPTS = 128, 2048
"""Of what one request may ask for; providers refuse more."""
MEMO = 1024
WINDOW = 512
PLAIN = frozenset(name for name, shape in SHAPES.items() if not shape.output)
"""Endpoints whose requests say in `max_tokens` and `n` what they allow."""

Key = TypeVar("Key", bound=Hashable)
Rates = tuple[float, float, float]
"""The highest nano-dollars for a token in, a token out, and a request."""


class Figures(Generic[Key]):
    """A figure for each key, all beginning alike. Those that came first are forgotten first."""

    def __init__(self, first: Figure) -> None:
        self._first = first
        self._known: dict[Key, Figure] = {}

    def of(self, key: Key) -> Figure:
        """The key's own, to be read and told."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MEMO:
                del self._known[next(iter(self._known))]
            found = self._known[key] = self._first.fresh()
        return found


class Lessons:
    """What a worker has learnt of prompts and answers; it outlives every change of the configuration."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.sizes = Figures[Target](Figure(FIRST_SIZE, 0.01, 4.0))
        self.answers = Figures[Target](Figure(FIRST_ANSWER, 16.0, 1e6))
        self.answers_of = Figures[tuple[str, Target]](Figure(FIRST_ANSWER, 16.0, 1e6))


def parts_of(body: bytes) -> tuple[int, int]:
    """Bytes of text in a body, and how many files."""
    if not _has_file(body):
        return len(body), 0
    files = [len(word) for word in body.split(b'"') if len(word) > LONGEST_WORD and b" " not in word]
    return len(body) - sum(files), len(files)


def _has_file(body: bytes) -> bool:
    """Whether there may be a long word: it would fill one of the windows."""
    return any(body.find(b" ", at, at + WINDOW) < 0 for at in range(0, len(body) - WINDOW, WINDOW))


def answers(call: Call) -> int:
    """How many answers a request asks its provider to write."""
    facts: Facts = call.facts
    if call.endpoint == "generate_content":
        return gemini_choices(facts)
    found = max(1, min(facts.answers, MOST_ANSWERS)) if facts.answers else 1
    if call.endpoint != LEGACY:
        return found
    try:
        said = _legacy.decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return found
    prompts = sum(not isinstance(one, int) for one in said.prompt) if isinstance(said.prompt, list) else 1
    best = number(bytes(said.best_of)) or 1
    return min(max(found, best), MOST_ANSWERS) * max(1, min(prompts, MOST_PROMPTS))


class _Legacy(msgspec.Struct, gc=False):
    """A completion's request: several prompts are answered each by itself, the best of `best_of` is told."""

    prompt: Any = None
    best_of: msgspec.Raw = msgspec.Raw(b"1")


_legacy = msgspec.json.Decoder(_Legacy)


class Guesses(Guesser):
    """What requests will take, by one configuration. `reserve` is what is held for an answer (`Limits.reserve`). What
    nearly every request is asked stands in `_speedups/guesses`; here is what the others are."""

    def __init__(self, catalog: Catalog, lessons: Lessons, reserve: str = "asked") -> None:
        super().__init__(PLAIN, learns=reserve == "learned", most=reserve == "most")
        self._catalog = catalog
        self._lessons = lessons
        self._counter = lessons.counter

    def _allows(self, call: Call) -> tuple[int, int] | None:
        """Tokens that a request allows for an answer, and how many answers; None where none is written."""
        shape = SHAPES.get(call.endpoint) or (SHAPES["chat_completions"] if call.endpoint == LEGACY else None)
        return None if shape is None else (output_tokens(call, shape), answers(call))

    def _parts(self, body: bytes) -> tuple[int, int]:
        return parts_of(body)

    def _output(self, allowed: int, outlook: Outlook, key: str) -> int:
        """Tokens of an answer that is as long as most, or of the longest that there can be."""
        target = outlook.target
        if self.most:
            return self._catalog.max_output(target.provider, target.model)
        own = self._lessons.answers_of.of((key, target))
        learned = outlook.answer if own.reports < ENOUGH else own
        if allowed and (learned.reports < ENOUGH or allowed < learned.value):
            return allowed
        return int(learned.value)

    def _count(self, call: Call, model: str) -> tuple[int, int] | None:
        """The prompt's tokens by count, and as this model is expected to report them; None where nobody can tell."""
        endpoint = ENDPOINTS.get(call.endpoint)
        if endpoint is None or not endpoint.converses or not isinstance(call.facts, Facts):
            return None
        try:
            if call.request is None:
                call.request = endpoint.read(call)
        except BadRequest:  # whoever must read it says so
            return None
        if not isinstance(call.request, ChatRequest):
            return None
        counted = self._counter.count(model, call.request)
        return counted, self._counter.scaled(model, counted)

    def _heard(self, record: Record, asked: Asked) -> None:
        """Learns of the caller's own answers, and of a prompt that was counted."""
        usage, target = record.usage, asked.outlook.target
        if usage is None:
            return
        if self.learns and usage.output:
            self._lessons.answers_of.of((record.key, target)).tell(usage.output / asked.choices)
        if asked.counted and asked.text >= SMALLEST and usage.input:
            self._counter.ratios.learn(target.model, asked.counted, usage.input)

    def _look_out(self, targets: tuple[Target, ...], known: dict[tuple[Target, ...], Outlook]) -> Outlook:
        """Adds what is known of these targets."""
        lessons, first = self._lessons, targets[0]
        if len(known) >= MEMO:
            known.clear()
        found = known[targets] = Outlook(
            targets,
            first,
            self._rates(targets, USUAL_TOKENS),
            lessons.sizes.of(first),
            lessons.answers.of(first),
            -1 if reading_of(first.model).known else 0,
        )
        return found

    def _rates(self, targets: tuple[Target, ...], prompt: int) -> Rates:
        found = (0.0, 0.0, 0.0)
        for one in targets:
            facts = self._catalog.facts(one.provider, one.model)
            rates = None if facts is None else rates_at(facts, prompt, int(time()))
            if rates is not None:
                asked = (rates.input or 0, rates.output or 0, rates.request)
                dearest = [max(had, one / ATTO_IN_NANO) for had, one in zip(found, asked, strict=True)]
                found = (dearest[0], dearest[1], dearest[2])
        return found
