"""Reads and writes whole answers of Anthropic Messages."""

import re
from typing import TypeGuard

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.content import call_input
from gateway.dialects.anthropic.messages_in import FORMAT, NAME, read_citation, read_input
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.ids import answer_id
from gateway.dialects.leaves import as_text
from gateway.dialects.sealing import named, seal
from gateway.dialects.usage import AnthropicUsage, anthropic_counts, anthropic_usage
from gateway.errors import UpstreamProtocolError
from gateway.schemas.chat import (
    ChatRequest,
    Choice,
    Citation,
    Finish,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Reply,
    SealedReasoning,
    Text,
    ToolCall,
)
from gateway.schemas.usage import Usage
from gateway.schemas.wire import anthropic as wire
from gateway.schemas.wire.common import ABSENT, given

_decode = msgspec.json.Decoder(wire.Reply).decode
_decode_block = msgspec.json.Decoder(wire.ReplyBlock).decode
_decode_stop = msgspec.json.Decoder(wire.StopDetails).decode
_decode_rest = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def read_reply(body: bytes, model: str = "") -> Reply:  # noqa: ARG001  (answers name it)
    """Raises UpstreamProtocolError for what is not a message."""
    try:
        reply = _decode(body)
        parts = [_part(raw) for raw in reply.content]
    except UNREADABLE as error:
        raise UpstreamProtocolError(f"the provider's answer is not a message: {error}") from error
    if reply.type != "message":
        raise UpstreamProtocolError("the provider's answer is not a message")
    native = reply.stop_reason or ""
    details = bytes(reply.stop_details) if given(reply.stop_details) else b""
    counts = anthropic_counts(reply.usage)
    rest = rest_of(reply.container, counts)
    if rest:
        parts.append(Opaque(NAME, REST, rest))
    choice = Choice(
        parts=tuple(parts),
        finish=FINISH.get(native, "other"),
        native=native,
        stop_sequence=reply.stop_sequence,
        explanation=explanation(details),
        details=details,
    )
    return Reply(
        dialect=NAME,
        id=reply.id or "",
        model=reply.model or "",
        choices=(choice,),
        usage=None if counts is None else anthropic_usage(counts),
        service_tier="" if counts is None else as_text(counts.service_tier),
    )


REST = "metadata"
"""The kind of an opaque part that is no block: what Anthropic's own tools used, by the names of the fields."""
_CONTAINER, _TOOLS = "container", "usage.server_tool_use"
_COUNTED = re.compile(rb"[1-9]")


def rest_of(container: Raw, counts: AnthropicUsage | None) -> bytes:
    """What else a message says, as JSON; b"" where that is nothing."""
    rest = {_CONTAINER: container} if given(container) else {}
    if counts is not None and _COUNTED.search(bytes(counts.server_tool_use)):
        rest[_TOOLS] = counts.server_tool_use
    return _encode(rest) if rest else b""


def rest_out(rest: bytes, usage: wire.UsageOut) -> dict[str, Raw]:
    """Puts the counts of it into `usage`; gives the other members."""
    members = _decode_rest(rest)
    usage.server_tool_use = members.pop(_TOOLS, ABSENT)
    return members


def _part(raw: Raw) -> Part:
    block = _decode_block(raw)
    kind = block.type
    if kind == "text":
        citations = () if not block.citations else tuple([read_citation(each) for each in block.citations])
        return Text(block.text or "", citations=citations)
    if kind == "tool_use":
        origin = bytes(block.caller) if given(block.caller) else b""
        return ToolCall(block.id or "", block.name or "", read_input(block.input), origin=origin)
    if kind == "thinking":
        return Reasoning(block.thinking or "", block.signature or "", format=FORMAT)
    if kind == "redacted_thinking":
        return SealedReasoning(block.data or "", format=FORMAT)
    return Opaque(NAME, kind, bytes(raw))


FINISH: dict[str, Finish] = {
    "": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "context_window",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "pause",
}

_STOP_REASON: dict[Finish, str] = {
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "context_window": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "refusal": "refusal",
    "content_filter": "refusal",
    "pause": "pause_turn",
}


def stop_reason(finish: Finish, called: bool) -> str:
    """Anthropic's word for why an answer ended.

    `called`: it has a tool call, which OpenAI's servers do not always say (a forced call ends with `stop` there).
    """
    if finish in ("stop", "other"):
        return "tool_use" if called else "end_turn"
    return _STOP_REASON[finish]


def explanation(details: bytes) -> str:
    """Anthropic's sentence about a refusal."""
    if not details:
        return ""
    try:
        return _decode_stop(details).explanation or ""
    except msgspec.ValidationError:
        return ""


def usage_out(usage: Usage, service_tier: str | None = None) -> wire.UsageOut:
    fresh = max(usage.input - usage.cached - usage.cache_write, 0)
    details = wire.OutputDetails(usage.reasoning) if usage.reasoning else None
    hour = min(usage.cache_write_1h, usage.cache_write)
    written = wire.CacheCreationOut(usage.cache_write - hour, hour) if usage.cache_write_1h else None
    return wire.UsageOut(fresh, usage.output, usage.cache_write, usage.cached, details, service_tier, written)


def tier_out(tier: str) -> str | None:
    """OpenAI says default where Anthropic says standard; its cheaper tiers have no word."""
    return _TIERS.get(tier)


_TIERS = {"default": "standard", "standard": "standard", "priority": "priority", "batch": "batch"}


# --- writing ---


def proof(data: str, ident: str, form: str) -> str:
    """Sealed thought as a caller can bring it back: another provider's goes in the gateway's envelope."""
    return data if form in ("", FORMAT, "gemini") else seal(SealedReasoning(data, ident, form))


def write_reply(
    reply: Reply,
    *,
    request_model: str = "",
    reply_id: str = "",
    created: int = 0,  # noqa: ARG001
    request: ChatRequest | None = None,  # noqa: ARG001
) -> bytes:
    """`request_model` and `reply_id` stand in where the provider said nothing. Anthropic has one choice and no date."""
    choice = reply.choices[0] if reply.choices else Choice(())
    called = any(isinstance(part, ToolCall) for part in choice.parts)
    out = wire.ReplyOut(
        id=answer_id("msg_", reply.id or reply_id),
        type="message",
        role="assistant",
        model=reply.model or request_model,
        content=[block for part in choice.parts if (block := _block(part)) is not None],
        stop_reason=stop_reason(choice.finish, called),
        stop_sequence=choice.stop_sequence,
        usage=usage_out(reply.usage or Usage(), tier_out(reply.service_tier)),
    )
    more = next((rest_out(part.raw, out.usage) for part in choice.parts if _is_rest(part)), {})
    body = _encode(out)
    if choice.details and reply.dialect == NAME:
        more["stop_details"] = Raw(choice.details)
    return body[:-1] + b"," + _encode(more)[1:] if more else body


def _is_rest(part: Part) -> TypeGuard[Opaque]:
    return isinstance(part, Opaque) and part.dialect == NAME and part.kind == REST


def _block(
    part: Part,
) -> wire.TextOut | wire.ThinkingBlock | wire.RedactedThinkingBlock | wire.ToolUseBlock | Raw | None:
    if isinstance(part, Text):
        if not part.text:
            return None
        citations = [raw for each in part.citations if (raw := citation_out(each)) is not None]
        return wire.TextOut(part.text, citations or None)
    if isinstance(part, ToolCall):
        block = wire.ToolUseBlock(id=part.id, name=part.name, input=Raw(call_input(part)))
        if part.origin:
            block.caller = Raw(part.origin)
        return block
    if isinstance(part, Reasoning):
        return wire.ThinkingBlock(thinking=part.text, signature=part.signature or named(part))
    if isinstance(part, SealedReasoning):
        return wire.RedactedThinkingBlock(data=proof(part.data, part.id, part.format))
    if isinstance(part, Refusal):
        return wire.TextOut(part.text) if part.text else None
    if isinstance(part, Opaque) and part.dialect == NAME and part.kind != REST:
        return Raw(part.raw)
    return None


class _WebCitation(msgspec.Struct):
    type: str
    cited_text: str
    encrypted_index: str
    title: str | None
    url: str


def citation_out(citation: Citation) -> Raw | None:
    """Another dialect's citation of the web as Anthropic's; `encrypted_index` is for Anthropic's own search."""
    if citation.dialect == NAME:
        return Raw(citation.raw)
    if not citation.url:
        return None
    web = _WebCitation("web_search_result_location", citation.quote, "", citation.title or None, citation.url)
    return Raw(_encode(web))
