"""A Cohere request read and written says the same as before; and no request breaks the codec."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journeys import CODECS, FACTS

from gateway.dialects import cohere
from gateway.dialects.codec import TargetFacts
from gateway.errors import BadRequest

WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(lambda text: f"{text}.")
ID = st.from_regex(r"\A[a-zA-Z0-9_-]{1,8}\Z")
NUMBER = st.floats(0, 1) | st.integers(0, 1)
SCHEMA = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(ID, st.just({"type": "string"}), max_size=2)}
)


def record(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An object; fields whose name ends in _ may be absent."""
    needed = {name: value for name, value in fields.items() if not name.endswith("_")}
    free = {name[:-1]: value for name, value in fields.items() if name.endswith("_")}
    constant = {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value)
        for name, value in needed.items()
    }
    return st.fixed_dictionaries(constant, optional=free)


TEXT = record(type="text", text=WORD)
THOUGHT = record(type="thinking", thinking=WORD)
IMAGE = record(
    type="image_url",
    image_url=record(
        url=st.sampled_from(["https://e.org/a", "data:image/png;base64,AAAA"]), detail_=st.just("low")
    ),
)
DATA = st.dictionaries(ID, WORD | st.integers() | st.none() | st.lists(st.floats(0, 1)), max_size=2)
DOCUMENT = record(type="document", document=record(data=DATA | WORD, id_=ID))
ODD = st.just({"type": "novelty", "x": [1.0, {"y": None}]})
CALL = record(
    id=ID,
    type="function",
    function=record(name=ID, arguments=st.sampled_from(["{}", '{"a": 1}', "{broken"])),
)
SOURCE = st.sampled_from(
    [
        {"type": "tool", "id": "t:0", "tool_output": {"url": "https://e.org", "n": 1.0}},
        {"type": "document", "id": "d", "document": {"title": "T", "snippet": "s"}},
        {"type": "document"},
    ]
)
CITATION = record(
    start=st.integers(0, 3),
    end=st.integers(3, 9),
    text=WORD,
    sources=st.lists(SOURCE, max_size=2),
    type=st.just("TEXT_CONTENT"),
    novelty_=st.just(1.0),
)
PLAN_CITATION = record(start=st.integers(0, 3), end=st.integers(3, 9), type=st.just("PLAN"))


@st.composite
def assistants(draw: st.DrawFn) -> dict[str, Any]:
    """Thought, text, calls and citations in the order of the blocks that they hang on."""
    content = draw(st.lists(TEXT | THOUGHT, min_size=1, max_size=3))
    message = {"role": "assistant", "content": content}
    texts = [place for place, block in enumerate(content) if block["type"] == "text"]
    cited = [
        {**citation, "content_index": place}
        for place in texts
        for citation in draw(st.lists(CITATION, max_size=2))
    ]
    cited += draw(st.lists(PLAN_CITATION, max_size=1))
    if cited:
        message["citations"] = cited
    return {**message, **draw(st.just({}) | record(tool_plan=WORD, tool_calls=st.lists(CALL, min_size=1)))}


MESSAGE = st.one_of(
    record(role="system", content=WORD | st.lists(TEXT, min_size=1, max_size=2)),
    record(role="user", content=WORD | st.lists(TEXT | IMAGE | ODD, min_size=1, max_size=3)),
    assistants(),
    record(role="assistant", tool_plan_=WORD, tool_calls=st.lists(CALL, min_size=1, max_size=2)),
    record(
        role="tool",
        tool_call_id=ID,
        content=WORD | st.lists(TEXT | DOCUMENT | ODD, min_size=1, max_size=2),
    ),
)
TOOL = st.one_of(
    record(
        type="function",
        function=record(name=ID, description_=WORD, parameters=SCHEMA),
        novelty_=st.just(1),
    ),
    st.just({"type": "novelty", "depth": 1.0}),
)
REQUEST = record(
    model="m",
    messages=st.lists(MESSAGE, max_size=2).map(lambda all: [*all, {"role": "user", "content": "Go."}]),
    documents_=st.lists(WORD | record(data=DATA, id_=ID), max_size=2),
    citation_options_=st.just({"mode": "FAST"}),
    safety_mode_=st.just("OFF"),
    priority_=st.integers(0, 3),
    tools=st.lists(TOOL, min_size=1, max_size=3),
    tool_choice_=st.sampled_from(["REQUIRED", "NONE"]),
    response_format_=st.just({"type": "json_object"}) | record(type="json_object", json_schema=SCHEMA),
    max_tokens_=st.integers(1, 9),
    stop_sequences_=st.lists(WORD, min_size=1, max_size=7),
    temperature_=NUMBER,
    seed_=st.integers(),
    frequency_penalty_=NUMBER,
    presence_penalty_=NUMBER,
    k_=st.integers(0, 600),
    p_=NUMBER,
    logprobs_=st.booleans(),
    thinking_=record(type=st.sampled_from(["enabled", "disabled"]), token_budget_=st.integers(1, 9)),
    stream_=st.booleans(),
    novelty_=st.just({"z": 1.0}),
)


def plain(value: Any) -> Any:
    """The same meaning in one spelling: a lone text as its string, no falsehood that says nothing."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: plain(item) for name, item in value.items()}
    content = kept.get("content")
    if isinstance(content, list) and len(content) == 1 and set(content[0]) == {"type", "text"}:
        kept["content"] = content[0]["text"]
    if kept.get("stream") is False:
        del kept["stream"]
    return kept


def again(body: dict[str, Any]) -> None:
    first = cohere.read_request(json.dumps(body).encode())
    written = cohere.write_request(first, TargetFacts("m"))
    assert plain(json.loads(written.body)) == plain(body)
    assert cohere.read_request(written.body) == first
    assert written.dropped == ()


@given(REQUEST)
def test_property_cohere_keeps_every_parameter(body: dict[str, Any]) -> None:
    again(body)


@given(REQUEST, st.booleans())
def test_property_cohere_keeps_strict_tools(body: dict[str, Any], strict: bool) -> None:
    functions = [tool for tool in body["tools"] if tool["type"] == "function"]
    again({**body, "tools": functions, "strict_tools": strict} if functions else body)


@given(st.lists(MESSAGE, min_size=3, max_size=8))
def test_property_cohere_keeps_every_message(messages: list[Any]) -> None:
    again({"model": "m", "messages": messages})


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", "data:", "\u0000"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, Any]:
    """A good request with junk put in one place, or a field taken out of it."""
    body: Any = json.loads(json.dumps(draw(REQUEST)))
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


@given(spoiled())
def test_property_a_spoiled_cohere_request_is_refused_or_written(body: dict[str, Any]) -> None:
    try:
        request = cohere.read_request(json.dumps(body).encode())
    except BadRequest:
        return
    for codec in (cohere, *CODECS.values()):
        assert json.loads(codec.write_request(request, TargetFacts("m")).body)["model"] == "m"


@given(REQUEST)
def test_property_what_crosses_from_cohere_is_read_there(body: dict[str, Any]) -> None:
    request = cohere.read_request(json.dumps(body).encode())
    for name, codec in CODECS.items():
        there = codec.write_request(request, FACTS[name])
        assert codec.read_request(there.body).unknown == ()


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"tool_choice": "AUTO"}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"thinking": {"type": "maybe"}}, "thinking.type"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function"),
    ],
)
def test_a_wrong_cohere_field_is_named(change: dict[str, Any], param: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **change}
    with pytest.raises(BadRequest) as caught:
        cohere.read_request(json.dumps(body).encode())
    assert caught.value.param == param


def to_cohere(body: dict[str, Any], caller: str = "openai") -> tuple[dict[str, Any], tuple[str, ...]]:
    full = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
    written = cohere.write_request(
        CODECS[caller].read_request(json.dumps(full).encode()), TargetFacts("command")
    )
    return json.loads(written.body), written.dropped


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("f", "g")
]


def test_a_tool_that_must_be_called_is_the_only_one_offered() -> None:
    choice = {"type": "function", "function": {"name": "g"}}
    body, dropped = to_cohere({"tools": TOOLS, "tool_choice": choice})
    assert [tool["function"]["name"] for tool in body["tools"]] == ["g"]
    assert body["tool_choice"] == "REQUIRED"
    assert dropped == ()


@pytest.mark.parametrize(
    ("asked", "written", "dropped"),
    [
        ({"top_p": 1}, {"p": 0.99}, ("top_p>0.99",)),
        ({"top_p": 0.5}, {"p": 0.5}, ()),
        ({"presence_penalty": 1.5}, {"presence_penalty": 1.0}, ("presence_penalty>1",)),
        ({"frequency_penalty": -1}, {"frequency_penalty": 0.0}, ("frequency_penalty<0",)),
        ({"stop": list("abcdefg")}, {"stop_sequences": list("abcde")}, ("stop[5:]",)),
        ({"top_k": 900}, {"k": 500}, ("top_k",)),
        ({"n": 2}, {}, ("n",)),
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True}, ("top_logprobs",)),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}, ()),
        ({"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "token_budget": 2048}}, ()),
        ({"user": "u", "metadata": {"a": "b"}}, {}, ("user", "metadata")),
        ({"logit_bias": {"1": 2}, "min_p": 0.1}, {}, ("min_p", "logit_bias")),
        ({"novelty": 1, "store": False}, {}, ("novelty",)),
    ],
)
def test_an_openai_parameter_crosses_or_is_named(
    asked: dict[str, Any], written: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    body, named = to_cohere(asked)
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == written
    assert named == dropped


def test_a_target_that_refuses_a_field_does_not_get_it() -> None:
    request = cohere.read_request(
        json.dumps({"model": "m", "messages": [], "seed": 1, "priority": 2, "k": 3}).encode()
    )
    written = cohere.write_request(request, TargetFacts("m", drops=("seed", "priority")))
    assert json.loads(written.body) == {"model": "m", "messages": [], "k": 3}
    assert written.dropped == ("seed", "priority")


def test_a_text_document_in_a_tool_result_is_cohere_s_document() -> None:
    result = {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [
            {
                "type": "document",
                "title": "Log",
                "source": {"type": "text", "media_type": "text/plain", "data": "ok"},
            }
        ],
    }
    turn = {"role": "user", "content": [result]}
    body, dropped = to_cohere({"messages": [turn], "max_tokens": 5}, "anthropic")
    assert body["messages"] == [
        {
            "role": "tool",
            "tool_call_id": "t",
            "content": [{"type": "document", "document": {"data": {"title": "Log", "text": "ok"}}}],
        }
    ]
    assert dropped == ()
