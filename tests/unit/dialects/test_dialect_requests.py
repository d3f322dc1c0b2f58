"""How the parameters of one dialect are said in the other, and what each Claude model is told."""

from base64 import b64encode
from typing import Any

import pytest
from journeys import chat, to_anthropic, to_openai

from gateway.dialects.anthropic.models import traits_of
from gateway.dialects.codec import TargetFacts

USER = {"role": "user", "content": "hi"}
SYSTEM = {"role": "system", "content": "rule"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CLAUDE_TOOL = {"name": "f", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("openai", "anthropic"),
    [
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"type": "tool", "name": "f"}),
        (
            {"tool_choice": "auto", "parallel_tool_calls": False},
            {"type": "auto", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_tool_choice_means_the_same_both_ways(openai: dict[str, Any], anthropic: dict[str, Any]) -> None:
    there, _ = to_anthropic(chat(USER, tools=[TOOL], **openai))
    assert there["tool_choice"] == anthropic
    back, _ = to_openai(chat(USER, tools=[CLAUDE_TOOL], tool_choice=anthropic))
    assert {name: back[name] for name in openai} == openai


def test_serial_calls_without_a_choice() -> None:
    body, _ = to_anthropic(chat(USER, tools=[TOOL], parallel_tool_calls=False))
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "tool_choice" not in to_anthropic(chat(USER, parallel_tool_calls=False))[0]


def test_allowed_tools_are_the_only_ones_offered() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]},
    }
    body, _ = to_anthropic(chat(USER, tools=[TOOL, other], tool_choice=allowed))
    assert [tool["name"] for tool in body["tools"]] == ["g"]
    assert body["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize(
    "parameters", [None, {}, {"properties": {"a": {}}}, {"type": "object", "properties": {}}]
)
def test_every_schema_says_that_it_is_an_objects(parameters: Any) -> None:
    body, _ = to_anthropic(
        chat(USER, tools=[{"type": "function", "function": {"name": "f", "parameters": parameters}}])
    )
    assert body["tools"][0]["input_schema"]["type"] == "object"


# --- system messages ---


def test_leading_system_messages_go_to_the_top() -> None:
    body, _ = to_anthropic(chat(SYSTEM, {"role": "developer", "content": "more"}, USER))
    assert [block["text"] for block in body["system"]] == ["rule", "more"]
    assert body["messages"] == [USER]


def test_a_later_system_message_goes_to_the_top_of_an_older_model() -> None:
    body, _ = to_anthropic(chat(USER, SYSTEM, {"role": "assistant", "content": "a"}, USER))
    assert body["system"] == "rule"
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("usau", ["user", "system", "assistant", "user"]),
        ("uasu", ["user", "assistant", "user", "system"]),
        ("suasau", ["user", "assistant", "user", "system"]),
        ("uassu", ["user", "assistant", "user", "system"]),
        ("usua", ["user", "system", "assistant"]),
    ],
)
def test_a_later_system_message_stands_after_a_user_turn_of_a_newer_model(
    roles: str, expected: list[str]
) -> None:
    names = {"u": "user", "a": "assistant", "s": "system"}
    messages = [{"role": names[role], "content": f"{role}{place}"} for place, role in enumerate(roles)]
    body, _ = to_anthropic(chat(*messages), TargetFacts("claude-opus-5"))
    assert [message["role"] for message in body["messages"]] == expected
    said = str(body)
    assert all(f"s{place}" in said for place, role in enumerate(roles) if role == "s")


def test_a_system_message_between_call_and_result_waits_for_the_result() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    messages = (
        USER,
        {"role": "assistant", "tool_calls": [call]},
        SYSTEM,
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    )
    body, _ = to_anthropic(chat(*messages), TargetFacts("claude-opus-5"))
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user", "system"]


# --- thinking ---


@pytest.mark.parametrize(
    ("model", "fields", "thinking", "effort", "dropped"),
    [
        (
            "claude-sonnet-4-5",
            {"reasoning_effort": "high"},
            {"type": "enabled", "budget_tokens": 16384},
            None,
            (),
        ),
        (
            "claude-sonnet-4-5",
            {"reasoning_effort": "low", "max_tokens": 2000},
            {"type": "enabled", "budget_tokens": 1600},
            None,
            (),
        ),
        (
            "claude-sonnet-4-5",
            {"reasoning_effort": "low", "max_tokens": 900},
            None,
            None,
            ("reasoning_effort",),
        ),
        ("claude-sonnet-4-6", {"reasoning_effort": "medium"}, {"type": "adaptive"}, "medium", ()),
        ("claude-sonnet-4-6", {"reasoning_effort": "xhigh"}, {"type": "adaptive"}, "max", ()),
        ("claude-opus-5", {"reasoning_effort": "minimal"}, {"type": "adaptive"}, "low", ()),
        ("claude-opus-5", {"reasoning_effort": "xhigh"}, {"type": "adaptive"}, "xhigh", ()),
        ("claude-opus-5", {"reasoning_effort": "none"}, {"type": "disabled"}, None, ()),
        ("claude-opus-5-5", {"reasoning_effort": "none"}, None, "low", ("reasoning_effort",)),
        ("claude-sonnet-5-5", {"reasoning_effort": "none"}, {"type": "between_tools"}, None, ()),
        ("claude-3-5-haiku-latest", {"reasoning_effort": "high"}, None, None, ("reasoning_effort",)),
        ("claude-3-5-haiku-latest", {"reasoning_effort": "none"}, None, None, ()),
        (
            "claude-sonnet-4-5",
            {"reasoning": {"max_tokens": 3000}},
            {"type": "enabled", "budget_tokens": 3000},
            None,
            (),
        ),
        (
            "claude-opus-5",
            {"reasoning": {"max_tokens": 9000}},
            {"type": "adaptive"},
            "medium",
            ("thinking.budget_tokens",),
        ),
        (
            "claude-opus-5",
            {"reasoning": {"effort": "high", "exclude": True}},
            {"type": "adaptive", "display": "omitted"},
            "high",
            (),
        ),
        (
            "claude-sonnet-4-5",
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            {"type": "enabled", "budget_tokens": 2048},
            None,
            (),
        ),
    ],
)
def test_thinking_is_asked_for_in_the_models_own_words(
    model: str, fields: dict[str, Any], thinking: Any, effort: str | None, dropped: tuple[str, ...]
) -> None:
    body, named = to_anthropic(chat(USER, **fields), TargetFacts(model, max_output=64000))
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    assert named == dropped


def test_a_budget_is_not_asked_for_amid_calls_whose_thought_is_missing() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    thought = {"type": "reasoning.text", "text": "t", "signature": "s", "format": "anthropic-claude-v1"}
    for details, expected in (([], None), ([thought], "enabled")):
        turn = {"role": "assistant", "tool_calls": [call], "reasoning_details": details}
        messages = (USER, turn, {"role": "tool", "tool_call_id": "a", "content": "1"})
        body, dropped = to_anthropic(
            chat(*messages, reasoning_effort="low"), TargetFacts("claude-sonnet-4-5")
        )
        assert body.get("thinking", {}).get("type") == expected
        assert ("reasoning_effort" in dropped) == (expected is None)


def test_a_forced_tool_wins_over_a_budget() -> None:
    body, dropped = to_anthropic(
        chat(USER, tools=[TOOL], tool_choice="required", reasoning_effort="low"),
        TargetFacts("claude-sonnet-4-5"),
    )
    assert body["tool_choice"] == {"type": "any"}
    assert "thinking" not in body
    assert dropped == ("reasoning_effort",)


def test_a_model_that_cannot_be_forced_is_asked() -> None:
    body, dropped = to_anthropic(
        chat(USER, tools=[TOOL], tool_choice="required"), TargetFacts("claude-opus-5-5")
    )
    assert body["tool_choice"] == {"type": "auto"}
    assert dropped == ("tool_choice",)


def test_a_budget_keeps_sampling_out() -> None:
    body, dropped = to_anthropic(
        chat(USER, reasoning_effort="low", temperature=0.2, top_p=1), TargetFacts("claude-sonnet-4-5")
    )
    assert "temperature" not in body
    assert dropped == ("temperature",)


@pytest.mark.parametrize(
    ("model", "asked", "written", "dropped"),
    [
        ("claude-sonnet-4-6", {"temperature": 1.7}, {"temperature": 1.0}, ("temperature>1",)),
        ("claude-sonnet-4-6", {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}, ("top_p",)),
        (
            "claude-3-haiku-20240307",
            {"temperature": 0.5, "top_p": 0.9},
            {"temperature": 0.5, "top_p": 0.9},
            (),
        ),
        ("claude-sonnet-4-6", {"temperature": 1, "top_p": 1}, {"temperature": 1}, ()),
        ("claude-opus-5", {"temperature": 0.5, "top_p": 0.9}, {}, ("temperature", "top_p")),
        ("claude-opus-5", {"temperature": 1, "top_p": 1}, {}, ()),
        ("kimi-k2", {"temperature": 0.5, "top_k": 5}, {"temperature": 0.5, "top_k": 5}, ()),
    ],
)
def test_sampling_is_what_the_model_takes(model: str, asked: Any, written: Any, dropped: Any) -> None:
    body, named = to_anthropic(chat(USER, **asked), TargetFacts(model))
    assert {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body} == written
    assert named == dropped


@pytest.mark.parametrize(
    ("thinking", "config", "effort"),
    [
        ({"type": "enabled", "budget_tokens": 2000}, {}, "low"),
        ({"type": "enabled", "budget_tokens": 9000}, {}, "medium"),
        ({"type": "enabled", "budget_tokens": 30000}, {}, "high"),
        ({"type": "adaptive"}, {"effort": "xhigh"}, "xhigh"),
        ({"type": "adaptive"}, {}, None),
        ({"type": "disabled"}, {}, None),
    ],
)
def test_thinking_becomes_an_effort(thinking: Any, config: Any, effort: str | None) -> None:
    body, _ = to_openai(chat(USER, thinking=thinking, output_config=config, max_tokens=64000))
    assert body.get("reasoning_effort") == effort


def test_model_names_of_clouds_are_understood() -> None:
    assert traits_of("us.anthropic.claude-opus-4-7-v1:0") == traits_of("claude-opus-4.7")
    assert traits_of("claude-opus-4@20250514").budget
    assert traits_of("claude-opus-9").adaptive
    assert not traits_of("anthropic/claude-3.5-sonnet").budget


# --- reasoning in the history ---


def test_unsigned_thought_is_not_sent_to_anthropic() -> None:
    turn = {"role": "assistant", "content": "a", "reasoning_content": "because"}
    body, dropped = to_anthropic(chat(USER, turn, USER))
    assert body["messages"][1] == {"role": "assistant", "content": "a"}
    assert dropped == ("messages.reasoning",)


def test_thought_that_another_provider_signed_is_not_sent_to_anthropic() -> None:
    detail = {"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1"}
    body, dropped = to_anthropic(
        chat(USER, {"role": "assistant", "content": "a", "reasoning_details": [detail]}, USER)
    )
    assert body["messages"][1] == {"role": "assistant", "content": "a"}
    assert dropped == ("messages.reasoning.signature",)


def test_litellms_thinking_blocks_are_taken_back() -> None:
    blocks = [
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ]
    body, dropped = to_anthropic(
        chat(USER, {"role": "assistant", "content": "a", "thinking_blocks": blocks}, USER)
    )
    assert body["messages"][1]["content"][:2] == blocks
    assert dropped == ()


def test_thought_is_sent_to_a_server_that_takes_it() -> None:
    turn = {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "t", "signature": ""}, {"type": "text", "text": "a"}],
    }
    body, dropped = to_openai(
        chat(USER, turn, USER), TargetFacts("deepseek-reasoner", accepts=("reasoning_content",))
    )
    assert body["messages"][1] == {"role": "assistant", "content": "a", "reasoning_content": "t"}
    assert dropped == ()


# --- media, marks, identity ---


def image(url: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("data:image/jpg;base64,AAAA", {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}),
        (
            "DATA:image/png;charset=x;BASE64,AAAA",
            {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        ),
        ("data:image/png,%00", {"type": "base64", "media_type": "image/png", "data": "AA=="}),
        ("http://e.org/a.png", {"type": "url", "url": "http://e.org/a.png"}),
    ],
)
def test_an_image_crosses(url: str, source: dict[str, str]) -> None:
    assert to_anthropic(chat(image(url)))[0]["messages"][0]["content"][0]["source"] == source


@pytest.mark.parametrize(
    ("file", "block"),
    [
        ({"filename": "a.pdf", "file_data": "AAAA"}, ("document", "base64")),
        ({"filename": "a.png", "file_data": "data:image/png;base64,AAAA"}, ("image", "base64")),
        (
            {"filename": "a.txt", "file_data": "data:text/plain;base64," + b64encode(b"words").decode()},
            ("document", "text"),
        ),
        ({"filename": "a.pdf", "file_data": "https://e.org/a.pdf"}, ("document", "url")),
    ],
)
def test_a_file_crosses(file: dict[str, str], block: tuple[str, str]) -> None:
    body, dropped = to_anthropic(chat({"role": "user", "content": [{"type": "file", "file": file}]}))
    written = body["messages"][0]["content"][0]
    assert (written["type"], written["source"]["type"]) == block
    assert dropped == ()


def test_a_file_at_another_provider_is_named() -> None:
    part = {"type": "file", "file": {"file_id": "file-1"}}
    assert to_anthropic(chat({"role": "user", "content": [part]}, USER))[1] == (
        "messages.content.document.file_id",
    )
    block = {"type": "image", "source": {"type": "file", "file_id": "f"}}
    assert to_openai(chat({"role": "user", "content": [block]}))[1] == ("messages.content.image.file_id",)


def test_cache_marks_cross_to_who_takes_them() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    text = {"type": "text", "text": "long", "cache_control": mark}
    tool = {**TOOL, "cache_control": mark}
    body, dropped = to_anthropic(chat({"role": "system", "content": [text]}, USER, tools=[tool]))
    assert body["system"][0]["cache_control"] == mark
    assert body["tools"][0]["cache_control"] == mark
    assert dropped == ()
    back, named = to_openai(
        chat({"role": "user", "content": [text]}), TargetFacts("x", accepts=("cache_control",))
    )
    assert back["messages"][0]["content"][0] == text
    assert named == ()


def test_search_results_cross_as_words() -> None:
    found = {
        "type": "search_result",
        "source": "https://e.org",
        "title": "T",
        "content": [{"type": "text", "text": "fact"}],
    }
    block = {"type": "tool_result", "tool_use_id": "a", "content": [found]}
    body, dropped = to_openai(chat({"role": "user", "content": [block]}))
    assert body["messages"][0]["content"] == "T\nhttps://e.org\nfact"
    assert dropped == ("messages.content.search_result",)


def test_a_user_is_the_same_both_ways() -> None:
    assert to_anthropic(chat(USER, user="u"))[0]["metadata"] == {"user_id": "u"}
    assert to_anthropic(chat(USER, safety_identifier="s"))[0]["metadata"] == {"user_id": "s"}
    assert to_openai(chat(USER, metadata={"user_id": "u"}))[0]["user"] == "u"


def test_identities_that_openai_finds_too_long_are_shortened_alike() -> None:
    use = {"type": "tool_use", "id": "toolu_" + "x" * 80, "name": "f", "input": {}}
    answer = {"type": "tool_result", "tool_use_id": use["id"], "content": "1"}
    messages = ({"role": "assistant", "content": [use]}, {"role": "user", "content": [answer]})
    body, dropped = to_openai(chat(USER, *messages, metadata={"user_id": "u" * 150}))
    called, answered = body["messages"][1]["tool_calls"][0]["id"], body["messages"][2]["tool_call_id"]
    assert called == answered
    assert len(called) == 40
    assert len(body["user"]) == 64
    assert dropped == ()


def test_usage_is_asked_of_a_stream_even_when_the_caller_does_not() -> None:
    body, _ = to_openai(chat(USER, stream=True))
    assert body["stream_options"] == {"include_usage": True}
    bare, _ = to_openai(chat(USER, stream=True), TargetFacts("x", stream_usage=False))
    assert "stream" in bare
