"""Reads and writes whole answers of Cohere's v2 chat."""

import msgspec
from msgspec import Raw

from gateway.dialects.cohere.citations import NAME, citation_out
from gateway.dialects.cohere.errors import failure
from gateway.dialects.cohere.logprobs import logprobs_out, read_logprobs
from gateway.dialects.cohere.messages_in import PLAN, assembled, read_call, read_thought
from gateway.dialects.cohere.usage import cohere_usage, usage_out
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.sealing import named, seal
from gateway.errors import UpstreamProtocolError
from gateway.schemas.chat import (
    ChatRequest,
    Choice,
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
from gateway.schemas.events import SealedDelta
from gateway.schemas.wire import cohere as wire

_decode = msgspec.json.Decoder(wire.Reply).decode
_encode = msgspec.json.Encoder().encode


def read_reply(body: bytes, model: str = "") -> Reply:  # noqa: ARG001  (answers name it)
    """Raises UpstreamProtocolError for what is not an answer, UpstreamStatus for one that says it failed."""
    try:
        reply = _decode(body)
        parts = _parts(reply.message)
    except UNREADABLE as error:
        raise UpstreamProtocolError(f"the provider's answer is not a chat answer: {error}") from error
    native = reply.finish_reason or ""
    failed = failure(native, body=body)
    if failed is not None:
        raise failed
    choice = Choice(
        parts=parts,
        finish=FINISH.get(native, "other"),
        native=native,
        logprobs=read_logprobs(reply.logprobs),
    )
    return Reply(
        dialect=NAME, id=reply.id or "", model="", choices=(choice,), usage=cohere_usage(reply.usage)
    )


def _parts(message: wire.ReplyMessage) -> tuple[Part, ...]:
    content = message.content
    listed = [wire.ReplyPart("text", content)] if isinstance(content, str) else content or []
    calls = [read_call(call, f"call_{place}") for place, call in enumerate(message.tool_calls or ())]
    parts = assembled([_block(part) for part in listed], message.tool_plan, calls, message.citations)
    return tuple([part for part in parts if not _is_empty(part)])


def _block(part: wire.ReplyPart) -> Part:
    if part.type == "thinking" or (part.type is None and part.text is None):
        return read_thought(part)
    return Text(part.text or "")


def _is_empty(part: Part) -> bool:
    return (isinstance(part, Text) and not part.text) or (
        isinstance(part, Reasoning) and not (part.text or part.signature)
    )


FINISH: dict[str, Finish] = {
    "": "stop",
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_LIMIT": "context_window",
    "ERROR_TOXIC": "content_filter",
}
"""The last two are words of Cohere's v1, which has no others for them in v2."""

_FINISH_OUT: dict[Finish, str] = {
    "stop_sequence": "STOP_SEQUENCE",
    "length": "MAX_TOKENS",
    "context_window": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
    "refusal": "ERROR_TOXIC",
}


def finish_word(finish: Finish, called: bool) -> str:
    """Cohere's word for why an answer ended; `called`: it has a tool call, which not every server says."""
    if finish in ("stop", "other"):
        return "TOOL_CALL" if called else "COMPLETE"
    return _FINISH_OUT.get(finish, "COMPLETE")


# --- writing ---


def write_reply(
    reply: Reply,
    *,
    request_model: str = "",  # noqa: ARG001
    reply_id: str = "",
    created: int = 0,  # noqa: ARG001
    request: ChatRequest | None = None,  # noqa: ARG001
) -> bytes:
    """`reply_id` stands in where the provider said nothing. Cohere has one choice, and neither model nor date."""
    choice = reply.choices[0] if reply.choices else Choice(())
    message = _message_out(choice)
    out = wire.ReplyOut(
        id=reply.id or reply_id,
        finish_reason=finish_word(choice.finish, message.tool_calls is not None),
        message=message,
        usage=None if reply.usage is None else usage_out(reply.usage),
        logprobs=logprobs_out(choice.logprobs),
    )
    return _encode(out)


def _message_out(choice: Choice) -> wire.MessageOut:
    content: list[wire.ContentOut] = []
    calls: list[wire.ToolCallOut] = []
    citations: list[Raw] = []
    plan = ""
    before = 0
    for part in choice.parts:
        if isinstance(part, ToolCall):
            calls.append(call_out(part.id, part.name, call_arguments(part)))
        elif isinstance(part, Reasoning) and part.format == PLAN:
            plan += part.text
        elif isinstance(part, Reasoning | SealedReasoning):
            content.append(_thought(part))
        elif isinstance(part, Text) and part.text:
            for each in part.citations:
                raw = citation_out(each, part.text, before, len(content))
                citations += [] if raw is None else [raw]
            before += len(part.text)
            content.append(wire.TextPart(text=part.text))
        elif isinstance(part, Refusal) and part.text:
            content.append(wire.TextPart(text=part.text))
        elif isinstance(part, Opaque) and part.dialect == NAME and part.kind == "citations":
            citations.append(Raw(part.raw))
    if choice.explanation and not any(isinstance(part, wire.TextPart) for part in content):
        content.append(wire.TextPart(text=choice.explanation))
    return wire.MessageOut("assistant", plan or None, calls or None, content or None, citations or None)


def _thought(part: Reasoning | SealedReasoning) -> wire.ThinkingPart:
    if isinstance(part, SealedReasoning):
        return wire.ThinkingPart(thinking="", data=sealed_data(part), format=part.format or None)
    signature = part.signature or named(part)
    if not signature:
        return wire.ThinkingPart(thinking=part.text)
    return wire.ThinkingPart(thinking=part.text, signature=signature, format=part.format or None)


def sealed_data(part: SealedReasoning | SealedDelta) -> str:
    """What is sealed; in the gateway's envelope where its provider knows it by an id, for which Cohere has no place."""
    return seal(SealedReasoning(part.data, part.id, part.format)) if part.id else part.data


def call_out(identity: str, name: str, arguments: str) -> wire.ToolCallOut:
    return wire.ToolCallOut(identity, "function", wire.FunctionOut(name, arguments))


def call_arguments(call: ToolCall) -> str:
    """A custom call's free text as the one field `input`."""
    if call.kind == "custom":
        return _encode({"input": call.arguments}).decode()
    return call.arguments or "{}"
