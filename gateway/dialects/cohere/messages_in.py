"""Reads messages of Cohere's v2 chat into the neutral form."""

import msgspec
from msgspec import Raw

from gateway.dialects.cohere.citations import NAME, Located, moved, read_citation
from gateway.dialects.cohere.documents import words_of
from gateway.dialects.media import read_url
from gateway.dialects.sealing import unseal
from gateway.errors import BadRequest
from gateway.schemas.chat import (
    Citation,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    SealedReasoning,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.schemas.wire import cohere as wire

PLAN = "cohere-tool-plan"
"""Marks the thought that Cohere calls a tool plan."""

_NO_FUNCTION = wire.FunctionCall()
_decode_string = msgspec.json.Decoder(str).decode


def read_messages(messages: list[wire.Message]) -> tuple[Message, ...]:
    read: list[Message] = []
    for place, message in enumerate(messages):
        if message.role == "tool":
            if not message.tool_call_id:
                path = f"messages[{place}].tool_call_id"
                raise BadRequest(f"Invalid request: a result needs its call's id at `{path}`", param=path)
            read.append(Message("tool", (_result(message, message.tool_call_id),)))
        elif message.role == "assistant":
            read.append(Message("assistant", _answer(message, place)))
        else:
            read.append(Message(message.role, tuple([_part(part) for part in _listed(message.content)])))
    return tuple(read)


def _listed(content: str | list[wire.RequestPart] | None) -> list[wire.RequestPart]:
    if content is None:
        return []
    return [wire.TextPart(text=content)] if isinstance(content, str) else content


def _part(part: wire.RequestPart) -> Text | Image | Reasoning | SealedReasoning | Opaque:
    if isinstance(part, wire.TextPart):
        return Text(part.text)
    if isinstance(part, wire.ImagePart):
        url = part.image_url
        return Image(read_url(url)) if isinstance(url, str) else Image(read_url(url.url), url.detail or "")
    if isinstance(part, wire.ThinkingPart):
        return read_thought(part)
    if isinstance(part, wire.DocumentPart):
        raw = msgspec.json.encode(part)
        return Opaque(NAME, "document", raw, words_of(bytes(part.document)))
    return Opaque(NAME, part.kind, bytes(part.raw))


def _result(message: wire.Message, call_id: str) -> ToolResult:
    parts = [_part(part) for part in _listed(message.content)]
    return ToolResult(call_id, tuple([part for part in parts if isinstance(part, Text | Image | Opaque)]))


def _answer(message: wire.Message, place: int) -> tuple[Part, ...]:
    parts: list[Part] = [_part(part) for part in _listed(message.content)]
    calls = [read_call(call, f"call_{place}_{at}") for at, call in enumerate(message.tool_calls or ())]
    return assembled(parts, message.tool_plan, calls, message.citations)


# --- what requests and answers have in common ---


def read_thought(part: wire.ThinkingPart | wire.ReplyPart) -> Reasoning | SealedReasoning:
    if part.data:
        return unseal(part.data, "") or SealedReasoning(part.data, format=part.format or "")
    named = unseal(part.signature, part.thinking or "") if part.signature else None
    return named or Reasoning(part.thinking or "", part.signature or "", format=part.format or "")


def read_call(call: wire.ToolCall | wire.ReplyCall, fallback_id: str) -> ToolCall:
    """`fallback_id` names a call that came without an id."""
    function = call.function or _NO_FUNCTION
    return ToolCall(call.id or fallback_id, function.name or "", read_arguments(function.arguments))


def read_arguments(raw: Raw) -> str:
    """Arguments as JSON text. Cohere has them as a string; an object sent in its place is taken as it is."""
    text = bytes(raw)
    if text[:1] == b'"':
        return _decode_string(raw)
    return "" if text == b"null" else text.decode()


def assembled(
    content: list[Part], plan: str | None, calls: list[ToolCall], citations: list[Raw] | None
) -> tuple[Part, ...]:
    """The parts in the order in which a model makes them: thought, plan, text, calls. `content` holds one part for
    each block, since citations count blocks."""
    parts = _cited(content, [read_citation(raw) for raw in citations]) if citations else content
    if plan:
        lead = 0
        while lead < len(parts) and isinstance(parts[lead], Reasoning | SealedReasoning):
            lead += 1
        parts = [*parts[:lead], Reasoning(plan, format=PLAN), *parts[lead:]]
    return (*parts, *calls)


def _cited(content: list[Part], citations: list[Located]) -> list[Part]:
    """Citations hung on the texts that they name, else on the last. Those of thought have no place but Cohere's."""
    texts = [place for place, part in enumerate(content) if isinstance(part, Text)]
    found: dict[int, list[Citation]] = {}
    rest: list[Part] = []
    for located in citations:
        place = located.block if located.block in texts else texts[-1] if texts else None
        if place is None or located.elsewhere:
            rest.append(Opaque(NAME, "citations", located.citation.raw))
        else:
            found.setdefault(place, []).append(located.citation)
    before = 0
    parts: list[Part] = []
    for place, part in enumerate(content):
        if isinstance(part, Text):
            own = tuple([moved(each, before) for each in found.get(place, ())])
            parts.append(Text(part.text, citations=own))
            before += len(part.text)
        else:
            parts.append(part)
    return parts + rest
