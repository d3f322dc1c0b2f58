"""`gateway doctor`: what is right is said to be, what is wrong is named with what to do."""

import json
import socket
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from time import time
from types import SimpleNamespace

import pytest

from gateway.cli import main
from gateway.commands.findings import Finding, screen
from gateway.commands.reaching import reach, reaching
from gateway.commands.storage import storage, stored_providers
from gateway.config import Config
from gateway.config.model import ProviderConfig
from gateway.config.records_model import Store
from gateway.config.secret import Secret
from gateway.control.admin.access import admin_of, digest
from gateway.control.admin.opening import open_store
from gateway.store import governance, things
from gateway.store.engine import open_engine


class Late(BaseHTTPRequestHandler):
    """A provider whose clock is five minutes behind."""

    def do_HEAD(self) -> None:
        self.send_response_only(404)
        self.send_header("date", formatdate(time() - 300, usegmt=True))
        self.end_headers()


@pytest.fixture
def provider() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Late)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def free() -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ["--port", ports[0], "--admin-port", ports[1]]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GATEWAY_CONFIG", "GATEWAY_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    folder = tmp_path / "data"
    folder.mkdir(0o700)
    engine, _ = open_store(Config(data=str(folder)), StringIO())
    engine.dispose()
    for path in folder.iterdir():
        path.chmod(0o600)
    return folder


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, str]]:
    """The exit code, and for each thing that was looked at its level with what was said."""
    code = main(["doctor", "--offline", *arguments])
    lines = [line for line in capsys.readouterr().out.splitlines() if line[:4].strip()]
    return code, {line[6:23].strip(): f"{line[:4].strip()} {line[24:]}" for line in lines[:-1]}


def test_a_gateway_in_order(data: Path, free: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, said = doctor(capsys, "--data", str(data), *free)
    kept = ("API port", "admin port", "data", "store", "master key", "journal", "configuration", "versions")
    assert code == 0
    assert {name: said[name].split()[0] for name in kept} == dict.fromkeys(kept, "ok")


def test_a_new_machine_is_in_order_too(
    data: Path, free: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = doctor(capsys, "--data", str(tmp_path / "new"), *free)
    assert code == 0
    assert said["store"].startswith("ok")
    assert not (tmp_path / "new").exists()


def test_what_is_wrong_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "master.key").write_text("0" * 64)
    (data / "journal").mkdir(0o700)
    (data / "journal" / "x.log").write_bytes(b"")
    data.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken.settimeout(0)
        port = str(taken.getsockname()[1])
        accept = threading.Thread(target=_hang_up, args=(taken,))
        accept.start()
        code, said = doctor(capsys, "--data", str(data), "--port", port, "--admin-port", "1")
        accept.join()
    assert code == 1
    assert said["API port"] == f"fail 127.0.0.1:{port} is taken by another program"
    assert said["master key"].startswith("fail")
    assert said["data"].startswith("warn others may look into")


def _hang_up(listener: socket.socket) -> None:
    listener.settimeout(10)
    listener.accept()[0].close()


def test_a_lost_master_key(data: Path, free: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (data / "master.key").unlink()
    code, said = doctor(capsys, "--data", str(data), *free)
    assert code == 1
    assert said["master key"].startswith("fail neither")
    assert not (data / "master.key").exists()


def test_the_cache_is_looked_at(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gateway.yaml"

    def told(settings: str) -> str:
        file.write_text(f"providers: {{ollama: }}\ncache: {settings}")
        main(["doctor", "--offline", "--json", "--config", str(file), "--data", str(data)])
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        return next(f"{one['level']}: {one['said']}" for one in lines if one["about"] == "cache")

    monkeypatch.setattr("gateway.commands.machine.shutil.disk_usage", _two_gib_free)
    assert told("exact") == "ok: 0B of 1GiB are used"
    (data / "cache").mkdir(0o700)
    (data / "cache" / "one").write_bytes(bytes(3 << 20))
    assert told("exact") == "ok: 3 MiB of 1GiB are used"
    assert told("{max_size: 4GiB}") == "warn: it may grow to 4GiB, and there is room for 2051 MiB"
    (data / "cache" / "one").unlink()
    (data / "cache").rmdir()
    (data / "cache").write_bytes(b"a file is in the way")
    assert told("exact") == f"warn: {data / 'cache'} is no directory that can be written to"


def _two_gib_free(_: object) -> SimpleNamespace:
    return SimpleNamespace(total=4 << 30, used=2 << 30, free=2 << 30)


class Alive(BaseHTTPRequestHandler):
    """A gateway, as far as its health tells."""

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}')


def test_an_admin_api_that_did_not_begin(
    data: Path, free: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    server = HTTPServer(("127.0.0.1", 0), Alive)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    port = str(server.server_address[1])
    code, said = doctor(capsys, "--data", str(data), "--port", port, *free[2:])
    thread.join()
    server.server_close()
    assert code == 0
    assert said["API port"] == f"ok a gateway serves at 127.0.0.1:{port}"
    assert said["admin port"] == "warn the gateway runs, and its admin API does not"


def test_findings_for_programs(data: Path, free: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--offline", "--json", "--data", str(data), *free]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["level"] for one in found} == {"ok"}
    assert {"store", "master key", "API port"} <= {one["about"] for one in found}
    (data / "master.key").unlink()
    assert main(["doctor", "--offline", "--json", "--data", str(data), *free]) == 1
    fails = [
        one for line in capsys.readouterr().out.splitlines() if (one := json.loads(line))["level"] == "fail"
    ]
    assert [one["about"] for one in fails] == ["master key"]
    assert "GATEWAY_MASTER_KEY" in fails[0]["todo"]


def test_a_wrong_configuration_is_one_for_programs_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gateway.yaml").write_text("servr: {}")
    assert main(["doctor", "--json", "--config", str(tmp_path / "gateway.yaml")]) == 1
    [found] = capsys.readouterr().out.splitlines()
    assert json.loads(found)["level"] == "fail"


def test_a_missing_driver_is_told_as_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_driver(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("psycopg")

    monkeypatch.setattr("gateway.commands.reading.create_engine", no_driver)
    url = Secret("postgresql+psycopg://gateway@127.0.0.1/gateway")
    found = {one.about: one for one in storage(Config(data=str(tmp_path), store=Store(url)))}
    assert (found["store"].level, found["store"].todo) == ("fail", "pip install 'ai-gateway[postgres]'")


def test_a_wrong_configuration_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gateway.yaml").write_text("servr: {}")
    assert main(["doctor", "--config", str(tmp_path / "gateway.yaml")]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("fail  configuration")
    assert "did you mean server?" in told.err


def test_providers_and_the_clock(provider: str) -> None:
    given = {"ours": ProviderConfig("ours", "openai", base_url=f"http://{provider}/v1")}
    reached, clock = reaching(Config(providers=given))
    assert (reached.level, reached.said) == ("ok", f"{provider} can be reached")
    assert (clock.level, clock.said.split()[3:]) == ("warn", ["s", "ahead", "of", "the", "providers'"])


def test_what_cannot_be_reached(provider: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    refused = reach(ProviderConfig("p", "openai"), f"http://127.0.0.1:{port}").finding
    assert (refused.level, refused.said) == ("fail", f"127.0.0.1:{port} refuses connections")
    plain = reach(ProviderConfig("p", "openai"), f"https://{provider}").finding
    assert (plain.level, plain.said) == ("fail", f"{provider} does not speak TLS")


def test_a_finding_is_wrapped_with_what_to_do() -> None:
    found = Finding("warn", "disk", "word " * 20, "make room " * 8)
    lines = list(screen([found], 60, coloured=False))
    assert max(map(len, lines)) <= 60
    assert lines[0].startswith("warn  disk              word")
    assert any("→ make room" in line for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_providers_of_the_admin_api_are_looked_at(data: Path, provider: str) -> None:
    config = Config(data=str(data))
    assert stored_providers(config) == []
    engine = open_engine(f"sqlite:///{data}/gateway.db")
    row = {
        "type": "openai",
        "base_url": f"http://{provider}/v1",
        "models": [],
        "settings": {},
        "discover": True,
    }
    with engine.begin() as connection:
        things.add(connection, governance.providers, {"id": "kept", **row})
    engine.dispose()
    found = {one.about: one for one in reaching(config, stored_providers(config))}
    assert found["kept"].level == "ok"


def test_a_lost_root_key_is_replaced_at_the_store(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    engine = open_engine(f"sqlite:///{data}/gateway.db")
    for _ in range(2):  # whatever became of the old one
        assert main(["admin", "reset-root", "--data", str(data)]) == 0
        key = capsys.readouterr().out.strip()
        with engine.begin() as connection:
            admin = admin_of(connection, key)
            assert admin is not None
            assert (admin.id, admin.role, admin.team) == ("root", "owner", "")
            entries = things.everything(connection, governance.audit)
            assert entries[-1]["action"] == "reset"
            assert not [one for one in entries if key in str(one) or digest(key) in str(one)]
            row = things.find(connection, governance.admin_keys, "root")
            assert row is not None
            assert things.remove(connection, governance.admin_keys, row)
    engine.dispose()
    assert main(["admin", "reset-root", "--data", str(tmp_path / "nowhere")]) == 1
    assert not (tmp_path / "nowhere").exists()
