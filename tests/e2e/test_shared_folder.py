"""Two gateways on one directory for data: the second one says so, unless the first one only finishes what it began."""

import signal
from pathlib import Path
from typing import Any

import openai_wire
import wire
from fault_server import FaultServer, Gate
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway, until


def beside(first: Gateway, folder: Path, config: dict[str, Any]) -> Gateway:
    """Another gateway on the same data."""
    folder.mkdir()
    (folder / "data").symlink_to(first.log_path.parent / "data")
    return Gateway(config, folder)


def test_a_second_gateway_on_the_same_data_says_so(openai_upstream: FaultServer, tmp_path: Path) -> None:
    config = {
        "auth": {"keys": [CALLER_KEY]},
        "server": {"workers": 1, "drain": "20s"},
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
    }
    opening, *rest = openai_wire.text_events(["first", "second"])[1:]
    gate = Gate()
    stream = [wire.STREAM_HEAD, wire.chunk(opening), gate, *map(wire.chunk, rest), wire.END]
    openai_upstream.script(stream)
    first = Gateway(config, tmp_path / "first")
    asked = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "x"}], "stream": True}
    with first.connect(60) as connection:
        connection.send(first.encode("/v1/chat/completions", asked))
        connection.head()
        second = beside(first, tmp_path / "second", config)
        assert '"data_shared"' in second.log()
        assert '"data_shared"' not in first.log()
        second.stop()
        first.signal(signal.SIGTERM)
        until(lambda: '"drain_begun"' in first.log())
        third = beside(first, tmp_path / "third", config)  # as in a rolling restart
        assert first.process.poll() is None
        assert '"data_shared"' not in third.log()
        gate.open()
        assert b"second" in b"".join(connection.pieces())
    first.stop()
    third.stop()
