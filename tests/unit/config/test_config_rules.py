"""Rules and shadows as they are written: what they mean, and every mistake with its line."""

import builtins
from pathlib import Path
from typing import Any

import pytest
from vendors_for_tests import KNOWN

from gateway.config import Config, ConfigError, load
from gateway.config.explanation import explain
from gateway.config.model import ShadowTarget
from gateway.config.rule_model import Refusal, RuleConfig, Split

BASE = """
providers: {openai: {keys: [k]}}
models: {fast: openai/gpt-4o-mini, slow: openai/o3}
rules:
"""


def loaded(rules: str, tmp_path: Path, base: str = BASE) -> Config:
    file = tmp_path / "gateway.yaml"
    file.write_text(base + rules, encoding="utf-8")
    return load(file, {}, known=KNOWN)


def mistakes(rules: str, tmp_path: Path, base: str = BASE) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(rules, tmp_path, base)
    return "\n".join(str(problem).partition("gateway.yaml:")[2] for problem in caught.value.problems)


def test_rules_are_read_in_their_order(tmp_path: Path) -> None:
    found = loaded(
        """
  - {name: small, when: 'request.model == "auto" && request.tokens < 500', route: fast}
  - {when: 'request.complexity > 0.7', model: openai/gpt-5}
  - {name: calm, when: 'time.hour >= 22', set: {temperature: 0, stop: [a, "1"], user: null, x: {y: 1.5, z: yes}}}
  - {name: closed, when: 'key == "key-1"', refuse: {message: "not today", status: 429}}
  - {name: shut, when: 'request.stream', refuse: no streams}
  - name: test
    when: >-
      request.has_tools
      && !request.stream
    split: {by: "header:X-Tenant", 10%: fast, 90%: slow}
  - {name: half, split: {by: user, fast: 50%, slow: 50 %}}
""",
        tmp_path,
    ).rules
    assert found == (
        RuleConfig("small", 'request.model == "auto" && request.tokens < 500', "fast"),
        RuleConfig("rule-2", "request.complexity > 0.7", "openai/gpt-5"),
        RuleConfig(
            "calm",
            "time.hour >= 22",
            settings=(
                ("temperature", b"0"),
                ("stop", b'["a","1"]'),
                ("user", b""),
                ("x", b'{"y":1.5,"z":true}'),
            ),
        ),
        RuleConfig("closed", 'key == "key-1"', refuse=Refusal("not today", 429)),
        RuleConfig("shut", "request.stream", refuse=Refusal("no streams", 403)),
        RuleConfig(
            "test",
            "request.has_tools && !request.stream",
            split=Split("header:x-tenant", ((0.1, "fast"), (1.0, "slow"))),
        ),
        RuleConfig("half", split=Split("user", ((0.5, "fast"), (1.0, "slow")))),
    )


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("  - {when: 'request.modle == \"x\"', route: fast}", "5: rules[0].when: mentions request.modle"),
        ("  - {when: 'request.modle == \"x\"', route: fast}", "did you mean request.model?"),
        (
            "\n  - {when: 'request.tokens < \"x\"', route: fast}",
            "6: rules[0].when: is no valid expression: at",
        ),
        ("  - {when: 'request.tokens <', route: fast}", "at character 17: Syntax error"),
        ("  - {when: 'request.complexity > 1', route: fast}", "no matching overload"),
        ("  - {when: 'request.model', route: fast}", "rules[0].when: is no condition"),
        ("  - {when: 'request.stream', route: fats}", "rules[0].route: is neither provider/model nor"),
        ("  - {when: 'request.stream', route: fats}", "did you mean fast?"),
        ("  - {when: 'request.stream', model: fast}", "rules[0].model: is no provider/model"),
        ("  - {when: 'request.stream', model: opnai/x}", "names a provider that is not configured"),
        ("  - {when: 'request.stream'}", "rules[0]: does nothing"),
        ("  - {whne: 'request.stream', route: fast}", "unknown key; did you mean when?"),
        ("  - {route: fast, refuse: no}", "stands beside route"),
        ("  - {set: {temperature: 0}, refuse: no way}", "sets fields of a request that is refused"),
        ("  - {refuse: {message: x, status: 200}}", "must be a whole number from 400 to 499"),
        ("  - {set: {model: x}}", "rules[0].set.model: is not a rule's to set"),
        ("  - {set: {temperature: .nan}}", "is no number that JSON can say"),
        ("  - {name: a b, route: fast}", "rules[0].name: is no usable name"),
        (
            "  - {name: a, route: fast}\n  - {name: a, route: slow}",
            "6: rules[1]: a rule named a stands above",
        ),
        ("  - {split: {by: user, 10%: fast, 80%: slow}}", "has shares of 90 % in all"),
        ("  - {split: {by: shoe, 10%: fast, 90%: slow}}", "must be user, key, session or header:NAME"),
        ("  - {split: {by: user, 10%: fsat, 90%: slow}}", "did you mean fast?"),
        ("  - {split: {by: user, fast: slow}}", "gives no share"),
        ("  - {split: [fast]}", "rules[0].split: must be a mapping"),
        ("  when: x", "rules: must be a list"),
    ],
)
def test_a_mistake_is_named_with_its_line(rules: str, expected: str, tmp_path: Path) -> None:
    assert expected in mistakes(rules, tmp_path)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    found = mistakes("  - {when: 'x', route: a}\n  - {when: '1', route: b}", tmp_path)
    assert [line[:9] for line in found.split("\n")] == ["5: rules["] * 2 + ["6: rules["] * 2


def test_without_the_library_the_hint_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.config import expressions

    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("cel_expr_python"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    expressions._environment.cache_clear()
    assert "rules need the CEL library; pip install 'ai-gateway[rules]'" in mistakes(
        "  - {when: 'request.stream', route: fast}", tmp_path
    )
    assert loaded("  - {set: {temperature: 0}}", tmp_path).rules


ROUTE = """
providers: {openai: {keys: [k]}}
models:
  fast:
    targets: [openai/gpt-4o-mini]
    shadow: """


def test_shadows_are_read(tmp_path: Path) -> None:
    found = loaded("[{model: openai/o3, share: 5%}, {model: openai/gpt-5}]", tmp_path, ROUTE)
    assert found.models["fast"].shadow == (ShadowTarget("openai/o3", 0.05), ShadowTarget("openai/gpt-5", 1.0))


@pytest.mark.parametrize(
    ("shadow", "expected"),
    [
        ("[{model: fast, share: 5%}]", "models.fast.shadow[0].model: is no provider/model"),
        ("[{share: 5%}]", "model is missing"),
        ("[{model: openai/x, share: 150%}]", "models.fast.shadow[0].share: must be a number from 0 to 1"),
        ("openai/x", "models.fast.shadow: must be a list"),
    ],
)
def test_a_mistaken_shadow_is_named(shadow: str, expected: str, tmp_path: Path) -> None:
    assert expected in mistakes(shadow, tmp_path, ROUTE)


def test_check_shows_what_rules_do(tmp_path: Path) -> None:
    shown = explain(
        loaded(
            """
  - {name: small, when: 'request.tokens < 500', model: openai/o3, set: {temperature: 0, stop: null}}
  - {name: ab, split: {by: user, 12.5%: fast, 87.5%: slow}}
  - {name: shut, refuse: closed}
""",
            tmp_path,
        ),
        KNOWN,
    ).split("\n\n")[-1]
    assert [line.split(maxsplit=1) for line in shown.split("\n")] == [
        ["RULE", "WHEN                  DOES"],
        ["small", "request.tokens < 500  sets temperature stop, goes to openai/o3"],
        ["ab", "always                splits by user: 12.5% fast 87.5% slow"],
        ["shut", "always                refuses with 403"],
    ]


def test_the_documented_rules_and_shadows_are_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
    ruled, shadowed = (part.partition("```")[0] for part in page.split("```yaml\n")[1:])
    base = "providers: {openai: {keys: [k]}, anthropic: {keys: [k]}, my-vllm: {type: ollama}}\n"
    names = [one.name for one in loaded(ruled, tmp_path, base).rules]
    assert names == ["nightly", "small", "hard", "frugal", "rollout"]
    assert loaded(shadowed, tmp_path, base).models["fast"].shadow[0].share == 0.05
