"""Names that one writes first by mistake are told from what is meant, on every way through the cache."""

import pytest

from gateway._speedups.jsonscan import request_facts
from gateway.cache.wishes import KNOWN, body_wishes, wishes_of
from gateway.errors import BadRequest
from gateway.schemas.caching import Settings
from gateway.schemas.call import Call

EXACT = Settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("x-gateway-cache-namespace", "x-gateway-cache-scope"),
        ("x-gateway-cache-key", "x-gateway-cache-scope"),
        ("x-gateway-cache-mode", "x-gateway-cache"),
        ("x-gateway-cache-force-refresh", "x-gateway-cache: refresh"),
        ("x-gateway-cache-no-store", "x-gateway-cache-ttl: 0"),
        ("x-gateway-cache-max-age", "x-gateway-cache-ttl"),
    ],
)
def test_a_header_by_analogy_is_refused_with_the_one_that_is_meant(name: str, meant: str) -> None:
    with pytest.raises(BadRequest) as caught:
        wishes_of({name.encode(): b"tenant-7"}, EXACT)
    assert caught.value.param == name
    assert caught.value.message == f"{name} is no header of this gateway: {meant} is meant"
    assert name.encode() in KNOWN  # so that it is seen without any other


@pytest.mark.parametrize("name", ["x-gateway-cache-id", "x-gateway-cache-age", "x-gateway-cache-similarity"])
def test_what_answers_say_is_no_mistake_in_a_request(name: str) -> None:
    assert wishes_of({name.encode(): b"1"}, EXACT) == wishes_of({}, EXACT)


@pytest.mark.parametrize(
    ("cache", "said"),
    [
        ('{"no_cache":true}', "cache has no_cache: no-cache is meant"),
        ('{"no_store":true,"ttl":5}', "cache has no_store: no-store is meant"),
        ('{"s_maxage":5}', "cache has s_maxage: s-maxage is meant"),
    ],
)
def test_a_member_with_an_underscore_is_refused(cache: str, said: str) -> None:
    body = b'{"model":"m","messages":[],"cache":%s}' % cache.encode()
    call = Call("chat_completions", "openai", body, request_facts(body), "m")
    with pytest.raises(BadRequest) as caught:
        body_wishes(call, wishes_of({}, EXACT), EXACT)
    assert (caught.value.param, caught.value.message) == ("cache", said)
