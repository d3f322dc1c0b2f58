"""Reads and writes whole answers of Anthropic Messages."""

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.content import call_input
from gateway.dialects.anthropic.messages_in import FORMAT, NAME, read_citation, read_input
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.ids import answer_id
from gateway.dialects.leaves import as_text
from gateway.dialects.sealing import named, seal
from gateway.dialects.usage import anthropic_counts, anthropic_usage
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
from gateway.schemas.wire.common import given

_decode = msgspec.json.Decoder(wire.Reply).decode
_decode_block = msgspec.json.Decoder(wire.ReplyBlock).decode
_decode_stop = msgspec.json.Decoder(wire.StopDetails).decode
_encode = msgspec.json.Encoder().encode


def read_reply(body: bytes, model: str = "") -> Reply:  # noqa: ARG001  (answers name it)
    """Raises UpstreamProtocolError for what is not a message."""
    try:
        reply = _decode(body)
        parts = tuple([_part(raw) for raw in reply.content])
    except UNREADABLE as error:
        raise UpstreamProtocolError(f"the provider's answer is not a message: {error}") from error
    if reply.type != "message":
        raise UpstreamProtocolError("the provider's answer is not a message")
    native = reply.stop_reason or ""
    details = bytes(reply.stop_details) if given(reply.stop_details) else b""
    choice = Choice(
        parts=parts,
        finish=FINISH.get(native, "other"),
        native=native,
        stop_sequence=reply.stop_sequence,
        explanation=explanation(details),
        details=details,
    )
    counts = anthropic_counts(reply.usage)
    return Reply(
        dialect=NAME,
        id=reply.id or "",
        model=reply.model or "",
        choices=(choice,),
        usage=None if counts is None else anthropic_usage(counts),
        service_tier="" if counts is None else as_text(counts.service_tier),
    )


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


def stop_reason(finish: Finish, called: bool, refused: bool) -> str:
    """Anthropic's word for why an answer ended.

    `called`: it has a tool call, which OpenAI's servers do not always say (a forced call ends with `stop` there).
    `refused`: it has a refusal, which OpenAI says in a field of its own.
    """
    if finish in ("stop", "other"):
        return "tool_use" if called else "refusal" if refused else "end_turn"
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
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    out = wire.ReplyOut(
        id=answer_id("msg_", reply.id or reply_id),
        type="message",
        role="assistant",
        model=reply.model or request_model,
        content=[block for part in choice.parts if (block := _block(part)) is not None],
        stop_reason=stop_reason(choice.finish, called, refused),
        stop_sequence=choice.stop_sequence,
        usage=usage_out(reply.usage or Usage(), tier_out(reply.service_tier)),
    )
    body = _encode(out)
    if choice.details and reply.dialect == NAME:
        return body[:-1] + b',"stop_details":' + choice.details + b"}"
    return body


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
    if isinstance(part, Opaque) and part.dialect == NAME:
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
