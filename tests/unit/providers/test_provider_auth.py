"""A credential reaches its header exactly, or is refused without being shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.auth import BadSecret, Bearer, HeaderKey, NoAuth, Token

SCHEMES = [Bearer(("X_API_KEY",)), Token(), HeaderKey(("X_API_KEY",), header="x-api-key")]


def test_each_scheme_has_its_header() -> None:
    assert Bearer().headers("sk-1") == ((b"authorization", b"Bearer sk-1"),)
    assert HeaderKey(header="api-key").headers("sk-1") == ((b"api-key", b"sk-1"),)
    assert Token().headers("dg-1") == ((b"authorization", b"Token dg-1"),)
    assert NoAuth().headers("anything\r\n") == ()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "secret",
    ["", "sk-1\n", "sk\r\nx-evil: 1", "sk\x00", "sk\x7f", "sk\x85", " sk", "sk ", "sk-\u20ac", "sk-\ud800"],
)
def test_what_could_break_a_header_is_refused(scheme: Bearer | HeaderKey, secret: str) -> None:
    with pytest.raises(BadSecret):
        scheme.headers(secret)


@given(st.text(min_size=1))
def test_a_header_never_carries_a_control_character(secret: str) -> None:
    try:
        ((_, value),) = HeaderKey(header="x-api-key").headers(secret)
    except BadSecret:
        return
    assert value == secret.encode("latin-1")
    assert not any(byte < 0x20 or byte == 0x7F for byte in value)


def test_a_refusal_does_not_show_the_secret() -> None:
    with pytest.raises(BadSecret) as refusal:
        Bearer().headers("sk-very-secret\n")
    assert "secret" not in str(refusal.value)
    assert "position 15" in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_character_outside_latin_1_leaves_no_trace_of_the_secret() -> None:
    with pytest.raises(BadSecret) as refusal:
        Bearer().headers("sk-very-secret\u20ac")
    assert "sk-" not in str(refusal.value)
    assert refusal.value.__suppress_context__
