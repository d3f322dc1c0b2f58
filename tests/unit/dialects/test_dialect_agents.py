"""What agents and SDKs really send, and what becomes of it."""

import json
from typing import Any

import pytest
from journeys import chat, to_anthropic, to_openai

from gateway.dialects import anthropic, openai_chat
from gateway.dialects.codec import TargetFacts
from gateway.errors import BadRequest

USER = {"role": "user", "content": "hi"}


def call(identity: str, arguments: Any, name: str = "f") -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: dict[str, Any], content: Any = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(identity: str, content: Any = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": content}


def test_explicit_nulls_mean_absent() -> None:
    names = [
        name
        for name in openai_chat.requests_in.wire.Request.__struct_fields__
        if name not in ("model", "messages")
    ]
    reply = {
        "role": "assistant",
        "content": "yo",
        **dict.fromkeys(("tool_calls", "function_call", "refusal", "audio")),
    }
    body, dropped = to_anthropic(chat(USER, reply, USER, **dict.fromkeys(names), future_field=None))
    assert set(body) == {"model", "messages", "max_tokens"}
    assert dropped == ()


def test_anthropic_nulls_mean_absent() -> None:
    names = [
        name
        for name in anthropic.requests_in.wire.Request.__struct_fields__
        if name not in ("model", "messages")
    ]
    block = {"type": "text", "text": "hi", "cache_control": None, "citations": None}
    message = {"role": "user", "content": [block]}
    body, dropped = to_openai({"model": "m", "messages": [message], **dict.fromkeys(names)})
    assert body == {"model": "gpt-5.2", "messages": [{"role": "user", "content": "hi"}]}
    assert dropped == ()


@pytest.mark.parametrize("text", ["", " \n", None, [{"type": "text", "text": ""}]])
def test_empty_assistant_text_beside_calls_is_dropped(text: Any) -> None:
    body, _ = to_anthropic(chat(USER, calling(call("a", "{}"), content=text), result("a")))
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", {}),
        ("   ", {}),
        ("null", {}),
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        (None, {}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a": ', {"arguments": '{"a": '}),
        ("[1]", {"arguments": "[1]"}),
        ("plain words", {"arguments": "plain words"}),
    ],
)
def test_arguments_become_an_object(arguments: Any, expected: dict[str, Any]) -> None:
    body, _ = to_anthropic(chat(USER, calling(call("a", arguments)), result("a")))
    assert body["messages"][1]["content"][0]["input"] == expected


def test_arguments_keep_their_bytes() -> None:
    request = json.dumps(
        chat(USER, calling(call("a", '{"n": 1.0,  "z":1e3, "a":"\\u00e9"}')), result("a"))
    ).encode()
    written = anthropic.write_request(openai_chat.read_request(request), TargetFacts("claude-sonnet-4-6"))
    assert b'"input":{"n": 1.0,  "z":1e3, "a":"\\u00e9"}' in written.body


def test_consecutive_turns_of_one_role_become_one() -> None:
    body, _ = to_anthropic(
        chat(USER, USER, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}, USER)
    )
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert [block["text"] for block in body["messages"][1]["content"]] == ["a", "b"]


def test_results_stand_first_and_together_whatever_the_order() -> None:
    messages = (
        USER,
        calling(call("a", ""), call("b", "")),
        result("b", "2"),
        {"role": "user", "content": "and?"},
        result("a", "1"),
    )
    body, _ = to_anthropic(chat(*messages))
    last = body["messages"][2]["content"]
    assert [(block["type"], block.get("tool_use_id")) for block in last] == [
        ("tool_result", "b"),
        ("tool_result", "a"),
        ("text", None),
    ]


def test_an_empty_tool_result_is_kept() -> None:
    body, _ = to_anthropic(chat(USER, calling(call("a", "")), result("a", "")))
    assert body["messages"][2]["content"] == [{"type": "tool_result", "tool_use_id": "a"}]


def test_prefill_ends_without_white_space() -> None:
    body, _ = to_anthropic(chat(USER, {"role": "assistant", "content": "The answer is \n"}))
    assert body["messages"][-1] == {"role": "assistant", "content": "The answer is"}


@pytest.mark.parametrize("content", ["hi", [{"type": "text", "text": "hi"}]])
def test_content_is_a_string_or_a_list(content: Any) -> None:
    assert to_anthropic(chat({"role": "user", "content": content}))[0]["messages"] == [USER]
    assert to_openai(chat({"role": "user", "content": content}))[0]["messages"] == [USER]


def test_max_tokens_is_filled_in_from_the_model_or_the_least_common() -> None:
    assert to_anthropic(chat(USER), TargetFacts("claude-x", max_output=32000))[0]["max_tokens"] == 32000
    assert to_anthropic(chat(USER), TargetFacts("claude-x"))[0]["max_tokens"] == 4096
    assert to_anthropic(chat(USER, max_tokens=5))[0]["max_tokens"] == 5
    assert to_anthropic(chat(USER, max_tokens=5, max_completion_tokens=6))[0]["max_tokens"] == 6


def test_max_tokens_is_spelled_as_the_target_has_it() -> None:
    for field in ("max_tokens", "max_completion_tokens"):
        body, _ = to_openai(chat(USER, max_tokens=9), TargetFacts("g", max_tokens_field=field))
        assert body[field] == 9


def test_legacy_functions_become_tools() -> None:
    messages = (
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"x":1}'}},
        {"role": "function", "name": "f", "content": "42"},
    )
    functions = [{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}]
    body, dropped = to_anthropic(chat(*messages, functions=functions, function_call={"name": "f"}))
    use = body["messages"][1]["content"][0]
    assert (use["name"], use["input"]) == ("f", {"x": 1})
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": use["id"], "content": "42"}
    ]
    assert body["tools"][0]["name"] == "f"
    assert body["tool_choice"] == {"type": "tool", "name": "f"}
    assert dropped == ()


def test_a_call_id_that_anthropic_refuses_is_written_alike_in_call_and_result() -> None:
    body, _ = to_anthropic(chat(USER, calling(call("functions.f:0", "")), result("functions.f:0")))
    assert body["messages"][1]["content"][0]["id"] == "functions_f_0"
    assert body["messages"][2]["content"][0]["tool_use_id"] == "functions_f_0"


def test_unknown_fields_are_named_at_every_depth() -> None:
    odd = {
        "role": "user",
        "content": [{"type": "text", "text": "hi", "zip": 1}, {"type": "hologram", "x": [1]}],
        "zap": 2,
    }
    tool = {"type": "function", "function": {"name": "f", "zed": 1}}
    body, dropped = to_anthropic(chat(odd, tools=[tool], zot={"a": 1}))
    assert body["messages"] == [USER]
    assert set(dropped) == {
        "messages.content.zip",
        "messages.content.hologram",
        "messages.zap",
        "tools[0].function.zed",
        "zot",
    }


def test_unknown_top_level_fields_reach_their_own_dialect_as_they_came() -> None:
    request = openai_chat.read_request(b'{"model":"m","messages":[],"chat_template_kwargs":{"a":  1.0}}')
    written = openai_chat.write_request(request, TargetFacts("x"))
    assert written.body.endswith(b',"chat_template_kwargs":{"a":  1.0}}')
    assert written.dropped == ()


def test_many_unknown_fields_are_named_only_up_to_a_bound() -> None:
    odd = {"role": "user", "content": "x", **{f"f{number}": 1 for number in range(500)}}
    assert len(to_anthropic(chat(odd))[1]) <= 32


def test_long_names_are_cut() -> None:
    odd = {"type": "x" * 10_000}
    _, dropped = to_anthropic(
        chat({"role": "user", "content": [odd]}, **{f"f{place}": 1 for place in range(200)})
    )
    assert len(dropped) <= 40
    assert max(map(len, dropped)) <= 100


def test_an_opaque_part_cannot_smuggle_fields() -> None:
    """The wrapper of unknown parts holds one JSON value, so a caller who sends it gets a value and no more."""
    odd = {"type": "gateway.opaque", "kind": "x", "raw": '{}],"model":"other"'}
    request = openai_chat.read_request(json.dumps(chat({"role": "user", "content": [odd]})).encode())
    body = json.loads(openai_chat.write_request(request, TargetFacts("mine")).body)
    assert body["model"] == "mine"
    assert body["messages"][0]["content"] == [odd["raw"]]


def test_what_cannot_cross_is_named_unless_it_asks_for_nothing() -> None:
    asks = {
        "n": 2,
        "logit_bias": {"1": 2},
        "logprobs": True,
        "top_logprobs": 3,
        "seed": 1,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.1,
        "prediction": {"type": "content", "content": "x"},
        "store": True,
        "metadata": {"a": "b"},
        "service_tier": "flex",
        "response_format": {"type": "json_object"},
    }
    assert set(to_anthropic(chat(USER, **asks))[1]) == set(asks)
    nothing = {
        "n": 1,
        "logit_bias": {},
        "logprobs": False,
        "presence_penalty": 0,
        "frequency_penalty": 0.0,
        "store": False,
        "modalities": ["text"],
        "response_format": {"type": "text"},
        "stream": False,
    }
    assert to_anthropic(chat(USER, **nothing))[1] == ()


def test_audio_is_named() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    body, dropped = to_anthropic(chat({"role": "user", "content": [sound, {"type": "text", "text": "hi"}]}))
    assert body["messages"] == [USER]
    assert dropped == ("messages.content.input_audio",)


def test_fields_that_the_provider_refuses_are_dropped_and_named() -> None:
    facts = TargetFacts("g", drops=("temperature", "user", "seed"))
    body, dropped = to_openai(chat(USER, temperature=0.5, metadata={"user_id": "u"}), facts)
    assert set(body) == {"model", "messages"}
    assert set(dropped) == {"temperature", "user"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": 5, "messages": []}, "model"),
        (chat({"role": "king", "content": "x"}), "messages[0].role"),
        (chat(USER, {"role": "user", "content": 5}), "messages[1].content"),
        (chat({"role": "user", "content": [{"type": "image_url"}]}), "messages[0].content[0]"),
        (chat({"role": "user", "content": [{"no": "type"}]}), "messages[0].content[0]"),
        (chat({"role": "user", "content": [{"type": 5}]}), "messages[0].content[0].type"),
        (chat(USER, temperature="hot"), "temperature"),
        (chat(USER, tools=[{"type": "function"}]), "tools[0].function.name"),
        (chat(USER, tool_choice="sometimes"), "tool_choice"),
        (chat(USER, response_format={"type": "poem"}), "response_format"),
        (chat(USER, temperature="hot", unknown=1), "temperature"),
    ],
)
def test_a_mistake_is_named_by_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        openai_chat.read_request(json.dumps(body).encode())
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "model"),
        (chat({"role": "tool", "content": "x"}), "messages[0].role"),
        (chat({"role": "user", "content": [{"type": "text"}]}), "messages[0].content[0]"),
        (chat({"role": "user"}), "messages[0]"),
        (chat(USER, tools=[{"input_schema": {}}]), "tools[0].name"),
        (chat(USER, thinking={"type": "deep"}), "thinking.type"),
    ],
)
def test_a_mistake_in_anthropics_dialect_is_named_by_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        anthropic.read_request(json.dumps(body).encode())
    assert caught.value.param is not None
    assert caught.value.param.startswith(param)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"model":"\xff"}']
)
@pytest.mark.parametrize("codec", [openai_chat, anthropic])
def test_what_is_no_request_is_a_bad_request(body: bytes, codec: Any) -> None:
    with pytest.raises(BadRequest):
        codec.read_request(body)


def test_deep_nesting_is_a_bad_request() -> None:
    deep = b'{"model":"m","messages":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(BadRequest):
        openai_chat.read_request(deep)
