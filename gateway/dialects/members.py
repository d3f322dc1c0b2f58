"""Members at the top of a request that is being written: what is added in raw JSON, and what is left out again."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.dialects.codec import TargetFacts
from gateway.dialects.dropped import Dropped
from gateway.schemas.chat import ChatRequest

_encode = msgspec.json.Encoder().encode

_ABSENT = ("presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "min_p")

OPENAI_DEFAULTS = {"modalities": b'["text"]', "store": b"false"}
"""Extras of OpenAI's whose absence changes nothing."""


def append(body: bytes, name: str, value: bytes) -> bytes:
    """`body`, a JSON object, with one more member. A body with media in it is large: it is copied once."""
    comma = b"" if body == b"{}" else b","
    return b"".join((memoryview(body)[:-1], comma, _encode(name), b":", value, b"}"))


def with_extras(
    body: bytes,
    request: ChatRequest,
    dialect: str,
    facts: TargetFacts,
    dropped: Dropped,
    unnamed: Mapping[str, bytes] | None = None,
    shared: Mapping[str, str] | None = None,
) -> bytes:
    """`body` with the request's own extras, where it was read from `dialect`. `shared` names those of the request's
    dialect that mean the same here, with the name that they have here. The others are named as dropped, but for those
    that say what `unnamed` has."""
    for extra in request.extras:
        name = extra.name if request.dialect == dialect else "" if shared is None else shared.get(extra.name)
        if name and name not in facts.drops:
            body = append(body, name, extra.value)
        elif unnamed is None or unnamed.get(extra.name) != extra.value:
            dropped.add(extra.name)
    return body


def name_absent(request: ChatRequest, dropped: Dropped, names: tuple[str, ...] = _ABSENT) -> None:
    """Names parameters that a dialect does not have, unless they ask for what it does anyway: `n`, `seed`, `logit_bias`
    and these; without any, those that neither Anthropic nor Converse has."""
    if request.n is not None and request.n != 1:
        dropped.add("n")
    for name in names:
        if getattr(request, name):
            dropped.add(name)
    if request.seed is not None:
        dropped.add("seed")
    if request.logit_bias not in (b"", b"{}"):
        dropped.add("logit_bias")


def defaults_of(wire: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of a request's struct that can be left out, with the value that leaves them out."""
    fields = msgspec.structs.fields(wire)
    return {field.name: field.default for field in fields if field.default is not msgspec.NODEFAULT}


def refuse(body: msgspec.Struct, name: str, defaults: Mapping[str, Any], dropped: Dropped) -> None:
    """Leaves out a field that the provider refuses; one without a default is no such field."""
    if name in defaults and getattr(body, name) is not defaults[name]:
        setattr(body, name, defaults[name])
        dropped.add(name)
