"""Which answer a request gets; rendered answers are remembered by the request's bytes."""

from collections.abc import Callable
from urllib.parse import unquote

import msgspec

from bench.mock import anthropic, bedrock, cohere, gemini, openai, responses
from bench.mock.ask import READ_ASK, READ_EMBEDDING_ASK, Ask, begun, called_tools, echoed, last_user_text
from bench.mock.behaviour import Behaviour, BehaviourError, parse_behaviour
from bench.mock.broken import Sound, broken
from bench.mock.faults import parse_fault
from bench.mock.manners import MANNERS, PLAIN
from bench.mock.script import Fault, Play, Script, plain, streamed
from bench.mock.wire import Head

MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small", "claude-haiku-4-5", "claude-sonnet-4-5", "mock")
_REMEMBERED = 4096
_REMEMBERED_BODY = 4096  # bytes; hashing a long body costs more than reading it

Render = Callable[[Behaviour], Script]
RenderError = Callable[[int, str], bytes]

_FAMILIES = {
    "messages": anthropic,
    "count_tokens": anthropic,
    "gemini": gemini,
    "gemini_stream": gemini,
    "responses": responses,
    "cohere_chat": cohere,
    "converse": bedrock,
    "converse_stream": bedrock,
}
_IN_PATH = frozenset({"gemini", "gemini_stream", "converse", "converse_stream"})
"""Endpoints whose model stands in the path."""


class Answers:
    """Answers of one mock provider process. Call it with a request's head and body."""

    def __init__(self, defaults: Behaviour) -> None:
        self._defaults = defaults
        self._by_body: dict[tuple[str, bytes], Play] = {}
        self._by_shape: dict[tuple[str, str, bool, bool], Play] = {}

    def __call__(self, head: Head, body: bytes) -> Play:
        """Never raises: what cannot be understood gets the vendor's own kind of error."""
        if len(body) > _REMEMBERED_BODY or head.method != "POST":
            return self._render(head, body)
        key = (head.path if head.route in _IN_PATH else head.route, body)
        play = self._by_body.get(key)
        if play is None:
            if len(self._by_body) >= _REMEMBERED:
                self._by_body.clear()
            play = self._render(head, body)
            if not play.dated:
                self._by_body[key] = play
        return play

    def _render(self, head: Head, body: bytes) -> Play:
        family = _FAMILIES.get(head.route, openai)
        try:
            return self._route(head, body)
        except (msgspec.DecodeError, BehaviourError) as mistake:
            refusal = plain(family.error(400, str(mistake)), Behaviour(), status=400)
            return Play(model="", script=refusal)

    def _route(self, head: Head, body: bytes) -> Play:
        match head.route if head.method == "POST" else f"GET {head.route}":
            case "chat" | "completions" | "messages" | "cohere_chat":
                return self._generation(head.route, READ_ASK.decode(body))
            case "gemini" | "gemini_stream":
                return self._generation(head.route, gemini.ask_of(unquote(head.path), body))
            case "converse" | "converse_stream":
                return self._generation(head.route, bedrock.ask_of(unquote(head.path), body))
            case "responses":
                return self._generation(head.route, responses.ask_of(body))
            case "embeddings":
                ask = READ_EMBEDDING_ASK.decode(body)
                return self._play(ask.model, lambda how: plain(openai.embeddings(ask), how), openai.error)
            case "count_tokens":
                model = READ_ASK.decode(body).model
                counted = anthropic.count_tokens(body)
                return self._play(model, lambda how: plain(counted, how), anthropic.error)
            case _ as listing:
                return Play(model="", script=_listing(listing, head.path))

    def _generation(self, route: str, ask: Ask) -> Play:
        shape = (route, ask.model, ask.streams, ask.with_usage)
        if not _is_plain_text(ask):
            return self._generate(route, ask)
        play = self._by_shape.get(shape)
        if play is None:
            if len(self._by_shape) >= _REMEMBERED:
                self._by_shape.clear()
            play = self._generate(route, ask)
            if not play.dated:
                self._by_shape[shape] = play
        return play

    def _generate(self, route: str, ask: Ask) -> Play:
        family = _FAMILIES.get(route, openai)
        play = self._play(ask.model, lambda how: _generated(route, ask, how), family.error)
        spec = parse_fault(ask.model)
        if spec is None or (spec.kind == "prefill" and not begun(ask)):
            return play
        behaviour = parse_behaviour(ask.model, self._defaults)
        script = broken(spec, _sound(route, ask, behaviour))
        if behaviour.latency:
            script = msgspec.structs.replace(script, latency=script.latency + behaviour.latency)
        fault = Fault(script, spec.first, spec.rate, spec.flap / 1000, spec.credential)
        return msgspec.structs.replace(play, fault=fault, dated=spec.dated)

    def _play(self, model: str, render: Render, error: RenderError) -> Play:
        behaviour = parse_behaviour(model, self._defaults)
        sane = render(behaviour.sane())
        if not behaviour.faulty:
            return Play(model=model, script=sane)
        script = _refusal(behaviour, error) if behaviour.error else render(behaviour)
        return Play(
            model=model, script=sane, fault=Fault(script=script, first=behaviour.first, rate=behaviour.rate)
        )


def _generated(route: str, ask: Ask, behaviour: Behaviour) -> Script:
    """The script of a text generation."""
    plainly, eventually = _GENERATORS[route]
    if not ask.streams:
        return plain(plainly(ask, behaviour), behaviour)
    family = _FAMILIES.get(route, openai)
    ends = 3 if family is openai and ask.with_usage else 2
    failure = family.error_event("mock failure")
    kind = MANNERS.get(route, PLAIN).events
    return streamed(eventually(ask, behaviour), behaviour, failure, ends=ends, kind=kind)


def _sound(route: str, ask: Ask, behaviour: Behaviour) -> Sound:
    """The answer that a fault spoils, in its parts."""
    plainly, eventually = _GENERATORS[route]
    family = _FAMILIES.get(route, openai)
    manners = MANNERS.get(route, PLAIN)
    if not ask.streams:
        return Sound(family, body=plainly(ask, behaviour), manners=manners)
    ends = manners.ends + int(family is openai and ask.with_usage)
    return Sound(family, events=tuple(eventually(ask, behaviour)), ends=ends, manners=manners)


def _refusal(behaviour: Behaviour, error: RenderError) -> Script:
    headers = () if behaviour.retry is None else (f"retry-after: {behaviour.retry}",)
    calm = msgspec.structs.replace(behaviour.sane(), eof=False)
    return plain(error(behaviour.error, "mock failure"), calm, status=behaviour.error, headers=headers)


def _listing(route: str, path: str) -> Script:
    name = unquote(path.rpartition("/models/")[2])
    calm = Behaviour()
    match route:
        case "GET models":
            return plain(openai.models(MODELS), calm)
        case "GET anthropic_models":
            return plain(anthropic.models(MODELS), calm)
        case "GET model":
            return plain(openai.model(name), calm)
        case "GET anthropic_model":
            return plain(anthropic.model(name), calm)
        case _:
            return plain(openai.error(404, f"no such path: {path}"), calm, status=404)


def _is_plain_text(ask: Ask) -> bool:
    """Whether the answer depends on nothing but the model and the kind of stream."""
    text = last_user_text(ask)
    if begun(ask):
        return False
    return ask.thinking is None and ask.n is None and echoed(text) is None and not called_tools(ask, text)


_GENERATORS: dict[str, tuple[Callable[[Ask, Behaviour], bytes], Callable[[Ask, Behaviour], list[bytes]]]] = {
    "chat": (openai.chat, openai.chat_events),
    "completions": (openai.completion, openai.completion_events),
    "messages": (anthropic.message, anthropic.message_events),
    "gemini": (gemini.content, gemini.content_events),
    "gemini_stream": (gemini.content, gemini.content_events),
    "responses": (responses.response, responses.response_events),
    "cohere_chat": (cohere.message, cohere.message_events),
    "converse": (bedrock.message, bedrock.message_events),
    "converse_stream": (bedrock.message, bedrock.message_events),
}
