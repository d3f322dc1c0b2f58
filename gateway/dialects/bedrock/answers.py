"""Reads and writes whole answers of Bedrock Converse."""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.bedrock import blocks_out as out
from gateway.dialects.bedrock.blocks_in import NAME, read_parts
from gateway.dialects.bedrock.families import reasoning_format
from gateway.dialects.bedrock.pictures import image_out, picture
from gateway.dialects.bedrock.tokens import read_usage, usage_out
from gateway.dialects.decode import UNREADABLE
from gateway.errors import UpstreamProtocolError
from gateway.schemas.chat import (
    ChatRequest,
    Choice,
    Finish,
    Image,
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
from gateway.schemas.wire import bedrock as wire
from gateway.schemas.wire.common import given

_decode = msgspec.json.Decoder(wire.Reply).decode
_decode_stop = msgspec.json.Decoder(wire.StopSequence).decode
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode

_DETAILS = ("metrics", "additionalModelResponseFields", "trace", "performanceConfig")
"""Members of an answer that only Bedrock knows."""


def read_reply(body: bytes, model: str = "") -> Reply:
    """`model` is the one that was asked, since an answer does not name it. Raises UpstreamProtocolError."""
    try:
        reply = _decode(body)
        if reply.output.message is None:
            raise UpstreamProtocolError("the provider's answer has no message")
        parts = read_parts(reply.output.message.content, reasoning_format(model))
    except UNREADABLE as error:
        raise UpstreamProtocolError(f"the provider's answer is not Converse's: {error}") from error
    native = reply.stopReason or ""
    rest = {name: value for name in _DETAILS if given(value := getattr(reply, name))}
    choice = Choice(
        parts=parts,
        finish=FINISH.get(native, "other"),
        native=native,
        stop_sequence=stop_sequence(reply.additionalModelResponseFields),
        details=_encode(rest) if rest else b"",
    )
    return Reply(
        dialect=NAME,
        id="",
        model=model,
        choices=(choice,),
        usage=read_usage(reply.usage),
        service_tier=(reply.serviceTier.type or "") if reply.serviceTier is not None else "",
    )


def stop_sequence(fields: Raw) -> str | None:
    """The sequence that stopped a Claude model, where the caller asked for `/stop_sequence`."""
    if not given(fields):
        return None
    try:
        return _decode_stop(fields).stop_sequence
    except UNREADABLE:
        return None


FINISH: dict[str, Finish] = {
    "": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "context_window",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "refusal": "refusal",
}

_STOP_REASON: dict[Finish, str] = {
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "context_window": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "refusal": "content_filtered",
}
_ONLY_HERE = frozenset({"guardrail_intervened", "malformed_model_output", "malformed_tool_use"})


def stop_reason(finish: Finish, native: str, called: bool) -> str:
    """Bedrock's word for why an answer ended; `native` is its own where the answer was Bedrock's.

    `called`: the answer has a tool call, which OpenAI's servers do not always say.
    """
    if native in _ONLY_HERE:
        return native
    if finish in ("stop", "other"):
        return "tool_use" if called else "end_turn"
    return _STOP_REASON.get(finish, "end_turn")


def tier_out(tier: str) -> dict[str, str] | None:
    """Anthropic says standard where Bedrock says default; its batch has no word."""
    word = {"standard": "default"}.get(tier, tier)
    return {"type": word} if word in ("default", "priority", "flex", "reserved") else None


# --- writing ---


def write_reply(
    reply: Reply,
    *,
    request_model: str = "",  # noqa: ARG001 - an answer of Bedrock's names neither its model nor itself
    reply_id: str = "",  # noqa: ARG001
    created: int = 0,  # noqa: ARG001
    request: ChatRequest | None = None,  # noqa: ARG001
) -> bytes:
    """Bedrock has one choice, no id and no date; nobody measured the latency that it insists on."""
    choice = reply.choices[0] if reply.choices else Choice(())
    called = any(isinstance(part, ToolCall) for part in choice.parts)
    content = [block for part in choice.parts if (block := _block(part)) is not None]
    body: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(choice.finish, choice.native, called),
        "usage": usage_out(reply.usage or Usage()),
        "metrics": {"latencyMs": 0},
    }
    if choice.details and reply.dialect == NAME:
        body.update(_MEMBERS.decode(choice.details))
    elif choice.stop_sequence is not None:
        body["additionalModelResponseFields"] = {"stop_sequence": choice.stop_sequence}
    tier = tier_out(reply.service_tier)
    if tier is not None:
        body["serviceTier"] = tier
    return _encode(body)


def _block(part: Part) -> out.Block | None:
    if isinstance(part, Text):
        cited = [raw for each in part.citations if (raw := out.citation_out(each)) is not None]
        if cited:
            return {"citationsContent": {"content": [{"text": part.text}], "citations": cited}}
        return {"text": part.text} if part.text else None
    if isinstance(part, ToolCall):
        return out.tool_use(part)
    if isinstance(part, Reasoning | SealedReasoning):
        return out.thought_for_caller(part)
    if isinstance(part, Refusal):
        return {"text": part.text} if part.text else None
    if isinstance(part, Image):
        image = image_out(part)
        return None if image is None else {"image": image}
    if isinstance(part, Opaque):
        return _opaque_block(part)
    return None


def _opaque_block(part: Opaque) -> out.Block | None:
    if part.dialect == NAME:
        return Raw(part.raw)
    image = picture(part.dialect, part.kind, part.raw)
    return None if image is None else {"image": image}
