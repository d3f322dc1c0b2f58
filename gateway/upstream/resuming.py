"""Who goes on with a stream that broke off: the plan's next targets, each asked in the way that it can.

A target that goes on with a last turn of the assistant's gets what was said so far (prefill). Any other is asked the
same again, and what the caller has already is left out, as long as it is the same.
"""

from collections.abc import Awaitable, Callable, Mapping

from msgspec.structs import replace

from gateway.dialects.anthropic.models import traits_of
from gateway.dialects.bedrock.families import family_of
from gateway.dialects.endpoints import CHAT, ENDPOINTS
from gateway.errors import BadRequest, GatewayError, UpstreamStatus
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest, Message, Text
from gateway.schemas.plan import Target
from gateway.schemas.record import Record
from gateway.upstream.connection import Connection, Lane
from gateway.upstream.replies import Stream
from gateway.upstream.rules import Rules
from gateway.upstream.stories import Sequel, Successor, Teller
from gateway.upstream.tries import Reply, Watcher

Ask = Callable[[Target, Call], Awaitable[Reply | None]]
"""Tries one target until it commits; None when its breaker is open."""

_REFUSED = (400, 404, 422)
"""What tells that a target does not go on with an answer's beginning, or not at this address."""
_MARK = b": resumed\n\n"
"""A comment, where the dialect's clients pass comments over."""


class Onward:
    """Finds the next one to go on with one answer. `targets` are those that are left, in order."""

    def __init__(
        self,
        ask: Ask,
        connections: Mapping[str, Connection],
        targets: tuple[Target, ...],
        call: Call,
        record: Record,
        rules: Rules,
        watcher: Watcher,
    ) -> None:
        self._ask = ask
        self._connections = connections
        self._targets = list(targets)
        self._call = call
        self._record = record
        self._rules = rules
        self._watcher = watcher

    async def __call__(self, teller: Teller | Successor, failure: GatewayError) -> Stream:
        """The stream that goes on. Raises `failure` where nobody can."""
        record = self._record
        broken = Target(record.provider, record.model)
        error, rule = failure, self._rules.of(failure)
        teller.story.leave(teller)
        while self._targets and not teller.story.tangled and rule.fall_back:
            target = self._targets.pop(0)
            self._watcher.failed_try(record, Target(record.provider, record.model), error, "resume")
            try:
                reply = await self._from(target, teller)
            except GatewayError as another:
                error, rule = another, self._rules.of(another)
                continue
            if isinstance(reply, Stream):
                self._watcher.fallback(broken.provider, broken.model)
                return reply
        record.provider, record.model = broken.provider, broken.model
        raise failure

    async def _from(self, target: Target, teller: Teller | Successor) -> Reply | None:
        prefilled = prefilled_call(self._connections[target.provider], target, self._call, teller)
        if prefilled is not None:
            try:
                return await self._ask(target, prefilled)
            except UpstreamStatus as error:
                if error.upstream_status not in _REFUSED:
                    raise
        again = Sequel(teller, "".join(teller.story.text), "must", mark(self._call))
        return await self._ask(target, replace(self._call, sequel=again))


def resumable(call: Call) -> Call:
    """The call, so that its stream can be gone on with: one answer, in a conversation that can be read."""
    endpoint = ENDPOINTS[call.endpoint]
    if not call.stream or endpoint.family != CHAT:
        return call
    try:
        request = call.request or endpoint.read(call)
    except BadRequest:  # it may still pass as it is
        return call
    if not isinstance(request, ChatRequest) or request.n not in (None, 1):
        return call
    return replace(call, request=request, resumable=True)


def mark(call: Call) -> bytes:
    """What tells the caller that another one goes on."""
    return _MARK if ENDPOINTS[call.endpoint].comments else b""


def prefilled_call(
    connection: Connection, target: Target, call: Call, teller: Teller | Successor
) -> Call | None:
    """The call with what was said so far as its last turn; None where the target takes no such turn."""
    request, said = call.request, "".join(teller.story.text)
    assert isinstance(request, ChatRequest)  # else nothing would have been resumable
    lane = connection.lane(call.endpoint, target.model) or connection.stand_in(CHAT, target.model)
    if not said.strip() or lane is None or not takes_prefill(connection, lane, target.model, request):
        return None
    way = connection.quirks.prefills
    if way == "turn":  # no such turn may end in white space
        shown = said.rstrip()
        sequel = Sequel(teller, said[len(shown) :], "space", mark(call), len(said))
    else:
        shown = said
        sequel = Sequel(teller, "" if way == "continue" else said, "may", mark(call), len(said))
    return replace(call, request=with_turn(request, shown), rewritten=True, sequel=sequel)


def takes_prefill(connection: Connection, lane: Lane, model: str, request: ChatRequest) -> bool:
    """Whether a target goes on with a last turn of the assistant's. Nobody does while thinking.

    Sources: Anthropic's migration guide (none since Claude 4.6), Mistral's, DeepSeek's and vLLM's API references.
    """
    thinking = request.thinking
    if thinking is not None and thinking.mode != "off" and thinking.effort != "none":
        return False
    way = connection.quirks.prefills
    if way != "turn":
        return bool(way) and lane.endpoint == "chat_completions"
    if lane.endpoint == "converse":
        return family_of(model).claude and traits_of(model).prefill
    return lane.endpoint == "messages" and traits_of(model).prefill


def with_turn(request: ChatRequest, said: str) -> ChatRequest:
    """The request with `said` as its last turn; a turn that the caller had begun itself goes on with it."""
    messages = request.messages
    last = messages[-1] if messages else None
    if last is not None and last.role == "assistant" and all(isinstance(part, Text) for part in last.parts):
        begun = "".join(part.text for part in last.parts if isinstance(part, Text))
        turn, messages = replace(last, parts=(Text(begun + said),)), messages[:-1]
    else:
        turn = Message("assistant", (Text(said),))
    return replace(request, messages=(*messages, turn))
