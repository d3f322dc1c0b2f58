"""What may be looked up, kept, and looked for by its meaning."""

import json
from typing import Any

import pytest
from spoken_requests import request_of

from gateway._speedups.asking import COMPLETE, may_keep
from gateway.cache.keys import last_text
from gateway.cache.policy import ambiguous, may_look, may_mean
from gateway.cache.wishes import wishes_of
from gateway.schemas.caching import Semantic, Settings
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage

ALONE = Settings()
TOGETHER = Settings(scope="team")


def looked(body: dict[str, Any] | bytes, settings: Settings = ALONE, name: str = "chat_completions") -> bool:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return may_look(request_of(name, raw), wishes_of({}, settings), raw)


PLAIN: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Q"}]}
FUNCTION = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("more", "may"),
    [
        ({}, True),
        ({"stream": True}, True),
        ({"store": False}, True),
        ({"tools": [FUNCTION]}, True),
        ({"store": True}, False),
        ({"tools": [FUNCTION, {"type": "web_search"}]}, False),
        ({"web_search_options": {}}, False),
        ({"search_parameters": {"mode": "on"}}, False),
        ({"search_recency_filter": "day"}, False),
        ({"plugins": [{"id": "web"}]}, False),
        ({"enable_search": True}, False),
        ({"enable_search": False}, True),
        ({"data_sources": [{"type": "azure_search"}]}, False),
        ({"a_field_of_tomorrow": 1}, True),
    ],
)
def test_what_the_provider_does_itself_is_not_looked_up(more: dict[str, Any], may: bool) -> None:
    assert looked({**PLAIN, **more}) is may


def test_what_a_provider_keeps_or_fetches_is_not_looked_up_in_other_dialects_either() -> None:
    body: dict[str, Any] = {"model": "m", "input": "Q"}
    assert looked(body, name="responses")
    assert not looked({**body, "store": True}, name="responses")
    assert not looked(
        {**body, "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, name="responses"
    )
    assert not looked({**body, "plugins": [{"id": "web"}]}, name="responses")
    assert not looked({**PLAIN, "connectors": [{"id": "web-search"}]}, name="cohere_chat")
    claude: dict[str, Any] = {**PLAIN, "max_tokens": 5}
    assert looked(claude, name="messages")
    assert not looked({**claude, "mcp_servers": [{"type": "url", "url": "u", "name": "n"}]}, name="messages")
    assert not looked({**claude, "thread": {"type": "create"}}, name="messages")
    went_on = {"type": "continue", "previous_message_id": "msg_1"}
    assert not looked({**claude, "thread": went_on}, name="messages")


def test_nothing_is_looked_up_where_the_cache_is_off() -> None:
    assert not looked(PLAIN, Settings(mode="off"))
    assert not looked(PLAIN, Settings(mode="asked"))


def test_a_body_that_two_readers_read_differently_is_not_shared() -> None:
    """The provider may answer the question that the gateway did not see: to those who asked the other one."""
    twice = b'{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}'
    hidden = b'{"model":"m","messages":[{"role":"user","content":"a","con\\u0074ent":"b"}]}'
    for body in (twice, hidden):
        assert ambiguous(body)
        assert looked(body, ALONE)
        assert not looked(body, TOGETHER)
    image = {"type": "image_url", "image_url": {"url": "http://x/y"}}
    assert looked({**PLAIN, "messages": [{"role": "user", "content": [image]}]}, TOGETHER)
    assert ambiguous(b"[" * 100_000)


MOST = 1 << 20


def record(**given: Any) -> Record:
    return Record("r", **{"status": 200, "finish": "stop", "usage": Usage(1, 1), **given})


@pytest.mark.parametrize("finish", sorted(COMPLETE))
def test_an_answer_that_ended_by_itself_is_kept(finish: str) -> None:
    assert may_keep(record(finish=finish), b"{}", MOST)


@pytest.mark.parametrize(
    "finish",
    [
        *("", "length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_context_window_exceeded"),
        *("content_filter", "refusal", "pause_turn", "SAFETY", "RECITATION", "guardrail_intervened"),
        *("content_filtered", "incomplete", "failed", "ERROR", "error", "aborted", "MALFORMED_FUNCTION_CALL"),
        *("OTHER", "a word of tomorrow"),
    ],
)
def test_an_answer_that_was_cut_filtered_or_paused_is_not_kept(finish: str) -> None:
    assert not may_keep(record(finish=finish), b"{}", MOST)


@pytest.mark.parametrize(
    "given",
    [{"skipped": 1}, {"usage": Usage(1, 0)}, {"finish": ""}],
)
def test_halves_are_not_kept(given: dict[str, Any]) -> None:
    assert may_keep(record(), b"{}", MOST)
    assert not may_keep(record(**given), b"{}", MOST)


def test_the_size_is_bounded() -> None:
    assert may_keep(record(), b"x" * 1024, 1024)
    assert not may_keep(record(), b"x" * 1025, 1024)
    assert not may_keep(record(), b"", 1024)


@pytest.mark.parametrize(
    ("body", "may"),
    [
        (b'{"message":{"content":"fine","refusal":null}}', True),
        (b'{"message":{"content":null,"refusal":"I cannot help with that"}}', False),
        (b'data: {"delta":{"refusal" : "I"}}\n\n', False),
        (b'{"message":{"content":"he wrote \\"refusal\\": \\"no\\"","refusal":null}}', True),
        (b'{"type":"refusal","refusal":"No."}', False),
        (b'{"message":{"refusal":""}}', True),
        (b'{"message":{"refusal"\n:\t "no"}}', False),
        (b'{"choices":[{"message":{"refusal":null}},{"message":{"refusal":"no"}}]}', False),
        (b'{"choices":[{"message":{"refusal":""}},{"message":{"refusal": null}}]}', True),
        (b'{"message":{"refusal":"\\n"}}', False),
        (b'{"message":{"content":"refusal"},"refusal":null}', True),
        (b'{"message":{"content":"he said \\"refusal\\":\\"no\\""}}', True),
        (b'{"type":"refusal","text":"no"}', True),
        (b'{"refusals":"no","no_refusal":"no"}', True),
        (b'data: {"refusal":null}\n\ndata: {"refusal":"N"}\n\n', False),
        (b'{"refusal"', True),
        (b'{"refusal":', True),
        (b'{"refusal":"', True),
    ],
)
def test_a_refusal_is_not_kept_though_it_ends_like_any_answer(body: bytes, may: bool) -> None:
    assert may_keep(record(), body, MOST) is may


@pytest.mark.parametrize(
    ("body", "may"),
    [
        (b'{"message":{"content":"fine","annotations":[]}}', True),
        (
            b'{"message":{"annotations":[{"type":"url_citation","url_citation":{"url":"https://x.y"}}]}}',
            False,
        ),
        (b'data: {"delta":{"annotations":[{"type": "url_citation"}]}}\n\n', False),
        (b'{"choices":[],"search_results":[{"title":"News","date":"2026-11-22"}]}', False),
        (b'{"choices":[],"search_results": [ ]}', True),
        (b'{"choices":[],"search_results":null}', True),
        (b'{"message":{"content":"a","executed_tools":[{"type":"search"}]}}', False),
        (b'{"message":{"content":"a","executed_tools":[]}}', True),
        (b'{"message":{"content":"say \\"url_citation\\", \\"executed_tools\\":[1]"}}', True),
        (b'{"annotations":[{"type":"file_citation"}]}', True),
        (b'{"search_results":', True),
    ],
)
def test_what_a_search_found_is_not_kept_though_nobody_asked_for_one(body: bytes, may: bool) -> None:
    """Some models look things up by themselves: OpenAI's that search, Perplexity's, Groq's compound ones."""
    assert may_keep(record(), body, MOST) is may


def test_of_several_answers_all_are_whole() -> None:
    whole = b'{"choices":[{"finish_reason":"stop"},{"finish_reason":"tool_calls"}]}'
    cut = b'{"choices":[{"finish_reason":"stop"},{"finish_reason": "length"}]}'
    assert may_keep(record(), whole, MOST, 2)
    assert not may_keep(record(), cut, MOST, 2)


# --- by meaning ---

USUAL = Semantic()


def meant(text: str, semantic: Semantic = USUAL, **more: Any) -> bool:
    body = {**PLAIN, "messages": [{"role": "user", "content": text}], **more}
    request = request_of("chat_completions", json.dumps(body).encode())
    return may_mean(request, semantic, last_text(request)) == text


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France?",
        "How do I reset my card's PIN, please?",
        "Wie viel kostet das?",
        "Don't you know it's 5 miles (8 km) away?",
        "日本の首都はどこですか",
    ],
)
def test_a_plain_question_has_a_meaning(text: str) -> None:
    assert meant(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "Explain:\n```python\nprint(1)\n```",
        "what does `ls -la` do",
        "def f(x):\n    return x",
        "if (a == b) { c(); }",
        "<div>hello</div> is what?",
        'Translate "good morning, everybody" into French',
        "Translate “good morning” into French",
        "> he said\n> so\nWhat did he mean?",
        "word " * 300,
        "x" * 5000,
    ],
)
def test_code_quotes_and_long_texts_have_none(text: str) -> None:
    assert not meant(text)


def test_what_else_is_in_play_is_allowed_by_the_operator_alone() -> None:
    question = "What is the capital of France?"
    assert not meant(question, tools=[FUNCTION])
    assert meant(question, Semantic(allow=("tools",)), tools=[FUNCTION])
    assert not meant("what does `ls` do")
    assert meant("what does `ls` do", Semantic(allow=("code",)))
    assert meant(question, temperature=1.0)
    assert not meant(question, temperature=1.1)
    assert not meant(question, Semantic(max_tokens=3))
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y"}}]}
    body = {
        **PLAIN,
        "messages": [image, {"role": "assistant", "content": "ok"}, {"role": "user", "content": question}],
    }
    request = request_of("chat_completions", json.dumps(body).encode())
    assert may_mean(request, Semantic(), last_text(request)) is None
    assert may_mean(request, Semantic(allow=("images",)), last_text(request)) == question
