"""A passing request is edited only where the provider needs it."""

import json

from gateway._speedups.jsonscan import request_facts
from gateway.dialects.edits import adapted, wrapped

BODY = b'{ "model": "p/m",  "seed": 1e2, "user":"u", "max_completion_tokens": 7, "x": {"seed": 3} }'


def test_only_the_model_changes_where_nothing_else_must() -> None:
    body, dropped = adapted(request_facts(BODY), "m")
    assert body == BODY.replace(b'"p/m"', b'"m"')
    assert dropped == ()


def test_refused_fields_are_taken_out_and_named() -> None:
    body, dropped = adapted(request_facts(BODY), "m", drops=("user", "logit_bias"))
    assert dropped == ("user",)
    assert "user" not in json.loads(body)
    assert b'"x": {"seed": 3}' in body


def test_renamed_fields_keep_their_very_value() -> None:
    renames = (("seed", "random_seed"), ("max_completion_tokens", "max_tokens"))
    body, dropped = adapted(request_facts(BODY), "m", renames=renames)
    assert dropped == ()
    assert b'"random_seed":1e2' in body
    assert json.loads(body) == {
        "model": "m",
        "user": "u",
        "x": {"seed": 3},
        "random_seed": 100.0,
        "max_tokens": 7,
    }


def test_a_name_that_the_caller_uses_too_wins() -> None:
    facts = request_facts(b'{"model":"m","max_completion_tokens":7,"max_tokens":9}')
    body, _ = adapted(facts, "m", renames=(("max_completion_tokens", "max_tokens"),))
    assert json.loads(body) == {"model": "m", "max_tokens": 9}


def test_a_wrapped_body_loses_what_is_said_elsewhere_and_gains_what_is_missing() -> None:
    body = b'{"model": "m", "max_tokens":  9, "stream":true}'
    adds = (("version", 'v"1'), ("beta", ("a", "b")), ("none", ()))
    done = wrapped(body, adds, ("model", "stream"))
    assert json.loads(done) == {"max_tokens": 9, "version": 'v"1', "beta": ["a", "b"]}
    assert b'"max_tokens":  9' in done


def test_what_the_caller_wrote_stays() -> None:
    assert wrapped(b'{"version": "mine"}', (("version", "ours"),), ()) == b'{"version": "mine"}'


def test_a_wrapped_body_may_become_empty() -> None:
    assert json.loads(wrapped(b'{"model": "m"}', (), ("model",))) == {}
