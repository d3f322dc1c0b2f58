"""An answer of OpenAI Chat Completions, read and written, says the same as before."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from test_dialect_roundtrip import ID, WORD, record

from gateway.dialects import openai_chat

CALL = record(
    id=ID, type="function", function=record(name=ID, arguments=st.sampled_from(["{}", '{"a": 1}', "{broken"]))
)
CUSTOM = record(id=ID, type="custom", custom=record(name=ID, input=WORD))
NOTE = record(
    type="url_citation",
    url_citation=record(
        start_index=st.integers(0, 1), end_index=st.integers(1, 2), title=WORD, url=st.just("https://e.org/a")
    ),
)
AUDIO = st.just({"id": "audio_1", "data": "AAAA", "expires_at": 1, "transcript": "Hi."})
THOUGHT = st.lists(
    record(type="reasoning.text", text=WORD, signature_=ID, format=st.just("anthropic-claude-v1"), id_=ID)
    | record(type="reasoning.encrypted", data=ID, format=st.just("openai-responses-v1"), id_=ID),
    min_size=1,
    max_size=3,
)
MESSAGE = st.one_of(
    record(role="assistant", content=WORD, annotations_=st.lists(NOTE, min_size=1, max_size=2)),
    record(role="assistant", content=st.none(), refusal=WORD),
    record(role="assistant", content=st.none(), tool_calls=st.lists(CALL | CUSTOM, min_size=1, max_size=3)),
    record(role="assistant", content=WORD, tool_calls=st.lists(CALL, min_size=1, max_size=2)),
    record(role="assistant", content=st.none(), audio=AUDIO),
    record(role="assistant", content=WORD, reasoning_details=THOUGHT),
    record(role="assistant", content=WORD, reasoning_content=WORD),
)
TOKEN = st.just({"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []})
LOGPROBS = st.none() | record(content=st.lists(TOKEN, max_size=2), refusal=st.none())
CHOICE = record(
    message=MESSAGE,
    logprobs=LOGPROBS,
    finish_reason=st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
)
COUNT = st.integers(0, 9)


@st.composite
def usages(draw: st.DrawFn) -> dict[str, Any]:
    inputs, outputs = draw(st.integers(20, 99)), draw(st.integers(20, 99))
    asked = {"cached_tokens": draw(COUNT), "audio_tokens": draw(COUNT)}
    said = {"reasoning_tokens": draw(COUNT), "audio_tokens": draw(COUNT)}
    return {
        "prompt_tokens": inputs,
        "completion_tokens": outputs,
        "total_tokens": inputs + outputs,
        "prompt_tokens_details": asked,
        "completion_tokens_details": said,
    }


REPLY = record(
    id=st.just("chatcmpl-1"),
    object="chat.completion",
    created=st.integers(1, 9),
    model=ID,
    choices=st.lists(CHOICE, min_size=1, max_size=3),
    usage_=usages(),
    service_tier_=st.sampled_from(["default", "flex", "priority"]),
    system_fingerprint_=ID,
)


def shown(message: dict[str, Any]) -> dict[str, Any]:
    """As it is written: every message says whether it refuses, and shows thought in both ways."""
    thoughts = message.get("reasoning_details", ())
    text = "".join([thought["text"] for thought in thoughts if "text" in thought])
    details = [{**thought, "index": place} for place, thought in enumerate(thoughts)]
    if "reasoning_content" in message:
        details = [{"type": "reasoning.text", "text": message["reasoning_content"], "index": 0}]
        text = message["reasoning_content"]
    told = {"reasoning_details": details} if details else {}
    return {"refusal": None, **message, **told, **({"reasoning_content": text} if text else {})}


@given(REPLY)
def test_property_an_answer_of_openais_is_written_as_it_was(body: dict[str, Any]) -> None:
    for place, choice in enumerate(body["choices"]):
        choice["index"] = place
    written = json.loads(openai_chat.write_reply(openai_chat.read_reply(json.dumps(body).encode())))
    for choice in body["choices"]:
        choice["message"] = shown(choice["message"])
    if "usage" not in body:
        assert written.pop("usage", None) is None
    else:
        cached = written["usage"]["prompt_tokens_details"]
        assert cached.pop("cache_write_tokens", 0) == 0
        for name in ("accepted_prediction_tokens", "rejected_prediction_tokens"):
            assert written["usage"]["completion_tokens_details"].pop(name, 0) == 0
    assert written == body
