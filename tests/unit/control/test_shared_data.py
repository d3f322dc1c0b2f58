"""Two gateways on one `data` are told; one after the other, however the first one ended, is not."""

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.storage import storage
from gateway.config import Config, Server
from gateway.control import sharing
from gateway.control.sharing import Hold, hold, holders, is_held


class House:
    """Gateways of one folder, as far as they hold its lock, and what they logged."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capfd = capfd
        self._holds: list[Hold] = []

    def begins(self) -> tuple[Hold, list[dict[str, Any]]]:
        """Another gateway, and what it said."""
        self._capfd.readouterr()
        found = hold(self.folder)
        assert found is not None
        self._holds.append(found)
        return found, [json.loads(line) for line in self._capfd.readouterr().err.splitlines()]

    def close(self) -> None:
        for one in self._holds:
            os.close(one._file)


@pytest.fixture
def house(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[House]:
    made = House(tmp_path / "data", capfd)
    yield made
    made.close()


def test_a_second_gateway_says_so_and_a_third_whoever_is_left(house: House) -> None:
    assert not is_held(house.folder)
    first, said = house.begins()
    assert said == []
    assert is_held(house.folder)
    second, said = house.begins()
    assert [(one["event"], one["level"]) for one in said] == [("data_shared", "warning")]
    assert "own `data`" in said[0]["hint"]
    first.release()
    third, said = house.begins()
    assert [one["event"] for one in said] == ["data_shared"]
    second.release()
    third.release()
    assert not is_held(house.folder)
    assert house.begins()[1] == []


def _held(folder: Path, ready: Any) -> None:
    hold(folder)
    ready.set()
    signal.pause()


def test_one_that_was_killed_is_in_nobodys_way(house: House) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_held, args=(house.folder, ready))
    process.start()
    assert ready.wait(30)
    assert is_held(house.folder)
    assert process.pid is not None
    assert set(holders(house.folder)) <= {process.pid}  # not every file system is told apart there
    _, said = house.begins()
    assert [one["event"] for one in said] == ["data_shared"]
    process.kill()
    process.join()
    house.close()
    house._holds = []
    assert not is_held(house.folder)
    assert house.begins()[1] == []


def test_a_folder_that_cannot_be_locked_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert hold(tmp_path / "file") is None
    (tmp_path / sharing.NAME).symlink_to(tmp_path / "file")
    assert hold(tmp_path) is None
    assert not is_held(tmp_path / "nowhere")


@pytest.mark.parametrize("is_free", [True, False])
def test_the_doctor_tells_another_gateway_from_the_one_that_runs(
    house: House, monkeypatch: pytest.MonkeyPatch, is_free: bool
) -> None:
    def said() -> list[tuple[str, str]]:
        config = Config(server=Server(port=65511), data=str(house.folder))
        return [(one.level, one.said) for one in storage(config) if one.about == "other gateways"]

    monkeypatch.setattr("gateway.commands.storage.is_free", lambda *_: is_free)
    assert said() == []
    house.begins()
    ((level, text),) = said()
    assert level == ("warn" if is_free else "ok")
    monkeypatch.setattr("gateway.commands.storage.holders", lambda _: [4, 5])
    ((level, text),) = said()
    assert level == "warn"
    assert "4, 5" in text
