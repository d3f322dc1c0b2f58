"""Where the neutral request may say less than the body that it was read from.

Readers are lenient where providers and agents are: what they take no notice of travels on with the bytes all the same.
A body that may hold such things is a part of its key as a whole, so that no answer is given to what it was not asked.
Too much caution costs nothing but hits between different spellings of one request.
"""

from typing import Any

import msgspec

from gateway._speedups.plainness import PLAIN, TWO_BOUNDS, UNDERSCORE, look_at, names_in
from gateway.schemas.chat import ChatRequest, Part, Reasoning, SealedReasoning

_MARKS: dict[str, frozenset[bytes]] = {
    "openai_chat": frozenset(
        (
            *(b"provider_specific_fields", b"extra_content", b"annotations", b"audio", b"custom"),
            *(b"reasoning", b"reasoning_content", b"reasoning_details", b"thinking", b"thinking_blocks"),
            *(b"function_call", b"functions"),
        )
    ),
    "openai_responses": frozenset(
        (
            *(b"reasoning", b"encrypted_content", b"summary", b"logprobs"),
            *(b"definition", b"grammar", b"syntax", b"tool_choice"),
        )
    ),
    "anthropic": frozenset((b"output_format",)),
    "gemini": frozenset((b"mediaResolution",)),
    "cohere": frozenset(),
}
"""Names that stand where a reader leaves something out, or takes one of several that say the same."""

_BOUNDS = frozenset((b"max_tokens", b"max_completion_tokens"))


class _Words(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    text: str


class _Turn(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: str
    content: list[_Words]


class _Converse(msgspec.Struct, gc=False):
    """A conversation of texts alone. What else stands beside them was read strictly."""

    messages: list[_Turn]
    system: list[_Words] = []
    toolConfig: None = None
    outputConfig: None = None
    serviceTier: None = None
    additionalModelRequestFields: None = None


_CONVERSE = msgspec.json.Decoder(_Converse)


class _Placed(msgspec.Struct, gc=False):
    """Members of a message that only some roles have; the readers look for them nowhere else."""

    role: str
    tool_calls: Any = None
    tool_plan: Any = None
    citations: Any = None
    refusal: Any = None
    tool_call_id: Any = None
    is_error: Any = None

    def is_in_place(self) -> bool:
        said = (self.tool_calls, self.tool_plan, self.citations, self.refusal)
        results = (self.tool_call_id, self.is_error)
        if self.role != "assistant" and any(one is not None for one in said):
            return False
        return self.role in ("tool", "function") or all(one is None for one in results)


class _Messages(msgspec.Struct, gc=False):
    messages: list[_Placed]


_MESSAGES = msgspec.json.Decoder(_Messages)
_OF_ROLES = frozenset(name.encode() for name in _Placed.__struct_fields__ if name != "role")
_BY_ROLE = frozenset(("openai_chat", "cohere"))


def is_whole(request: ChatRequest, body: bytes) -> bool:
    """Whether nothing of the body is missing in the request that was read from it."""
    if request.unknown:
        return False
    dialect = request.dialect
    marks = _MARKS.get(dialect)
    if marks is None:
        return dialect == "bedrock" and _plain_converse(body)
    seen = look_at(body)
    usual = seen == PLAIN or (seen == PLAIN | UNDERSCORE and dialect != "gemini")
    if usual and request.thinking is None and request.tool_choice is None:
        return True
    return not seen & TWO_BOUNDS and _is_unmarked(request, body, marks)


def _is_unmarked(request: ChatRequest, body: bytes, marks: frozenset[bytes]) -> bool:
    names = names_in(body)
    if names is None or not names.isdisjoint(marks) or names >= _BOUNDS:
        return False
    dialect = request.dialect
    if dialect == "gemini" and any(b"_" in name for name in names):
        return False
    if dialect == "openai_responses" and any(_thinks(message.parts) for message in request.messages):
        return False
    if dialect in _BY_ROLE and not names.isdisjoint(_OF_ROLES) and not _is_in_place(body):
        return False
    choice = request.tool_choice
    return choice is None or not (choice.name or choice.allowed)


def _thinks(parts: tuple[Part, ...]) -> bool:
    return any(isinstance(part, Reasoning | SealedReasoning) for part in parts)


def _plain_converse(body: bytes) -> bool:
    """Bedrock's blocks are read leniently."""
    try:
        _CONVERSE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_in_place(body: bytes) -> bool:
    """Whether no message has what its role does not say."""
    try:
        return all(message.is_in_place() for message in _MESSAGES.decode(body).messages)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
