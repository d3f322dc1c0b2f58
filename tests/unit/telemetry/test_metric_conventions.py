"""Metrics are named as Prometheus asks for it (its guide to naming, and what `promtool check metrics` looks at)."""

import re

import pytest
import told_metrics
from prometheus_client import Metric

RESERVED = ("_total", "_count", "_sum", "_bucket")

OTHER_UNITS = re.compile(
    r"_(?:ns|us|ms|milliseconds|microseconds|nanoseconds|minutes|hours|kb|mb|kib|mib|percent|cents|nanos?)(?:_|$)"
)
LABELS = {
    *("endpoint", "provider", "model", "status", "stream", "type", "kind", "outcome", "result", "verdict"),
    *("rule", "role", "worker", "key", "why", "version", "le", "route"),
}
"""All of few values: none is a caller, a request or an address. `key` is the number of a provider's key."""


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Metric]:
    return told_metrics.families(tmp_path_factory.mktemp("told"))


def test_names(families: dict[str, Metric]) -> None:
    assert len(families) > 40
    for name, family in families.items():
        assert re.fullmatch(r"gateway_[a-z][a-z0-9]*(?:_[a-z0-9]+)*", name), name
        assert name.endswith("_total") == (family.type == "counter"), name
        assert not family.name.endswith(RESERVED), name
        assert not OTHER_UNITS.search(name), name
        assert family.type not in name.split("_"), name


def test_units_stand_at_the_end(families: dict[str, Metric]) -> None:
    for family in families.values():
        words = family.name.split("_")
        assert not set(words[1:-1]) & {"seconds", "bytes", "ratio"}, family.name
    timed = {"gateway_queue_seconds", "gateway_cache_lookup_seconds", "gateway_overhead_seconds"}
    assert timed <= set(families)


def test_help_says_something(families: dict[str, Metric]) -> None:
    for name, family in families.items():
        assert re.match(r"[A-Z].+\.$", family.documentation), name
        assert len(family.documentation.split()) > 1, name
    assert len({family.documentation for family in families.values()}) == len(families)


def test_labels_have_few_values(families: dict[str, Metric]) -> None:
    for name, family in families.items():
        for sample in family.samples:
            assert set(sample.labels) <= LABELS, name
            if family.type not in ("histogram",):
                assert "le" not in sample.labels, name


def test_every_family_is_told_with_a_sample(families: dict[str, Metric]) -> None:
    assert [name for name, family in families.items() if not family.samples] == []
