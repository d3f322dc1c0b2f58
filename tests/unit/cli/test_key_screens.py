"""`gateway keys` beside an admin API that answers as it is told: what stands on which output, and the exit codes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from gateway.cli import main

KEY = {
    "id": "key_1",
    "name": "ci",
    "team": "red",
    "user": "",
    "org": "",
    "models": ["openai/*"],
    "created": 1_795_341_003,
    "expires": 0,
    "blocked": False,
    "revoked": 0,
    "rotated_until": 0,
    "prefix": "gw-9HNF…",
    "key": "gw-secret",
}


class Canned(BaseHTTPRequestHandler):
    """One key, whatever is asked."""

    def do_GET(self) -> None:
        self._answer({"data": [{**KEY, "key": ""}], "next": None})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"] or 0))
        self._answer(KEY)

    def _answer(self, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response_only(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Canned)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def admin_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.setenv("GATEWAY_ADMIN_KEY", "gwa-any")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["keys", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize("call", [("create", "--name", "ci"), ("rotate", "key_1")])
def test_a_secret_stands_alone(call: tuple[str, ...], url: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *call, "--url", url)
    assert (code, out) == (0, "gw-secret\n")
    assert "Key key_1, name ci, team red: valid." in err
    assert run(capsys, *call, "--quiet", "--url", url) == (0, "gw-secret\n", "")


@pytest.mark.parametrize("call", [("create", "--name", "ci"), ("rotate", "key_1")])
def test_a_program_gets_the_id_with_it(
    call: tuple[str, ...], url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *call, "--json", "--url", url)
    assert (code, err) == (0, "")
    made = json.loads(out)
    assert (made["id"], made["key"]) == ("key_1", "gw-secret")


def test_a_list_fits_a_usual_terminal(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.commands.keys.width", _wide)
    _, out, _ = run(capsys, "list", "--url", url)
    assert out.splitlines() == ["ID     NAME  TEAM  MODELS    STATE", "key_1  ci    red   openai/*  valid"]


def _wide() -> int:
    return 40


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("create", "--expires", "yesterday"), "yesterday is no duration"),
        (("create", "--expires", "2001-01-01"), "2001-01-01 is over already"),
        (("rotate", "key_1", "--grace", "soon"), "soon is no duration"),
        (("list", "--url", "127.0.0.1:8081"), "such as http://127.0.0.1:8081"),
        (("create", "--quiet", "--json"), "not allowed with argument --quiet"),
    ],
)
def test_a_wrong_call_is_told_apart(
    call: tuple[str, ...], said: str, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = () if "--url" in call else ("--url", url)
    try:
        code, out, err = run(capsys, *call, *where)
    except SystemExit as ended:
        told = capsys.readouterr()
        code, out, err = int(str(ended.code)), told.out, told.err
    assert (code, out) == (2, "")
    assert said in err
