"""What rankings cost: by the search where a price for requests is known, and never nothing where none is."""

from gateway.providers.facts import ModelFacts, Period, complete
from gateway.providers.prices import cost_nano_usd
from gateway.schemas.usage import Usage


def facts(**rates: int) -> ModelFacts:
    return ModelFacts("m", periods=(Period(complete(**rates)),))


def test_searches_cost_what_requests_do() -> None:
    known = facts(request=2_000_000 * 10**9, input=0)
    assert cost_nano_usd(known, Usage(searches=3), 0) == 6_000_000
    assert cost_nano_usd(known, Usage(input=5), 0) == 2_000_000


def test_searches_without_a_price_cost_what_nobody_knows() -> None:
    assert cost_nano_usd(facts(input=10**9), Usage(searches=1), 0) is None
