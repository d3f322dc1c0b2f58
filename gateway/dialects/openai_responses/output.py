"""The output of a response: its items, its status and its frame, alike whole and streamed."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.dropped import Dropped
from gateway.dialects.ids import answer_id
from gateway.dialects.openai_chat.answers import ENDED
from gateway.dialects.openai_responses.items_in import ITEM, NAME
from gateway.dialects.openai_responses.items_out import annotation
from gateway.dialects.openai_responses.requests_in import INSTRUCTIONS
from gateway.dialects.openai_responses.requests_out import effort_of, format_out, tool_choice_out, tool_out
from gateway.dialects.openai_responses.thought import continues, write_thought
from gateway.schemas.chat import (
    BuiltinTool,
    ChatRequest,
    Citation,
    Finish,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    SealedReasoning,
    Text,
    Tool,
    ToolCall,
)
from gateway.schemas.usage import Usage

Json = dict[str, Any]

_NOWHERE = Dropped()


def suffix_of(response_id: str) -> str:
    """What the ids of a response's items have in common."""
    return response_id.removeprefix("resp_")[:64]


def response_id(upstream: str) -> str:
    return answer_id("resp_", upstream)


# --- items ---


def customs_of(request: ChatRequest | None) -> frozenset[str]:
    """The caller's tools that take free text."""
    tools = () if request is None else request.tools
    return frozenset([tool.name for tool in tools if isinstance(tool, Tool) and tool.kind == "custom"])


class _Wrapped(msgspec.Struct):
    input: str


def unwrapped(arguments: str) -> str:
    """The text that a model wrote which knows custom tools only as functions of the one string `input`."""
    try:
        return msgspec.json.decode(arguments, type=_Wrapped).input
    except msgspec.DecodeError:
        return arguments


def write_output(
    parts: tuple[Part, ...], logprobs: list[Raw], suffix: str, customs: frozenset[str] = frozenset()
) -> list[Any]:
    """The items of an answer. `logprobs` go with its first text; calls of tools in `customs` are custom ones."""
    items: list[Any] = []
    before = 0
    for group in _groups(parts):
        first, place = group[0], f"{suffix}_{len(items)}"
        if isinstance(first, ToolCall):
            kind, text = first.kind, first.arguments
            if kind == "function" and first.name in customs:
                kind, text = "custom", unwrapped(text)
            items.append(call_item(place, kind, first.id, first.name, text, "completed"))
        elif isinstance(first, Reasoning | SealedReasoning):
            thoughts = [part for part in group if isinstance(part, Reasoning | SealedReasoning)]
            items.append(write_thought(thoughts, place))
        elif isinstance(first, Opaque):
            items.append(Raw(first.raw))
        else:
            contents: list[Json] = []
            for part in group:
                if isinstance(part, Text):
                    contents.append(text_content(part.text, before, part.citations, logprobs))
                    before, logprobs = before + len(part.text), []
                elif isinstance(part, Refusal):
                    contents.append(refusal_content(part.text))
            items.append(message_item(place, contents, "completed"))
    return items


def _groups(parts: tuple[Part, ...]) -> list[list[Part]]:
    """Parts that share an item: neighbouring texts, and thought of one native item."""
    groups: list[list[Part]] = []
    for part in parts:
        if not _shown(part):
            continue
        last = groups[-1][-1] if groups else None
        if isinstance(part, Text | Refusal):
            joins = isinstance(last, Text | Refusal)
        elif isinstance(part, Reasoning | SealedReasoning):
            joins = isinstance(last, Reasoning | SealedReasoning) and continues(last, part)
        else:
            joins = False
        if joins:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _shown(part: Part) -> bool:
    if isinstance(part, Text | Refusal):
        return bool(part.text)
    if isinstance(part, Opaque):
        return part.dialect == NAME and part.kind.startswith(ITEM)
    return isinstance(part, ToolCall | Reasoning | SealedReasoning)


def message_item(place: str, contents: Sequence[Json], status: str) -> Json:
    return {
        "id": f"msg_{place}",
        "type": "message",
        "status": status,
        "content": contents,
        "role": "assistant",
    }


def text_content(
    text: str, before: int = 0, citations: Sequence[Citation] = (), logprobs: Sequence[Raw] = ()
) -> Json:
    """`before` is the length of the answer up to this text."""
    notes = [note for each in citations if (note := annotation(each, before, len(text))) is not None]
    return {"type": "output_text", "text": text, "annotations": notes, "logprobs": logprobs}


def refusal_content(text: str) -> Json:
    return {"type": "refusal", "refusal": text}


def call_item(place: str, kind: str, call_id: str, name: str, text: str, status: str) -> Json:
    """`text` is the arguments or, for a custom tool, the input."""
    if kind == "custom":
        return {
            "id": f"ctc_{place}",
            "type": "custom_tool_call",
            "call_id": call_id,
            "name": name,
            "input": text,
        }
    return {
        "id": f"fc_{place}",
        "type": "function_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "arguments": text or ("{}" if status == "completed" else ""),
    }


# --- the frame ---

_INCOMPLETE: dict[Finish, str] = {
    "length": "max_output_tokens",
    "context_window": "max_output_tokens",
    "content_filter": "content_filter",
}


def incomplete_reason(finish: Finish, native: str) -> str:
    """Why an answer is no whole one; "" for one that is, as OpenAI's own refusals are."""
    return "" if finish == "refusal" and native in ENDED else _INCOMPLETE.get(finish, "")


def tier_out(tier: str) -> str | None:
    """Anthropic says standard where OpenAI says default; its batch has no word."""
    return {"standard": "default", "batch": ""}.get(tier, tier) or None


def usage_out(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def frame(identity: str, created: int, model: str, tier: str, request: ChatRequest | None) -> Json:
    """A response before anything is known of its answer: `status`, `output`, `usage` are still to be filled in.

    It repeats the request's settings, as OpenAI's does; without the request, what says least.
    """
    return {
        "id": identity,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": tier_out(tier),
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": {},
    } | ({} if request is None else _settings(request))


def _settings(request: ChatRequest) -> Json:
    settings: Json = {
        "max_output_tokens": request.max_output,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "user": request.user or None,
        "tools": [_tool(tool) for tool in request.tools],
    }
    first = request.messages[0] if request.messages else None
    if first is not None and first.rest == INSTRUCTIONS:
        settings["instructions"] = "".join([part.text for part in first.parts if isinstance(part, Text)])
    if request.parallel_tools is not None:
        settings["parallel_tool_calls"] = request.parallel_tools
    if request.tool_choice is not None:
        settings["tool_choice"] = tool_choice_out(request.tool_choice, request)
    if request.output is not None:
        settings["text"] = {"format": format_out(request.output)}
    if request.thinking is not None:
        effort = request.thinking.effort or effort_of(request.thinking.budget)
        settings["reasoning"] = {"effort": effort or None, "summary": request.thinking.spelling or None}
    if request.metadata:
        settings["metadata"] = Raw(request.metadata)
    if request.safety_id:
        settings["safety_identifier"] = request.safety_id
    if request.top_logprobs is not None:
        settings["top_logprobs"] = request.top_logprobs
    return settings


def _tool(tool: Tool | BuiltinTool) -> Any:
    return Raw(tool.raw) if isinstance(tool, BuiltinTool) else tool_out(tool, True, _NOWHERE)


def settle(response: Json, output: list[Any], reason: str, usage: Usage | None) -> Json:
    """The frame, filled in. `reason`: why the answer is no whole one."""
    return response | {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "usage": None if usage is None else usage_out(usage),
    }


encode = msgspec.json.Encoder().encode
