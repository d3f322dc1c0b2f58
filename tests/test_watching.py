"""The alert rules and the dashboard in `deploy/` ask for metrics and labels that the gateway tells."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import told_metrics
import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"
DOCS = DEPLOY.parent / "docs"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana" / "gateway.json").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

METRIC = re.compile(r"\b(gateway_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
SPOKEN = re.compile(r"\$labels\.(\w+)|\{\{(\w+)\}\}")
ADDED = {"instance", "job"}
"""Labels that Prometheus adds to everything it scrapes."""


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of every name that may be asked for."""
    families = told_metrics.families(tmp_path_factory.mktemp("told"))
    found: dict[str, set[str]] = {}
    for family in families.values():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def _asked(expression: str, labels: dict[str, set[str]]) -> set[str]:
    """The labels that its metrics have together; fails for a metric or label that nobody tells."""
    shared: set[str] | None = None
    for name, matchers in METRIC.findall(expression):
        assert name in labels, name
        had = labels[name] | ADDED
        assert set(MATCHER.findall(matchers)) <= had, (name, matchers)
        shared = had if shared is None else shared | had
    grouped = {word.strip() for words in GROUPING.findall(expression) for word in words.split(",")}
    assert grouped - {""} <= (shared or ADDED), expression
    assert expression.count("(") == expression.count(")")
    return grouped - {"", "le"} if grouped else (shared or ADDED)


def _panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_alerts_ask_for_what_is_told(rule: dict[str, Any], labels: dict[str, set[str]]) -> None:
    left = _asked(rule["expr"], labels)
    assert rule["labels"]["severity"] in ("page", "ticket")
    told = rule["annotations"]
    assert told["description"].endswith(".")
    spoken = {first or second for text in told.values() for first, second in SPOKEN.findall(text)}
    assert spoken <= left


@pytest.mark.parametrize(
    ("title", "target"), list(_panels()), ids=[f"{title} {one['refId']}" for title, one in _panels()]
)
def test_panels_ask_for_what_is_told(title: str, target: dict[str, Any], labels: dict[str, set[str]]) -> None:
    left = _asked(target["expr"].replace("$__rate_interval", "5m"), labels)
    spoken = {first or second for first, second in SPOKEN.findall(target["legendFormat"])}
    assert spoken <= left, title
    assert "{{{" not in target["legendFormat"]


def test_rates_are_of_counters_alone(tmp_path: Path) -> None:
    families = told_metrics.families(tmp_path)
    texts = [rule["expr"] for rule in ALERTS] + [target["expr"] for _, target in _panels()]
    rated = {name for text in texts for name in re.findall(r"\b(?:rate|increase)\(\s*(gateway_\w+)", text)}
    assert len(rated) > 15
    for name in rated:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert families[base].type in ("counter", "histogram", "summary"), name


def test_what_an_operator_must_be_woken_for_is_watched() -> None:
    asked = {name for rule in ALERTS for name, _ in METRIC.findall(rule["expr"])}
    assert asked >= {
        "gateway_journal_lost_total",
        "gateway_journal_waiting_seconds",
        "gateway_breaker_state",
        "gateway_budget_refusals_total",
        "gateway_cache_lost_total",
    }


def test_every_alert_is_explained() -> None:
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\| `(Gateway\w+)` \| (\w+) \|", text, re.MULTILINE))
    assert said == {rule["alert"]: rule["labels"]["severity"] for rule in ALERTS}


def test_every_metric_is_explained(tmp_path: Path) -> None:
    text = (DOCS / "metrics.md").read_text(encoding="utf-8") + (DOCS / "caching.md").read_text(
        encoding="utf-8"
    )
    assert [name for name in told_metrics.families(tmp_path) if f"`{name}" not in text] == []


def test_panels_do_not_cover_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
