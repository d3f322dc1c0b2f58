"""`gateway usage`, `logs` and `budgets` on a store with known records."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import time_ns
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from gateway.cli import main
from gateway.commands.reading import read_only
from gateway.commands.requests import stored
from gateway.config import Config
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.store import governance, things
from gateway.store.engine import open_engine, upgrade
from gateway.store.records import Batch, keep, records
from gateway.store.rows import add

NOW = time_ns()


def put(engine: Engine, *given: Record) -> None:
    batch = Batch()
    for record in given:
        add(batch, record, lambda _: None, lambda one: one.usage is not None and one.cost_nano_usd is None)
    with engine.begin() as connection:
        keep(connection, batch, 1)


def spent(name: str, cost: int | None, **more: Any) -> Record:
    usual = {
        "wall_ns": NOW - 10**9,
        "status": 200,
        "provider": "openai",
        "model": "m1",
        "requested_model": "fast",
    }
    return Record(name, usage=Usage(1000, 10, cached=5), cost_nano_usd=cost, **{**usual, **more})


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    engine = open_engine(f"sqlite:///{tmp_path}/gateway.db")
    upgrade(engine)
    put(
        engine,
        spent("r1", 1_000_000_001, team="red", key="k1"),
        spent("r2", None, team="blue", key="k2"),
        Record("r3", wall_ns=NOW, status=429, error="rate_limited", team="blue\x1b[2J", key="k2"),
        spent("r4", 7, team="red", key="k1", wall_ns=NOW - 40 * 86_400 * 10**9),
        spent("r5", 9, team="red", key="k1", shadow=True),
    )
    with engine.begin() as connection:
        given = {
            "account": "team:red+model:fast",
            "nano_usd": 2_000_000_000,
            "period": "rolling:3600",
            "soft": False,
        }
        things.add(connection, governance.budgets, {"id": "b1", **given})
        things.add(
            connection, governance.budgets, {**given, "id": "b2", "account": "key:k2", "period": "never"}
        )
    engine.dispose()
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_usage_by_team(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "usage", "--by", "team", "--data", str(data))
    assert code == 0
    assert out.splitlines() == [
        "TEAM      REQUESTS  ERRORS  INPUT  OUTPUT  CACHED     COST USD  UNPRICED",
        "red              1       0  1,000      10       5  1.000000001         0",
        "blue             1       0  1,000      10       5      unknown         1",
        "blue?[2J         1       1      0       0       0  0.000000000         0",
        "all              3       1  2,000      20      10  1.000000001         1",
    ]


def test_usage_since_and_top(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "usage", "--by", "key", "--since", "all", "--top", "1", "--data", str(data))
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["k1", "2"], ["all", "4"]]
    _, out, _ = run(capsys, "usage", "--since", "2100-01-01", "--data", str(data))
    assert out == "No request is stored since 2100-01-01 00:00:00 UTC (--since 2100-01-01).\n"


def test_usage_for_programs(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "usage", "--by", "team,day", "--csv", "--data", str(data))
    rows = {row["team"]: row for row in csv.DictReader(io.StringIO(out))}
    assert rows["red"]["nano_usd"] == "1000000001"
    assert (rows["blue"]["nano_usd"], rows["blue"]["unpriced"]) == ("", "1")
    assert len(rows["red"]["day"]) == len("2026-11-22")
    _, none, _ = run(
        capsys, "usage", "--by", "team,day", "--csv", "--since", "2100-01-01", "--data", str(data)
    )
    assert none.splitlines() == out.splitlines()[:1]  # the names are there without a row too
    _, out, _ = run(capsys, "usage", "--by", "team", "--json", "--data", str(data))
    assert [json.loads(line)["requests"] for line in out.splitlines()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "expected", "said"),
    [
        (("usage", "--by", "tem"), 2, "did you mean team?"),
        (("usage", "--since", "yesterday"), 2, "yesterday is no time"),
        (("logs", "--data", "/nonexistent"), 1, "there is no store at /nonexistent/gateway.db"),
    ],
)
def test_mistakes_are_told_with_a_way_out(
    arguments: tuple[str, ...], expected: int, said: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong call ends with another code than a store that is not there."""
    where = () if "--data" in arguments else ("--data", str(data))
    code, out, err = run(capsys, *arguments, *where)
    assert (code, out) == (expected, "")
    assert said in err
    assert len(err.splitlines()) == 2


SECRETS = """
providers: {openai: {keys: ["${NO_SUCH_PROVIDER_KEY}"]}}
keys:
  one: {value: "${NO_SUCH_KEY_1}", budgets: [{usd: 1}]}
  two: {value: "${NO_SUCH_KEY_2}"}
"""


@pytest.mark.parametrize("command", ["usage", "logs", "budgets"])
def test_the_gateways_own_secrets_are_not_needed(
    command: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "gateway.yaml").write_text(f"data: {data}\n{SECRETS}")
    code, out, err = run(capsys, command, "--config", str(data / "gateway.yaml"))
    assert (code, err) == (0, "")
    assert out
    code, _, err = run(capsys, "check", "--config", str(data / "gateway.yaml"))
    assert (code, err.splitlines()[-1]) == (1, "3 problems.")  # and no word of two keys being the same


def test_what_leads_to_the_store_is_needed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "gateway.yaml").write_text(f"data: ${{NO_SUCH_FOLDER}}\n{SECRETS}")
    code, _, err = run(capsys, "usage", "--config", str(data / "gateway.yaml"))
    assert code == 1
    assert err.splitlines()[0].endswith("gateway.yaml:1: data: the variable NO_SUCH_FOLDER is not set")
    assert err.endswith("1 problem.\n")


def test_a_kept_answer_is_told_as_one(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_engine(f"sqlite:///{data}/gateway.db")
    put(engine, spent("h1", 0, cache="hit"), spent("m1", 0, cache="miss"))
    engine.dispose()
    _, out, _ = run(capsys, "logs", "--data", str(data), "-n", "2")
    assert ["(hit)" in line for line in out.splitlines()] == [True, False]


def test_a_store_of_another_version_is_told_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_engine(f"sqlite:///{tmp_path}/gateway.db").connect().close()
    code, _, err = run(capsys, "budgets", "--data", str(tmp_path))
    assert code == 1
    assert "of another version" in err


def test_logs_show_the_newest_last(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "logs", "--data", str(data), "-n", "3")
    lines = out.splitlines()
    assert [line.split()[-1] for line in lines] == ["r3", "r4", "r5"]
    assert "rate_limited" in lines[0]
    assert "$0.000000007" in lines[1]
    assert "fast → openai/m1" in lines[1]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--errors",), ["r3"]),
        (("--key", "k2"), ["r2", "r3"]),
        (("--model", "openai/m1"), ["r1", "r2", "r4", "r5"]),
        (("--model", "fast", "--key", "k2"), ["r2"]),
    ],
)
def test_logs_are_filtered(
    flags: tuple[str, ...], expected: list[str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "logs", "--json", "--data", str(data), *flags)
    assert [json.loads(line)["request_id"] for line in out.splitlines()] == expected


def test_following_tells_each_new_record_once(data: Path) -> None:
    config = Config(data=str(data))
    writer = open_engine(f"sqlite:///{data}/gateway.db")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        put(writer, spent(f"n{len(waits)}", 1), spent(f"m{len(waits)}", 1))

    lines = stored(read_only(config), records.c.shadow.is_(False), 1, True, wait)
    assert [next(lines)["request_id"] for _ in range(5)] == ["r4", "n1", "m1", "n2", "m2"]
    lines.close()  # type: ignore[attr-defined]
    writer.dispose()


def test_following_may_begin_with_none(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "logs", "-n", "0", "--data", str(data)) == (0, "", "")
    writer = open_engine(f"sqlite:///{data}/gateway.db")

    def wait(_: float) -> None:
        put(writer, spent("n1", 1))

    lines = stored(read_only(Config(data=str(data))), records.c.shadow.is_(False), 0, True, wait)
    assert next(lines)["request_id"] == "n1"
    lines.close()  # type: ignore[attr-defined]
    writer.dispose()


def test_a_store_that_goes_away_is_waited_for(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(data=str(data))
    writer = open_engine(f"sqlite:///{data}/gateway.db")
    looks = 0

    def wait(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks in (1, 4):
            for path in data.glob("gateway.db*" if looks == 1 else "away.db*"):
                path.rename(
                    data / path.name.replace(*(("gateway", "away") if looks == 1 else ("away", "gateway")))
                )
        if looks == 4:
            put(writer, spent("n1", 1))

    lines = stored(read_only(config), records.c.shadow.is_(False), 1, True, wait)
    assert [next(lines)["request_id"] for _ in range(2)] == ["r4", "n1"]
    lines.close()  # type: ignore[attr-defined]
    writer.dispose()
    said = capsys.readouterr().err.splitlines()
    assert said == ["gateway: the store is away; it is waited for", "gateway: the store is back"]


def test_ctrl_c_ends_following_without_a_word(data: Path) -> None:
    command = [sys.executable, "-m", "gateway.cli", "logs", "--follow", "--data", str(data)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        # A shell's background jobs ignore it, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, b"")


def test_the_store_cannot_be_written_to(data: Path) -> None:
    engine = read_only(Config(data=str(data)))
    with engine.connect() as connection, pytest.raises(DBAPIError):
        connection.execute(records.delete())


def test_budgets_tell_what_is_left(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "budgets", "--data", str(data))
    assert code == 0
    first, second = out.splitlines()[1:]
    assert first.split()[:4] == ["b1", "team:red+model:fast", "rolling", "1h"]
    assert first.split()[-6:] == ["50", "%", "1.000000001", "2.00", "0.999999999", "0"]
    assert second.split()[-6:] == ["0", "%", "0.000000000", "2.00", "2.000000000", "1"]
    _, out, _ = run(capsys, "budgets", "--data", str(data), "--over", "50", "--json")
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["b1"]
