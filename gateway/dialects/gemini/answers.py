"""Reads and writes whole answers of Gemini's generateContent."""

import msgspec
from msgspec import Raw

from gateway.dialects.decode import UNREADABLE
from gateway.dialects.gemini.calls import made_up, said
from gateway.dialects.gemini.citations import Sources, Spot, read_citations
from gateway.dialects.gemini.contents_out import call_args
from gateway.dialects.gemini.errors import NAME, stream_failure
from gateway.dialects.gemini.logprobs import read_logprobs, write_logprobs
from gateway.dialects.gemini.parts_in import decode_part, odd_kind, rest_of
from gateway.dialects.gemini.signatures import FORMAT, carry, seal, unseal
from gateway.dialects.gemini.usage import read_usage, write_usage
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
from gateway.schemas.wire import gemini as wire
from gateway.schemas.wire.common import ABSENT, given

_decode = msgspec.json.Decoder(wire.Reply).decode
_candidate = msgspec.json.Decoder(wire.Candidate).decode
_feedback = msgspec.json.Decoder(wire.PromptFeedback).decode
_encode = msgspec.json.Encoder().encode


def read_reply(body: bytes, model: str = "") -> Reply:  # noqa: ARG001  (answers name it)
    """Raises UpstreamProtocolError for what is no answer of generateContent, UpstreamStatus for an error in one."""
    try:
        reply = _decode(body)
        if given(reply.error):
            raise stream_failure(body)
        choices = _choices(reply)
    except UNREADABLE as error:
        raise UpstreamProtocolError(f"the provider's answer is not Gemini's: {error}") from error
    return Reply(
        dialect=NAME,
        id=reply.response_id or "",
        model=reply.model_version or "",
        choices=choices,
        usage=read_usage(reply.usage_metadata),
    )


def _choices(reply: wire.Reply) -> tuple[Choice, ...]:
    choices = [
        _choice(raw, place, reply.response_id or "") for place, raw in enumerate(reply.candidates or ())
    ]
    if not given(reply.prompt_feedback):
        if reply.candidates is None:
            raise UpstreamProtocolError("the provider's answer has no candidates")
        return tuple(choices)
    feedback = _feedback(reply.prompt_feedback)
    about = Opaque(NAME, PROMPT, bytes(reply.prompt_feedback))
    if choices:
        first = choices[0]
        choices[0] = msgspec.structs.replace(first, parts=(*first.parts, about))
    else:
        native = feedback.block_reason or ""
        choices = [Choice((about,), "content_filter", native=native, explanation=blocked(feedback))]
    return tuple(choices)


PROMPT, CANDIDATE = "promptFeedback", "candidate"
"""Kinds of opaque parts: what Gemini says of the prompt, and what else it says of an answer."""


def blocked(feedback: wire.PromptFeedback) -> str:
    """A sentence about a prompt that was refused."""
    reason = feedback.block_reason or "OTHER"
    return feedback.block_reason_message or f"The prompt was blocked ({reason})."


def _choice(raw: Raw, place: int, reply_id: str) -> Choice:
    candidate = _candidate(raw)
    index = place if candidate.index is None else candidate.index
    parts: list[Part] = []
    spots: list[Spot] = []
    calls = length = 0
    for place, each in enumerate((candidate.content.parts if candidate.content is not None else None) or ()):
        part = decode_part(each)
        read = _part(part, each, reply_id, index, calls)
        calls += isinstance(read, ToolCall)
        signature = seal(part.thought_signature or "")
        if signature and isinstance(read, ToolCall):
            parts.append(SealedReasoning(signature, read.id, FORMAT))
        if isinstance(read, Text):
            spots.append(Spot(len(parts), read.text, length, place))
            length += len(read.text)
        if read is not None:
            parts.append(read)
        if signature and not isinstance(read, ToolCall | Reasoning | Opaque):
            parts.append(SealedReasoning(signature, format=FORMAT))
    rest = rest_of(raw)
    for number, citation in read_citations(rest, spots):
        text = parts[number]
        if isinstance(text, Text):
            parts[number] = Text(text.text, citations=(*text.citations, citation))
    if rest:
        parts.append(Opaque(NAME, CANDIDATE, rest))
    native = candidate.finish_reason or ""
    finish = finish_of(native, calls > 0)
    explanation = (candidate.finish_message or "") if finish == "content_filter" else ""
    logprobs = read_logprobs(raw) if rest else b""
    return Choice(tuple(parts), finish, index, native, explanation=explanation, logprobs=logprobs)


def _part(part: wire.ReplyPart, raw: Raw, reply_id: str, index: int, calls: int) -> Part | None:
    if part.function_call is not None:
        call = part.function_call
        identity = call.id or made_up(reply_id, index, calls)
        return ToolCall(
            identity, call.name or "", read_args(call.args), signature=part.thought_signature or ""
        )
    if part.thought and part.text is not None:
        return Reasoning(part.text, seal(part.thought_signature or ""), format=FORMAT)
    if part.text is not None:
        return Text(part.text) if part.text else None
    kind = odd_kind(raw)
    return None if kind == "part" else Opaque(NAME, kind, bytes(raw))


def read_args(raw: Raw) -> str:
    """A call's arguments as JSON text; {} is said as nothing, as where a stream sends no piece of it.

    Google indents whole answers and not streamed ones: here both become the same.
    """
    text = msgspec.json.format(bytes(raw), indent=-1) if given(raw) else b""
    return "" if text == b"{}" else text.decode()


FINISH: dict[str, Finish] = {
    "": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "JAILBREAK": "content_filter",
    "LANGUAGE": "other",
    "OTHER": "other",
    "MALFORMED_FUNCTION_CALL": "other",
    "UNEXPECTED_TOOL_CALL": "other",
}


def finish_of(native: str, called: bool) -> Finish:
    """Gemini says STOP after calls too."""
    finish = FINISH.get(native, "other")
    return "tool_calls" if called and finish == "stop" else finish


_REASON: dict[Finish, str] = {
    "length": "MAX_TOKENS",
    "context_window": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "pause": "OTHER",
    "other": "OTHER",
}


def finish_reason(finish: Finish, native: str) -> str:
    """Google's word for why an answer ended; `native` is its own word, where the answer was Google's."""
    return native if native in FINISH and native else _REASON.get(finish, "STOP")


# --- writing ---


def write_reply(
    reply: Reply,
    *,
    request_model: str = "",
    reply_id: str = "",
    created: int = 0,  # noqa: ARG001
    request: ChatRequest | None = None,  # noqa: ARG001
) -> bytes:
    """`request_model` and `reply_id` stand in where the provider said nothing. Gemini's answers have no date."""
    out = wire.ReplyOut(
        candidates=[_candidate_out(choice) for choice in reply.choices if not _was_blocked(choice)],
        prompt_feedback=_opaque(reply.choices, PROMPT),
        usage_metadata=None if reply.usage is None else write_usage(reply.usage),
        model_version=reply.model or request_model,
        response_id=reply.id or reply_id or None,
    )
    if not out.candidates:
        out.candidates = None
    return _encode(out)


def _was_blocked(choice: Choice) -> bool:
    """Whether the prompt was refused, so that there is no answer."""
    return len(choice.parts) == 1 and isinstance(part := choice.parts[0], Opaque) and part.kind == PROMPT


def _opaque(choices: tuple[Choice, ...], kind: str) -> Raw:
    for choice in choices:
        for part in choice.parts:
            if isinstance(part, Opaque) and part.dialect == NAME and part.kind == kind:
                return Raw(part.raw)
    return ABSENT


def _candidate_out(choice: Choice) -> wire.CandidateOut | Raw:
    parts: list[wire.Part | Raw] = []
    sources = Sources()
    length = 0
    for part in choice.parts:
        add_part(part, parts)
        if isinstance(part, Text):
            for citation in part.citations:
                sources.add(citation, Spot(0, part.text, length, max(len(parts) - 1, 0)))
            length += len(part.text)
    rest = bytes(_opaque((choice,), CANDIDATE))
    out = wire.CandidateOut(
        content=wire.ContentOut(role="model", parts=parts),
        finish_reason=finish_reason(choice.finish, choice.native),
        finish_message=choice.explanation or None if not rest else None,
        index=choice.index,
        logprobs_result=write_logprobs([choice.logprobs]) if choice.logprobs and not rest else None,
        grounding_metadata=None if rest else sources.out(),
    )
    return Raw(_encode(out)[:-1] + b"," + rest[1:]) if rest else out


def add_part(part: Part, parts: list[wire.Part | Raw]) -> None:
    """Adds one part of an answer. A signature of Google's goes back on the part that it came with, which for a call is
    the call, that says it too."""
    if isinstance(part, Text | Refusal):
        if part.text:
            parts.append(wire.Part(text=part.text))
    elif isinstance(part, Reasoning):
        parts.append(thought_part(part))
    elif isinstance(part, ToolCall):
        parts.append(call_part(part))
    elif isinstance(part, SealedReasoning):
        own = unseal(part.data, part.format)
        if own is None:
            parts.append(thought_part(part))
        elif not part.id:
            sign(own, parts)
    elif isinstance(part, Opaque) and part.dialect == NAME and part.kind not in (PROMPT, CANDIDATE):
        parts.append(Raw(part.raw))


def thought_part(part: Reasoning | SealedReasoning) -> wire.Part:
    text = part.text if isinstance(part, Reasoning) else ""
    return wire.Part(text=text, thought=True, thought_signature=carry(part) or None)


def call_part(part: ToolCall) -> wire.Part:
    call = wire.FunctionCall(name=part.name, id=said(part.id) or None, args=Raw(call_args(part) or b"{}"))
    return wire.Part(function_call=call, thought_signature=part.signature or None)


def sign(signature: str | None, parts: list[wire.Part | Raw]) -> None:
    """Puts a signature of Google's on the last part, or on an empty text where that has one or is no text."""
    if not signature:
        return
    last = parts[-1] if parts else None
    if isinstance(last, wire.Part) and not (last.thought_signature or last.thought or last.function_call):
        last.thought_signature = signature
    else:
        parts.append(wire.Part(text="", thought_signature=signature))
