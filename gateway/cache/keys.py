"""What a request asks, as a key: the same for all who ask the same in whatever dialect, another where anything differs.

The neutral request is written as one MessagePack value, from which nothing can be moved into anything else, and hashed.
`gateway.schemas.chat` says more than what is asked: whom for, how to be told, and how it was spelled. What is left out
on purpose is listed below; a test fails where a struct has a field of which this file says nothing.
"""

from collections.abc import Iterable
from hashlib import sha256
from operator import attrgetter
from typing import Any

import msgspec

from gateway._speedups.plain_keys import FORM
from gateway.cache.meanings import meaning, meaning_without
from gateway.cache.turns import turns_of
from gateway.cache.wholeness import is_whole
from gateway.schemas.caching import SCOPES, Settings, Wishes
from gateway.schemas.chat import (
    BuiltinTool,
    ChatRequest,
    Extra,
    Message,
    OutputFormat,
    Text,
    Thinking,
    Tool,
    ToolChoice,
)
from gateway.schemas.record import Record

Headers = Iterable[tuple[bytes, bytes]]

SCALARS = (
    *("max_output", "temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty"),
    *("seed", "stop", "n", "logprobs", "top_logprobs", "parallel_tools", "service_tier", "sealed"),
)
"""Fields of a request that are written as they are."""

_FLOATS = (1, 2, 4, 5, 6)
"""Where in them a whole number may stand for the same number with a point."""

READ = (
    "messages",
    "logit_bias",
    "tools",
    "tool_choice",
    "output",
    "thinking",
    "extras",
    "dialect",
)
"""Fields that are written by what they mean, `dialect` where only it knows what something means."""

LEFT_OUT = {
    "unknown": "names without values: the body is written then",
    "model": "the name that was asked for is given apart",
    "stream": "how it is told",
    "stream_usage": "how it is told",
    "user": "whom for",
    "safety_id": "whom for",
    "metadata": "whom for",
    "cache": "what the provider may keep of the prompt",
    "store": "what the provider may keep of the answer",
}
"""Fields of a request that change no answer."""

_BODY_LEFT_OUT = frozenset(
    ("model", "stream", "stream_options", "user", "metadata", "safety_identifier", "requestMetadata", "store")
)
"""The same, as the dialects call them."""
_EXTRAS_LEFT_OUT = frozenset(
    ("store", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "diagnostics")
)

_CHANGING = (b"anthropic-beta", b"openai-beta", b"anthropic-version")
_USUAL_VERSIONS = frozenset((b"2023-06-01", b"2026-10-21"))

_scalars = attrgetter(*SCALARS)
NOTHING = _scalars(ChatRequest(dialect="", model="", messages=()))
_rare = attrgetter("logit_bias", "tools", "tool_choice", "output", "thinking", "extras")
_NOTHING_RARE = _rare(ChatRequest(dialect="", model="", messages=()))
_NOTHING_MORE: tuple[Any, ...] = (b"", [], None, None, None, None)
_pack = msgspec.msgpack.Encoder().encode
_scopes: dict[tuple[str, str], bytes] = {}
_MOST_SCOPES = 4096


def exact_key(request: ChatRequest, scope: bytes, model: str, *, body: bytes, headers: Headers = ()) -> bytes:
    """32 bytes. `model` is the name that was asked for, `scope` whose the answer is, `headers` those that travel on.

    Where `body` may say more than the request that was read from it, it is a part of the key.
    """
    return sha256(_written(request, request.messages, scope, model, body, headers)).digest()


def namespace_key(
    request: ChatRequest, scope: bytes, model: str, *, body: bytes, headers: Headers = ()
) -> bytes:
    """16 bytes: everything but the words of the last user message, where `last_text` finds any."""
    last = request.messages[-1]
    earlier = (*request.messages[:-1], msgspec.structs.replace(last, parts=()))
    return sha256(b"n" + _written(request, earlier, scope, model, body, headers)).digest()[:16]


def last_text(request: ChatRequest) -> str | None:
    """What the user says last, where that is one text and the last word of the conversation."""
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "user" or len(last.parts) != 1:
        return None
    part = last.parts[0]
    return part.text if type(part) is Text and not part.citations else None


def scope_of(settings: Settings, wishes: Wishes, record: Record) -> bytes:
    """16 bytes that all have in common who share answers.

    The settings say whose the answers are; a wish only divides what is that tenant's. Where the tenant has no name, as
    a key without a team, the next narrower one that has stands for it.
    """
    tenant = _tenant(settings.scope, record)
    if wishes.scope == settings.scope and not wishes.namespace:
        return _undivided(tenant)
    narrower = min(wishes.scope, settings.scope, key=SCOPES.index)
    return sha256(_pack((tenant, _tenant(narrower, record), wishes.namespace))).digest()[:16]


def scope_named(kind: str, name: str) -> bytes:
    """The scope of all that a tenant's own answers are kept under, by its kind and its id."""
    return sha256(_pack((kind, name))).digest()[:16]


def tenant_of(settings: Settings, record: Record) -> int:
    """The number under which the store knows whose a request's answers are: all that a tenant has goes together,
    however it is divided."""
    return owner_of(_undivided(_tenant(settings.scope, record)))


def owner_of(scope: bytes) -> int:
    """The number under which the store knows a tenant's scope; 63 bits."""
    return int.from_bytes(scope[:8], "little") >> 1


def _undivided(tenant: tuple[str, str]) -> bytes:
    found = _scopes.get(tenant)
    if found is None:
        if len(_scopes) >= _MOST_SCOPES:
            _scopes.clear()
        found = _scopes[tenant] = sha256(_pack(tenant)).digest()[:16]
    return found


def _tenant(scope: str, record: Record) -> tuple[str, str]:
    if scope == "key":
        return "key", record.key
    if scope == "all":
        return "all", ""
    for name in reversed(SCOPES[1 : SCOPES.index(scope) + 1]):
        found: str = getattr(record, name)
        if found:
            return name, found
    return "key", record.key


# --- the request ---


def _written(
    request: ChatRequest,
    messages: tuple[Message, ...],
    scope: bytes,
    model: str,
    body: bytes,
    headers: Headers,
) -> bytes:
    more: list[Any] = [None if _rare(request) == _NOTHING_RARE else _rest(request)]
    if body and not is_whole(request, body):
        more.append((request.dialect, meaning_without(body, _BODY_LEFT_OUT)))
    return written(_scalars(request), turns_of(messages, request.dialect), more, scope, model, headers)


def written(
    scalars: tuple[Any, ...], turns: list[Any], more: list[Any], scope: bytes, model: str, headers: Headers
) -> bytes:
    """What is hashed. `scalars` are in the order of SCALARS; `more` begins with what is said beside the turns.

    `_speedups/plain_keys` writes the same of plain requests; `FORM` counts the forms of both.
    """
    parts = [FORM, scope, model, None if scalars == NOTHING else _numbers(scalars), turns, *more]
    answering = headers and _answering(headers)
    if answering:
        parts.append(answering)
    try:
        return _pack(parts)
    except OverflowError:  # a number beyond 64 bits, as `seed` may be
        parts[3] = repr(scalars)
        return _pack(parts)


def _numbers(scalars: tuple[Any, ...]) -> list[Any]:
    found = list(scalars)
    for place in _FLOATS:
        value = found[place]
        if value is not None:
            found[place] = float(value) + 0.0  # the sum has no negative zero
    return found


def _rest(request: ChatRequest) -> tuple[Any, ...] | None:
    """None where all that there is are fields that are left out: to say them is to say nothing."""
    extras = _extras(request.extras)
    found = (
        meaning(request.logit_bias),
        [_tool(tool, request.dialect) for tool in request.tools],
        _choice(request.tool_choice),
        _output(request.output, request.dialect),
        _thinking(request.thinking),
        (request.dialect, extras) if extras else None,
    )
    return None if found == _NOTHING_MORE else found


def _answering(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers that change what a provider does. Anthropic's versions that SDKs name differ in what they refuse, not
    in their answers: https://platform.claude.com/docs/en/api/migration-2026-10-21"""
    return sorted([one for one in headers if one[0] in _CHANGING and one[1] not in _USUAL_VERSIONS])


def _extras(extras: tuple[Extra, ...]) -> list[tuple[str, bytes]]:
    return sorted([(one.name, meaning(one.value)) for one in extras if one.name not in _EXTRAS_LEFT_OUT])


def _tool(tool: Tool | BuiltinTool, dialect: str) -> tuple[Any, ...]:
    if isinstance(tool, BuiltinTool):
        return ("builtin", tool.dialect, tool.kind, meaning(tool.raw))
    return (
        tool.kind,
        tool.name,
        tool.description,
        meaning(tool.parameters),
        tool.strict,
        meaning(tool.format),
        (dialect, meaning(tool.native)) if tool.native else None,
        (dialect, _extras(tool.extras)) if tool.extras else None,
    )


def _choice(choice: ToolChoice | None) -> tuple[Any, ...] | None:
    return None if choice is None else (choice.mode, choice.name, choice.allowed)


def _output(output: OutputFormat | None, dialect: str) -> tuple[Any, ...] | None:
    if output is None:
        return None
    native = (dialect, meaning(output.native)) if output.native else None
    return (output.kind, meaning(output.schema), output.name, output.description, output.strict, native)


def _thinking(thinking: Thinking | None) -> tuple[Any, ...] | None:
    """Without `spelling`."""
    if thinking is None:
        return None
    return (thinking.effort, thinking.budget, thinking.mode, thinking.display)
