"""What `bench.translation` translates: one chat, said in each dialect, and pieces of streams as providers send them."""

from functools import cache

import msgspec

from gateway.dialects.codec import TargetFacts
from gateway.dialects.endpoints import ENDPOINTS, Endpoint
from gateway.schemas.events import Started, TextDelta, ToolDelta, ToolStarted

IMAGE_SIZE = 2_000_000
"""Characters of base64."""

MODELS = {
    "chat_completions": "gpt-4o",
    "messages": "claude-sonnet-4-5",
    "responses": "gpt-4o",
    "generate_content": "gemini-2.5-flash",
    "converse": "anthropic.claude-sonnet-4-5-v1:0",
    "cohere_chat": "command-a-03-2025",
}

_WORDS = "The quick brown fox jumps over the lazy dog while the band plays on. "


class Stream(msgspec.Struct, frozen=True):
    """The bytes that open a stream, and one event of it as it comes again and again."""

    opening: bytes
    event: bytes


def _tool(name: str, field: str) -> dict[str, object]:
    schema = {
        "type": "object",
        "properties": {field: {"type": "string", "description": f"The {field} to look up."}},
        "required": [field],
    }
    about = f"Looks up the {name} of a {field}."
    return {"type": "function", "function": {"name": name, "description": about, "parameters": schema}}


def _call(identity: str, name: str, arguments: str) -> dict[str, object]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


_CHAT: dict[str, object] = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant. " + _WORDS * 3},
        {"role": "user", "content": "What is the weather in Oslo?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [_call("call_a1", "weather", '{"city":"Oslo"}')],
        },
        {"role": "tool", "tool_call_id": "call_a1", "content": '{"celsius": 4, "sky": "clear"}'},
        {"role": "assistant", "content": "It is 4 °C in Oslo, with a clear sky. " + _WORDS},
        {"role": "user", "content": "And the time in Rome and in Lima? " + _WORDS},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                _call("call_b1", "time", '{"zone":"Europe/Rome"}'),
                _call("call_b2", "time", '{"zone":"America/Lima"}'),
            ],
        },
        {"role": "tool", "tool_call_id": "call_b1", "content": "14:05"},
        {"role": "tool", "tool_call_id": "call_b2", "content": "07:05"},
        {"role": "user", "content": "Thank you. " + _WORDS * 2},
    ],
    "tools": [_tool("weather", "city"), _tool("time", "zone")],
    "tool_choice": "auto",
    "temperature": 0.7,
    "max_tokens": 1024,
}

_REPLY: dict[str, object] = {
    "id": "chatcmpl-ABC123",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "gpt-4o-2024-08-06",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": _WORDS * 3,
                "refusal": None,
                "annotations": [],
                "tool_calls": [_call("call_c1", "weather", '{"city":"Rome"}')],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {
        "prompt_tokens": 319,
        "completion_tokens": 61,
        "total_tokens": 380,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_fc9f1d7035",
}


@cache
def request(endpoint: Endpoint) -> bytes:
    """The chat as this dialect says it."""
    return _said(endpoint, _CHAT)


@cache
def with_image(endpoint: Endpoint, size: int) -> bytes:
    """A question about a picture of `size` characters of base64."""
    url = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA"[:24] * (size // 24)
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    return _said(endpoint, {"model": "gpt-4o", "messages": [{"role": "user", "content": parts}]})


def _said(endpoint: Endpoint, chat: dict[str, object]) -> bytes:
    neutral = ENDPOINTS["chat_completions"].codec.read_request(msgspec.json.encode(chat))
    return endpoint.codec.write_request(neutral, TargetFacts(model=MODELS[endpoint.name])).body


@cache
def reply(endpoint: Endpoint) -> bytes:
    """The answer as this dialect says it."""
    chat = ENDPOINTS["chat_completions"].codec
    neutral = chat.read_reply(msgspec.json.encode(_REPLY))
    return endpoint.codec.write_reply(neutral, request=chat.read_request(msgspec.json.encode(_CHAT)))


# --- streams ---


def text_event(endpoint: Endpoint) -> Stream:
    """A stream in a text, and one more piece of it."""
    opening = _opening(endpoint, TextDelta(0, "It"))
    return Stream(opening, _TEXTS.get(endpoint.name) or _last(endpoint, TextDelta(0, " is sunny")))


def arguments_event(endpoint: Endpoint) -> Stream:
    """A stream in a call, and one more piece of its arguments. Gemini's calls come whole."""
    opening = _opening(endpoint, ToolStarted(0, "call_1", "weather"), ToolDelta(0, '{"days":['))
    delta = ToolDelta(0, '"Monday",')
    return Stream(opening, _ARGUMENTS.get(endpoint.name) or _last(endpoint, delta))


def _opening(endpoint: Endpoint, *events: TextDelta | ToolStarted | ToolDelta) -> bytes:
    return b"".join(_written(endpoint, Started("r-1", "model-1", 1741569952), *events))


def _last(endpoint: Endpoint, delta: TextDelta | ToolDelta) -> bytes:
    """The delta as the gateway itself writes it, after the opening."""
    first = (TextDelta(0, "It"),) if isinstance(delta, TextDelta) else _BEGUN
    return _written(endpoint, Started("r-1", "model-1", 1741569952), *first, delta)[-1]


_BEGUN = (ToolStarted(0, "call_1", "weather"), ToolDelta(0, '{"days":['))


def _written(endpoint: Endpoint, *events: Started | TextDelta | ToolStarted | ToolDelta) -> list[bytes]:
    asked = endpoint.codec.read_request(request(endpoint))
    writer = endpoint.codec.writer(asked, reply_id="r-1", created=1)
    return [writer.write(event) for event in events]


_CHUNK = (
    b'data: {"id":"chatcmpl-r-1","object":"chat.completion.chunk","created":1741569952,'
    b'"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_fc9f1d7035",'
    b'"choices":[{"index":0,"delta":%b,"logprobs":null,"finish_reason":null}],"usage":null,'
    b'"obfuscation":"1qKzYx7"}\n\n'
)
_RESPONSE = (
    b'event: %b\ndata: {"type":"%b","sequence_number":7,"item_id":"msg_67ccd2bf17f0819081ff3bb2cf6508e6",'
    b'"output_index":0,%b,"obfuscation":"1qKzYx7"}\n\n'
)
_GEMINI = (
    b'data: {"candidates":[{"content":{"parts":[%b],"role":"model"},"index":0}],"usageMetadata":'
    b'{"promptTokenCount":319,"candidatesTokenCount":21,"totalTokenCount":340,'
    b'"promptTokensDetails":[{"modality":"TEXT","tokenCount":319}]},"modelVersion":"gemini-2.5-flash",'
    b'"responseId":"r-1"}\r\n\r\n'
)
_TEXT, _ARGUMENTS_DELTA = b"response.output_text.delta", b"response.function_call_arguments.delta"
_TEXTS = {
    "chat_completions": _CHUNK % b'{"content":" is sunny"}',
    "messages": b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" is sunny"}}\n\n',
    "responses": _RESPONSE % (_TEXT, _TEXT, b'"content_index":0,"delta":" is sunny","logprobs":[]'),
    "generate_content": _GEMINI % b'{"text":" is sunny"}',
    "cohere_chat": b"event: content-delta\n"
    b'data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" is sunny"}}}}\n\n',
}
_ARGUMENTS = {
    "chat_completions": _CHUNK % b'{"tool_calls":[{"index":0,"function":{"arguments":"\\"Monday\\","}}]}',
    "messages": b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"input_json_delta","partial_json":"\\"Monday\\","}}\n\n',
    "responses": _RESPONSE % (_ARGUMENTS_DELTA, _ARGUMENTS_DELTA, b'"delta":"\\"Monday\\","'),
    "generate_content": _GEMINI
    % b'{"functionCall":{"name":"weather","args":{"city":"Oslo","days":["Monday"]}}}',
    "cohere_chat": b'event: tool-call-delta\ndata: {"type":"tool-call-delta","index":0,"delta":{"message":'
    b'{"tool_calls":{"function":{"arguments":"\\"Monday\\","}}}}}\n\n',
}
