"""Reads and writes whole answers of OpenAI's Responses API."""

from time import time
from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.decode import UNREADABLE
from gateway.dialects.failures import stream_failure
from gateway.dialects.openai_responses.items_in import ITEM, NAME, read_annotations
from gateway.dialects.openai_responses.output import (
    customs_of,
    encode,
    frame,
    incomplete_reason,
    response_id,
    settle,
    suffix_of,
    write_output,
)
from gateway.dialects.openai_responses.thought import read_thought
from gateway.dialects.openai_responses.usage import responses_usage
from gateway.errors import UpstreamProtocolError
from gateway.schemas.chat import (
    ChatRequest,
    Choice,
    Finish,
    Opaque,
    Part,
    Refusal,
    Reply,
    Text,
    ToolCall,
)
from gateway.schemas.wire import openai_responses_answers as wire
from gateway.schemas.wire.common import given

_decode = msgspec.json.Decoder(wire.Reply).decode
decode_item = msgspec.json.Decoder(wire.Item).decode


def read_reply(body: bytes, model: str = "") -> Reply:  # noqa: ARG001  (answers name it)
    """Raises UpstreamProtocolError for what is not a response, UpstreamStatus for one that failed."""
    try:
        reply = _decode(body)
        if reply.status == "failed" or given(reply.error):
            raise failure(reply.error)
        if reply.output is None:
            raise UpstreamProtocolError("the provider's answer has no output")
        parts, logprobs = _parts(reply.output)
    except UNREADABLE as error:
        raise UpstreamProtocolError(f"the provider's answer is not a response: {error}") from error
    called = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) and part.text for part in parts)
    finish, native = finish_of(reply, called, refused)
    choice = Choice(parts, finish, native=native, logprobs=logprobs)
    return Reply(
        dialect=NAME,
        id=reply.id or "",
        model=reply.model or "",
        choices=(choice,),
        created=int(reply.created_at or 0),
        usage=responses_usage(reply.usage),
        service_tier=reply.service_tier or "",
    )


def failure(error: Raw) -> Exception:
    """What a failed response says of itself, as the status that it means."""
    return stream_failure(msgspec.json.decode(error) if given(error) else None, NAME)


def finish_of(reply: wire.Reply, called: bool, refused: bool) -> tuple[Finish, str]:
    """Why an answer ended, and OpenAI's word for it."""
    if reply.status == "incomplete":
        reason = (reply.incomplete_details.reason if reply.incomplete_details is not None else None) or ""
        return _REASONS.get(reason, "other"), reason or "incomplete"
    if reply.status not in (None, "completed"):
        return "other", reply.status or ""
    return "tool_calls" if called else "refusal" if refused else "stop", "completed"


_REASONS: dict[str, Finish] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def _parts(output: list[Raw]) -> tuple[tuple[Part, ...], bytes]:
    parts: list[Part] = []
    logprobs: list[Raw] = []
    length = 0
    for raw in output:
        item = decode_item(raw)
        if item.type == "message":
            for content in item.content or ():
                if content.refusal is not None:
                    parts.append(Refusal(content.refusal))
                    continue
                text = content.text or ""
                parts.append(Text(text, citations=read_annotations(content.annotations or [], length)))
                logprobs += content.logprobs or []
                length += len(text)
        else:
            parts += _item(item, raw)
    chat = encode({"content": logprobs, "refusal": None}) if logprobs else b""
    return tuple(parts), chat


def _item(item: wire.Item, raw: Raw) -> list[Any]:
    if item.type == "reasoning":
        summaries, texts = texts_of(item)
        return list(read_thought(item.id or "", summaries, texts, item.encrypted_content or ""))
    if item.type == "function_call":
        return [ToolCall(item.call_id or item.id or "", item.name or "", item.arguments or "")]
    if item.type == "custom_tool_call":
        return [ToolCall(item.call_id or item.id or "", item.name or "", item.input or "", "custom")]
    return [Opaque(NAME, ITEM + item.type, bytes(raw))]


def texts_of(item: wire.Item) -> tuple[list[str], list[str]]:
    """A thought's summaries and its raw text."""
    return [each.text or "" for each in item.summary or ()], [each.text or "" for each in item.content or ()]


# --- writing ---


class _Logprobs(msgspec.Struct):
    content: list[Raw] | None = None


_decode_logprobs = msgspec.json.Decoder(_Logprobs).decode


def read_logprobs(chat: bytes) -> list[Raw]:
    """The entries of Chat Completions' object, which are the same."""
    try:
        return _decode_logprobs(chat).content or [] if chat else []
    except msgspec.ValidationError:
        return []


def write_reply(
    reply: Reply,
    *,
    request_model: str = "",
    reply_id: str = "",
    created: int = 0,
    request: ChatRequest | None = None,
) -> bytes:
    """`request_model`, `reply_id` and `created` stand in where the provider said nothing. `request` is what the
    response repeats the settings of; it also tells which tools take free text."""
    choice = reply.choices[0] if reply.choices else Choice(())
    identity = response_id(reply.id or reply_id)
    parts = choice.parts
    if choice.explanation and not any(isinstance(part, Refusal) for part in parts):
        parts = (*parts, Refusal(choice.explanation))
    when = reply.created or created or int(time())
    head = frame(identity, when, reply.model or request_model, reply.service_tier, request)
    output = write_output(parts, read_logprobs(choice.logprobs), suffix_of(identity), customs_of(request))
    return encode(settle(head, output, incomplete_reason(choice.finish, choice.native), reply.usage))
