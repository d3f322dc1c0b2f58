"""Gemini's streams and turns where they are odd: signatures on their way round, cuts, errors, blocks, candidates."""

import json
from typing import Any

import openai.types.chat as ot
import pytest
from gemini_journeys import CODECS, FACTS, FLASH, answer, asks, check_request, join_gemini, sse
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from journeys import CREATED, events_of, join_anthropic, join_openai, translate_stream
from test_dialect_roundtrip import spoiled
from test_gemini_roundtrip import ASKED, SAID

from gateway.dialects import gemini
from gateway.dialects.codec import TargetFacts
from gateway.errors import BadRequest, UpstreamClosed, UpstreamError, UpstreamProtocolError, UpstreamStatus
from gateway.schemas.usage import Usage

WEATHER = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "c2lnQ2FsbA=="}
TURN = (
    {"text": "I look it up.", "thought": True},
    {"text": "One moment."},
    WEATHER,
    {"functionCall": {"name": "now", "args": {}}},
)
QUESTION = {"role": "user", "content": "Weather?"}


def said_by(dialect: str, events: list[tuple[str, bytes]]) -> Any:
    return translate_stream(gemini, CODECS[dialect], ASKED[dialect], events)


def model_turn(body: dict[str, Any]) -> list[dict[str, Any]]:
    return next(content["parts"] for content in body["contents"] if content["role"] == "model")


# --- signatures over two turns ---


@pytest.mark.parametrize("keeps", ["extra_content", "reasoning_details"])
def test_an_openai_callers_second_turn_brings_the_signature_back_to_its_call(keeps: str) -> None:
    reply = gemini.read_reply(json.dumps(answer(*TURN, finish="STOP")).encode())
    message = json.loads(CODECS["openai"].write_reply(reply, created=CREATED))["choices"][0]["message"]
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "c2lnQ2FsbA=="}}
    if keeps == "extra_content":
        del message["reasoning_details"]
    else:
        del message["tool_calls"][0]["extra_content"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "x"}
        for call in reversed(message["tool_calls"])
    ]
    body, _ = asks({"model": "m", "messages": [QUESTION, message, *results]})
    assert [part for part in model_turn(body) if "functionCall" in part] == [TURN[2], TURN[3]]
    names = [part["functionResponse"]["name"] for part in body["contents"][2]["parts"]]
    assert names == ["weather", "now"]


def test_an_openai_callers_streamed_turn_has_the_signature_on_its_call() -> None:
    out = said_by("openai", sse(answer(*TURN, finish="STOP")))
    chunks = [json.loads(line[6:]) for line in out.decode().split("\n\n") if line.startswith("data: {")]
    calls = [
        call for chunk in chunks for each in chunk["choices"] for call in each["delta"].get("tool_calls", [])
    ]
    assert [call.get("extra_content") for call in calls if "id" in call] == [
        {"google": {"thought_signature": "c2lnQ2FsbA=="}},
        None,
    ]


def test_an_anthropic_callers_second_turn_brings_the_signature_back_to_its_call() -> None:
    message = join_anthropic(said_by("anthropic", sse(answer(*TURN, finish="STOP"))))
    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "x"} for call in calls]
    messages = [
        QUESTION,
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": results},
    ]
    body, _ = asks({"model": "m", "max_tokens": 9, "messages": messages}, caller="anthropic")
    assert model_turn(body) == list(TURN[1:])


@pytest.mark.parametrize("caller", ["openai", "anthropic"])
def test_the_signature_of_a_text_comes_back_to_it(caller: str) -> None:
    said = {"text": "3 °C.", "thoughtSignature": "c2ln"}
    reply = gemini.read_reply(json.dumps(answer(said, finish="STOP")).encode())
    whole = json.loads(CODECS[caller].write_reply(reply, created=CREATED))
    message = (
        whole["choices"][0]["message"]
        if caller == "openai"
        else {"role": "assistant", "content": whole["content"]}
    )
    body, dropped = asks(
        {"model": "m", "max_tokens": 9, "messages": [QUESTION, message, QUESTION]}, caller=caller
    )
    assert model_turn(body) == [said]
    assert dropped == ()


@pytest.mark.parametrize("streamed", [False, True])
def test_claudes_thought_goes_to_a_gemini_caller_and_back(streamed: bool) -> None:
    thought = {"type": "thinking", "thinking": "Hm. So.", "signature": "Y2xhdWRl"}
    sealed = {"type": "redacted_thinking", "data": "c2VhbGVk"}
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    claude = CODECS["anthropic"]
    message = {
        "type": "message",
        "id": "msg_1",
        "content": [thought, sealed, call],
        "stop_reason": "tool_use",
    }
    reply = claude.read_reply(json.dumps(message).encode())
    if streamed:
        events = _streamed_thought(thought, sealed, call)
        parts = join_gemini(translate_stream(claude, gemini, ASKED["gemini"], events))["candidates"][0][
            "content"
        ]["parts"]
    else:
        parts = json.loads(gemini.write_reply(reply))["candidates"][0]["content"]["parts"]
    types.Content.model_validate({"parts": parts})
    contents = [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": parts},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "toolu_1", "name": "weather", "response": {"output": "x"}}}
            ],
        },
    ]
    request = gemini.read_request(json.dumps({"contents": contents}).encode(), "m")
    written = claude.write_request(request, FACTS["anthropic"])
    assert json.loads(written.body)["messages"][1]["content"] == [thought, sealed, call]
    assert written.dropped == ()
    # Sent to Gemini instead, another maker's thought is left out and named.
    other = gemini.write_request(CODECS["anthropic"].read_request(written.body), FLASH)
    assert other.dropped == ("messages.reasoning", "messages.reasoning.signature")


def _streamed_thought(thought: Any, sealed: Any, call: Any) -> list[tuple[str, bytes]]:
    said: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "c"}},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm. "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "So."}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": thought["signature"]},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": sealed},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": call},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ]
    return [(event["type"], json.dumps(event).encode()) for event in said]


@pytest.mark.parametrize(("model", "vouched"), [("gemini-3.5-flash", True), ("gemini-2.5-pro", False)])
def test_another_models_call_is_vouched_for_where_google_insists(model: str, vouched: bool) -> None:
    calls = [
        {"id": f"c{place}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        for place in range(2)
    ]
    messages = [QUESTION, {"role": "assistant", "content": None, "tool_calls": calls}]
    body, _ = asks({"model": "m", "messages": messages}, TargetFacts(model))
    assert ["thoughtSignature" in part for part in model_turn(body)] == [vouched, False]


# --- ends ---


def test_a_stream_without_a_finish_reason_is_cut() -> None:
    reader = gemini.reader()
    reader.read(*sse(answer({"text": "Hel"}))[0])
    with pytest.raises(UpstreamClosed):
        reader.end()


def test_every_candidate_must_finish() -> None:
    reader = gemini.reader()
    two = answer({"text": "a"}, finish="STOP")
    two["candidates"].append({"content": {"parts": [{"text": "b"}]}, "index": 1})
    reader.read(*sse(two)[0])
    with pytest.raises(UpstreamClosed):
        reader.end()


def test_garbage_is_a_protocol_error_until_the_finish_and_counted_after_it() -> None:
    reader = gemini.reader()
    with pytest.raises(UpstreamProtocolError):
        reader.read("", b'{"candidates": [')
    reader.read(*sse(answer({"text": "a"}, finish="STOP"))[0])
    assert reader.read("", b"nonsense") == []
    assert reader.skipped == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}, 503),
        ({"message": "too much", "status": "RESOURCE_EXHAUSTED"}, 429),
        ({"message": "odd"}, 502),
    ],
)
def test_an_error_in_the_stream_is_the_providers(error: dict[str, Any], status: int) -> None:
    reader = gemini.reader()
    reader.read(*sse(answer({"text": "a"}))[0])
    with pytest.raises(UpstreamStatus) as raised:
        reader.read("", json.dumps({"error": error}).encode())
    assert raised.value.http_status == status
    assert raised.value.message == error["message"]
    with pytest.raises(UpstreamStatus):
        gemini.read_reply(json.dumps({"error": error}).encode())


def test_usage_comes_whole_before_or_after_the_finish() -> None:
    usage = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 4,
        "toolUsePromptTokenCount": 2,
    }
    details = {
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 6}, {"modality": "TEXT", "tokenCount": 4}]
    }
    whole = answer(
        {"text": "a"}, finish="STOP", usageMetadata={**usage, **details, "cachedContentTokenCount": 5}
    )
    counted = Usage(input=12, output=7, cached=5, reasoning=4, input_audio=6)
    assert gemini.read_reply(json.dumps(whole).encode()).usage == counted
    late = sse(answer({"text": "a"}, finish="STOP"), {"usageMetadata": whole["usageMetadata"]})
    for events in (sse(whole), late):
        out = join_gemini(said_by("gemini", events))["usageMetadata"]
        assert out["promptTokenCount"] == 12
        assert out["totalTokenCount"] == 19
        assert out["promptTokensDetails"][1] == {"modality": "AUDIO", "tokenCount": 6}


BLOCKED = {
    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "Not that."},
    "usageMetadata": {"promptTokenCount": 4},
    "modelVersion": "g",
    "responseId": "r",
}


def test_a_blocked_prompt_is_a_filtered_answer_for_others_and_stays_itself() -> None:
    reply = gemini.read_reply(json.dumps(BLOCKED).encode())
    whole = json.loads(CODECS["openai"].write_reply(reply, created=CREATED))["choices"][0]
    assert (whole["finish_reason"], whole["message"]["refusal"]) == ("content_filter", "Not that.")
    streamed = join_openai(said_by("openai", sse(BLOCKED)))
    assert (streamed["finish_reason"], streamed["message"]["refusal"]) == ("content_filter", "Not that.")
    again = json.loads(gemini.write_reply(reply))
    assert again["promptFeedback"] == BLOCKED["promptFeedback"]
    assert "candidates" not in again
    assert join_gemini(said_by("gemini", sse(BLOCKED))) == again


@pytest.mark.parametrize(
    ("reason", "word", "claude"),
    [
        ("STOP", "stop", "end_turn"),
        ("MAX_TOKENS", "length", "max_tokens"),
        ("SAFETY", "content_filter", "refusal"),
        ("RECITATION", "content_filter", "refusal"),
        ("MALFORMED_FUNCTION_CALL", "stop", "end_turn"),
    ],
)
def test_reasons_to_finish_are_translated(reason: str, word: str, claude: str) -> None:
    events = sse(answer({"text": "a"}, finish=reason))
    assert join_openai(said_by("openai", events))["finish_reason"] == word
    assert join_anthropic(said_by("anthropic", events))["stop_reason"] == claude
    assert join_gemini(said_by("gemini", events))["candidates"][0]["finishReason"] == reason


def test_candidates_stay_apart() -> None:
    two = answer({"text": "a"}, finish="STOP")
    two["candidates"].append(
        {"content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS", "index": 1}
    )
    whole = join_gemini(said_by("gemini", sse(two)))["candidates"]
    assert [(each["content"]["parts"][0]["text"], each["finishReason"]) for each in whole] == [
        ("a", "STOP"),
        ("b", "MAX_TOKENS"),
    ]


def test_grounding_stays_with_gemini_and_is_passed_over_elsewhere() -> None:
    grounding = {
        "webSearchQueries": ["oslo"],
        "groundingChunks": [{"web": {"uri": "https://e.org", "title": "t"}}],
    }
    last = answer({"text": "b"}, finish="STOP")
    last["candidates"][0]["groundingMetadata"] = grounding
    events = sse(answer({"text": "a"}), last)
    assert join_gemini(said_by("gemini", events))["candidates"][0]["groundingMetadata"] == grounding
    assert join_openai(said_by("openai", events))["message"]["content"] == "ab"


def test_log_probabilities_go_to_openai_and_come_from_it() -> None:
    result = {
        "chosenCandidates": [{"token": "å", "logProbability": -0.5}],
        "topCandidates": [
            {"candidates": [{"token": "å", "logProbability": -0.5}, {"token": "b", "logProbability": -2.0}]}
        ],
    }
    said = answer({"text": "å"}, finish="STOP")
    said["candidates"][0]["logprobsResult"] = result
    types.GenerateContentResponse.model_validate(said)
    gpt = CODECS["openai"]
    whole = gpt.write_reply(gemini.read_reply(json.dumps(said).encode()), created=CREATED)
    logprobs = ot.ChatCompletion.model_validate_json(whole, strict=True).choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert [(top.token, top.logprob) for top in logprobs.content[0].top_logprobs] == [
        ("å", -0.5),
        ("b", -2.0),
    ]
    assert logprobs.content[0].bytes == [0xC3, 0xA5]
    chunks = [("", data) for _, data in events_of(said_by("openai", sse(said)))]
    back = join_gemini(translate_stream(gpt, gemini, ASKED["gemini"], chunks))["candidates"][0]
    assert back["logprobsResult"] == result
    assert json.loads(gemini.write_reply(gpt.read_reply(whole)))["candidates"][0]["logprobsResult"] == result


# --- requests ---


def test_an_image_in_a_result_stands_beside_it_for_older_models() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "shot", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": [image]},
    ]
    old, _ = asks({"model": "m", "messages": messages}, TargetFacts("gemini-2.5-flash"))
    assert old["contents"][3]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    new, _ = asks({"model": "m", "messages": messages})
    assert new["contents"][2]["parts"][0]["functionResponse"]["parts"] == [old["contents"][3]["parts"][1]]


@pytest.mark.parametrize(
    ("model", "effort", "config", "dropped"),
    [
        ("gemini-3.5-flash", "minimal", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}, ()),
        ("gemini-3-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "HIGH"}, ()),
        ("gemini-3.1-pro-preview", "none", {"thinkingLevel": "LOW"}, ("reasoning_effort",)),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}, ()),
        ("gemini-2.5-flash", "high", {"includeThoughts": True, "thinkingBudget": 24576}, ()),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}, ("reasoning_effort",)),
        ("gemini-2.0-flash", "high", None, ("reasoning_effort",)),
    ],
)
def test_effort_becomes_what_the_model_knows(
    model: str, effort: str, config: Any, dropped: tuple[str, ...]
) -> None:
    body, left = asks({"model": "m", "messages": [QUESTION], "reasoning_effort": effort}, TargetFacts(model))
    assert body.get("generationConfig", {}).get("thinkingConfig") == config
    assert left == dropped


def test_what_a_provider_refuses_is_left_out_and_named() -> None:
    facts = TargetFacts("gemini-2.5-pro", drops=("seed", "functionCall.id", "toolConfig"))
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    tool = {"type": "function", "function": {"name": "f"}}
    messages = [QUESTION, {"role": "assistant", "content": None, "tool_calls": [call]}]
    body, dropped = asks(
        {"model": "m", "messages": messages, "seed": 1, "tools": [tool], "tool_choice": "auto"}, facts
    )
    assert "id" not in model_turn(body)[0]["functionCall"]
    assert "generationConfig" not in body
    assert "toolConfig" not in body
    assert dropped == ("seed", "toolConfig")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b'{"contents": [{"role": "assistant", "parts": []}]}', "contents.role"),
        (b'{"contents": [{"parts": [{"text": 1}]}]}', "contents.parts.text"),
        (
            b'{"contents": [{"parts": [{"functionCall": {"name": "f", "args": []}}]}]}',
            "contents.parts.functionCall.args",
        ),
        (b'{"contents": [], "generationConfig": {"topP": "x"}}', "generationConfig.topP"),
        (
            b'{"contents": [], "tool_config": {"function_calling_config": {"mode": "NO"}}}',
            "toolConfig.functionCallingConfig.mode",
        ),
    ],
)
def test_a_callers_mistake_is_named(body: bytes, param: str | None) -> None:
    with pytest.raises(BadRequest) as raised:
        gemini.read_request(body)
    assert raised.value.param == param


@given(spoiled(st.lists(SAID, min_size=1, max_size=2).map(lambda parts: answer(*parts, finish="STOP"))))
def test_property_a_spoiled_answer_is_read_or_an_upstream_error(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    try:
        reply = gemini.read_reply(raw)
        events = [("", raw)]
        outs = [said_by(name, events) for name in CODECS]
    except UpstreamError:
        return
    assert all(outs)
    for codec in CODECS.values():
        json.loads(codec.write_reply(reply))


def test_the_sdks_own_request_is_read() -> None:
    """Chat history as the official SDK keeps it: its types, written by alias."""
    content = types.Content(
        role="model",
        parts=[
            types.Part(function_call=types.FunctionCall(name="f", args={"a": 1}), thought_signature=b"sig")
        ],
    )
    sent = {"contents": [content.model_dump(mode="json", by_alias=True, exclude_none=True)]}
    request = gemini.read_request(json.dumps(sent).encode(), "models/x")
    written = json.loads(gemini.write_request(request, FLASH).body)
    check_request(written)
    assert written["contents"][0]["parts"][0]["thoughtSignature"] == "c2ln"
