"""The commands as a newcomer meets them: run as processes, read as text."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import __version__
from gateway.commands.settings import FLAGS, known_providers
from gateway.config.environment import FLAGS as UNDERSTOOD

GOOD = """
auth: {keys: ["${CALLER}"]}
providers:
  openai:  {keys: ["${OPENAI_API_KEY}", {value: canary-second, weight: 3, models: ["gpt-4o*"]}]}
  my-vllm: {type: vllm, base_url: "http://127.0.0.1:8000/v1"}
models:
  fast: {targets: [{model: openai/gpt-4o-mini, weight: 3}, my-vllm/llama], fallbacks: [openai/gpt-4o]}
"""
EXPLAINED = """\
{file} can be served.

  Listens on  http://127.0.0.1:8080
  Admin API   http://127.0.0.1:8081
  Store       SQLite, data/gateway.db
  Workers     2, draining for up to 1m30s when stopped
  Callers     need a key; 1 is configured
  Time-outs   connect 5s, first byte 1m, first token 1m, idle 30s, total 10m; 2 retries
  Limits      request 32MiB, answer 64MiB
  Log         info, auto

  PROVIDER  TYPE    DIALECT                        BASE URL                   KEYS
  openai    openai  openai_chat, openai_responses  https://api.openai.com/v1  2: ***, *** weight 3 for gpt-4o*
  my-vllm   vllm    openai_chat, anthropic         http://127.0.0.1:8000/v1   none

  MODEL  GOES TO             HOW
  fast   openai/gpt-4o-mini  75%
         my-vllm/llama       25%
         openai/gpt-4o       fallback 1
"""


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "VIRTUAL_ENV") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments],
        env={**kept, "PYTHONUTF8": "1", "PYTHONPATH": str(Path(__file__).parents[3]), **env},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_version() -> None:
    for arguments in (["version"], ["--version"]):
        result = run(*arguments)
        assert (result.returncode, result.stdout, result.stderr) == (0, f"gateway {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--help"], ["serve", "check", "version", "export OPENAI_API_KEY", "curl http://127.0.0.1:8080"]),
        (["serve", "--help"], [*FLAGS, "examples:", "GATEWAY_KEY", "usage: gateway serve"]),
        (["check", "--help"], [*FLAGS, "providers:", "usage: gateway check"]),
        (["version", "--help"], ["Prints the version."]),
        (["usage", "--help"], ["--by WHAT", "--since", "--csv", "UNPRICED", "examples:"]),
        (["logs", "--help"], ["--follow", "--errors", "Ctrl-C"]),
        (["budgets", "--help"], ["--over", "examples:"]),
        (["doctor", "--help"], ["--offline", "Exit code"]),
        (["keys", "--help"], ["create", "rotate", "GATEWAY_ADMIN_KEY"]),
        (["keys", "create", "--help"], ["--quiet", "--expires", "--admin-key-file"]),
    ],
)
def test_help_tells_what_a_newcomer_needs(arguments: list[str], expected: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 0
    assert [word for word in expected if word not in result.stdout] == []
    assert max(map(len, result.stdout.splitlines())) <= 96


def test_no_command_shows_the_help() -> None:
    result = run()
    assert result.returncode == 2
    assert result.stdout == run("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["srve"], "gateway: there is no command srve; did you mean serve?\nTry `gateway --help`.\n"),
        (["xyzzy"], "gateway: there is no command xyzzy\nTry `gateway --help`.\n"),
        (
            ["che\x1b[2Jck\n"],
            "gateway: there is no command che?[2Jck?; did you mean check?\nTry `gateway --help`.\n",
        ),
        (
            ["serve", "--prot=1"],
            "gateway: there is no argument --prot; did you mean --port?\nTry `gateway serve --help`.\n",
        ),
        (
            ["keys", "list", "--taem", "x"],
            "gateway: there is no argument --taem; did you mean --team?\nTry `gateway keys list --help`.\n",
        ),
        (["version", "x"], "gateway: there is no argument x\nTry `gateway version --help`.\n"),
        (
            ["check", "--port"],
            "gateway check: argument --port: expected one argument\nTry `gateway check --help`.\n",
        ),
        (
            ["serve", "--por", "1"],
            "gateway: there is no argument --por; did you mean --port?\nTry `gateway serve --help`.\n",
        ),
    ],
)
def test_a_wrong_call_is_answered_with_the_nearest_right_one(arguments: list[str], expected: str) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", expected)


def test_check_explains_a_right_file(file: Path) -> None:
    result = run(
        "check", "--config", str(file), "--workers", "2", "--drain", "90",
        CALLER="canary-caller", OPENAI_API_KEY="canary-first",
    )  # fmt: skip
    assert result.stderr == ""
    assert result.stdout == EXPLAINED.format(file=file)
    assert result.returncode == 0


def test_check_reads_the_file_that_the_environment_names(file: Path) -> None:
    result = run("check", GATEWAY_CONFIG=str(file), CALLER="a", OPENAI_API_KEY="b")
    assert result.stdout.startswith(f"{file} can be served.")


def test_check_explains_an_environment() -> None:
    result = run("check", GROQ_API_KEY="canary", OLLAMA_HOST="0.0.0.0")
    assert result.returncode == 0
    assert "groq      groq    openai_chat" in result.stdout
    assert "http://127.0.0.1:11434/v1" in result.stdout
    assert "Callers     need no key until one is made; only this machine is served" in result.stdout
    assert "callers ask for provider/model" in result.stdout
    assert "canary" not in result.stdout


def test_an_open_gateway_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "open.yaml"
    path.write_text("server: {host: 0.0.0.0, allow_insecure: true}\nproviders: {ollama: }")
    assert "need no key until one is made, WHOEVER THEY ARE" in run("check", "--config", str(path)).stdout


def test_check_tells_what_is_kept_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "kept.yaml"
    path.write_text("""
providers: {ollama: }
store: {url: "postgresql+psycopg://canary-user:canary-word@db.internal:5433/gateway"}
records: {bodies: all}
teams: {red: {limits: [{requests: 1}, {parallel: 2}], budgets: [{usd: 1}]}}
""")
    said = run("check", "--config", str(path)).stdout
    assert "  Store       PostgreSQL at db.internal/gateway\n" in said
    assert "  Bounds      2 limits, 1 budget\n" in said
    assert "  Bodies      prompts and answers are kept: everybody's\n" in said
    assert "canary" not in said
    path.write_text("providers: {ollama: }\nadmin: off\njournal: {enabled: false}")
    said = run("check", "--config", str(path)).stdout
    assert "  Admin API   off\n  Store       none is needed\n" in said


@pytest.mark.parametrize("command", ["check", "serve"])
def test_mistakes_go_to_standard_error_with_their_lines(command: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("providers:\n  openai:\n    base_ulr: canary\n    keys: ['${OPENAI_API_KEY}']\n")
    result = run(command, "--config", str(path), "--port", "0")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"{path}:3: providers.openai.base_ulr: unknown key\n"
        "    did you mean base_url?\n"
        f"{path}:4: providers.openai.keys[0]: the variable OPENAI_API_KEY is not set\n"
        "    export OPENAI_API_KEY=…, or remove openai from the providers\n"
        "--port: must be a whole number from 1 to 65535\n"
        "3 problems.\n"
    )


@pytest.mark.parametrize(("command", "code"), [("serve", 2), ("check", 1)])
def test_without_any_provider_the_way_out_is_shown(command: str, code: int) -> None:
    result = run(command)
    assert (result.returncode, result.stdout) == (code, "")
    assert "No provider is configured" in result.stderr
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OLLAMA_BASE_URL", "--config"):
        assert name in result.stderr


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("price_files: [file]", "price_files[0]: cannot be used"),
        ("providers: {ollama: {ca_file: file}}", "providers.ollama.ca_file: holds no certificates"),
    ],
)
def test_files_that_cannot_be_used_are_found_before_serving(tmp_path: Path, named: str, problem: str) -> None:
    (tmp_path / "file").write_text("[]")
    path = tmp_path / "gateway.yaml"
    path.write_text(named)
    result = run("check", "--config", str(path))
    assert result.returncode == 1
    assert problem in result.stderr


def test_a_terminal_without_the_characters_is_no_reason_to_fail() -> None:
    result = run("--help", PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert result.returncode == 0
    assert "gateway serve" in result.stdout


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"'{sys.executable}' -m gateway.cli check | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "GROQ_API_KEY": "k", "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")


def test_every_flag_is_a_setting() -> None:
    assert {flag.removeprefix("--").replace("-", "_") for flag in FLAGS} == {"config", *UNDERSTOOD}


def test_every_vendor_is_known_to_the_configuration() -> None:
    known = known_providers()
    assert known["openai"].key_env == ("OPENAI_API_KEY",)
    assert known["azure"].needs_base_url
    assert known["azure"].settings == ("api_version",)
    assert known["ollama"].keyless
    assert all(one.dialect and (one.base_url or one.needs_base_url) for one in known.values())
