"""What Gemini's callers and models can say survives: read and written again, spelled otherwise, whole or streamed."""

import json
import re
from typing import Any

import msgspec
from gemini_journeys import CODECS, FACTS, FLASH, answer, check_reply, check_request, join_gemini, sse
from hypothesis import given
from hypothesis import strategies as st
from journeys import CREATED, events_of, join_anthropic, join_openai, translate_stream
from test_dialect_roundtrip import ID, NUMBER, SCHEMA, WORD, record, spoiled

from gateway.dialects import gemini
from gateway.errors import BadRequest

SIGNATURE = st.sampled_from(["c2ln", "c2lnbmVk"])
TEXT = record(text=WORD, thoughtSignature_=SIGNATURE)
THOUGHT = record(text=WORD, thought=True, thoughtSignature_=SIGNATURE)
INLINE = st.sampled_from(["image/png", "audio/wav", "application/pdf", "video/mp4"]).map(
    lambda kind: {"inlineData": {"mimeType": kind, "data": "AAAA"}}
)
LINKED = record(
    fileData=record(
        mimeType=st.sampled_from(["image/jpeg", "video/mp4", "application/pdf"]),
        fileUri=st.sampled_from(
            ["https://e.org/a", "gs://b/c", "https://generativelanguage.googleapis.com/v1beta/files/x"]
        ),
    )
)
SCALED = st.just(
    {
        "inlineData": {"mimeType": "image/png", "data": "AAAA"},
        "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"},
    }
)
CODE = st.sampled_from(
    [
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}, "thoughtSignature": "c2ln"},
    ]
)
ARGS = st.sampled_from([{"a": 1.0}, {"snake_case": {"max_items": None}}])
CALL = record(functionCall=record(name=ID, id_=ID, args_=ARGS), thoughtSignature_=SIGNATURE)
RESPONSE = st.sampled_from(
    [
        {"output": "3 °C"},
        {"output": "{}"},
        {"output": {"a": 1}},
        {"error": "no"},
        {"error": '{"a":1}'},
        {"error": {"code": 7}},
        {"result": "x", "more": [1]},
        {"a_b": {"c": None}},
        {},
    ]
)
RESULT = record(
    functionResponse=record(
        name=ID, id=ID, response=RESPONSE, parts_=st.lists(INLINE, min_size=1, max_size=2)
    )
)
CONTENT = st.one_of(
    record(role="user", parts=st.lists(st.one_of(TEXT, INLINE, LINKED, SCALED), min_size=1, max_size=3)),
    record(role="model", parts=st.lists(st.one_of(TEXT, THOUGHT, CALL, CODE), min_size=1, max_size=4)),
    record(role="user", parts=st.lists(RESULT, min_size=1, max_size=2)),
)
FUNCTION = st.one_of(
    record(name=ID, description_=WORD, parametersJsonSchema_=SCHEMA, behavior_=st.just("BLOCKING")),
    record(
        name=ID,
        parameters=st.just({"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}),
        response_=st.just({"type": "STRING"}),
    ),
)
TOOLS = st.tuples(
    st.lists(FUNCTION, min_size=1, max_size=2),
    st.sampled_from([[], [{"googleSearch": {}}, {"codeExecution": {}}]]),
).map(lambda pair: [{"functionDeclarations": pair[0]}, *pair[1]])
CHOICE = st.sampled_from(
    [
        {"functionCallingConfig": {"mode": "AUTO"}},
        {"functionCallingConfig": {"mode": "NONE"}},
        {"functionCallingConfig": {"mode": "ANY"}},
        {"functionCallingConfig": {"mode": "VALIDATED"}},
        {"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}},
        {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}},
        {"functionCallingConfig": {"mode": "AUTO"}, "retrievalConfig": {"languageCode": "nb"}},
    ]
)
THINKING = st.sampled_from(
    [
        {"thinkingBudget": 0},
        {"thinkingBudget": -1, "includeThoughts": True},
        {"thinkingBudget": 2000},
        {"thinkingLevel": "LOW", "includeThoughts": False},
    ]
)
OUTPUT = st.sampled_from(
    [
        {},
        {"responseMimeType": "application/json"},
        {
            "responseMimeType": "application/json",
            "responseSchema": {"type": "OBJECT", "propertyOrdering": []},
        },
        {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}},
    ]
)
CONFIG = st.tuples(
    record(
        temperature_=NUMBER,
        topP_=NUMBER,
        topK_=st.integers(1, 40),
        maxOutputTokens_=st.integers(1, 9),
        candidateCount_=st.integers(1, 3),
        stopSequences_=st.lists(WORD, min_size=1, max_size=2),
        seed=st.integers(-5, 5),
        presencePenalty_=NUMBER,
        frequencyPenalty_=NUMBER,
        responseLogprobs_=st.booleans(),
        logprobs_=st.integers(1, 5),
        thinkingConfig_=THINKING,
        responseModalities_=st.just(["TEXT", "IMAGE"]),
        speechConfig_=st.just({"voiceConfig": {"x": 1.0}}),
    ),
    OUTPUT,
).map(lambda pair: {**pair[0], **pair[1]})
REQUEST = record(
    contents=st.lists(CONTENT, max_size=2),
    systemInstruction_=record(parts=st.lists(record(text=WORD), min_size=1, max_size=2)),
    tools_=TOOLS,
    toolConfig_=CHOICE,
    generationConfig_=CONFIG,
    safetySettings_=st.just([{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]),
    cachedContent_=st.just("cachedContents/a"),
    serviceTier_=st.sampled_from(["flex", "priority"]),
    labels_=st.just({"a_b": "c"}),
    novelty_=st.just({"z": 1.0}),
)


def again(body: dict[str, Any]) -> None:
    first = gemini.read_request(json.dumps(body).encode(), "m")
    written = gemini.write_request(first, FLASH)
    assert json.loads(written.body) == body
    assert gemini.read_request(written.body, "m") == first
    assert written.dropped == ()


@given(REQUEST)
def test_property_gemini_keeps_every_parameter(body: dict[str, Any]) -> None:
    again(body)


@given(st.lists(CONTENT, min_size=2, max_size=6))
def test_property_gemini_keeps_every_content(contents: list[Any]) -> None:
    again({"contents": contents})


KEPT = frozenset(
    {"args", "response", "labels", "parametersJsonSchema", "parameters", "responseSchema", "novelty"}
)


def snake(value: Any) -> Any:
    """The same request as a caller writes it who prefers snake_case; the caller's own names stay."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name): inner if name in KEPT else snake(inner)
        for name, inner in value.items()
    }


@given(
    st.lists(CONTENT, max_size=3),
    record(tools_=TOOLS, generationConfig_=CONFIG, systemInstruction_=st.just({"parts": [{"text": "x"}]})),
)
def test_property_both_spellings_mean_the_same(contents: list[Any], rest: dict[str, Any]) -> None:
    body = {"contents": contents, **rest}
    one = gemini.read_request(json.dumps(body).encode())
    other = gemini.read_request(json.dumps(snake(body)).encode())
    for dialect in ("openai", "anthropic"):
        first, second = (CODECS[dialect].write_request(request, FACTS[dialect]) for request in (one, other))
        assert first.body == second.body
        assert len(first.dropped) == len(second.dropped)


@given(spoiled(REQUEST))
def test_property_a_spoiled_gemini_request_is_refused_or_written(body: dict[str, Any]) -> None:
    try:
        request = gemini.read_request(json.dumps(body).encode(), "m")
    except BadRequest:
        return
    for dialect, codec in CODECS.items():
        msgspec.json.decode(codec.write_request(request, FACTS[dialect]).body)


@given(REQUEST)
def test_property_what_gemini_asks_is_read_by_others(body: dict[str, Any]) -> None:
    request = gemini.read_request(json.dumps(body).encode(), "m")
    for dialect in ("openai", "anthropic"):
        codec = CODECS[dialect]
        written = codec.write_request(request, FACTS[dialect])
        assert codec.read_request(written.body).unknown == ()
        back = gemini.write_request(codec.read_request(written.body), FLASH)
        check_request(json.loads(back.body))


# --- answers ---

SAID = st.one_of(
    record(text=WORD),
    record(text=WORD, thought=True),
    record(
        functionCall=record(name=ID, id_=ID, args=st.sampled_from([{}, {"a": 1}, {"b": "ø"}])),
        thoughtSignature_=SIGNATURE,
    ),
    CODE,
)


def kind_of(part: dict[str, Any]) -> tuple[bool, bool]:
    return "text" in part, bool(part.get("thought"))


@st.composite
def answers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Parts as a model says them: never two texts of one kind side by side; perhaps a signature at the end."""
    parts: list[dict[str, Any]] = []
    for part in draw(st.lists(SAID, min_size=1, max_size=5)):
        if not parts or "text" not in part or kind_of(part) != kind_of(parts[-1]):
            parts.append(dict(part))
    if "text" in parts[-1] and draw(st.booleans()):
        parts[-1]["thoughtSignature"] = draw(SIGNATURE)
    return parts


USAGE = st.fixed_dictionaries(
    {"promptTokenCount": st.integers(5, 9), "candidatesTokenCount": st.integers(1, 9)},
    optional={
        "thoughtsTokenCount": st.integers(1, 9),
        "cachedContentTokenCount": st.integers(1, 5),
        "toolUsePromptTokenCount": st.integers(1, 5),
    },
)


@st.composite
def streamed(draw: st.DrawFn, parts: list[dict[str, Any]], last: dict[str, Any]) -> list[tuple[str, bytes]]:
    """The same answer in pieces: texts cut anywhere, parts on events of their own or together."""
    pieces: list[dict[str, Any]] = []
    for part in parts:
        text = part.get("text", "")
        cut = draw(st.integers(0, len(text)))
        if 0 < cut < len(text):
            pieces.append(
                {**{name: part[name] for name in part if name != "thoughtSignature"}, "text": text[:cut]}
            )
            part = {**part, "text": text[cut:]}
        pieces.append(part)
    events: list[list[dict[str, Any]]] = [[]]
    for piece in pieces:
        if draw(st.booleans()):
            events.append([])
        events[-1].append(piece)
    early: dict[str, Any] = {"usageMetadata": {"promptTokenCount": 5}}
    if draw(st.booleans()):
        return sse(*[answer(*event, **early) for event in events], last)
    return sse(
        *[answer(*event, **early) for event in events[:-1]], {**last, **answer(*events[-1], finish="STOP")}
    )


ASKED = {dialect: gemini.read_request(b'{"contents":[]}', "m", True) for dialect in CODECS}


@given(answers(), USAGE, st.data())
def test_property_a_joined_stream_is_the_whole_answer(
    parts: list[Any], usage: dict[str, Any], data: st.DataObject
) -> None:
    about: dict[str, Any] = {"usageMetadata": usage}
    reply = gemini.read_reply(json.dumps(answer(*parts, finish="STOP", **about)).encode())
    events = data.draw(streamed(parts, answer({"text": ""}, finish="STOP", **about)))
    outs = {name: translate_stream(gemini, codec, ASKED[name], events) for name, codec in CODECS.items()}
    wholes = {name: json.loads(codec.write_reply(reply, created=CREATED)) for name, codec in CODECS.items()}
    assert join_gemini(outs["gemini"]) == merged(wholes["gemini"])
    message, choice = join_openai(outs["openai"]), wholes["openai"]["choices"][0]
    assert message["finish_reason"] == choice["finish_reason"]
    assert message["usage"] == wholes["openai"]["usage"]
    for name in ("content", "reasoning_content"):
        assert (message["message"][name] or "") == (choice["message"].get(name) or "")
    assert message["message"]["reasoning_details"] == choice["message"].get("reasoning_details", [])
    calls = [
        {k: v for k, v in call.items() if k != "extra_content"}
        for call in choice["message"].get("tool_calls", [])
    ]
    assert message["message"]["tool_calls"] == calls
    claude = join_anthropic(outs["anthropic"])
    assert claude["content"] == wholes["anthropic"]["content"]
    assert claude["usage"] == wholes["anthropic"]["usage"]


def merged(whole: dict[str, Any]) -> dict[str, Any]:
    """An answer written whole, with what a client would join joined."""
    stream = b"data: " + json.dumps(whole).encode() + b"\n\n"
    assert events_of(stream)
    return join_gemini(stream)


@given(answers(), USAGE)
def test_property_an_answer_of_geminis_is_written_as_it_was(parts: list[Any], usage: dict[str, Any]) -> None:
    more = {
        "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}],
        "avgLogprobs": -0.5,
    }
    whole = answer(*parts, finish="STOP", usageMetadata={**usage, "toolUsePromptTokenCount": 0})
    whole["candidates"][0].update(more)
    body = gemini.write_reply(gemini.read_reply(json.dumps(whole).encode()))
    check_reply(body)
    written = json.loads(body)
    counts = written.pop("usageMetadata")
    expected = {
        **usage,
        "totalTokenCount": usage["promptTokenCount"]
        + usage["candidatesTokenCount"]
        + usage.get("thoughtsTokenCount", 0),
    }
    expected.pop("toolUsePromptTokenCount", None)
    assert counts == expected
    del whole["usageMetadata"], whole["candidates"][0]["index"]
    assert written == whole
