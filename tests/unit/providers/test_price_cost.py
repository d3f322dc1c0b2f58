"""Costs are exact: equal to the price library's own, to the nano-dollar, for every model that it knows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from random import Random
from typing import Any

import pytest
from genai_prices.data import providers
from genai_prices.types import ModelInfo
from genai_prices.types import Usage as PriceUsage
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers import table
from gateway.providers.facts import ModelFacts, Period, Rates, Tier, complete, rate
from gateway.providers.prices import cost_nano_usd
from gateway.schemas.usage import Usage

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MODELS = [
    (provider, position, model) for provider in providers for position, model in enumerate(provider.models)
]


def _library_cost(
    provider: Any, model: ModelInfo, usage: Usage, at: datetime, context: dict[str, str] | None
) -> int:
    """The library's own calculation, in nano-dollars, halves up."""
    counts = {
        "input_tokens": usage.input,
        "cache_read_tokens": usage.cached,
        "cache_write_tokens": usage.cache_write,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "input_audio_tokens": usage.input_audio,
        "cache_audio_read_tokens": 0,
        "output_tokens": usage.output,
        "output_audio_tokens": usage.output_audio,
        "output_reasoning_tokens": usage.reasoning,
        "output_audio_reasoning_tokens": 0,
        "cache_audio_write_tokens": 0,
    }
    with localcontext(prec=60):
        price = model.calc_price(
            PriceUsage(**counts), provider, genai_request_timestamp=at, price_context=context
        )
        return int((price.total_price * 10**9).to_integral_value(ROUND_HALF_UP))


def _is_known(model: ModelInfo, usage: Usage, at: datetime, context: dict[str, str] | None) -> bool:
    """Whether all that was used has a price, input and output apart; the library takes what has none for free."""
    prices = vars(model.get_prices(at, context))
    priced = {key for key, value in prices.items() if value is not None}
    return (
        bool(priced & {"input_mtok", "output_mtok", "requests_kcount"})
        and (not usage.input or "input_mtok" in priced)
        and (not usage.output or "output_mtok" in priced)
    )


def _facts_of(provider: Any, position: int) -> ModelFacts:
    vendor = table.vendor_table(provider.id)
    assert vendor is not None
    return vendor.models[position]


def _check(number: int, usage: Usage, at: datetime, context: dict[str, str] | None = None) -> None:
    provider, position, model = MODELS[number]
    special = next(iter(context.items())) if context else None
    known = _is_known(model, usage, at, context)
    expected = _library_cost(provider, model, usage, at, context) if known else None
    cost = cost_nano_usd(_facts_of(provider, position), usage, int(at.timestamp()), special)
    if (
        cost is not None
        and expected is not None
        and _has_endless_decimals(vars(model.get_prices(at, context)))
    ):
        expected += max(-1, min(1, cost - expected))
    assert cost == expected, (provider.id, model.id, usage, at)


def _has_endless_decimals(prices: dict[str, Any]) -> bool:
    """A published price such as 0.0416666666666667 has digits beyond an atto-dollar a token, which can turn a half."""
    return any(isinstance(price, Decimal) and price != round(price, 12) for price in prices.values())


def _usage(random: Random, most: int) -> Usage:
    whole, answer = random.randrange(most), random.randrange(most)
    cached = random.randrange(whole + 1)
    write = random.randrange(whole - cached + 1)
    audio = random.randrange(whole - cached - write + 1)
    reasoning = random.randrange(answer + 1)
    return Usage(
        input=whole,
        output=answer,
        cached=cached,
        cache_write=write,
        cache_write_1h=random.randrange(write + 1),
        input_audio=audio,
        reasoning=reasoning,
        output_audio=random.randrange(answer - reasoning + 1),
    )


def _moments(model: ModelInfo) -> Iterator[datetime]:
    """A usual one, and each side of every moment at which the model's prices change."""
    yield NOON
    conditional: list[Any] = model.prices if isinstance(model.prices, list) else []
    conditional = [*conditional, *(model.price_variants or [])]
    for constraint in filter(None, [each.constraint for each in conditional]):
        if hasattr(constraint, "start_date"):
            start = datetime.combine(constraint.start_date, datetime.min.time(), UTC)
            yield from (start, start - timedelta(seconds=1))
        else:
            for edge in (constraint.start_time, constraint.end_time):
                moment = datetime.combine(NOON.date(), edge).astimezone(UTC)
                yield from (moment, moment - timedelta(seconds=1))


def test_differential_every_model_costs_what_the_library_says() -> None:
    random = Random(20261101)
    for number in range(len(MODELS)):
        for most in (2_000, 900_000):
            _check(number, _usage(random, most), NOON)


def test_differential_every_change_of_price_falls_on_its_second() -> None:
    random = Random(7)
    for number, (_, _, model) in enumerate(MODELS):
        if isinstance(model.prices, list):
            for moment in _moments(model):
                _check(number, _usage(random, 50_000), moment)


def test_differential_tiers_begin_above_their_threshold() -> None:
    for number, (provider, position, _) in enumerate(MODELS):
        periods = _facts_of(provider, position).periods
        for above in {tier.above for period in periods for tier in period.tiers}:
            for tokens in (above - 1, above, above + 1):
                _check(number, Usage(input=tokens, output=1000, cached=tokens // 2), NOON)


def test_differential_special_ways_of_calling_have_their_prices() -> None:
    random = Random(11)
    checked = 0
    for number, (_, _, model) in enumerate(MODELS):
        for when in [variant.when for variant in model.price_variants or () if len(variant.when) == 1]:
            for moment in _moments(model):
                _check(number, _usage(random, 400_000), moment, when)
                checked += 1
    assert checked > 100


@given(
    st.integers(0, len(MODELS) - 1),
    st.integers(0, 2**32),
    st.integers(1, 10**7),
    st.integers(0, 2_000_000_000),
)
def test_differential_any_usage_at_any_time(number: int, seed: int, most: int, at: int) -> None:
    _check(number, _usage(Random(seed), most), datetime.fromtimestamp(at, UTC))


def _facts(**prices: str) -> ModelFacts:
    return ModelFacts(
        "m", periods=(Period(complete(**{kind: rate(Decimal(usd)) for kind, usd in prices.items()})),)
    )


def test_cached_and_written_tokens_are_parts_of_the_input() -> None:
    facts = _facts(input="3", output="15", cached="0.3", cache_write="3.75", cache_write_1h="6")
    usage = Usage(input=1000, output=100, cached=600, cache_write=300, cache_write_1h=100)
    assert cost_nano_usd(facts, usage, 0) == 100 * 3000 + 600 * 300 + 200 * 3750 + 100 * 6000 + 100 * 15000


def test_cached_audio_is_billed_once() -> None:
    facts = _facts(input="2", output="8", cached="1", input_audio="40", cached_audio="20")
    assert (
        cost_nano_usd(facts, Usage(input=100, cached=80, input_audio=50), 0)
        == 30 * 20_000 + 50 * 1000 + 20 * 40_000
    )


def test_parts_without_a_price_of_their_own_cost_what_they_are_part_of() -> None:
    facts = _facts(input="1", output="2")
    usage = Usage(
        input=50, output=40, cached=10, cache_write=10, input_audio=10, reasoning=30, output_audio=5
    )
    assert cost_nano_usd(facts, usage, 0) == 50 * 1000 + 40 * 2000


def test_an_unknown_price_is_not_zero() -> None:
    assert cost_nano_usd(ModelFacts("m"), Usage(input=1), 0) is None
    assert cost_nano_usd(ModelFacts("m"), Usage(), 0) is None
    assert cost_nano_usd(ModelFacts("m", periods=(Period(Rates()),)), Usage(), 0) is None
    only_input = _facts(input="1")
    assert cost_nano_usd(only_input, Usage(input=1, output=1), 0) is None
    assert cost_nano_usd(only_input, Usage(input=7), 0) == 7000


def test_a_free_model_costs_nothing() -> None:
    assert cost_nano_usd(_facts(input="0", output="0"), Usage(input=10**6, output=10**6), 0) == 0


def test_a_model_billed_by_the_hour_of_audio_has_no_known_price() -> None:
    whisper = table.facts("openai", "whisper-1")
    assert whisper is not None
    assert cost_nano_usd(whisper, Usage(input=1), 0) is None


def test_seconds_alone_have_no_known_price() -> None:
    facts = _facts(input="3", output="15")
    assert cost_nano_usd(facts, Usage(audio_ms=1500), 0) is None
    assert cost_nano_usd(facts, Usage(input=10, audio_ms=1500), 0) == 30_000


def test_a_price_per_request_is_added() -> None:
    facts = ModelFacts("m", periods=(Period(complete(input=0, output=0, request=rate(Decimal(5), 1000))),))
    assert cost_nano_usd(facts, Usage(input=1), 0) == 5_000_000


def test_fractions_of_a_nano_dollar_are_rounded_once_at_the_end() -> None:
    facts = _facts(input="0.0375", output="0.0004")
    assert cost_nano_usd(facts, Usage(input=1), 0) == 38
    assert cost_nano_usd(facts, Usage(input=2), 0) == 75
    assert cost_nano_usd(facts, Usage(input=1, output=1), 0) == 38
    assert cost_nano_usd(facts, Usage(output=1), 0) == 0


def test_a_usage_whose_parts_exceed_their_whole_is_billed_by_its_parts() -> None:
    facts = _facts(input="1", output="1", cached="0.5")
    assert cost_nano_usd(facts, Usage(input=10, cached=100, output=1, reasoning=5), 0) == 100 * 500 + 5 * 1000


@given(st.builds(Usage, *[st.integers(0, 10**12)] * 8), st.integers(0, 2**40))
def test_a_cost_is_never_negative_whatever_a_provider_counts(usage: Usage, at: int) -> None:
    facts = ModelFacts(
        "m", periods=(Period(complete(input=5, output=7), (Tier(1000, complete(input=9, output=9)),)),)
    )
    cost = cost_nano_usd(facts, usage, at)
    assert cost is not None
    assert cost >= 0


@pytest.mark.parametrize("usd", ["-1", "NaN", "Infinity"])
def test_what_is_no_price_is_refused(usd: str) -> None:
    with pytest.raises(ValueError, match="a price is"):
        rate(Decimal(usd))
