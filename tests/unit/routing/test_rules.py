"""Rules: the first condition that holds decides; what cannot be told never does, and never becomes a failure."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_calls import call_of

from gateway.config.rule_model import Refusal, RuleConfig, Split
from gateway.errors import Refused
from gateway.routing import fields
from gateway.routing.rules import Rules, chosen
from gateway.schemas.call import Call
from gateway.schemas.record import Record

NOON = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)  # a Wednesday


class Told:
    """What the telemetry room hears."""

    def __init__(self) -> None:
        self.matched: list[str] = []
        self.failed: list[tuple[str, str]] = []

    def rule_matched(self, name: str) -> None:
        self.matched.append(name)

    def rule_failed(self, name: str, why: str) -> None:
        self.failed.append((name, why))


def applied(
    *rules: RuleConfig, call: Call | None = None, headers: dict[bytes, bytes] | None = None, **who: str
) -> tuple[Call, Record, Told]:
    told, record = Told(), Record("id")
    for name, value in who.items():
        setattr(record, name, value)
    call = call or call_of()
    Rules(rules, told, lambda: NOON).apply(call, headers or {}, record)
    return call, record, told


def holds(when: str, **given: Any) -> bool:
    _, record, told = applied(RuleConfig("r", when, to="x"), **given)
    assert told.failed == []
    return record.rule == "r"


def test_the_first_rule_that_holds_decides() -> None:
    call, record, told = applied(
        RuleConfig("no", 'request.model == "other"', to="a"),
        RuleConfig("yes", 'request.model == "auto"', to="b"),
        RuleConfig("late", "", to="c"),
    )
    assert (call.model, record.rule, told.matched) == ("b", "yes", ["yes"])


def test_without_a_match_nothing_changes() -> None:
    call = call_of()
    body = call.body
    applied(RuleConfig("no", "request.stream", to="a", settings=(("temperature", b"0"),)), call=call)
    assert (call.model, call.body) == ("auto", body)
    assert call.body is body


@pytest.mark.parametrize(
    ("when", "body"),
    [
        ("request.stream", {"stream": True}),
        ("request.has_tools", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("!request.has_tools", {"tools": []}),
        ("request.max_tokens == 50", {"max_completion_tokens": 50}),
        ("request.max_tokens == 0", {}),
        ("request.messages == 1 && request.tokens < 20 && request.tokens > 0", {}),
        ('request.user == "ann"', {"user": "ann"}),
        ('request.user == ""', {"user": 7}),
        ('request.metadata.tier == "gold"', {"metadata": {"tier": "gold"}}),
        ('"tier" in request.metadata', {"metadata": {"tier": None}}),
        ("!has(request.metadata.tier)", {}),
        ("request.complexity < 0.2", {}),
        ('request.endpoint == "chat_completions" && request.dialect == "openai"', {}),
        ("time.hour == 12 && time.minute == 30 && time.weekday == 3", {}),
        ('now.getHours("UTC") == 12 && now.getFullYear() == 2026', {}),
        ('request.model.matches("^au")', {}),
        (
            "request.has_images",
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y"}}]}
                ]
            },
        ),
    ],
)
def test_a_field_says_what_the_request_is(when: str, body: dict[str, Any]) -> None:
    assert holds(when, call=call_of(**body))


def test_headers_and_keys_can_be_asked_but_credentials_cannot() -> None:
    headers = {b"x-team": b"red", b"authorization": b"Bearer secret"}
    assert holds('request.header["x-team"] == "red" && key == "key-1"', headers=headers, key="key-1")
    assert not holds('"authorization" in request.header', headers=headers)


def test_other_dialects_say_the_same_of_themselves() -> None:
    claude = call_of(
        "messages", max_tokens=9, metadata={"user_id": "bob"}, tools=[{"name": "f", "input_schema": {}}]
    )
    assert holds('request.user == "bob" && request.has_tools && request.max_tokens == 9', call=claude)
    asked = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "labels": {"team": "red"}}
    gemini = call_of("generate_content", "gemini-x", **asked, generationConfig={"maxOutputTokens": 7})
    assert holds('request.metadata.team == "red" && request.max_tokens == 7', call=gemini)


def test_a_header_that_was_not_sent_is_no_mistake() -> None:
    assert not holds('request.header["x-team"] == "red"')


def test_a_rule_may_ask_whom_the_key_belongs_to() -> None:
    who = {"key": "k", "user": "u", "team": "red", "org": "acme"}
    assert holds('team == "red" && user == "u" && org == "acme"', **who)
    assert not holds('team == "red"', **{**who, "team": ""})
    assert holds('team == "" && user == ""')


def test_only_what_a_rule_mentions_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []

    def watched(name: str, finder: Any) -> Any:
        return lambda view: (found.append(name), finder(view))[1]

    for name, finder in list(fields.FINDERS.items()):
        monkeypatch.setitem(fields.FINDERS, name, watched(name, finder))
    call, _, _ = applied(
        RuleConfig("a", 'request.model == "other" && request.complexity > 0.9', to="x"),
        RuleConfig("b", 'request.model == "auto" && !request.stream', to="y"),
    )
    assert found == ["request.model", "request.stream"]
    assert call.request is None, "the conversation was read for nothing"


def test_what_cannot_be_told_is_no_match_and_told_once() -> None:
    told = Told()
    rules = Rules([RuleConfig("odd", "request.metadata.n > 5", to="x"), RuleConfig("rest", "", to="y")], told)
    for _ in range(3):
        call, record = call_of(metadata={"n": "secret"}), Record("id")
        rules.apply(call, {}, record)
        assert record.rule == "rest"
    assert told.failed == [("odd", "UNKNOWN"), ("odd", ""), ("odd", "")]


def test_a_conversation_that_cannot_be_read_matches_no_rule_that_needs_it() -> None:
    call = call_of(messages=[{"role": 7}])
    _, record, told = applied(RuleConfig("r", "request.tokens >= 0", to="x"), call=call)
    assert record.rule == ""
    assert told.failed == [("r", "BadRequest")]


def test_metadata_beyond_bounds_match_nothing() -> None:
    call = call_of(metadata={"a": "x" * (65 << 10)})
    _, record, told = applied(RuleConfig("r", "size(request.metadata) >= 0", to="x"), call=call)
    assert (record.rule, len(told.failed)) == ("", 1)


def test_evaluation_is_bounded() -> None:
    """Steps by the library's budget, regular expressions by their kind: these would take years elsewhere."""
    call = call_of(metadata={str(n): n for n in range(4000)})
    loops = (
        "request.metadata.all(a, request.metadata.all(b, request.metadata.all(c, a != b || b != c || true)))"
    )
    _, record, told = applied(RuleConfig("r", loops, to="x"), call=call)
    assert (record.rule, len(told.failed)) == ("", 1)
    assert not holds('request.model.matches("(a+)+$")', call=call_of(model="a" * 50_000 + "b"))


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text() | st.just("\ud800")
json_values = st.recursive(st.none() | st.booleans() | numbers | texts, nested, max_leaves=12)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "user_id"]) | st.text(), json_values, max_size=5), json_values
)
def test_no_value_of_a_callers_becomes_a_failure(metadata: dict[str, Any], user: Any) -> None:
    call = call_of(metadata=metadata, user=user)
    expressions = [
        "request.metadata.a > 5",
        'request.metadata.a.b.startsWith("x")',
        "request.metadata.exists(k, request.metadata[k] == request.metadata.b)",
        'string(request.metadata.a) == "é" || size(request.metadata.b) > 2',
        'request.user.matches("^a.*$") && request.user == request.metadata.user_id',
    ]
    applied(*[RuleConfig(f"r{n}", when, to="x") for n, when in enumerate(expressions)], call=call)


def test_a_refusal_has_the_operators_words_and_status() -> None:
    rule = RuleConfig("closed", "request.stream == false", refuse=Refusal("come back later", 429))
    record = Record("id")
    with pytest.raises(Refused, match="come back later") as caught:
        Rules([rule], Told()).apply(call_of(), {}, record)
    assert (caught.value.http_status, caught.value.code, record.rule) == (429, "refused_by_rule", "closed")


# --- splits ---------------------------------------------------------------------------------------------------------

SPLIT = Split("user", ((0.1, "canary"), (1.0, "stable")))


@given(st.text(), st.text())
def test_the_same_one_always_goes_the_same_way(salt: str, who: str) -> None:
    assert chosen(salt, SPLIT, who) == chosen(salt, SPLIT, who)


@settings(max_examples=25)
@given(st.text(max_size=20), st.floats(0.01, 0.99))
def test_shares_are_kept_within_statistical_bounds(salt: str, share: float) -> None:
    split, many = Split("user", ((share, "a"), (1.0, "b"))), 2000
    found = Counter(chosen(salt, split, f"user-{n}") for n in range(many))["a"]
    assert abs(found - many * share) < 6 * (many * share * (1 - share)) ** 0.5 + 1


def test_splits_of_two_rules_divide_independently() -> None:
    both = Counter((chosen("one", SPLIT, str(n)), chosen("two", SPLIT, str(n))) for n in range(4000))
    assert 10 <= both["canary", "canary"] <= 80  # one in a hundred


@pytest.mark.parametrize(
    ("by", "headers", "body", "key"),
    [
        ("user", {}, {"user": "{}"}, ""),
        ("key", {}, {}, "{}"),
        ("session", {b"x-gateway-session": b"{}"}, {}, ""),
        ("header:x-tenant", {b"x-tenant": b"{}"}, {}, ""),
    ],
)
def test_a_split_goes_by_its_key(
    by: str, headers: dict[bytes, bytes], body: dict[str, str], key: str
) -> None:
    split = Split(by, ((0.5, "a"), (1.0, "b")))
    rules = Rules([RuleConfig("ab", split=split)], Told())

    def led(who: str, request: str) -> str:
        call = call_of(**{name: value.format(who) for name, value in body.items()})
        sent = {name: value.replace(b"{}", who.encode()) for name, value in headers.items()}
        rules.apply(call, sent, Record(request, key=key.format(who)))
        return call.model

    ways = [{led(str(who), f"request-{n}") for n in range(3)} for who in range(40)]
    assert {len(way) for way in ways} == {1}
    assert set().union(*ways) == {"a", "b"}


def test_one_who_is_not_named_is_drawn_anew() -> None:
    rules = Rules([RuleConfig("ab", split=Split("user", ((0.5, "a"), (1.0, "b"))))], Told())
    led = set()
    for n in range(60):
        call = call_of()
        rules.apply(call, {}, Record(f"request-{n}"))
        led.add(call.model)
    assert led == {"a", "b"}
