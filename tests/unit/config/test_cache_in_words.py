"""What `gateway check` says of the cache: who has it otherwise, who shares less than one would think, what is meant."""

from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from gateway.config.explanation import explain
from gateway.providers.registry import known

START = """\
providers: {openai: {keys: [sk-test]}}
models:
  faq: {targets: [openai/m], cache: {scope: team, ttl: 24h}}
  plain: {targets: [openai/m]}
teams: {red: {cache: off}, blue: {cache: {threshold: 0.97}}}
keys:
  alice: {value: abc, team: blue, cache: {ttl: 5s}}
  rose: {value: def, team: red, cache: exact}
  bob: {value: ghi}
"""


def said(tmp_path: Path, cache: str) -> tuple[str, dict[str, str]]:
    """The line about the cache, and the rows of who has it otherwise."""
    file = tmp_path / "gateway.yaml"
    file.write_text(START + f"cache: {cache}\n", encoding="utf-8")
    lines = explain(load(file, {}, known=known()), known()).splitlines()
    [line] = [line for line in lines if line.strip().startswith("Cache ")]
    begin = next(at for at, each in enumerate(lines) if each.strip().startswith("CACHE OF"))
    table = lines[begin + 1 :]
    rows = [row.split(maxsplit=1) for row in table[: (*table, "").index("")]]
    return line.split(maxsplit=1)[1], {row[0]: row[1] for row in rows}


def test_each_route_team_and_key_is_told_with_what_holds_for_it(tmp_path: Path) -> None:
    line, rows = said(tmp_path, "{mode: asked, semantic: {same_words: 0.75, verify: 5%}}")
    assert line == (
        "only where callers ask for it, nobody shares, for 1h, up to 1GiB; likeness from 0.93 by static; "
        "of the same words from 0.75; 5% of such hits are checked"
    )
    assert rows == {
        "faq": "only where callers ask for it, shared by team, for 1d; likeness from 0.93",
        "team:red": "off",
        "team:blue": "only where callers ask for it, nobody shares, for 1h; likeness from 0.97",
        "key:alice": "only where callers ask for it, nobody shares, for 5s; likeness from 0.97",
        "key:rose": "off",  # as her team is
    }


def test_who_has_nobody_to_share_with_is_told(tmp_path: Path) -> None:
    line, _ = said(tmp_path, "{scope: user, semantic: {}}")
    assert line.endswith("; without a user, and so sharing less: alice, rose, bob")
    line, _ = said(tmp_path, "{scope: team, semantic: {}}")
    assert line.endswith("; without a team, and so sharing less: bob")


def test_a_cache_that_is_off_may_be_on_for_some(tmp_path: Path) -> None:
    line, rows = said(tmp_path, "{mode: off, semantic: {}}")
    assert line.startswith("off but for those below, up to 1GiB")
    assert rows["faq"] == "off"
    file = tmp_path / "gateway.yaml"
    file.write_text("providers: {openai: {keys: [sk-test]}}\ncache: off\n", encoding="utf-8")
    [line] = [one for one in explain(load(file, {}, known=known()), known()).splitlines() if " Cache " in one]
    assert line.split() == ["Cache", "off"]


@pytest.mark.parametrize(
    ("cache", "expected"),
    [
        (
            "{mode: semantic, threshold: 0.95}",
            "10: cache.threshold: is a setting of cache.semantic; write semantic: {threshold: …}",
        ),
        (
            "{same_words: 0.75, semantic: {}}",
            "10: cache.same_words: is a setting of cache.semantic; write semantic: {same_words: …}",
        ),
        (
            "{enabled: true, semantic: {}}",
            "10: cache.enabled: is said by the mode; mode: exact, or mode: off",
        ),
        (
            "{mode: semantic, semantic: true}",
            "10: cache.semantic: must be a mapping of settings; semantic: {} for the usual ones; "
            "without it nothing is found by its meaning",
        ),
    ],
)
def test_what_is_written_in_the_wrong_place_is_told_where_it_belongs(
    tmp_path: Path, cache: str, expected: str
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(START + f"cache: {cache}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, {}, known=known())
    assert str(caught.value.problems[0]).partition("gateway.yaml:")[2] == expected
