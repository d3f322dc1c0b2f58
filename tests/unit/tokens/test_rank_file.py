"""The file of ranks is made of what the packages carry, and anything else in its place is no file of ranks."""

from pathlib import Path

import msgspec
import pytest

from gateway.tokens import _build_ranks as builder
from gateway.tokens.ranks import FORMAT, PATH, read_ranks


def test_the_built_file_is_read() -> None:
    found = read_ranks()
    assert found is not None
    assert set(found.encodings) == set(builder.ENCODINGS)
    assert builder.ensure_ranks(PATH)


@pytest.mark.parametrize(
    "content", [None, b"", b"\xc1", b"\x93\x01", msgspec.msgpack.encode([FORMAT + 1, "", b"", {}])]
)
def test_another_file_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ranks.msgpack"
    if content is not None:
        path.write_bytes(content)
    assert read_ranks(path) is None


def test_ranks_that_are_not_the_published_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(builder.ENCODINGS, "cl100k", "0" * 64)
    with pytest.raises(ValueError, match="not the published ones"):
        builder.published("cl100k")


def test_without_the_packages_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise builder.PackageNotFoundError(name)

    monkeypatch.setattr(builder, "version", missing)
    path = tmp_path / "ranks.msgpack"
    assert not builder.ensure_ranks(path)
    assert not path.exists()
