"""A file whose room is kept: replaced without any more of it, whole for every reader, whatever is left half written."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.providers import reserved, sealed
from gateway.providers.sealed import DamagedFile

MAGIC = b"TESTING\x01"
SLOT = 256
LONGEST = SLOT - len(MAGIC) - 12 - 16


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "file"


def said(path: Path) -> bytes | None:
    found = reserved.read(path, MAGIC, SLOT)
    return None if found is None else bytes(found)


def test_what_was_written_last_is_read(path: Path) -> None:
    assert said(path) is None
    for content in (b"one", b"", b"x" * LONGEST, b"two"):
        reserved.write(path, MAGIC, SLOT, content)
        assert said(path) == content
    assert path.stat().st_mode & 0o077 == 0
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_only_the_first_writing_takes_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserved.write(path, MAGIC, SLOT, b"")
    before = path.stat()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sealed, "replace", full)
    seen = {before.st_mtime_ns}
    for n in range(5):
        reserved.write(path, MAGIC, SLOT, b"%d" % n * 100)
        assert said(path) == b"%d" % n * 100
        seen.add(path.stat().st_mtime_ns)
    after = path.stat()
    assert (after.st_ino, after.st_size, after.st_blocks) == (before.st_ino, 2 * SLOT, before.st_blocks)
    assert len(seen) == 6  # whoever looks for changes sees each of them
    with pytest.raises(OSError, match="File too large"):
        reserved.write(path, MAGIC, SLOT, b"x" * (LONGEST + 1))
    assert said(path) == b"4" * 100


def test_a_half_written_slot_leaves_the_other_one(path: Path) -> None:
    for content in (b"first", b"second"):
        reserved.write(path, MAGIC, SLOT, content)
    whole = path.read_bytes()
    reserved.write(path, MAGIC, SLOT, b"third" * 20)
    after = path.read_bytes()
    changed = [at for at in range(len(whole)) if whole[at] != after[at]]
    for cut in changed[:-1]:  # torn there
        path.write_bytes(after[: cut + 1] + whole[cut + 1 :])
        assert said(path) == b"second"
        reserved.write(path, MAGIC, SLOT, b"fourth")
        assert said(path) == b"fourth"


def test_a_file_of_which_nothing_is_whole_is_damaged_until_it_is_written(path: Path) -> None:
    reserved.write(path, MAGIC, SLOT, b"content")
    for damage in (bytes(2 * SLOT), b"\xff" * 2 * SLOT, b"short", b""):
        path.write_bytes(damage)
        with pytest.raises(DamagedFile):
            reserved.read(path, MAGIC, SLOT)
        reserved.write(path, MAGIC, SLOT, b"content")
        assert said(path) == b"content"


def test_no_link_is_followed(path: Path, tmp_path: Path) -> None:
    reserved.write(path, MAGIC, SLOT, b"mine")
    other = tmp_path / "other"
    path.rename(other)
    path.symlink_to(other)
    reserved.write(path, MAGIC, SLOT, b"new")
    assert not path.is_symlink()
    assert said(path) == b"new"
    assert said(other) == b"mine"
