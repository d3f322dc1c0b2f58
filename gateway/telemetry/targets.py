"""Metrics of providers as they stand: breakers, benched keys, places taken and waited for."""

from collections.abc import Iterator
from time import monotonic_ns

from prometheus_client.core import GaugeMetricFamily, Metric

from gateway._speedups.health import OPEN, counted, survey
from gateway._speedups.ledger import Ledger
from gateway.telemetry.labels import OTHER


def health_families(ledger: Ledger) -> Iterator[Metric]:
    """The breaker of every target, and the bench of every key of a pool: by their places, never by themselves."""
    breakers = GaugeMetricFamily(
        "gateway_breaker_state",
        "The breaker of a target: 0 shut, 1 half-open, 2 open.",
        labels=("provider", "model"),
    )
    keys = GaugeMetricFamily(
        "gateway_key_benched", "Whether a key of a pool is left unused.", labels=("provider", "key")
    )
    for key, state in survey(ledger, monotonic_ns()):
        provider, _, rest = key.decode(errors="replace").partition("\0")
        if not provider:  # the counts of a gate
            continue
        if rest.startswith("#"):
            keys.add_metric((provider, rest[1:]), int(state == OPEN))
        else:
            breakers.add_metric((provider, OTHER if rest == "*" else rest), state)
    yield breakers
    yield keys


def gate_families(ledger: Ledger) -> Iterator[Metric]:
    """What is under way, and waits, where a bound is set: the model is empty for a provider's own bound."""
    labels = ("provider", "model")
    families = {
        "t": GaugeMetricFamily(
            "gateway_places_taken",
            "Places taken at a provider with a bound, or at one of its models.",
            labels=labels,
        ),
        "w": GaugeMetricFamily(
            "gateway_queue_waiting", "Requests that wait for such a place.", labels=labels
        ),
    }
    for key, count in counted(ledger):
        mark, name = key[1:2].decode("latin-1"), key[2:].decode(errors="replace")
        provider, _, model = name.partition("\0\0")
        if mark in families:
            families[mark].add_metric((provider, model), count)
    yield from families.values()
