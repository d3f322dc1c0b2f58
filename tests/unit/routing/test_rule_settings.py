"""What a rule sets is in the bytes and in the neutral form, where each dialect has it; everything else stays."""

import json
from typing import Any

import pytest
from rule_calls import HELLO, Asked, call_of

from gateway.config.rule_model import RuleConfig
from gateway.dialects.endpoints import ENDPOINTS
from gateway.routing.rules import Rules
from gateway.routing.settings import settle
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest
from gateway.schemas.record import Record

CONVERSE = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


class Silent:
    def rule_matched(self, name: str) -> None: ...
    def rule_failed(self, name: str, why: str) -> None: ...


def calls() -> list[Call]:
    return [
        call_of("chat_completions"),
        call_of("responses", input="hello"),
        call_of("messages", max_tokens=9000),
        call_of("generate_content", "gemini-x", **GEMINI),
        call_of("converse", "claude-x", **CONVERSE),
        call_of("cohere_chat"),
    ]


@pytest.mark.parametrize("at", range(6))
def test_every_dialect_is_told_in_its_own_words(at: int) -> None:
    call = calls()[at]
    settle(call, (("temperature", b"0.25"), ("max_tokens", b"500"), ("top_p", b"0.5")))
    request = ENDPOINTS[call.endpoint].read(call)
    assert isinstance(request, ChatRequest)
    assert (request.temperature, request.max_output, request.top_p) == (0.25, 500, 0.5)
    assert not request.unknown


def test_the_neutral_form_is_read_anew() -> None:
    call = call_of(temperature=1)
    call.request = ENDPOINTS["chat_completions"].read(call)
    Rules([RuleConfig("r", settings=(("temperature", b"0"),))], Silent()).apply(call, {}, Record("id"))
    assert call.request is None
    assert call.facts.body is call.body


@pytest.mark.parametrize(
    ("body", "settings", "expected"),
    [
        ({"a": [1]}, (("a", b"2"),), {"a": 2}),
        ({"max_completion_tokens": 9}, (("max_tokens", b"5"),), {"max_completion_tokens": 5}),
        ({"max_tokens": 9}, (("max_tokens", b"5"),), {"max_tokens": 5}),
        ({"temperature": 1, "user": "x"}, (("temperature", b""),), {"user": "x"}),
        ({}, (("temperature", b""),), {}),
        ({}, (("reasoning", b'{"effort":"low"}'),), {"reasoning": {"effort": "low"}}),
    ],
)
def test_fields_are_replaced_added_and_taken_out(
    body: dict[str, Any], settings: tuple[tuple[str, bytes], ...], expected: dict[str, Any]
) -> None:
    call = call_of(**body)
    settle(call, settings)
    assert json.loads(call.body) == {"model": "auto", "messages": HELLO, **expected}


@pytest.mark.parametrize(
    "config", [{}, {"generationConfig": None}, {"generationConfig": {"topK": 3, "temperature": 1}}]
)
def test_fields_inside_others_leave_their_neighbours(config: dict[str, Any]) -> None:
    call = call_of("generate_content", "gemini-x", **GEMINI, **config)
    settle(call, (("temperature", b"0"), ("stop", b'"END"')))
    kept = {"topK": 3} if (config.get("generationConfig") or {}).get("topK") else {}
    assert json.loads(call.body)["generationConfig"] == {**kept, "temperature": 0, "stopSequences": ["END"]}
    settle(call, (("temperature", b""),))
    assert json.loads(call.body)["generationConfig"] == {**kept, "stopSequences": ["END"]}


def test_what_is_not_set_stays_byte_for_byte() -> None:
    body = b'{ "model":"auto",  "messages" : [], "z":1.00 }'
    call = ENDPOINTS["chat_completions"].call(body, Asked(), Record("id"))
    settle(call, (("seed", b"7"),))
    assert call.body == b'{ "model":"auto",  "messages" : [], "z":1.00,"seed":7 }'


VERSION, BETA = (b"anthropic-version", b"2026-10-21"), (b"anthropic-beta", b"b")


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ((("temperature", b"0"),), (BETA,)),
        ((("max_tokens", b"5"), ("top_k", b"3")), (BETA,)),
        ((("top_p", b""),), (VERSION, BETA)),  # taken out
        ((("max_tokens", b"5"),), (VERSION, BETA)),
    ],
)
def test_what_is_set_beyond_the_callers_version_goes_without_it(settings: Any, kept: Any) -> None:
    call = call_of("messages", top_p=0.5)
    call.headers = (VERSION, BETA)
    settle(call, settings)
    assert call.headers == kept
