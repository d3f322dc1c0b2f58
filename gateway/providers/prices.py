"""What a call cost: exact integer arithmetic over tokens and rates, never a float."""

from gateway.providers.facts import ATTO_PER_NANO, ModelFacts, Period, Rates
from gateway.schemas.usage import Usage

_DAY = 86_400

_Parts = tuple[tuple[int, int | None], ...]
"""Counts of tokens with their rates."""


def cost_nano_usd(
    facts: ModelFacts, usage: Usage, at: int, special: tuple[str, str] | None = None
) -> int | None:
    """The cost of `usage` at Unix time `at`, in nano-dollars (the nearest); None when a price is unknown.

    Unknown is never zero; a model that is free costs 0. `special` is how the call was made where that has a
    price of its own, e.g. ("service_tier", "flex"). Only tokens and requests are counted: what a vendor
    charges for searches or pages is not in `usage`, and what it charges for seconds alone is unknown. A usage
    whose parts exceed their whole is billed by its parts.
    """
    rates = rates_at(facts, usage.input, at, special)
    return None if rates is None else _total(usage, rates, _parts(usage, rates))


def _total(usage: Usage, rates: Rates, parts: _Parts) -> int | None:
    """Nano-dollars, the nearest; None when a price is unknown."""
    if usage.audio_ms and not (usage.input or usage.output):
        return None
    if usage.searches and not (usage.input or usage.output or rates.request):
        return None
    total = rates.request * max(usage.searches, 1)
    for tokens, per_token in parts:
        if tokens > 0:
            if per_token is None:
                return None
            total += tokens * per_token
    return (total + ATTO_PER_NANO // 2) // ATTO_PER_NANO


KINDS = (0, 1, 2, 2, 0, 1, 3, 3, 4)
"""Where in a `CostByKind` each of the parts belongs; a request's own price is a kind of its own."""

CostByKind = tuple[int, int, int, int, int, int]
"""Nano-dollars: input, cached, cache_write, output, reasoning, request."""


def cost_by_kind(facts: ModelFacts, usage: Usage, at: int) -> CostByKind | None:
    """The parts of `cost_nano_usd`, which they add up to; None when that is."""
    rates = rates_at(facts, usage.input, at)
    if rates is None:
        return None
    parts = _parts(usage, rates)
    total = _total(usage, rates, parts)
    if total is None:
        return None
    if len(parts) == 2 and not rates.request:
        own = max(usage.output, 0) * (rates.output or 0) // ATTO_PER_NANO
        return total - own, 0, 0, own, 0, 0
    found = [0, 0, 0, 0, 0, rates.request * max(usage.searches, 1)]
    for kind, (tokens, per_token) in zip((0, 3) if len(parts) == 2 else KINDS, parts, strict=True):
        if tokens > 0:
            found[kind] += tokens * (per_token or 0)
    largest = found.index(max(found))
    whole = [atto // ATTO_PER_NANO for atto in found]
    whole[largest] += total - sum(whole)  # what rounding left
    return whole[0], whole[1], whole[2], whole[3], whole[4], whole[5]


def rates_at(
    facts: ModelFacts, input_tokens: int, at: int, special: tuple[str, str] | None = None
) -> Rates | None:
    """The rates that hold at Unix time `at` for a request with so many input tokens; None when unknown."""
    periods = facts.periods
    if special is not None:
        periods = next((v.periods for v in facts.variants if (v.key, v.value) == special), periods)
    if not periods:
        return None
    period = periods[0] if len(periods) == 1 else _current(periods, at)
    for tier in reversed(period.tiers):
        if input_tokens > tier.above:
            return tier.rates
    rates = period.rates
    known = rates.input is not None or rates.output is not None or rates.request
    return rates if known else None


def _current(periods: tuple[Period, ...], at: int) -> Period:
    for period in reversed(periods):
        if _holds(period, at):
            return period
    return periods[0]


def _holds(period: Period, at: int) -> bool:
    if period.since is not None:
        return at >= period.since
    if period.window is None:
        return True
    start, end = period.window
    now = at % _DAY
    return start <= now < end if start <= end else now >= start or now < end


def _parts(usage: Usage, rates: Rates) -> _Parts:
    """Disjoint counts with their rates. Cached audio is what audio and cache must share to fit the input."""
    if not (usage.cached or usage.cache_write or usage.input_audio or usage.output_audio or usage.reasoning):
        return (usage.input, rates.input), (usage.output, rates.output)
    surplus = usage.cached + usage.cache_write + usage.input_audio - usage.input
    shared = min(max(surplus, 0), usage.cached, usage.input_audio)
    hour = min(usage.cache_write_1h, usage.cache_write)
    return (
        (-surplus, rates.input),
        (usage.cached - shared, rates.cached),
        (usage.cache_write - hour, rates.cache_write),
        (hour, rates.cache_write_1h),
        (usage.input_audio - shared, rates.input_audio),
        (shared, rates.cached_audio),
        (usage.output - usage.output_audio - usage.reasoning, rates.output),
        (usage.output_audio, rates.output_audio),
        (usage.reasoning, rates.reasoning),
    )
