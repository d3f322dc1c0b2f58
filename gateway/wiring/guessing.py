"""What requests will take of limits and budgets: guessed at first, counted where the guess would decide.

A guess costs little: the prompt by its size, at the tokens for each byte that the model's prompts were like, the answer
by what is asked for or by the answers before. It is good enough while there is room for many requests more. Where there
is not, the prompt is counted, and what was reserved by guess is reserved anew by count (`access/bills.py`).
"""

from collections.abc import Hashable
from math import ceil
from time import time
from typing import Generic, TypeVar

import msgspec

from gateway._speedups.jsonscan import Facts
from gateway.access.holds import Amount, Guess, Wanted
from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import BadRequest
from gateway.providers.catalog import Catalog
from gateway.providers.prices import rates_at
from gateway.routing.needs import LONGEST_WORD, SHAPES, output_tokens
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record
from gateway.tokens.models import reading_of
from gateway.tokens.ratios import Counter

FIRST_ANSWER = 512.0
"""Tokens of an answer, before a model has given any."""
FIRST_SIZE = 0.25
"""Tokens for each byte of a prompt, before its model has told any."""
FILE = 1100
"""Tokens of a file within a prompt."""
SHARE, STEP = 0.95, 0.05
"""Of what is told, this share is not more than the guess; each report moves it by such a part."""
ENOUGH, MANY = 8, 64
"""Reports from which on a guess is one of its own, and from which on only every eighth is heard."""
SMALLEST = 64
"""Bytes of a prompt that teaches what the next ones are like."""
COUNTED = 64 << 10
"""Bytes of a prompt that is counted where that decides; 1 ms or so."""
SAMPLED, EVERY = 8 << 10, 64
"""Bytes of a prompt that may be counted for the sake of learning, and how seldom that is done."""
USUAL_TOKENS, LONG_TOKENS = 1000, 100_000
"""Of a prompt, by which its rates are chosen; those of a longer one may be others."""
ATTO_IN_NANO = 1e9
MEMO = 1024
WINDOW = 512

Key = TypeVar("Key", bound=Hashable)
Rates = tuple[float, float, float]
"""The highest nano-dollars for a token in, a token out, and a request."""


class Figure(msgspec.Struct, gc=False):
    """What `SHARE` of all that was told is not above; the highest of the first few reports, at the beginning."""

    value: float
    least: float
    most: float
    reports: int = 0
    highest: float = 0.0

    def tell(self, value: float) -> None:
        """One more report: the figure goes up by much where that was above, down by little where not."""
        self.reports += 1
        if self.reports > MANY and self.reports & 7:
            return
        if self.reports <= ENOUGH:
            self.highest = max(self.highest, value)
            if self.reports < ENOUGH:
                return
            moved = self.highest
        else:
            far = STEP * self.value
            moved = self.value + far * SHARE if value > self.value else self.value - far * (1 - SHARE)
        self.value = min(max(moved, self.least), self.most)


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
            found = self._known[key] = msgspec.structs.replace(self._first)
        return found


class Lessons:
    """What a worker has learnt of prompts and answers; it outlives every change of the configuration."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.sizes = Figures[Target](Figure(FIRST_SIZE, 0.01, 4.0))
        self.answers = Figures[Target](Figure(FIRST_ANSWER, 16.0, 1e6))
        self.answers_of = Figures[tuple[str, Target]](Figure(FIRST_ANSWER, 16.0, 1e6))


class Outlook(msgspec.Struct):
    """What is known of requests with these targets: the first one, the rates, tokens for a byte of a prompt, tokens of
    an answer. `turn` counts its requests, as far as its ratio is to be learnt; else it is below 0."""

    targets: tuple[Target, ...]
    target: Target
    rates: Rates
    size: Figure
    answer: Figure
    turn: int

    def is_due(self) -> bool:
        """Whether a prompt is to be counted, so that its report teaches the model's ratio."""
        self.turn += 1
        return self.turn <= ENOUGH or self.turn % EVERY == 0


def parts_of(body: bytes) -> tuple[int, int]:
    """Bytes of text in a body, and how many files."""
    if not _has_file(body):
        return len(body), 0
    files = [len(word) for word in body.split(b'"') if len(word) > LONGEST_WORD and b" " not in word]
    return len(body) - sum(files), len(files)


def _has_file(body: bytes) -> bool:
    """Whether there may be a long word: it would fill one of the windows."""
    return any(body.find(b" ", at, at + WINDOW) < 0 for at in range(0, len(body) - WINDOW, WINDOW))


class Asked(msgspec.Struct, gc=False):
    """What one request will take (`amount`), and of what that was made up: tokens that it allows for an answer and for
    how many of them, bytes of text and files in its prompt, and what that is in tokens by count, once it was."""

    counter: Counter
    call: Call
    outlook: Outlook
    rates: Rates
    output: int
    allowed: int
    choices: int
    text: int
    files: int
    amount: Amount
    counted: int = 0

    def exactly(self) -> Amount | None:
        """The same with its prompt counted; None where that cannot be done, or was."""
        if self.counted or self.text > COUNTED or not self._count():
            return None
        prompt = self.counter.scaled(self.outlook.target.model, self.counted)
        self.amount = priced(prompt, self.output, self.rates)
        return self.amount

    def _count(self) -> bool:
        call = self.call
        endpoint = ENDPOINTS.get(call.endpoint)
        if endpoint is None or not endpoint.converses or not isinstance(call.facts, Facts):
            return False
        try:
            if call.request is None:
                call.request = endpoint.read(call)
        except BadRequest:  # whoever must read it says so
            return False
        if not isinstance(call.request, ChatRequest):
            return False
        self.counted = self.counter.count(self.outlook.target.model, call.request)
        return True


def priced(prompt: int, output: int, rates: Rates) -> Amount:
    """Tokens, and what they cost."""
    return prompt + output, ceil(prompt * rates[0] + output * rates[1] + rates[2])


class Guesses(Guess):
    """What requests will take, by one configuration. `reserve` is what is held for an answer (`Limits.reserve`)."""

    def __init__(self, catalog: Catalog, lessons: Lessons, reserve: str = "asked") -> None:
        self._catalog = catalog
        self._lessons = lessons
        self._learns = reserve == "learned"
        self._most = reserve == "most"
        self._counter = lessons.counter
        self._outlooks: dict[tuple[Target, ...], Outlook] = {}
        self._last: Outlook | None = None

    def of(self, call: Call, plan: Plan, key: str) -> Asked:
        """What this request is expected to take at the dearest target; what has no known price costs nothing."""
        targets, facts, text = plan.targets, call.facts, len(call.body)
        outlook = self._last
        if outlook is None or outlook.targets is not targets:
            outlook = self._last = self._outlooks.get(targets) or self._look_out(targets)
        files = 0
        if not isinstance(facts, Facts):
            text, files = 0, 1
        if text > LONGEST_WORD:
            text, files = parts_of(call.body)
        prompt = int(text * outlook.size.value) + files * FILE
        shape = SHAPES.get(call.endpoint)
        allowed = output = 0
        choices = 1
        if shape is not None:
            choices = max(1, min(facts.choices, 128)) if facts.choices else 1
            allowed = output = output_tokens(call, shape)
            if self._learns or not allowed:
                output = self._output(allowed, outlook, key)
            output *= choices
        rates = outlook.rates if prompt <= LONG_TOKENS else self._rates(targets, prompt)
        amount = prompt + output, ceil(prompt * rates[0] + output * rates[1] + rates[2])
        found = Asked(self._counter, call, outlook, rates, output, allowed, choices, text, files, amount)
        if outlook.turn >= 0 and text <= SAMPLED and outlook.is_due():
            found.exactly()
        return found

    def _output(self, allowed: int, outlook: Outlook, key: str) -> int:
        """Tokens of an answer that is as long as most, or of the longest that there can be."""
        target = outlook.target
        if self._most:
            return self._catalog.max_output(target.provider, target.model)
        learned = outlook.answer
        if self._learns:
            own = self._lessons.answers_of.of((key, target))
            learned = learned if own.reports < ENOUGH else own
        if allowed and (learned.reports < ENOUGH or allowed < learned.value):
            return allowed
        return int(learned.value)

    def learn(self, record: Record, wanted: Wanted) -> None:
        """What the request turned out to have taken."""
        usage = record.usage
        if usage is None or record.estimated or not isinstance(wanted, Asked):
            return
        outlook, text = wanted.outlook, wanted.text
        target = outlook.target
        if record.model != target.model or record.provider != target.provider:
            return  # another one answered, of whose kind this prompt was not taken for
        if (self._learns or not wanted.allowed) and usage.output:
            output = usage.output / wanted.choices
            outlook.answer.tell(output)
            if self._learns:
                self._lessons.answers_of.of((record.key, target)).tell(output)
        if text >= SMALLEST and usage.input:
            outlook.size.tell(max(usage.input - wanted.files * FILE, 1) / text)
            if wanted.counted:
                wanted.counter.ratios.learn(target.model, wanted.counted, usage.input)

    def _look_out(self, targets: tuple[Target, ...]) -> Outlook:
        lessons, first = self._lessons, targets[0]
        if len(self._outlooks) >= MEMO:
            self._outlooks.clear()
        found = self._outlooks[targets] = Outlook(
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
