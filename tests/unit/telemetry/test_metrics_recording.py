"""Recording: every request is counted once, under labels that nobody outside can multiply."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway._speedups.ledger import Ledger, Table
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.telemetry import cells
from gateway.telemetry.labels import MODEL_LIMIT, NAME_LIMIT, SEPARATOR, clean
from gateway.telemetry.metrics import Metrics, cost_is_unknown

KNOWN = {"gpt-4o", "claude-x"}


def request(**given: object) -> Record:
    usual = {"endpoint": "chat_completions", "provider": "openai", "model": "gpt-4o", "status": 200}
    return Record(request_id="r", **{**usual, **given})


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "ledger", cells.sections(series=64, events=16))


@pytest.fixture
def metrics(ledger: Ledger) -> Metrics:
    return Metrics(ledger, ledger.join(), KNOWN)


def series(ledger: Ledger, table: str = "requests") -> dict[tuple[str, ...], int]:
    """Labels → requests, or an event's count; only what was counted."""
    keys, values = Table(ledger, table).snapshot()
    width = Table(ledger, table).width
    start, end = (cells.DURATION.start, cells.DURATION.end) if table == "requests" else (0, 1)
    counted = {
        tuple(key.decode().split(SEPARATOR)): sum(values[at * width + start : at * width + end])
        for at, key in enumerate(keys)
    }
    return {labels: count for labels, count in counted.items() if count}


def many_models(count: int) -> Iterator[str]:
    return (f"model-{number}" for number in range(count))


def test_labels_tell_requests_apart(ledger: Ledger, metrics: Metrics) -> None:
    for record in (
        request(),
        request(),
        request(stream=True),
        request(status=429),
        request(model="claude-x"),
        request(provider="azure"),
        request(endpoint="embeddings"),
        request(provider="", model="", status=401),
    ):
        metrics.record(record)
    assert series(ledger) == {
        ("chat_completions", "openai", "gpt-4o", "200", "false"): 2,
        ("chat_completions", "openai", "gpt-4o", "200", "true"): 1,
        ("chat_completions", "openai", "gpt-4o", "429", "false"): 1,
        ("chat_completions", "openai", "claude-x", "200", "false"): 1,
        ("chat_completions", "azure", "gpt-4o", "200", "false"): 1,
        ("embeddings", "openai", "gpt-4o", "200", "false"): 1,
        ("chat_completions", "", "", "401", "false"): 1,
    }


def test_a_model_that_a_caller_makes_up_never_becomes_a_label(ledger: Ledger, metrics: Metrics) -> None:
    for model in many_models(1000):
        metrics.record(request(model=model))
        metrics.retry("openai", model)
        metrics.fallback("openai", model)
    assert series(ledger) == {("chat_completions", "openai", "other", "200", "false"): 1000}
    assert series(ledger, "events") == {
        ("retries", "openai", "other"): 1000,
        ("fallbacks", "openai", "other"): 1000,
    }
    assert len(metrics._blocks) == 1
    assert len(metrics._event_blocks) == 2


def test_known_may_ask_for_the_provider_too(ledger: Ledger) -> None:
    metrics = Metrics(ledger, ledger.join(), lambda provider, model: (provider, model) == ("azure", "mine"))
    metrics.record(request(provider="azure", model="mine"))
    metrics.record(request(provider="openai", model="mine"))
    assert {labels[1:3] for labels in series(ledger)} == {("azure", "mine"), ("openai", "other")}


@pytest.mark.parametrize("status", [-1, 0, 99, 600, 999, 10**12])
def test_a_status_that_http_does_not_have_is_0(ledger: Ledger, metrics: Metrics, status: int) -> None:
    metrics.record(request(status=status))
    assert {labels[3] for labels in series(ledger)} == {"0"}


def test_labels_longer_than_a_slot_are_cut_not_refused(ledger: Ledger) -> None:
    metrics = Metrics(ledger, ledger.join(), lambda provider, model: True)
    metrics.record(request(endpoint="e" * 999, provider="p" * 999, model="m" * 999, status=599, stream=True))
    metrics.record(request(endpoint="é" * 999, provider="🙂" * 999, model="漢" * 999, status=599))
    metrics.upstream_error("🙂" * 999, "k" * 999)
    (first, second) = series(ledger)
    assert [len(label) for label in first[:3]] == [24, NAME_LIMIT, MODEL_LIMIT]
    assert second[:3] == ("é" * 12, "🙂" * (NAME_LIMIT // 4), "漢" * (MODEL_LIMIT // 3))
    assert series(ledger, "events") == {("upstream_errors", "🙂" * 16, "k" * 64): 1}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("gpt-4o", "gpt-4o"),
        ("a\nb\r\x00\x1f\x7fc", "a_b____c"),
        ("\u202egpt\u2028", "_gpt_"),
        ("\ud800x", "_x"),
        ('a"b\\c{}%', 'a"b\\c{}%'),
        ("", ""),
    ],
)
def test_what_does_not_print_is_replaced(given: str, kept: str) -> None:
    assert clean(given, 64) == kept


def test_a_full_table_gives_up_models_before_it_gives_up_labels(ledger: Ledger) -> None:
    metrics = Metrics(ledger, ledger.join(), lambda provider, model: True)
    for model in many_models(100):
        metrics.record(request(model=model))
    counted = series(ledger)
    kept = 64 - 64 // 8 - 1  # the overflow series is there from the start
    assert sum(counted.values()) == 100
    assert counted["chat_completions", "openai", "other", "200", "false"] == 100 - kept
    for status in range(200, 260):
        metrics.record(request(model="one too many", status=status))
    counted = series(ledger)
    assert sum(counted.values()) == 160
    assert counted["other", "other", "other", "0", "false"] > 0
    assert Table(ledger, "requests").used == 64


def test_the_table_of_labels_in_this_process_is_bounded_too(ledger: Ledger) -> None:
    metrics = Metrics(ledger, ledger.join(), lambda provider, model: True)
    for model in many_models(1000):
        metrics.record(request(model=model))
        metrics.upstream_error("openai", model)
    assert len(metrics._blocks) == 2 * 64
    assert len(metrics._event_blocks) == 2 * 16
    assert sum(series(ledger).values()) == 1000
    assert sum(series(ledger, "events").values()) == 1000
    assert series(ledger, "events")["upstream_errors", "other", "other"] > 0


def test_a_restarted_worker_goes_on_with_the_same_counters(ledger: Ledger, metrics: Metrics) -> None:
    metrics.record(request())
    again = Ledger.open(ledger.path, cells.sections(series=64, events=16))
    Metrics(again, again.join(), KNOWN).record(request())
    assert series(ledger) == {("chat_completions", "openai", "gpt-4o", "200", "false"): 2}


def test_in_flight_follows_starts_and_ends(ledger: Ledger, metrics: Metrics) -> None:
    metrics.request_started()
    metrics.request_started()
    metrics.request_finished()
    assert [worker.in_flight for worker in ledger.workers()] == [1]


@pytest.mark.parametrize(
    ("given", "unknown"),
    [
        ({"usage": Usage(input=1)}, True),
        ({"usage": Usage(input=1), "cost_nano_usd": 0}, False),
        ({"usage": None}, True),
        ({"usage": None, "endpoint": "count_tokens"}, False),
        ({"usage": None, "provider": ""}, False),
        ({"usage": None, "status": 500}, False),
        ({"usage": None, "status": 499, "first_token_ns": 5}, True),
        ({"usage": None, "status": 401, "provider": ""}, False),
    ],
)
def test_a_price_is_unknown_only_where_something_was_bought(given: dict[str, object], unknown: bool) -> None:
    assert cost_is_unknown(request(**given)) is unknown
