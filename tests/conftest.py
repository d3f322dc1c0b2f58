"""Settings of the whole suite: how many examples a property test draws, and what several processes begin with."""

import os

import pytest
from hypothesis import HealthCheck, settings

UNTIMED = [HealthCheck.too_slow]  # a busy machine is no mistake of a test

# The same examples each time; others are drawn by `make fuzz`.
settings.register_profile(
    "default", max_examples=100, deadline=None, derandomize=True, suppress_health_check=UNTIMED
)
settings.register_profile("fuzz", max_examples=2_000, deadline=None, suppress_health_check=UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several processes each takes one file after the other: the longest first, so that all end together."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: "e2e" not in item.path.parts)


@pytest.fixture
def nothing_stored(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a store: what `make run` leaves in the checkout is none of the tests'."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
