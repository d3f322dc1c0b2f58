"""A declared name as it is planned: a tree of targets, and what its plans must know of a request."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic_ns
from typing import Any

import msgspec

from gateway._speedups.jsonscan import Facts
from gateway._speedups.routing import NEEDS, Glance, Leaf, Planner
from gateway.config.model import Sticky
from gateway.errors import BadRequest
from gateway.routing.needs import (
    BYTES_A_TOKEN,
    MOST_TOKENS,
    SHAPES,
    looks_for,
    needs,
    output_tokens,
    prompt_tokens,
)
from gateway.routing.stickiness import sticky_of
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target

Headers = Mapping[bytes, bytes]

EXACT_FROM = 8_192
"""Tokens from which on a prompt is worth a closer look before its price is compared."""


class Uses(msgspec.Struct, frozen=True):
    """What of a request makes a difference to a route: the abilities that some target lacks, the smallest `window` in
    tokens (0: none is known), whether the most output does, whether prices do, and what keeps requests together."""

    unable: int = 0
    window: int = 0
    output: bool = False
    prices: bool = False
    sticky: Sticky | None = None


class Question(msgspec.Struct, frozen=True, gc=False):
    """What the planner is asked."""

    needs: int = 0
    tokens: int = 0
    output: int = 0
    sticky: int = 0
    tags: int = 0


class Route:
    """One declared name. `usual` is its plan but for the targets; a route of one target has the same plan always.

    `glance` gives the plan of a request that needs nothing special, from its endpoint and facts; None for any other.
    """

    def __init__(
        self,
        usual: Plan,
        leaves: Sequence[Leaf],
        tree: tuple[object, ...],
        fallbacks: Sequence[object],
        uses: Uses,
        tags: Mapping[str, int],
        seed: int = 0,
    ) -> None:
        self.usual = usual
        self.targets: tuple[Target, ...] = tuple([leaf.target for leaf in leaves])
        self.fixed = msgspec.structs.replace(usual, targets=self.targets) if len(leaves) == 1 else None
        self._planner = Planner(leaves, tree, fallbacks, seed)
        self._tags = tags
        self._rest = _rest(usual)
        self._unable, self._window, self._sticky = uses.unable, uses.window, uses.sticky
        self._output, self._prices = uses.output, uses.prices
        self._sized = bool(uses.window or uses.output or uses.prices)
        self._looks = {name: looks_for(shape, uses.unable) for name, shape in SHAPES.items()}
        if uses.sticky is None:
            self._planner.looks({name: self._glance(name) for name in SHAPES}, Glance(self._planned))
        self.glance: Callable[[str, Facts], Plan | None] = self._planner.glance

    def _planned(self, targets: tuple[Target, ...]) -> Plan:
        return Plan(targets, *self._rest)

    def _glance(self, endpoint: str) -> Glance:
        """What tells of a request to this endpoint that its size and needs make no difference."""
        output = SHAPES[endpoint].output
        looks = self._looks[endpoint]
        if output and self._sized:
            looks += ((1, output[0].encode(), b""),)
        most = min(self._window or MOST_TOKENS, EXACT_FROM if self._prices else MOST_TOKENS)
        return Glance(self._planned, looks=looks, sized=self._sized, bytes_a_token=BYTES_A_TOKEN, most=most)

    def plan(self, call: Call, headers: Headers) -> Plan:
        """The targets in the order in which to try them. Raises BadRequest when none can serve the request."""
        asked = self._asked(call, headers)
        targets = self._planner.plan(monotonic_ns(), *asked)
        if not targets:
            raise self.refusal(Question(*asked))
        return self._planned(targets)

    def named(self) -> Plan:
        """A plan for a request of which nothing is known but the name."""
        return self._planned(self._planner.plan(monotonic_ns()))

    def explained(self, question: Question) -> tuple[tuple[Target, str], ...]:
        """A plan with the reason for each place; then the targets that are left out, and why."""
        return tuple(self._planner.explain(monotonic_ns(), **msgspec.structs.asdict(question)))

    def ordered(self, question: Question) -> tuple[Target, ...]:
        """The targets that can serve, in the order in which to try them."""
        return self._planner.plan(monotonic_ns(), **msgspec.structs.asdict(question))

    def question(self, call: Call, headers: Headers, tags: Sequence[str] = ()) -> Question:
        """What the request needs, as far as the route has use for it, and `tags`."""
        question = Question(*self._asked(call, headers))
        return msgspec.structs.replace(question, tags=self._mask(tags)) if tags else question

    def _asked(self, call: Call, headers: Headers) -> tuple[int, int, int, int]:
        """The needs, tokens, output and sticky of a `Question`."""
        lacking = tokens = output = sticky = 0
        if self._sticky is not None:
            sticky = sticky_of(call, headers, self._sticky)
        shape = SHAPES.get(call.endpoint)
        if shape is not None and self.fixed is None:
            if self._sized:
                output = output_tokens(call, shape)
                tokens = self._tokens(call.body, output)
            if self._unable and (found := call.facts.mentions(self._looks[call.endpoint])):
                lacking = needs(call, shape, found)
        return lacking, tokens, output, sticky

    def refusal(self, question: Question) -> BadRequest:
        """Why no target can serve, each by itself."""
        return refusal(self.usual.route, self.explained(question), question)

    def _tokens(self, body: bytes, output: int) -> int:
        tokens = len(body) // BYTES_A_TOKEN
        if (self._window and tokens + output > self._window) or (self._prices and tokens > EXACT_FROM):
            return prompt_tokens(body)
        return tokens

    def _mask(self, tags: Sequence[str]) -> int:
        """A tag that no target of the route has is a bit that none has."""
        mask = 0
        for tag in tags:
            mask |= self._tags.get(tag, _NOBODYS)
        return mask


def refusal(name: str, reasons: Sequence[tuple[Target, str]], question: Question) -> BadRequest:
    """An answer for a caller whose request no target can serve."""
    shown = "; ".join(f"{one.provider}/{one.model} {why}" for one, why in reasons[:_SHOWN])
    more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    wanted = [word.replace("_", " ") for bit, word in enumerate(NEEDS) if question.needs >> bit & 1]
    wanted += [f"about {question.tokens} tokens of prompt"] if question.tokens else []
    wanted += [f"{question.output} tokens of answer"] if question.output else []
    needed = f" (it needs {', '.join(wanted)})" if wanted else ""
    return BadRequest(f"no target of {name!r} can serve this request{needed}: {shown}{more}", param="model")


def _rest(usual: Plan) -> tuple[Any, ...]:
    return tuple([getattr(usual, field) for field in Plan.__struct_fields__[1:]])


_NOBODYS = 1 << 31
_SHOWN = 8
