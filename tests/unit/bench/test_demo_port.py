"""`make run` beside another program on its port."""

import socket
import sys

import pytest

from bench import demo


def test_a_taken_port_is_told_instead_of_lines_to_try(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        monkeypatch.setattr(sys, "argv", ["demo", "--port", port])
        assert demo.main() == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert f"port {port} is taken" in told.err
    assert "make run PORT=" in told.err
