"""Callers are found by their digests, whoever else came and went."""

from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.billing import Found, Guest
from gateway.schemas.governance import VirtualKey

# Few places in the table: the first four bytes say where a search begins.
digests = st.builds(
    bytes.__add__,
    st.sampled_from([bytes((at, 0, 0, 0)) for at in (0, 1, 62, 63, 64)]),
    st.binary(min_size=28, max_size=28),
)


def guest(digest: bytes) -> Guest:
    return Guest(VirtualKey(digest.hex(), digest.hex()), guarded=False, is_bound=False, edits=False)


@given(st.lists(st.tuples(st.booleans(), digests), max_size=120))
def test_who_was_added_and_not_forgotten_is_found(steps: list[tuple[bool, bytes]]) -> None:
    found, expected = Found(), dict[bytes, Guest]()
    for adds, digest in steps:
        if adds:
            found.add(digest, expected.setdefault(digest, guest(digest)))
        else:  # the one of those that are there, or a stranger
            gone = min(expected, key=bytes.__hash__) if expected and digest[4] & 1 else digest
            found.pop(gone)
            expected.pop(gone, None)
        assert len(found) == len(expected)
    assert sorted(found.digests()) == sorted(expected)
    for digest, one in expected.items():
        assert found.get(digest) is one


def test_nobody_is_found_by_what_is_no_digest() -> None:
    found = Found()
    found.add(bytes(32), guest(bytes(32)))
    assert found.get(b"") is None
    assert found.get(bytes(31)) is None
    found.pop(bytes(33))
    assert len(found) == 1
