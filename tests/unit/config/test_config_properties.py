"""Whatever a file holds, the answer is a Config or a ConfigError; units mean what they say."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from vendors_for_tests import KNOWN

from gateway.config import ConfigError, Problem, load
from gateway.config.interpolation import expand
from gateway.config.source import read_text
from gateway.config.units import seconds, seconds_text, size, size_text

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["5s", "32MiB", "${X}", "${Y:-z}", "${", "openai/x", "auto", "http://h:1/", "127.0.0.1", "", "é"]
    )
)
KEYS = st.sampled_from(
    [
        "server",
        "auth",
        "providers",
        "timeouts",
        "retries",
        "mid_stream",
        "models",
        "limits",
        "prices",
        "price_files",
        "data",
        "log",
        "host",
        "port",
        "admin_port",
        "workers",
        "drain",
        "backlog",
        "keys",
        "openai",
        "azure",
        "ollama",
        "mine",
        "type",
        "base_url",
        "value",
        "weight",
        "headers",
        "ca_file",
        "stream_usage",
        "targets",
        "fallbacks",
        "strategy",
        "model",
        "connect",
        "total",
        "max",
        "max_body",
        "input",
        "output",
        "level",
        "format",
        "x-a",
    ]
) | st.text(max_size=8)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


def mistakes(file: Path | None, env: dict[str, str]) -> tuple[Problem, ...]:
    """Nothing for a right configuration; anything but a ConfigError fails the test."""
    try:
        load(file, env, known=KNOWN)
    except ConfigError as error:
        return error.problems or (Problem("", 0, "", ""),)
    return ()


def check(data: bytes, folder: Path) -> None:
    file = folder / "gateway.yaml"
    file.write_bytes(data)
    assert all(one.message for one in mistakes(file, {"X": "1", "OPENAI_API_KEY": "k"}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


@given(tree=TREES)
def test_property_any_tree_is_read_or_refused(folder: Path, tree: object) -> None:
    check(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"), folder)


@given(tree=st.dictionaries(KEYS, TREES, max_size=6))
def test_property_any_mapping_is_read_or_refused(folder: Path, tree: object) -> None:
    check(yaml.safe_dump(tree).encode(), folder)


@given(text=st.text())
def test_property_any_text_is_read_or_refused(folder: Path, text: str) -> None:
    check(text.encode("utf-8", "surrogatepass"), folder)


@given(text=st.text(alphabet="[]{}:,-*&!|>%@'\"#?<~\n\t a1$", max_size=60))
def test_property_any_punctuation_is_read_or_refused(folder: Path, text: str) -> None:
    check(text.encode("utf-8", "surrogatepass"), folder)


@given(data=st.binary(max_size=60))
def test_property_any_bytes_are_read_or_refused(folder: Path, data: bytes) -> None:
    check(data, folder)


VARIABLES = st.sampled_from(
    [
        "GATEWAY_HOST",
        "GATEWAY_PORT",
        "GATEWAY_WORKERS",
        "GATEWAY_KEYS",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OLLAMA_HOST",
    ]
)


@given(env=st.dictionaries(VARIABLES, st.text()))
def test_property_any_environment_is_read_or_refused(env: dict[str, str]) -> None:
    assert all(one.file == "environment" for one in mistakes(None, env))


@given(st.integers(0, 10**9))
def test_property_durations_come_back(milliseconds: int) -> None:
    assert seconds(seconds_text(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@given(st.integers(0, 1 << 40))
def test_property_sizes_come_back(count: int) -> None:
    assert size(size_text(count)) == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5s", 5),
        ("500ms", 0.5),
        ("2m", 120),
        ("1h", 3600),
        ("1m30s", 90),
        ("1.5s", 1.5),
        ("7", 7),
        (" 3s ", 3),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "s", "5 s", "5S", "-1s", "1e3", "inf", "nan", "5sec", "٣s", "1s1", "--1", "0x5"]
)
def test_what_is_no_duration(text: str) -> None:
    assert seconds(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("32MiB", 32 << 20),
        ("1GB", 10**9),
        ("64kb", 64_000),
        ("64 KiB", 65_536),
        ("12", 12),
        ("0.5KiB", 512),
        ("3B", 3),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "MiB", "1.5", "1.5B", "-1B", "1K", "1TB", "1 M iB", "1e3", "٣B"])
def test_what_is_no_size(text: str) -> None:
    assert size(text) is None


@given(st.text(), st.dictionaries(st.sampled_from(["A", "B"]), st.text()))
def test_property_text_without_a_dollar_is_left_alone(text: str, env: dict[str, str]) -> None:
    plain = text.replace("$", "")
    assert expand(plain, env).text == plain
    assert expand(plain.replace("", "$$"), env).text == plain.replace("", "$")


@pytest.mark.parametrize(
    "text", ["${", "${}", "${1A}", "${A-b}", "${A:b}", "${A", "${A:-${B}}", "${é}", "${A:?b}"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    assert expand(text, {"A": "a", "B": "b"}).broken


def test_lines_count_from_one() -> None:
    tree = read_text("# comment\nserver:\n  port: 1\n  host: x\n", "f", {}).tree
    assert tree.fields["server"].where.line == 2
    assert tree.fields["server"].fields["host"].where.line == 4
    assert tree.fields["server"].fields["host"].where.path == "server.host"
