"""What a rule sets in a request: fields of the caller's body, replaced or added where the caller's dialect has them.

The names of OpenAI's chat completions are understood in every dialect; any other is a field at the top of the body.
The neutral form is read from the changed body, so that a target of another dialect is asked the same.
"""

from collections.abc import Container, Iterable, Iterator, Mapping

import msgspec

from gateway._speedups.jsonscan import Facts, request_facts, set_key, splice, top_level
from gateway.dialects.gemini.spelling import camel
from gateway.schemas.call import Call

Settings = tuple[tuple[str, bytes], ...]
"""Names with their JSON; an empty one takes the field out."""

BOUNDS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
"""What OpenAI calls the most tokens of an answer, the newest first: a chat completion takes the first two, and
providers refuse both at once or heed either."""

_BOUNDS_OF_CHAT = BOUNDS[:2]
_LEGACY = dict.fromkeys(BOUNDS, ("max_tokens",))
_MESSAGES = {**_LEGACY, "stop": ("stop_sequences",)}
_GEMINI = {
    **dict.fromkeys(BOUNDS, ("generationConfig", "maxOutputTokens")),
    "temperature": ("generationConfig", "temperature"),
    "top_p": ("generationConfig", "topP"),
    "top_k": ("generationConfig", "topK"),
    "n": ("generationConfig", "candidateCount"),
    "seed": ("generationConfig", "seed"),
    "stop": ("generationConfig", "stopSequences"),
    "presence_penalty": ("generationConfig", "presencePenalty"),
    "frequency_penalty": ("generationConfig", "frequencyPenalty"),
}
_CONVERSE = {
    **dict.fromkeys(BOUNDS, ("inferenceConfig", "maxTokens")),
    "temperature": ("inferenceConfig", "temperature"),
    "top_p": ("inferenceConfig", "topP"),
    "stop": ("inferenceConfig", "stopSequences"),
}
_PLACES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "chat_completions": {"max_output_tokens": ("max_tokens",)},
    "completions": _LEGACY,
    "responses": dict.fromkeys(BOUNDS, ("max_output_tokens",)),
    "messages": _MESSAGES,
    "cohere_chat": {**_MESSAGES, "top_p": ("p",), "top_k": ("k",)},
    "generate_content": _GEMINI,
    "converse": _CONVERSE,
}
"""The endpoints that write, and where their requests say what OpenAI's chat completions say."""

_OF_WRITING = frozenset(_GEMINI) - {"n"}
"""What only a request that is to be written an answer can say: others are refused with it."""

_LISTS = frozenset(("stop_sequences", "stopSequences"))
"""Fields that take a list where OpenAI's takes one text too."""

_SAMPLING = frozenset(("temperature", "top_p", "top_k"))
"""What Anthropic refuses with any version since 2026-10-21, which its SDKs name, whatever the value. The operator may
set it all the same: https://platform.claude.com/docs/en/api/migration-2026-10-21"""


def settle(call: Call, settings: Settings) -> None:
    """Writes the settings into the call. A body that is no JSON stays as it is; which is told by `settable`."""
    body = call.body
    for name, value in settings:
        path = _path(call.endpoint, name)
        if path:
            body = _placed(body, call.endpoint, path, value)
    if body is not call.body:
        call.body, call.facts, call.request = body, request_facts(body), None
        if call.endpoint == "messages" and any(value and name in _SAMPLING for name, value in settings):
            # The body is not of the caller's version any more: a provider is asked in the gateway's own.
            call.headers = tuple([one for one in call.headers if one[0] != b"anthropic-version"])


def fill(call: Call, settings: Settings) -> None:
    """As `settle`, but only for what the request says nothing of."""
    settle(call, tuple([one for one in settings if next(_said(call, one[0]), None) is None]))


def exceeds(call: Call, name: str, most: int) -> bool:
    """Whether the request may be read, in any spelling of `name`, as asking for more than `most`. Saying nothing is
    asking for any number."""
    said = list(_said(call, name))
    return not said or not all(value.isdigit() and 0 < int(value[:18]) <= most for value in said)


def settable(call: Call) -> bool:
    """Whether the body is JSON, whose fields can be set."""
    return isinstance(call.facts, Facts)


def _path(endpoint: str, name: str) -> tuple[str, ...]:
    """Where an endpoint's requests say it; () where they cannot."""
    places = _PLACES.get(endpoint)
    if places is None:
        return () if name in _OF_WRITING else (name,)
    return places.get(name, (name,))


def _spellings(endpoint: str, name: str, among: Iterable[str]) -> list[str]:
    """The names among these that say the same here, the one that goes first in front."""
    if endpoint == "generate_content":
        meant = camel(name)
        return [one for one in among if camel(one) == meant]
    known: Container[str] = frozenset(among)
    if endpoint == "chat_completions" and name in _BOUNDS_OF_CHAT:
        return [one for one in _BOUNDS_OF_CHAT if one in known]
    return [name] if name in known else []


def _said(call: Call, name: str) -> Iterator[bytes]:
    """What the request says of it, in any spelling; what holds it, where that is no object."""
    path, endpoint, spans = _path(call.endpoint, name), call.endpoint, call.facts.spans
    for outer in _spellings(endpoint, path[0], spans) if path else ():
        value = call.body[spans[outer][0] : spans[outer][1]]
        if len(path) == 1 or not value.startswith(b"{"):
            yield value
            continue
        inner = top_level(value)
        for one in _spellings(endpoint, path[1], inner):
            yield value[inner[one][0] : inner[one][1]]


def _placed(body: bytes, endpoint: str, path: tuple[str, ...], value: bytes) -> bytes:
    """The body with `value` at `path` and in no other spelling, or without what is there."""
    if value and path[-1] in _LISTS and not value.startswith(b"["):
        value = b"[" + value + b"]"
    if len(path) == 1:
        return _written(body, endpoint, path[0], value)
    outers = _spellings(endpoint, path[0], top_level(body))
    if not outers and value:
        outers = [path[0]]
    for outer in outers:  # in each of several: whoever reads only one finds it there
        body = _inside(body, endpoint, (outer, path[1]), value)
    return body


def _inside(body: bytes, endpoint: str, path: tuple[str, ...], value: bytes) -> bytes:
    spans = top_level(body)
    around = spans.get(path[0], (0, 0))
    inner = body[around[0] : around[1]]
    if inner.startswith(b"{"):
        return splice(body, [(*around, _written(inner, endpoint, path[1], value))])
    if not value:
        return body
    return splice(body, set_key(body, spans, path[0], msgspec.json.encode({path[1]: msgspec.Raw(value)})))


def _written(body: bytes, endpoint: str, name: str, value: bytes) -> bytes:
    """The object with `name: value`, in the spelling that it has there, or without it."""
    spans = top_level(body)
    found = _spellings(endpoint, name, spans)
    others = found[1:] if value else found
    if others:
        body = request_facts(body).rewrite(drop=tuple(others))
        spans = top_level(body)
    return splice(body, set_key(body, spans, found[0] if found else name, value)) if value else body
