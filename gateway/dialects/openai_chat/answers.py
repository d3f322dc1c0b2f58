"""Reads and writes whole answers of OpenAI Chat Completions."""

from time import time

import msgspec
from msgspec import Raw

from gateway.dialects.decode import UNREADABLE
from gateway.dialects.failures import stream_failure
from gateway.dialects.ids import answer_id
from gateway.dialects.openai_chat.citations import read_citations
from gateway.dialects.openai_chat.messages_in import read_call, read_reasoning
from gateway.dialects.openai_chat.messages_out import NAME, detail, signed
from gateway.dialects.usage import openai_usage
from gateway.errors import UpstreamError, UpstreamProtocolError
from gateway.schemas.chat import (
    Audio,
    ChatRequest,
    Choice,
    Citation,
    Finish,
    Part,
    Reasoning,
    Refusal,
    Reply,
    SealedReasoning,
    Source,
    Text,
    ToolCall,
)
from gateway.schemas.usage import Usage
from gateway.schemas.wire import openai_chat as wire
from gateway.schemas.wire import openai_chat_answers as answers
from gateway.schemas.wire.common import ABSENT, given

_decode = msgspec.json.Decoder(answers.Reply).decode
_said = msgspec.json.Decoder(answers.Said).decode
_encode = msgspec.json.Encoder().encode
_NULL = Raw(b"null")
_AUDIO_ID = msgspec.json.Decoder(wire.AudioRef)


def read_reply(body: bytes, model: str = "") -> Reply:  # noqa: ARG001  (answers name it)
    """Raises UpstreamProtocolError for what is not a chat completion."""
    try:
        reply = _decode(body)
        choices = tuple([_choice(choice, index) for index, choice in enumerate(reply.choices)])
    except UNREADABLE as error:
        raise _no_reply(body, error) from error
    return Reply(
        dialect=NAME,
        id=reply.id or "",
        model=reply.model or "",
        choices=choices,
        created=int(reply.created or 0),
        usage=openai_usage(reply.usage),
        service_tier=reply.service_tier or "",
        fingerprint=reply.system_fingerprint or "",
    )


def _no_reply(body: bytes, error: Exception) -> UpstreamError:
    """What went wrong: some servers report an error with status 200."""
    try:
        said = _said(body).error
    except UNREADABLE:
        said = None
    if said:
        return stream_failure(said, NAME)
    return UpstreamProtocolError(f"the provider's answer is not a chat completion: {error}")


def _choice(choice: answers.ReplyChoice, place: int) -> Choice:
    native = choice.finish_reason or ""
    message = choice.message
    called = bool(message.tool_calls) or message.function_call is not None
    return Choice(
        parts=_parts(message),
        finish=finish_of(native, bool(message.refusal) and not called),
        index=place if choice.index is None else choice.index,
        native=native,
        logprobs=bytes(choice.logprobs) if given(choice.logprobs) else b"",
    )


def _parts(message: answers.ReplyMessage) -> tuple[Part, ...]:
    parts: list[Part] = [*read_reasoning(message)]
    content = message.content
    if isinstance(content, list):
        parts += _listed(content)
    elif content:
        parts.append(Text(content, citations=read_citations(message.annotations)))
    if message.refusal:
        parts.append(Refusal(message.refusal))
    if given(message.audio):
        raw = bytes(message.audio)
        parts.append(Audio(Source(file_id=_AUDIO_ID.decode(raw).id or "", dialect=NAME), raw=raw))
    for place, call in enumerate(message.tool_calls or ()):
        parts.append(read_call(call, f"call_{place}"))
    if message.function_call is not None:
        call = wire.ToolCall(function=message.function_call)
        parts.append(read_call(call, "call_0"))
    return tuple(parts)


def _listed(content: list[answers.ReplyText]) -> list[Part]:
    parts: list[Part] = []
    for item in content:
        if item.thinking is not None:
            parts.append(Reasoning(thinking_text(item)))
        elif item.text:
            parts.append(Text(item.text))
    return parts


def thinking_text(item: answers.ReplyText) -> str:
    """The thought in a part of Mistral's, which nests it as text parts."""
    if isinstance(item.thinking, list):
        return "".join([inner.text or "" for inner in item.thinking])
    return item.thinking or ""


FINISH: dict[str, Finish] = {
    "": "stop",
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


def finish_of(native: str, refused: bool) -> Finish:
    """`refused`: the answer is a refusal, which OpenAI says in a field of its own."""
    finish = FINISH.get(native, "other")
    return "refusal" if refused and finish in ("stop", "other") else finish


_FINISH_OUT: dict[Finish, str] = {
    "length": "length",
    "context_window": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}


ENDED = frozenset({"stop", "completed"})
"""OpenAI's words, in either dialect, for an answer that ended by itself, which one that is a refusal does too."""


def finish_word(finish: Finish, native: str = "") -> str:
    """OpenAI's word for why an answer ended; `native` is its own word, where the answer was OpenAI's."""
    if native == "function_call":
        return native
    if finish == "refusal" and native in ENDED:
        return "stop"
    return _FINISH_OUT.get(finish, "stop")


def usage_out(usage: Usage) -> answers.UsageOut:
    return answers.UsageOut(
        prompt_tokens=usage.input,
        completion_tokens=usage.output,
        total_tokens=usage.input + usage.output,
        prompt_tokens_details=answers.PromptDetailsOut(usage.cached, usage.input_audio, usage.cache_write),
        completion_tokens_details=answers.CompletionDetailsOut(usage.reasoning, usage.output_audio),
    )


# --- writing ---


def write_reply(
    reply: Reply,
    *,
    request_model: str = "",
    reply_id: str = "",
    created: int = 0,
    request: ChatRequest | None = None,  # noqa: ARG001
) -> bytes:
    """`request_model`, `reply_id` and `created` stand in where the provider said nothing."""
    out = answers.ReplyOut(
        id=answer_id("chatcmpl-", reply.id or reply_id),
        object="chat.completion",
        created=reply.created or created or int(time()),
        model=reply.model or request_model,
        choices=[_choice_out(choice) for choice in reply.choices],
        usage=None if reply.usage is None else usage_out(reply.usage),
        service_tier=tier_out(reply.service_tier),
        system_fingerprint=reply.fingerprint or None,
    )
    return _encode(out)


def tier_out(tier: str) -> str | None:
    """Anthropic says standard where OpenAI says default; its batch has no word."""
    return _TIERS.get(tier, tier) or None


_TIERS = {"standard": "default", "batch": ""}


def _choice_out(choice: Choice) -> answers.ChoiceOut:
    logprobs = Raw(choice.logprobs) if choice.logprobs else _NULL
    finish = finish_word(choice.finish, choice.native)
    return answers.ChoiceOut(choice.index, _message_out(choice), logprobs, finish)


def _message_out(choice: Choice) -> answers.MessageOut:
    texts: list[str] = []
    length = 0
    annotations: list[answers.Annotation] = []
    thoughts: list[Reasoning | SealedReasoning] = []
    calls: list[wire.ToolCall] = []
    out = answers.MessageOut("assistant", None, None)
    for part in choice.parts:
        if isinstance(part, Text):
            annotations += [
                note for each in part.citations if (note := annotation(each, length, len(part.text)))
            ]
            length += len(part.text)
            texts.append(part.text)
        elif isinstance(part, ToolCall):
            calls.append(_call_out(part))
        elif isinstance(part, Reasoning | SealedReasoning):
            thoughts.append(part)
        elif isinstance(part, Refusal):
            out.refusal = (out.refusal or "") + part.text
        elif isinstance(part, Audio) and part.raw:
            out.audio = Raw(part.raw)
    if choice.explanation and out.refusal is None:
        out.refusal = choice.explanation
    if texts or not (calls or out.refusal or out.audio is not ABSENT):
        out.content = "".join(texts)
    out.annotations, out.tool_calls = annotations or None, calls or None
    if thoughts:
        shown = "".join([thought.text for thought in thoughts if isinstance(thought, Reasoning)])
        out.reasoning_content = shown or None
        out.reasoning_details = [detail(thought, place) for place, thought in enumerate(thoughts)]
    return out


def _call_out(call: ToolCall) -> wire.ToolCall:
    extra = signed(call.signature)
    if call.kind == "custom":
        custom = wire.CustomCall(name=call.name, input=call.arguments)
        return wire.ToolCall(id=call.id, type="custom", custom=custom, extra_content=extra)
    function = wire.FunctionCall(name=call.name, arguments=Raw(_encode(call.arguments or "{}")))
    return wire.ToolCall(id=call.id, type="function", function=function, extra_content=extra)


def annotation(citation: Citation, before: int, size: int) -> answers.Annotation | None:
    """A citation of the web as OpenAI has it; one of a document has no place there.

    `before` is the length of the answer up to the text that the citation hangs on, `size` that text's length.
    """
    if not citation.url:
        return None
    start = before if citation.start is None else citation.start
    end = before + size if citation.end is None else citation.end
    where = answers.UrlCitation(start, end, citation.title, citation.url, citation.quote or None)
    return answers.Annotation("url_citation", where)
