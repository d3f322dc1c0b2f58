"""What a rule sets in a request: fields of the caller's body, replaced or added where the caller's dialect has them.

The names of OpenAI's chat completions are understood in every dialect; any other is a field at the top of the body.
The neutral form is read from the changed body, so that a target of another dialect is asked the same.
"""

from collections.abc import Mapping

import msgspec

from gateway._speedups.jsonscan import Facts, members, request_facts, set_key, splice
from gateway.schemas.call import Call

Settings = tuple[tuple[str, bytes], ...]
"""Names with their JSON; an empty one takes the field out."""

_RESPONSES = {"max_tokens": ("max_output_tokens",), "max_completion_tokens": ("max_output_tokens",)}
_MESSAGES = {"max_completion_tokens": ("max_tokens",), "stop": ("stop_sequences",)}
_COHERE = {**_MESSAGES, "top_p": ("p",), "top_k": ("k",)}
_GEMINI = {
    "temperature": ("generationConfig", "temperature"),
    "top_p": ("generationConfig", "topP"),
    "top_k": ("generationConfig", "topK"),
    "max_tokens": ("generationConfig", "maxOutputTokens"),
    "max_completion_tokens": ("generationConfig", "maxOutputTokens"),
    "seed": ("generationConfig", "seed"),
    "stop": ("generationConfig", "stopSequences"),
    "presence_penalty": ("generationConfig", "presencePenalty"),
    "frequency_penalty": ("generationConfig", "frequencyPenalty"),
}
_CONVERSE = {
    "temperature": ("inferenceConfig", "temperature"),
    "top_p": ("inferenceConfig", "topP"),
    "max_tokens": ("inferenceConfig", "maxTokens"),
    "max_completion_tokens": ("inferenceConfig", "maxTokens"),
    "stop": ("inferenceConfig", "stopSequences"),
}
_PLACES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "responses": _RESPONSES,
    "messages": _MESSAGES,
    "cohere_chat": _COHERE,
    "generate_content": _GEMINI,
    "converse": _CONVERSE,
}
_LISTS = frozenset(("stop_sequences", "stopSequences"))
"""Fields that take a list where OpenAI's takes one text too."""


def settle(call: Call, settings: Settings) -> None:
    """Writes the settings into the call. A body that is no JSON stays as it is; which is told by `settable`."""
    body = call.body
    for name, value in settings:
        body = _placed(body, _path(call.endpoint, name, body), value)
    if body is not call.body:
        call.body, call.facts, call.request = body, request_facts(body), None


def fill(call: Call, settings: Settings) -> None:
    """As `settle`, but only for what the request says nothing of."""
    settle(call, tuple([one for one in settings if not _says(call, _path(call.endpoint, one[0], call.body))]))


def _says(call: Call, path: tuple[str, ...]) -> bool:
    around = call.facts.spans.get(path[0])
    if around is None or len(path) == 1:
        return around is not None
    if call.body[around[0] : around[0] + 1] != b"{":
        return True
    return path[1] in members(call.body, around)


def settable(call: Call) -> bool:
    """Whether the body is JSON, whose fields can be set."""
    return isinstance(call.facts, Facts)


def _path(endpoint: str, name: str, body: bytes) -> tuple[str, ...]:
    if endpoint == "chat_completions" and name == "max_tokens":
        facts = request_facts(body)
        # The newer name where the caller uses it: providers refuse both at once.
        return ("max_completion_tokens" if "max_completion_tokens" in facts.spans else "max_tokens",)
    return _PLACES.get(endpoint, {}).get(name, (name,))


def _placed(body: bytes, path: tuple[str, ...], value: bytes) -> bytes:
    """The body with `value` at `path`, or without what is there."""
    facts = request_facts(body)
    name = path[-1]
    if value and name in _LISTS and not value.startswith(b"["):
        value = b"[" + value + b"]"
    if len(path) == 1:
        return splice(body, set_key(body, facts.spans, name, value)) if value else facts.rewrite(drop=(name,))
    around = facts.spans.get(path[0])
    if around is None or body[around[0] : around[0] + 1] != b"{":
        if not value:
            return body
        inner = msgspec.json.encode({name: msgspec.Raw(value)})
        return splice(body, set_key(body, facts.spans, path[0], inner))
    if value:
        return splice(body, set_key(body, members(body, around), name, value, around))
    inner = request_facts(body[around[0] : around[1]]).rewrite(drop=(name,))
    return splice(body, [(*around, inner)])
