"""What callers ask of the cache, in whichever gateway's words, within what the operator allows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.jsonscan import request_facts
from gateway.cache.wishes import body_wishes, wishes_of
from gateway.errors import BadRequest
from gateway.schemas.caching import SCOPES, Scope, Semantic, Settings, Wishes
from gateway.schemas.call import Call

EXACT = Settings()
SEMANTIC = Settings(mode="semantic", semantic=Semantic(threshold=0.95))
ASKED = Settings(mode="asked", semantic=Semantic())
OFF = Settings(mode="off", semantic=Semantic())

HEADERS = (
    *("x-gateway-cache", "x-gateway-cache-ttl", "x-gateway-cache-threshold", "x-gateway-cache-scope"),
    *("x-bf-cache-key", "x-bf-cache-ttl", "x-bf-cache-threshold", "x-bf-cache-type", "x-bf-cache-no-store"),
    *("x-portkey-config", "x-portkey-cache-namespace", "x-portkey-cache-force-refresh"),
    *("cf-aig-skip-cache", "cf-aig-cache-ttl", "cf-aig-cache-key"),
)


def asked(settings: Settings, **headers: str) -> Wishes:
    return wishes_of(
        {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}, settings
    )


def in_body(settings: Settings, cache: str, before: Wishes | None = None) -> tuple[Wishes, Call]:
    body = f'{{"model":"m","cache": {cache},"messages":[]}}'.encode()
    call = Call("chat_completions", "openai", body, request_facts(body), "m")
    return body_wishes(call, before or wishes_of({}, settings), settings), call


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        (EXACT, "exact"),
        (SEMANTIC, "semantic"),
        (ASKED, "off"),
        (OFF, "off"),
        (Settings(mode="semantic"), "exact"),
    ],
)
def test_without_a_word_the_settings_hold(settings: Settings, mode: str) -> None:
    wishes = wishes_of({b"content-type": b"application/json"}, settings)
    assert (wishes.mode, wishes.read, wishes.write, wishes.only) == (mode, True, True, False)
    assert (wishes.ttl, wishes.scope, wishes.namespace) == (settings.ttl, settings.scope, "")


def test_nobody_gets_what_is_older_than_their_settings_say() -> None:
    """Whoever kept it had other settings: those of before a change, or of another team."""
    short = Settings(ttl=60.0)
    assert wishes_of({}, short).max_age == 60.0
    assert asked(short, x_gateway_cache_ttl="5").max_age == 60.0  # that says how long this answer is kept
    assert in_body(short, '{"s-maxage": 5}')[0].max_age == 5.0
    assert in_body(short, '{"s-maxage": 5000}')[0].max_age == 60.0


@pytest.mark.parametrize("name", HEADERS)
def test_who_is_turned_off_stays_so(name: str) -> None:
    for value in ("exact", "semantic", "only", "refresh", "direct", "10", "1", "true", "a", '{"cache":true}'):
        try:
            assert wishes_of({name.encode(): value.encode()}, OFF).mode == "off"
        except BadRequest:
            continue
    assert in_body(OFF, '{"use-cache":true,"ttl":5}')[0].mode == "off"


@pytest.mark.parametrize(
    ("headers", "mode"),
    [
        ({"x_gateway_cache": "exact"}, "exact"),
        ({"x_gateway_cache": "Semantic"}, "semantic"),
        ({"x_gateway_cache": "only"}, "exact"),
        ({"x_gateway_cache": "refresh"}, "exact"),
        ({"x_bf_cache_key": "session-1"}, "exact"),
        ({"x_bf_cache_type": "semantic"}, "semantic"),
        ({"x_bf_cache_type": "direct"}, "exact"),
        ({"cf_aig_cache_ttl": "60"}, "exact"),
        ({"x_portkey_config": '{"cache":{"mode":"semantic","max_age":60},"retry":{}}'}, "semantic"),
        ({"x_portkey_config": '{"cache":{"mode":"simple"}}'}, "exact"),
        ({"x_portkey_config": '{"cache":"simple"}'}, "exact"),
        ({"x_portkey_config": '{"retry":{"attempts":3}}'}, "off"),
        ({"x_portkey_config": "pc-my-config-1a2b"}, "off"),
        ({"x_bf_cache_no_store": "true"}, "off"),
        ({"x_gateway_cache": "off", "x_bf_cache_key": "a"}, "off"),
    ],
)
def test_where_it_is_asked_for_it_is_on(headers: dict[str, str], mode: str) -> None:
    assert asked(ASKED, **headers).mode == mode


def test_nobody_looks_for_meaning_where_that_is_not_set_up() -> None:
    assert asked(EXACT, x_gateway_cache="semantic").mode == "exact"


def test_each_gateways_words_say_the_same() -> None:
    for headers in ({"x_gateway_cache": "refresh"}, {"x_portkey_cache_force_refresh": "true"}):
        assert (asked(EXACT, **headers).read, asked(EXACT, **headers).write) == (False, True)
    for headers in ({"x_gateway_cache": "off"}, {"cf_aig_skip_cache": "true"}):
        assert asked(EXACT, **headers).mode == "off"
    for headers in ({"x_gateway_cache_ttl": "0"}, {"x_bf_cache_no_store": "true"}):
        assert (asked(EXACT, **headers).read, asked(EXACT, **headers).write) == (True, False)
    for headers in ({"x_gateway_cache_ttl": "5m"}, {"x_bf_cache_ttl": "300"}, {"cf_aig_cache_ttl": "300"}):
        assert asked(EXACT, **headers).ttl == 300.0
    for name in ("x_gateway_cache_scope", "x_bf_cache_key", "x_portkey_cache_namespace", "cf_aig_cache_key"):
        assert asked(EXACT, **{name: "my part"}).namespace == "my part"
    assert asked(EXACT, x_gateway_cache="only").only
    assert asked(EXACT, cf_aig_skip_cache="false").mode == "exact"


def test_this_gateways_own_words_win() -> None:
    found = asked(
        EXACT,
        x_bf_cache_ttl="10",
        x_gateway_cache_ttl="20",
        cf_aig_skip_cache="true",
        x_gateway_cache="exact",
    )
    assert (found.ttl, found.mode) == (20.0, "exact")


@given(
    ttl=st.integers(1, 10**6),
    threshold=st.floats(0, 1),
    scope=st.sampled_from(SCOPES),
    limit=st.sampled_from(SCOPES),
)
def test_nothing_goes_beyond_the_settings(ttl: int, threshold: float, scope: Scope, limit: Scope) -> None:
    settings = Settings(ttl=600.0, scope=limit, semantic=Semantic(threshold=0.95))
    found = asked(
        settings,
        x_gateway_cache_ttl=str(ttl),
        x_gateway_cache_threshold=f"{threshold:f}",
        x_gateway_cache_scope=scope,
    )
    assert found.ttl <= 600.0
    assert 0.95 <= found.threshold <= 1
    assert SCOPES.index(found.scope) <= SCOPES.index(settings.scope)
    body, _ = in_body(settings, f'{{"ttl":{ttl}}}', found)
    assert body.ttl <= found.ttl


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-gateway-cache", "sometimes"),
        ("x-gateway-cache-ttl", "soon"),
        ("x-gateway-cache-ttl", "-1"),
        ("x-gateway-cache-threshold", "nan"),
        ("x-gateway-cache-threshold", "1.5"),
        ("x-gateway-cache-scope", "x" * 257),
        ("x-gateway-cache-scope", "a\x07b"),
        ("x-gateway-cache-scope", "é"),
        ("x-bf-cache-type", "exact"),
        ("x-bf-cache-no-store", "perhaps"),
        ("x-bf-cache-ttl", "1 fortnight"),
        ("cf-aig-skip-cache", "2"),
        ("x-portkey-config", '{"cache":{"mode":"clever"}}'),
        ("x-portkey-config", '{"cache":{"max_age":-1}}'),
        ("x-portkey-config", '{"cache":'),
        ("x-portkey-config", '{"cache":' + "[" * 9000),
    ],
)
def test_what_cannot_be_read_is_the_callers_mistake(name: str, value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        wishes_of({name.encode(): value.encode()}, SEMANTIC)
    assert caught.value.param == name


@given(name=st.sampled_from(HEADERS), value=st.binary(max_size=40))
def test_any_value_is_read_or_refused(name: str, value: bytes) -> None:
    for settings in (EXACT, SEMANTIC, ASKED, OFF):
        try:
            found = wishes_of({name.encode(): value}, settings)
        except BadRequest:
            continue
        assert found.ttl > 0


# --- LiteLLM's field of the body ---


def test_the_bodys_field_is_taken_out_and_read() -> None:
    found, call = in_body(EXACT, '{"ttl": 60, "s-maxage": 5, "no-store": true, "namespace": "n", "x": [1]}')
    assert (found.ttl, found.max_age, found.read, found.write, found.namespace) == (
        60.0,
        5.0,
        True,
        False,
        "n",
    )
    assert json.loads(call.body) == {"model": "m", "messages": []}
    assert call.facts.span(b"cache") is None
    assert in_body(EXACT, '{"no-cache": true}')[0].read is False
    assert in_body(EXACT, '{"ttl": 0}')[0].write is False
    assert in_body(ASKED, '{"use-cache": true}')[0].mode == "exact"
    assert in_body(ASKED, '{"ttl": 5}')[0].mode == "off"
    assert in_body(OFF, '{"ttl": 5}')[1].body == b'{"model":"m","messages":[]}'


def test_no_field_is_no_work_and_another_kind_of_field_stays() -> None:
    usual = wishes_of({}, EXACT)
    body = b'{"model":"m","messages":[]}'
    call = Call("chat_completions", "openai", body, request_facts(body), "m")
    assert body_wishes(call, usual, EXACT) is usual
    assert call.body is body
    found, kept = in_body(EXACT, '"ephemeral"')
    assert (found, b'"ephemeral"' in kept.body) == (usual, True)
    found, emptied = in_body(EXACT, "null")
    assert (found, b"cache" in emptied.body) == (usual, False)


@pytest.mark.parametrize(
    "cache",
    [
        *('{"ttl":"x"}', '{"ttl":-1}', '{"ttl":1e999}'),
        *('{"namespace":5}', '{"namespace":"\\u0000"}', '{"namespace":"\\ud800"}', '{"\\ud800":1}'),
    ],
)
def test_a_field_that_cannot_be_read_is_the_callers_mistake(cache: str) -> None:
    with pytest.raises(BadRequest) as caught:
        in_body(EXACT, cache)
    assert caught.value.param == "cache"
