"""One answer as each provider streams it: thought, text and two tool calls, event by event, ready to be broken."""

import json
from typing import Any

from gateway._speedups.eventstream import frame

ARGUMENTS = ('{"city":"Zürich"}', '{"n":[1,2]}')
THOUGHT, TEXT = "Hm. ☂", "It is “wet”."
Json = dict[str, Any]


def sse(event: Json, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def split(text: str, size: int) -> list[str]:
    """Pieces of `size` characters; 0: one piece."""
    return [text[at : at + size] for at in range(0, len(text), size)] if size else [text]


def chat(size: int, early: bool) -> list[bytes]:
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    deltas: list[Json] = [{"role": "assistant"}]
    deltas += [{"reasoning_content": piece} for piece in split(THOUGHT, size)]
    deltas += [{"content": piece} for piece in split(TEXT, size)]
    for index, arguments in enumerate(ARGUMENTS):
        called = {"name": f"f{index}", "arguments": ""}
        deltas.append(
            {"tool_calls": [{"index": index, "id": f"c{index}", "type": "function", "function": called}]}
        )
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in split(arguments, size)
        ]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "m"}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    last = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    events = [{**head, "choices": [choice]} for choice in choices]
    end = [{**head, "choices": [last]}, {**head, "choices": [], "usage": usage}]
    events += reversed(end) if early else end
    return [*[sse(event) for event in events], b"data: [DONE]\n\n"]


def messages(size: int, early: bool) -> list[bytes]:
    usage = {"input_tokens": 9, "output_tokens": 5}
    blocks: list[tuple[Json, list[Json]]] = [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [{"type": "thinking_delta", "thinking": piece} for piece in split(THOUGHT, size)],
        ),
        (
            {"type": "text", "text": ""},
            [{"type": "text_delta", "text": piece} for piece in split(TEXT, size)],
        ),
    ]
    for index, arguments in enumerate(ARGUMENTS):
        block = {"type": "tool_use", "id": f"c{index}", "name": f"f{index}", "input": {}}
        said = [{"type": "input_json_delta", "partial_json": piece} for piece in split(arguments, size)]
        blocks.append((block, said))
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    events: list[Json] = [{"type": "message_start", "message": {**start, "usage": usage}}]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end: Json = {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}}
    events.append(end if early else {**end, "usage": {"output_tokens": 5}})
    return [sse(event, event["type"]) for event in [*events, {"type": "message_stop"}]]


def responses(size: int, early: bool) -> list[bytes]:
    items: list[Json] = [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": THOUGHT}]},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": TEXT, "annotations": [], "logprobs": []}],
        },
    ]
    items += [
        {
            "type": "function_call",
            "id": f"fc_{n}",
            "call_id": f"c{n}",
            "name": f"f{n}",
            "arguments": arguments,
        }
        for n, arguments in enumerate(ARGUMENTS)
    ]
    kinds = ["reasoning_summary_text", "output_text", "function_call_arguments", "function_call_arguments"]
    usage = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14}
    head: Json = {
        "id": "resp_1",
        "object": "response",
        "created_at": 5,
        "model": "m",
        "status": "in_progress",
    }
    head["usage"] = usage if early else None
    events: list[Json] = [{"type": "response.created", "response": {**head, "output": []}}]
    for index, (item, kind) in enumerate(zip(items, kinds, strict=True)):
        at = {"output_index": index, "item_id": item["id"], "content_index": 0, "summary_index": 0}
        empty = {**item, "arguments": "", "content": [], "summary": []}
        events.append({"type": "response.output_item.added", "output_index": index, "item": empty})
        for piece in split((THOUGHT, TEXT, *ARGUMENTS)[index], size):
            events.append({"type": f"response.{kind}.delta", **at, "delta": piece})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    whole = {**head, "status": "completed", "output": items, "usage": usage}
    events.append({"type": "response.completed", "response": whole})
    return [sse({**event, "sequence_number": n}, event["type"]) for n, event in enumerate(events)]


def gemini(size: int, early: bool) -> list[bytes]:
    parts: list[Json] = [{"text": piece, "thought": True} for piece in split(THOUGHT, size)]
    parts += [{"text": piece} for piece in split(TEXT, size)]
    parts += [
        {"functionCall": {"id": f"c{n}", "name": f"f{n}", "args": json.loads(arguments)}}
        for n, arguments in enumerate(ARGUMENTS)
    ]
    usage = {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}}
    about = {"modelVersion": "m", "responseId": "r"}
    events: list[Json] = [
        {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], **about}
        for part in parts
    ]
    last = {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP", "index": 0}
    if early:
        events[0].update(usage)
    return [sse(event) for event in [*events, {"candidates": [last], **about, **({} if early else usage)}]]


def converse(size: int, early: bool) -> list[bytes]:
    blocks: list[tuple[Json | None, list[Json]]] = [
        (None, [{"reasoningContent": {"text": piece}} for piece in split(THOUGHT, size)]),
        (None, [{"text": piece} for piece in split(TEXT, size)]),
    ]
    for n, arguments in enumerate(ARGUMENTS):
        start = {"toolUse": {"toolUseId": f"c{n}", "name": f"f{n}"}}
        blocks.append((start, [{"toolUse": {"input": piece}} for piece in split(arguments, size)]))
    events: list[tuple[str, Json]] = [("messageStart", {"role": "assistant"})]
    for index, (begun, deltas) in enumerate(blocks):
        at = {"contentBlockIndex": index}
        if begun is not None:
            events.append(("contentBlockStart", {**at, "start": begun}))
        events += [("contentBlockDelta", {**at, "delta": delta}) for delta in deltas]
        events.append(("contentBlockStop", at))
    usage = {"inputTokens": 9, "outputTokens": 5, "totalTokens": 14}
    end = [("messageStop", {"stopReason": "tool_use"}), ("metadata", {"usage": usage})]
    events += reversed(end) if early else end
    return [frame(name, json.dumps(event).encode()) for name, event in events]


def cohere(size: int, early: bool) -> list[bytes]:
    events: list[Json] = [{"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}}]
    for index, (kind, text) in enumerate((("thinking", THOUGHT), ("text", TEXT))):
        for name, piece in (("start", ""), *[("delta", piece) for piece in split(text, size)]):
            said = {"content": {"type": kind, kind: piece} if name == "start" else {kind: piece}}
            events.append({"type": f"content-{name}", "index": index, "delta": {"message": said}})
        events.append({"type": "content-end", "index": index})
    for index, arguments in enumerate(ARGUMENTS):
        call = {"id": f"c{index}", "type": "function", "function": {"name": f"f{index}", "arguments": ""}}
        pieces = [{"function": {"arguments": piece}} for piece in split(arguments, size)]
        for name, said in (("start", call), *[("delta", piece) for piece in pieces]):
            delta = {"message": {"tool_calls": said}}
            events.append({"type": f"tool-call-{name}", "index": index, "delta": delta})
        events.append({"type": "tool-call-end", "index": index})
    usage = {"tokens": {"input_tokens": 9, "output_tokens": 5}}
    events.append({"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": usage}})
    return [sse(event, event["type"]) for event in events]


STREAMS = {
    "chat_completions": chat,
    "responses": responses,
    "messages": messages,
    "generate_content": gemini,
    "converse": converse,
    "cohere_chat": cohere,
}
"""By the provider's endpoint: (characters in a piece, whether usage comes before the finish) to the stream's events."""

_OPENAI = {"message": "overloaded", "type": "server_error", "code": "server_error"}
ERRORS = {
    "chat_completions": sse({"error": _OPENAI}),
    "responses": sse({**_OPENAI, "type": "error"}, "error"),
    "messages": sse(
        {"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}}, "error"
    ),
    "generate_content": sse({"error": {"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}}),
    "converse": frame("serviceUnavailableException", b'{"message":"overloaded"}', "exception"),
    "cohere_chat": sse({"type": "error", "message": "overloaded"}, "error"),
}
NOVELTIES = {
    "chat_completions": sse({"object": "chat.novelty", "novelty": {"x": 1}}),
    "responses": sse({"type": "response.novelty", "novelty": {"x": 1}}, "response.novelty"),
    "messages": sse({"type": "novelty", "novelty": {"x": 1}}, "novelty"),
    "generate_content": sse({"novelty": {"x": 1}}),
    "converse": frame("novelty", b'{"x":1}'),
    "cohere_chat": sse({"type": "novelty", "novelty": {"x": 1}}, "novelty"),
}
KEEP_ALIVES = {
    **dict.fromkeys(STREAMS, b": ping\n\n"),
    "messages": b'event: ping\ndata: {"type":"ping"}\n\n',
    "converse": b"",
}
