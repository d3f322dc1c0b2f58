"""Who shares answers with whom: tenants never do, whatever a caller asks."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.cache.keys import scope_of
from gateway.cache.wishes import wishes_of
from gateway.schemas.caching import SCOPES, Scope, Settings, Wishes
from gateway.schemas.record import Record

HEADERS = (b"x-gateway-cache-scope", b"x-bf-cache-key", b"x-portkey-cache-namespace", b"cf-aig-cache-key")

names = st.sampled_from(("", "a", "b", "ab", "key", "team:a"))
callers = st.builds(Record, st.just("r"), key=names, user=names, team=names, org=names)
asked = st.dictionaries(
    st.sampled_from(HEADERS),
    st.sampled_from((b"key", b"user", b"team", b"org", b"all", b"a", b"ab", b"b\\0")),
)


def who(scope: Scope, record: Record) -> tuple[str, str]:
    """Whose an answer is."""
    if scope == "all":
        return "all", ""
    for level in SCOPES[SCOPES.index(scope) :: -1]:
        name = getattr(record, level)
        if name or level == "key":
            return level, name
    raise AssertionError


def scope(settings: Settings, record: Record, headers: dict[bytes, bytes]) -> bytes:
    return scope_of(settings, wishes_of(headers, settings), record)


@given(level=st.sampled_from(SCOPES), one=callers, other=callers, mine=asked, theirs=asked)
def test_two_tenants_never_share(
    level: Scope, one: Record, other: Record, mine: dict[bytes, bytes], theirs: dict[bytes, bytes]
) -> None:
    settings = Settings(scope=level)
    assume(who(level, one) != who(level, other))
    assert scope(settings, one, mine) != scope(settings, other, theirs)


@given(level=st.sampled_from(SCOPES), one=callers, other=callers)
def test_one_tenant_shares_with_itself(level: Scope, one: Record, other: Record) -> None:
    settings = Settings(scope=level)
    shares = scope(settings, one, {}) == scope(settings, other, {})
    assert shares == (who(level, one) == who(level, other))


@given(level=st.sampled_from(SCOPES), record=callers, headers=asked)
def test_what_a_caller_asks_only_divides(level: Scope, record: Record, headers: dict[bytes, bytes]) -> None:
    """Whoever shares with it then would share with it anyhow."""
    settings = Settings(scope=level)
    wishes = wishes_of(headers, settings)
    assert SCOPES.index(wishes.scope) <= SCOPES.index(level)
    if not wishes.namespace and wishes.scope == level:
        assert scope(settings, record, headers) == scope(settings, record, {})


@pytest.mark.parametrize("header", HEADERS)
def test_a_part_of_ones_own_is_no_part_of_anothers(header: bytes) -> None:
    settings = Settings(scope="team")
    parts: list[dict[bytes, bytes]] = [{}, {header: b"part"}, {header: b"other"}]
    red, blue = (Record("r", key="k", team=team) for team in ("red", "blue"))
    found = {scope(settings, record, headers) for record in (red, blue) for headers in parts}
    assert len(found) == 6


def test_a_key_of_a_team_can_keep_to_itself() -> None:
    settings = Settings(scope="team")
    one, other = (Record("r", key=key, team="red") for key in ("a", "b"))
    alone: dict[bytes, bytes] = {b"x-gateway-cache-scope": b"key"}
    assert scope(settings, one, {}) == scope(settings, other, {})
    assert scope(settings, one, alone) != scope(settings, other, alone)
    assert scope(settings, one, alone) != scope(settings, one, {})


def test_a_scope_is_as_wide_as_the_settings_whatever_the_wishes_say() -> None:
    """A wish that was never cut to the settings reaches nobody either."""
    settings = Settings(scope="key")
    wide: Any = Wishes("exact", 1.0, "all")
    one, other = (Record("r", key=key, team="red") for key in ("a", "b"))
    assert scope_of(settings, wide, one) != scope_of(settings, wide, other)
