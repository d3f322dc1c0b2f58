"""The cache's index in shared memory: checksums, lines of segments, purges, and room that runs out."""

import random
import zlib
from pathlib import Path

import pytest

from gateway._speedups.ledger import process_identity
from gateway._speedups.shelf import (
    ENTRIES,
    LINES,
    LOG,
    Reader,
    Shelf,
    Writer,
    crc32c,
    salt_of,
    sealed,
    segment_head,
)


@pytest.mark.parametrize(
    ("data", "sum"),
    [  # RFC 3720, B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_checksums_are_those_of_the_standard(data: bytes, sum: int) -> None:
    assert crc32c(data) == crc32c(data, plain=True) == sum


def test_both_ways_to_a_checksum_agree_and_go_on() -> None:
    draw = random.Random(3)
    for size in [*range(40), 1000, 4097]:
        data = draw.randbytes(size)
        cut = draw.randint(0, size)
        assert crc32c(data) == crc32c(data, plain=True)
        assert crc32c(data[cut:], crc32c(data[:cut])) == crc32c(data)
        assert crc32c(data[cut:], crc32c(data[:cut]), plain=True) == crc32c(data)
    assert crc32c(b"a") != zlib.crc32(b"a")


@pytest.mark.parametrize("entries", [1, 100, 1000, 100_000])
def test_there_is_room_for_what_was_asked_for(entries: int) -> None:
    assert entries * 4 / 3 <= Shelf(entries).capacity <= max(128, entries * 8 / 3)


def test_a_line_is_used_again_only_when_nothing_leads_to_it(tmp_path: Path) -> None:
    shelf = Shelf(100)
    first = shelf.claim(ENTRIES, salt=7, mine=True)
    second = shelf.claim(LOG, salt=8)
    assert first is not None
    assert second is not None
    assert first[1] < second[1]
    (line, other) = shelf.get_lines()
    assert (line.number, line.identity, line.stream, line.salt, line.size) == (*first, ENTRIES, 7, 0)
    assert process_identity(line.owner & 0xFFFFFFFF) == line.owner >> 32
    assert (other.owner, other.stream) == (0, LOG)
    shelf.release(first[0])
    assert shelf.get_lines()[0].owner == 0
    assert shelf.retire(*first)
    assert not shelf.retire(*first)
    assert [one.identity for one in shelf.get_lines()] == [second[1]]
    claimed = {shelf.claim(ENTRIES) for _ in range(LINES - 2)}
    assert None not in claimed
    assert shelf.claim(ENTRIES) is None
    assert shelf.sweep() == 0
    again = shelf.claim(ENTRIES)
    assert again is not None
    assert again[0] == first[0]
    assert shelf.claim(ENTRIES) is None
    assert len({line.identity for line in shelf.get_lines()}) == LINES


def test_the_lines_of_another_time_keep_their_identity() -> None:
    shelf = Shelf(100)
    assert shelf.claim(ENTRIES, 12345, 678) is not None
    (line,) = shelf.get_lines()
    assert (line.identity, line.size, line.salt, line.frames) == (12345, 678, 0, 0)
    shelf.describe(line.number, frames=3, latest=99, salt=2**64 - 1, size=600)
    (line,) = shelf.get_lines()
    assert (line.frames, line.latest, line.salt, line.size) == (3, 99, 2**64 - 1, 600)
    assert shelf.total() == 600


def test_purges_until_there_is_no_room_and_again_when_there_is() -> None:
    shelf, draw = Shelf(1), random.Random(1)
    scopes = [draw.getrandbits(64) for _ in range(9000)]
    taken = [scope for scope in scopes if shelf.purge(scope, 1000 + scope % 7)]
    assert 8000 < len(taken) < 9000
    for scope in taken:
        assert shelf.refuses(scope, 1000 + scope % 7)
        assert not shelf.refuses(scope, 1001 + scope % 7)
    assert not shelf.refuses(draw.getrandbits(64), 0)
    assert not shelf.purge(draw.getrandbits(64), 1)
    for scope in taken:
        shelf.purged(scope)
        assert shelf.refuses(scope, 1000)  # as long as nobody needs its place
    later = [draw.getrandbits(64) for _ in range(4000)]
    assert all(shelf.purge(scope, 5) for scope in later)
    for scope in later:
        assert shelf.refuses(scope, 5)
        assert not shelf.refuses(scope, 6)


def test_heads_of_segments() -> None:
    head = segment_head(77, 2**64 - 1)
    assert len(head) == 64
    assert salt_of(head, 77) == 2**64 - 1
    assert salt_of(head, 78) == 0
    for at in range(28):
        assert salt_of(head[:at] + bytes([head[at] ^ 1]) + head[at + 1 :], 77) == 0
    assert salt_of(head[:63], 77) == 0
    assert sealed(64, 5, length=10) != sealed(64, 6, length=10) != sealed(80, 6, length=10)


def nothing(*_: object) -> None:
    """Not called here."""


def no_turn(_: int) -> bool:
    return False


def test_a_writer_without_a_segment_keeps_nothing() -> None:
    shelf = Shelf(1)
    writer = Writer(shelf, no_turn, nothing, max_entry=100, segment=1000)
    assert not writer.put(bytes(32), 1, 9e9, b"")
    assert writer.leave(ENTRIES) == -1
    with pytest.raises(ValueError, match="segments"):
        Writer(shelf, no_turn, nothing, max_entry=100, segment=1 << 40)


def test_a_reader_finds_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    shelf = Shelf(1)
    reader = Reader(shelf, str(tmp_path), None, nothing)
    assert reader.get(bytes(32), 0) is None
    assert reader.get(b"", 0) is None
    assert reader.tail() == []
    assert reader.frames(3, 12345, 64, 10_000) == ([], 10_000)
    assert reader.forget(bytes(16)) == 0
    assert not reader.holds(bytes(32))
