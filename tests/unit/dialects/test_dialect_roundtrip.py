"""A request read and written in one dialect says the same as before; and no request breaks a codec."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects import anthropic, openai_chat
from gateway.dialects.codec import TargetFacts
from gateway.errors import BadRequest

WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(lambda text: f"{text}.")
ID = st.from_regex(r"\A[a-zA-Z0-9_-]{1,8}\Z")
SCHEMA = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(ID, st.just({"type": "string"}), max_size=2)}
)
NUMBER = st.floats(0, 1) | st.integers(0, 1)
TTL = st.sampled_from(
    [{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral", "ttl": "5m"}]
)


def record(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An object; fields whose name ends in _ may be absent."""
    needed = {name: value for name, value in fields.items() if not name.endswith("_")}
    free = {name[:-1]: value for name, value in fields.items() if name.endswith("_")}
    constant = {
        name: st.just(value) if not isinstance(value, st.SearchStrategy) else value
        for name, value in needed.items()
    }
    return st.fixed_dictionaries(constant, optional=free)


# --- OpenAI ---

O_TEXT = record(type="text", text=WORD, cache_control_=TTL)
O_IMAGE = record(
    type="image_url",
    image_url=record(
        url=st.sampled_from(["https://e.org/a", "data:image/png;base64,AAAA"]), detail_=st.just("low")
    ),
)
O_AUDIO = record(type="input_audio", input_audio=st.just({"data": "AAAA", "format": "wav"}))
O_FILE = record(
    type="file",
    file=st.sampled_from(
        [{"file_id": "f-1"}, {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}]
    ),
)
O_ODD = st.just({"type": "novelty", "x": [1.0, {"y": None}]})
O_CALL = record(
    id=ID, type="function", function=record(name=ID, arguments=st.sampled_from(["{}", '{"a": 1}', "{broken"]))
)
O_CUSTOM = record(id=ID, type="custom", custom=record(name=ID, input=WORD))
O_DETAIL = record(
    type="reasoning.text", text=WORD, signature_=WORD, format=st.just("anthropic-claude-v1"), id_=ID
)
O_SEALED = record(type="reasoning.encrypted", data=WORD, format_=ID)
O_MESSAGE = st.one_of(
    record(
        role=st.sampled_from(["system", "developer"]),
        content=WORD | st.lists(O_TEXT, min_size=1, max_size=2),
        name_=ID,
    ),
    record(
        role="user",
        content=WORD | st.lists(st.one_of(O_TEXT, O_IMAGE, O_AUDIO, O_FILE, O_ODD), min_size=1, max_size=4),
        name_=ID,
    ),
    record(
        role="assistant",
        content=WORD,
        refusal_=st.none(),
        tool_calls_=st.lists(O_CALL | O_CUSTOM, min_size=1, max_size=2),
    ),
    record(role="assistant", content=WORD, reasoning_content=WORD),
    record(
        role="assistant",
        content=WORD,
        reasoning_details=st.lists(O_DETAIL | O_SEALED, min_size=1, max_size=3),
    ),
    record(role="assistant", audio=st.just({"id": "audio-1"})),
    record(
        role="tool",
        tool_call_id=ID,
        content=WORD | st.lists(O_TEXT, min_size=1, max_size=2),
        is_error_=st.just(True),
    ),
)
O_TOOL = st.one_of(
    record(
        type="function",
        function=record(name=ID, description_=WORD, parameters_=SCHEMA, strict_=st.booleans()),
        cache_control_=TTL,
        novelty_=st.just(1),
    ),
    record(type="custom", custom=record(name=st.just("a-custom-tool"), format_=st.just({"type": "text"}))),
    st.just({"type": "web_search", "depth": 1.0}),
)
O_CHOICE = st.one_of(
    st.sampled_from(["auto", "none", "required"]),
    record(type="function", function=record(name=ID)),
    st.just(
        {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
        }
    ),
)
O_REQUEST = record(
    model="m",
    messages=st.lists(O_MESSAGE, max_size=2),
    max_completion_tokens_=st.integers(1, 9),
    temperature_=NUMBER,
    top_p_=NUMBER,
    top_k_=st.integers(1, 9),
    min_p_=NUMBER,
    seed_=st.integers(),
    n_=st.integers(1, 3),
    stop_=WORD | st.lists(WORD, min_size=1, max_size=2),
    presence_penalty_=NUMBER,
    frequency_penalty_=NUMBER,
    logprobs_=st.booleans(),
    top_logprobs_=st.integers(0, 5),
    logit_bias_=st.just({"50256": -100}),
    tools=st.lists(O_TOOL, min_size=1, max_size=3),
    tool_choice_=O_CHOICE,
    parallel_tool_calls_=st.booleans(),
    response_format_=st.just({"type": "json_object"})
    | record(
        type="json_schema",
        json_schema=record(name=ID, schema=SCHEMA, strict_=st.booleans(), description_=WORD),
    ),
    user_=WORD,
    safety_identifier_=WORD,
    metadata_=st.just({"a": "b"}),
    service_tier_=st.sampled_from(["auto", "flex"]),
    store_=st.booleans(),
    prompt_cache_key_=WORD,
    novelty_=st.just({"z": 1.0}),
)
O_THINKING = st.one_of(
    st.just({}),
    record(reasoning_effort=st.sampled_from(["none", "minimal", "high"])),
    record(
        reasoning=st.sampled_from(
            [{"effort": "low"}, {"max_tokens": 9}, {"effort": "high", "exclude": True}, {"enabled": True}]
        )
    ),
    record(
        thinking=st.sampled_from(
            [{"type": "enabled", "budget_tokens": 9}, {"type": "disabled"}, {"type": "adaptive"}]
        )
    ),
)

# --- Anthropic ---

A_TEXT = record(type="text", text=WORD, cache_control_=TTL)
A_CITED = record(
    type="text",
    text=WORD,
    citations=st.just([{"type": "char_location", "cited_text": "x", "document_index": 0}]),
)
A_IMAGE = record(
    type="image",
    source=st.sampled_from(
        [
            {"type": "base64", "media_type": "image/png", "data": "AAAA"},
            {"type": "url", "url": "https://e.org"},
            {"type": "file", "file_id": "f"},
        ]
    ),
    cache_control_=TTL,
    transformations_=st.just({"oversized_image": "error"}),
)
A_DOCUMENT = record(
    type="document",
    source=st.sampled_from(
        [
            {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
            {"type": "text", "media_type": "text/plain", "data": "words"},
            {"type": "url", "url": "https://e.org"},
            {"type": "content", "content": [{"type": "text", "text": "x"}]},
        ]
    ),
    title_=WORD,
    context_=WORD,
    citations_=st.just({"enabled": True}),
    cache_control_=TTL,
)
A_ODD = st.just(
    {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}
)
A_RESULT = record(
    type="tool_result",
    tool_use_id=ID,
    content_=WORD | st.lists(st.one_of(A_TEXT, A_IMAGE, A_DOCUMENT, A_ODD), min_size=1, max_size=2),
    is_error_=st.just(True),
    cache_control_=TTL,
)
A_USE = record(
    type="tool_use",
    id=ID,
    name=ID,
    input=st.sampled_from([{}, {"a": 1.0}]),
    cache_control_=TTL,
    caller_=st.just({"type": "direct"}),
)
A_THOUGHT = record(type="thinking", thinking=WORD, signature=WORD) | record(
    type="redacted_thinking", data=WORD
)
A_SERVER = st.just({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}})
A_USER = st.tuples(
    st.lists(A_RESULT, max_size=2),
    st.lists(st.one_of(A_TEXT, A_IMAGE, A_DOCUMENT, A_ODD), min_size=1, max_size=3),
).map(lambda lists: {"role": "user", "content": [*lists[0], *lists[1]]})
A_ASSISTANT = st.lists(st.one_of(A_THOUGHT, A_TEXT, A_CITED, A_USE, A_SERVER), min_size=1, max_size=4).map(
    lambda blocks: {"role": "assistant", "content": blocks}
)
A_MESSAGES = st.lists(st.tuples(A_USER, A_ASSISTANT), max_size=1).map(
    lambda pairs: [turn for pair in pairs for turn in pair]
)
A_TOOL = st.one_of(
    record(
        name=ID,
        input_schema=SCHEMA,
        description_=WORD,
        strict_=st.booleans(),
        cache_control_=TTL,
        defer_loading_=st.just(True),
        novelty_=st.just(1),
    ),
    st.just({"type": "web_search_20250305", "name": "web_search", "max_uses": 3}),
)
A_CHOICE = st.one_of(
    record(type=st.sampled_from(["auto", "any"]), disable_parallel_tool_use_=st.booleans()),
    record(type="tool", name=ID, disable_parallel_tool_use_=st.booleans()),
    st.just({"type": "none"}),
)
A_REQUEST = record(
    model="m",
    messages=A_MESSAGES,
    max_tokens=st.integers(1, 9),
    system_=WORD | st.lists(A_TEXT, min_size=1, max_size=2),
    temperature_=NUMBER,
    top_p_=NUMBER,
    top_k_=st.integers(1, 9),
    stop_sequences_=st.lists(WORD, min_size=1, max_size=2),
    tools=st.lists(A_TOOL, min_size=1, max_size=3),
    tool_choice_=A_CHOICE,
    thinking_=st.sampled_from(
        [
            {"type": "enabled", "budget_tokens": 2000},
            {"type": "disabled"},
            {"type": "adaptive", "display": "omitted"},
            {"type": "between_tools"},
        ]
    ),
    output_config_=record(
        effort_=st.sampled_from(["low", "max"]), format=record(type="json_schema", schema=SCHEMA)
    ),
    metadata_=record(user_id=WORD),
    service_tier_=st.just("standard_only"),
    cache_control_=TTL,
    stream_=st.booleans(),
    container_=st.just("c"),
    mcp_servers_=st.just([{"name": "x"}]),
    novelty_=st.just({"z": 1.0}),
)


def again(codec: Any, body: dict[str, Any]) -> None:
    """Read and written, the request has the same fields with the same values, and reads as the same."""
    first = codec.read_request(json.dumps(body).encode())
    written = codec.write_request(first, TargetFacts("m"))
    assert plain(json.loads(written.body)) == plain(body)
    assert codec.read_request(written.body) == first
    assert written.dropped == ()


def plain(value: Any) -> Any:
    """The same meaning in one spelling: a lone text as its string, no nulls, no falsehoods that say nothing."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: plain(item) for name, item in value.items() if item is not None}
    for name in ("content", "system"):
        text = kept.get(name)
        if isinstance(text, list) and len(text) == 1 and set(text[0]) == {"type", "text"}:
            kept[name] = text[0]["text"]
    if isinstance(kept.get("stop"), str):
        kept["stop"] = [kept["stop"]]
    if kept.get("stream") is False:
        del kept["stream"]
    for place, entry in enumerate(kept.get("reasoning_details", ())):
        entry["index"] = place
    return kept


@given(O_REQUEST, O_THINKING)
def test_property_openai_keeps_every_parameter(body: dict[str, Any], thinking: dict[str, Any]) -> None:
    again(openai_chat, {**body, **thinking})


@given(st.lists(O_MESSAGE, min_size=4, max_size=8))
def test_property_openai_keeps_every_message(messages: list[Any]) -> None:
    again(openai_chat, {"model": "m", "messages": messages})


@given(A_REQUEST)
def test_property_anthropic_keeps_every_parameter(body: dict[str, Any]) -> None:
    again(anthropic, body)


@given(st.lists(st.tuples(A_USER, A_ASSISTANT), min_size=2, max_size=4))
def test_property_anthropic_keeps_every_message(pairs: list[Any]) -> None:
    again(anthropic, {"model": "m", "max_tokens": 9, "messages": [turn for pair in pairs for turn in pair]})


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "data:", "\u0000"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def spoiled(draw: st.DrawFn, requests: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """A good request with junk put in one place, or a field taken out of it."""
    body: Any = json.loads(json.dumps(draw(requests)))
    places: list[tuple[Any, Any]] = []
    stack = [body]
    while stack:
        node = stack.pop()
        keys = range(len(node)) if isinstance(node, list) else list(node)
        places += [(node, key) for key in keys]
        stack += [node[key] for key in keys if isinstance(node[key], dict | list)]
    node, key = draw(st.sampled_from(places))
    if isinstance(node, dict) and draw(st.booleans()):
        del node[key]
    else:
        node[key] = draw(JUNK)
    return body


def check(codec: Any, body: dict[str, Any]) -> None:
    try:
        request = codec.read_request(json.dumps(body).encode())
    except BadRequest:
        return
    for other, model in (
        (openai_chat, "gpt"),
        (anthropic, "claude-sonnet-4-5"),
        (anthropic, "claude-opus-5-5"),
    ):
        written = other.write_request(request, TargetFacts(model))
        assert json.loads(written.body)["model"] == model
        msgspec.json.decode(written.body)


@given(spoiled(O_REQUEST))
def test_property_a_spoiled_openai_request_is_refused_or_written(body: dict[str, Any]) -> None:
    check(openai_chat, body)


@given(spoiled(A_REQUEST))
def test_property_a_spoiled_anthropic_request_is_refused_or_written(body: dict[str, Any]) -> None:
    check(anthropic, body)


@given(O_REQUEST, A_REQUEST)
def test_property_what_crosses_is_read_there(openai: dict[str, Any], claude: dict[str, Any]) -> None:
    there = anthropic.write_request(
        openai_chat.read_request(json.dumps(openai).encode()), TargetFacts("claude-opus-5")
    )
    assert anthropic.read_request(there.body).unknown == ()
    back = openai_chat.write_request(anthropic.read_request(json.dumps(claude).encode()), TargetFacts("gpt"))
    assert openai_chat.read_request(back.body).unknown == ()
    assert openai_chat.read_request(back.body).extras == ()
