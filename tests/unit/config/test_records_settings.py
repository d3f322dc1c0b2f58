"""What is kept, for how long, and where: as the file says it."""

from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, load
from gateway.config.records_model import Records

POSTGRES = "postgresql+psycopg://gateway:canary@db.internal/gateway"


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    return load(path, {}, known={})


def test_without_a_word_of_it(tmp_path: Path) -> None:
    config = read(tmp_path, "{}")
    assert config.records == Records()
    assert config.journal.enabled
    assert config.store.url is None


def test_a_database_whose_driver_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.config.records.find_spec", _nothing)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f'store: {{url: "{POSTGRES}"}}')
    [problem] = caught.value.problems
    assert (problem.path, problem.hint) == ("store.url", "pip install 'ai-gateway[postgres]'")
    assert read(tmp_path, 'store: {url: "sqlite:////var/lib/x.db"}').store.url is not None


def _nothing(_: str) -> None:
    return None


def test_all_of_it(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        f"""
journal: {{enabled: true, segment: 1MiB}}
store: {{url: "{POSTGRES}"}}
records: {{keep: forever, keep_bodies: 1d, most: 1000, client_ip: off, bodies: all, body_bytes: 1KiB, redact: [x+],
  keep_sums: 2d}}
""",
    )
    assert config.records == Records(0, 86_400.0, 1000, "off", "all", 1024, ("x+",), 2 * 86_400.0)
    assert config.journal.segment == 1 << 20
    assert config.store.url is not None
    assert config.store.url.reveal() == POSTGRES
    assert "canary" not in repr(config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('store: {url: "mysql://canary@db/x"}', "must be the URL of a SQLite file"),
        ("records: {bodies: some}", "must be off, keys or all"),
        ("records: {redact: ['(']}", "is no regular expression"),
        ("records: {keep: 1s}", "keep"),
        ("journal: {segment: 1}", "segment"),
    ],
)
def test_mistakes_are_told_without_the_secret(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert "canary" not in str(caught.value)
