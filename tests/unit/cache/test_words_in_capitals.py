"""What callers write in capitals says the same; a scope in capitals is no name for a part of one's own."""

import pytest

from gateway.cache.wishes import wishes_of
from gateway.schemas.caching import SCOPES, Scope, Semantic, Settings

SETTINGS = Settings(mode="asked", scope="all", semantic=Semantic())


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_is_one_however_it_is_written(scope: Scope) -> None:
    for text in (scope, scope.upper(), scope.title()):
        wishes = wishes_of({b"x-gateway-cache-scope": text.encode()}, SETTINGS)
        assert (wishes.scope, wishes.namespace) == (scope, "")


def test_a_name_stays_as_it_is_written() -> None:
    names = [wishes_of({b"x-gateway-cache-scope": one}, SETTINGS).namespace for one in (b"Teams", b"teams")]
    assert names == ["Teams", "teams"]


@pytest.mark.parametrize(("text", "mode"), [(b"Direct", "exact"), (b"SEMANTIC", "semantic")])
def test_bifrosts_type_is_read_as_our_mode_is(text: bytes, mode: str) -> None:
    assert wishes_of({b"x-bf-cache-type": text}, SETTINGS).mode == mode
