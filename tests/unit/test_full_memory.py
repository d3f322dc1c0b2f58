"""A gateway that has no room for what its processes share says where, and what to do."""

import errno
import json
import os

import pytest

from gateway import supervisor
from gateway.config import Config
from gateway.control.files import runtime_folder


def test_full_memory_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(_: Config) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(supervisor, "claim", lambda *_: None)
    monkeypatch.setattr(supervisor, "prepare", full)
    assert supervisor.serve(Config()) == 1
    said = json.loads(capfd.readouterr().err)
    assert said["event"] == "cannot_start"
    assert str(runtime_folder()) in said["hint"]
    assert "--shm-size" in said["hint"]
