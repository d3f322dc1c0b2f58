"""Exposition: what Prometheus parses is what was recorded, in both formats, from any process."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from reference.metric_totals import Sample, totals

from gateway._speedups.ledger import Ledger
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.telemetry import cells
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.metrics import Metrics

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
REQUEST_FAMILIES = {
    "gateway_requests",
    "gateway_tokens",
    "gateway_cost_usd",
    "gateway_cost_unknown",
    *(histogram.name for histogram in cells.HISTOGRAMS),
}
OTHER_FAMILIES = {
    "gateway_info",
    "gateway_workers",
    "gateway_in_flight_requests",
    "gateway_process_resident_memory_bytes",
    "gateway_process_start_time_seconds",
    "gateway_retries",
    "gateway_fallbacks",
    "gateway_upstream_errors",
    "gateway_breaker_opened",
    "gateway_breaker_closed",
    "gateway_breaker_state",
    "gateway_hedges",
    "gateway_rule",
    "gateway_shadow",
    "gateway_queue_seconds",
    "gateway_queue_refused",
    "gateway_queue_waiting",
    "gateway_places_taken",
    "gateway_keys_benched",
    "gateway_key_benched",
    "gateway_changes_untold",
    "gateway_journal_lost",
    "gateway_journal_damaged",
    "gateway_records_stored",
    "gateway_records_refused",
    "gateway_limit_refusals",
    "gateway_budget_refusals",
    "gateway_budget_warnings",
}
SECTIONS = cells.sections(series=64, events=32)


def known(provider: str, model: str) -> bool:
    return model in ("gpt-4o", 'odd "name\\', "100%", "@{}")


class Side:
    """A ledger with one process that writes to it and shows it."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger.create(folder / "ledger", SECTIONS)
        self.metrics = Metrics(self.ledger, self.ledger.join(), known)
        self.exposition = Exposition(self.ledger, "1.2.3")

    def families(self, accept: str) -> list[Metric]:
        body, content_type = self.exposition.render(accept)
        parse = parse_openmetrics if "openmetrics" in content_type else parse_text
        return list(parse(body.decode()))


@pytest.fixture
def side(tmp_path: Path) -> Side:
    return Side(tmp_path)


def samples(families: Iterable[Metric], names: set[str] = REQUEST_FAMILIES) -> dict[Sample, float]:
    found: dict[Sample, float] = {}
    for family in families:
        if family.name in names:
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in found
                found[key] = sample.value
    return found


def request(**given: object) -> Record:
    usual = {"endpoint": "chat_completions", "provider": "openai", "model": "gpt-4o", "status": 200}
    return Record(request_id="r", **{**usual, **given})


figures = st.one_of(
    st.integers(0, 10**6),
    st.integers(0, 10**12),
    st.sampled_from([-1, 0, 1, 50_000, 50_001, 100_000, 10**9, 2**53 + 1, 10**30]),
)
usages = st.builds(Usage, input=figures, output=figures, cached=figures, reasoning=figures)
records = st.builds(
    Record,
    request_id=st.just("r"),
    endpoint=st.sampled_from(["chat_completions", "messages", "count_tokens"]),
    provider=st.sampled_from(["", "openai", "my vllm"]),
    model=st.sampled_from(["", "gpt-4o", 'odd "name\\', "100%", "@{}", "made up", "x\n# EOF\n"]),
    stream=st.booleans(),
    status=st.sampled_from([0, 200, 429, 499, 502, 999]),
    waited_ns=figures,
    first_token_ns=figures,
    total_ns=figures,
    usage=st.none() | usages,
    cost_nano_usd=st.none() | figures,
)


@given(st.lists(records, max_size=25), st.sampled_from(["", OPENMETRICS]))
def test_property_any_records_show_as_the_oracle_adds_them_up(
    tmp_path_factory: pytest.TempPathFactory, given: list[Record], accept: str
) -> None:
    side = Side(tmp_path_factory.mktemp("side"))
    for record in given:
        side.metrics.record(record)
    shown = samples(side.families(accept))
    expected = totals(given, known)
    assert shown.keys() == expected.keys()
    assert shown == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_every_family_is_named_before_anything_happened(side: Side, accept: str) -> None:
    info = "gateway" if accept else "gateway_info"
    names = {family.name for family in side.families(accept)}
    assert names == (REQUEST_FAMILIES | OTHER_FAMILIES) - {"gateway_info"} | {info}
    assert samples(side.families(accept)) == {}


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_the_families_beside_requests(side: Side, accept: str) -> None:
    side.ledger.join("control").started()
    side.metrics.request_started()
    side.metrics.retry("openai", "gpt-4o")
    side.metrics.retry("openai", "gpt-4o")
    side.metrics.fallback("openai", "made up")
    side.metrics.upstream_error("openai", "upstream_timeout")
    side.metrics.queued("openai", 1_500_000_000)
    side.metrics.queued("openai", 500_000_000)
    side.metrics.queue_refused("openai", "full")
    shown = samples(side.families(accept), OTHER_FAMILIES | {"gateway"})
    processes = {key: value for key, value in shown.items() if key[0].startswith("gateway_process")}
    assert shown.items() - processes.items() == {
        (("gateway_info", frozenset({("version", "1.2.3")})), 1),
        (("gateway_workers", frozenset()), 1),
        (("gateway_in_flight_requests", frozenset()), 2),
        (("gateway_retries_total", frozenset({("provider", "openai"), ("model", "gpt-4o")})), 2),
        (("gateway_fallbacks_total", frozenset({("provider", "openai"), ("model", "other")})), 1),
        (
            (
                "gateway_upstream_errors_total",
                frozenset({("provider", "openai"), ("kind", "upstream_timeout")}),
            ),
            1,
        ),
        (("gateway_queue_seconds_count", frozenset({("provider", "openai")})), 2),
        (("gateway_queue_seconds_sum", frozenset({("provider", "openai")})), 2.0),
        (("gateway_queue_refused_total", frozenset({("provider", "openai"), ("why", "full")})), 1),
    }
    assert len(processes) == 4
    assert min(processes.values()) > 10**6


def test_an_unknown_price_is_never_shown_as_zero(side: Side) -> None:
    side.metrics.record(request(usage=Usage(input=5)))
    names = {name for name, _ in samples(side.families(""))}
    assert "gateway_cost_unknown_total" in names
    assert "gateway_cost_usd_total" not in names
    side.metrics.record(request(usage=Usage(input=5), cost_nano_usd=0))
    shown = {name: value for (name, _), value in samples(side.families("")).items()}
    assert shown["gateway_cost_usd_total"] == 0
    assert shown["gateway_cost_unknown_total"] == 1


def test_large_counts_keep_every_digit(side: Side) -> None:
    side.metrics.record(request(usage=Usage(input=1_234_567_890_123)))
    body, _ = side.exposition.render("")
    assert b'type="input"} 1234567890123\n' in body


RECORDS = """
import sys
from gateway._speedups.ledger import Ledger
from gateway.schemas.record import Record
from gateway.telemetry import cells
from gateway.telemetry.metrics import Metrics
ledger = Ledger.open(sys.argv[1], cells.sections(series=64, events=32))
metrics = Metrics(ledger, ledger.join(), {"gpt-4o"})
for number in range(500):
    metrics.request_started()
    metrics.record(Record(request_id="r", endpoint="messages", provider="p", model="gpt-4o", status=200 + number % 9,
                          total_ns=number * 1_000_000, waited_ns=number * 900_000))
"""


def test_any_process_answers_for_all_of_them_and_for_those_that_are_gone(side: Side) -> None:
    others = [
        subprocess.Popen([sys.executable, "-c", RECORDS, side.ledger.path], cwd=os.getcwd()) for _ in range(3)
    ]
    assert [other.wait() for other in others] == [0, 0, 0]
    done = [
        Record(
            request_id="r",
            endpoint="messages",
            provider="p",
            model="gpt-4o",
            status=200 + number % 9,
            total_ns=number * 1_000_000,
            waited_ns=number * 900_000,
        )
        for number in range(500)
    ] * 3
    families = side.families("")
    assert samples(families) == pytest.approx(totals(done, known))
    assert samples(families, {"gateway_in_flight_requests"}) == {
        ("gateway_in_flight_requests", frozenset()): 0
    }


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html,application/xml", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (PROMETHEUS_3, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
        ("application/openmetrics-text;version=99.0.0", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.x", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=1.0.0;escaping=dots", "text/plain; version=0.0.4; charset=utf-8"),
        (";;=;,=,\x00", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_the_accept_header_chooses_among_what_is_offered(side: Side, accept: str, content_type: str) -> None:
    side.metrics.record(request(total_ns=5))
    body, given = side.exposition.render(accept)
    assert given == content_type
    assert body.endswith(b"# EOF\n") == ("openmetrics" in content_type)
    assert body.count(b"# EOF") == ("openmetrics" in content_type)
    assert samples(side.families(accept))


@given(st.text())
def test_property_no_accept_header_breaks_a_scrape(
    tmp_path_factory: pytest.TempPathFactory, accept: str
) -> None:
    ledger = Ledger.create(tmp_path_factory.mktemp("side") / "ledger", SECTIONS)
    _, content_type = Exposition(ledger, "1").render(accept)
    assert content_type.isprintable()
    assert content_type.isascii()


def test_a_large_answer_comes_in_small_pieces_that_join_to_the_whole(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "ledger", cells.sections(series=1024, events=32))
    metrics = Metrics(ledger, ledger.join(), lambda provider, model: True)
    for number in range(800):
        metrics.record(
            request(model=f"m{number}", total_ns=5, waited_ns=4, first_token_ns=3, usage=Usage(input=1))
        )
    exposition = Exposition(ledger, "1")
    pieces, _ = exposition.pieces(OPENMETRICS)
    parts = list(pieces)
    most = max(len(histogram.bounds) for histogram in cells.HISTOGRAMS) + 3
    assert max(part.count(b"\n") for part in parts) <= 64 * most
    shown = samples(parse_openmetrics(b"".join(parts).decode()))
    assert sum(value for (name, _), value in shown.items() if name == "gateway_requests_total") == 800


def test_a_histogram_is_consistent_while_requests_are_recorded(side: Side) -> None:
    pieces, _ = side.exposition.pieces(OPENMETRICS)
    side.metrics.record(request(total_ns=1_000_000))
    body = b""
    for piece in pieces:
        body += piece
        side.metrics.record(request(total_ns=2_000_000, waited_ns=1_000_000))
    shown = samples(parse_openmetrics(body.decode()))  # which refuses counts that differ from the last bucket
    counts = {
        name: value for (name, _), value in shown.items() if name.endswith(("_requests_total", "_count"))
    }
    # One moment for all families, although they were written one after another.
    assert counts == {
        "gateway_requests_total": 2,
        "gateway_request_duration_seconds_count": 2,
        "gateway_overhead_seconds_count": 2,
        "gateway_upstream_duration_seconds_count": 1,
    }
