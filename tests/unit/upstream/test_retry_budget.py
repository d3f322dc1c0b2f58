"""Retries stay a share of traffic."""

from gateway.upstream.retry_budget import RetryBudget


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_storm_is_bounded_to_a_share_of_requests() -> None:
    clock = Clock()
    budget = RetryBudget(share=0.2, floor=0.0, clock=clock)
    retries = 0
    for _ in range(1_000):
        budget.asked()
        retries += budget.take() + budget.take()
    assert 200 <= retries <= 211


def test_a_quiet_gateway_may_always_retry() -> None:
    clock = Clock()
    budget = RetryBudget(share=0.0, floor=3.0, clock=clock)
    while budget.take():
        pass
    clock.now += 1
    assert [budget.take() for _ in range(4)] == [True, True, True, False]


def test_what_was_saved_up_is_bounded() -> None:
    clock = Clock()
    budget = RetryBudget(share=0.5, floor=1.0, clock=clock)
    clock.now += 86_400
    for _ in range(10_000):
        budget.asked()
    spent = 0
    while budget.take():
        spent += 1
    assert spent <= 11
