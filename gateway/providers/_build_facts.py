"""Flattens the `genai-prices` data into the table that `table.py` reads; run by setup.py, never at run time.

The library (MIT, pydantic) is a curated, dated catalogue of prices. It takes 230 ms to import and up to 110
µs for a call, so its data and its rules are kept and the library is left behind.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from hashlib import blake2s
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from gateway.providers.facts import ModelFacts, Period, Rates, Tier, Variant, complete, rate
from gateway.providers.matching import AllOf, AnyOf, Pattern, Prefix, Rule, Same, Suffix, Within
from gateway.providers.table import FORMAT, PATH, Table, VendorTable

# The library's price keys that a Usage can be billed by, and what they are called here.
_RATES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "cache_audio_read_mtok": "cached_audio",
    "output_audio_mtok": "output_audio",
    "output_reasoning_mtok": "reasoning",
}
_EPOCH = datetime.fromtimestamp(0, UTC)


def ensure_table(path: Path = PATH) -> None:
    """Write the table unless it was made by this code from the installed version of the data."""
    source = f"genai-prices {version('genai-prices')}, code {_code()}"
    if _stamp(path) == (FORMAT, source):
        return
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(build(source))
    unfinished.replace(path)  # at once: another build or a running gateway may be reading


def build(source: str) -> bytes:
    """The encoded table."""
    from genai_prices.data import providers

    vendors = {provider.id: msgspec.Raw(msgspec.msgpack.encode(_vendor(provider))) for provider in providers}
    return msgspec.msgpack.encode(Table(FORMAT, source, vendors))


def _code() -> str:
    """A digest of what decides the table's content beside the data."""
    folder = Path(__file__).parent
    sources = [(folder / name).read_bytes() for name in ("_build_facts.py", "facts.py", "matching.py")]
    return blake2s(b"".join(sources), digest_size=8).hexdigest()


def _stamp(path: Path) -> tuple[int, str] | None:
    try:
        table = msgspec.msgpack.decode(path.read_bytes(), type=Table)
    except (OSError, msgspec.DecodeError):
        return None
    return table.format, table.source


def _vendor(provider: Any) -> VendorTable:
    """One vendor. Which model an exact name means is asked of the library: its order of rules is kept."""
    positions = {id(model): position for position, model in enumerate(provider.models)}
    names = {name for model in provider.models for name in _exact_names(model.match)}
    found = {name: positions[id(provider.find_model(name))] for name in sorted(names)}
    rules = [(position, _rule(model.match)) for position, model in enumerate(provider.models)]
    return VendorTable(
        family=_rule(provider.model_match, exact=True) if provider.model_match else None,
        fallbacks=tuple(provider.fallback_model_providers or ()),
        models=tuple(_model(model) for model in provider.models),
        exact=found,
        rules=tuple((position, rule) for position, rule in rules if rule is not None),
    )


def _exact_names(clause: Any) -> Iterator[str]:
    if type(clause).__name__ == "ClauseEquals":
        yield clause.equals.lower()
    for part in _parts(clause):
        yield from _exact_names(part)


def _rule(clause: Any, *, exact: bool = False) -> Rule | None:
    """The rule, without its exact names unless `exact`: those are looked up before any rule is tried."""
    match type(clause).__name__:
        case "ClauseEquals":
            return Same(clause.equals.lower()) if exact else None
        case "ClauseStartsWith":
            return Prefix(clause.starts_with.lower())
        case "ClauseEndsWith":
            return Suffix(clause.ends_with.lower())
        case "ClauseContains":
            return Within(clause.contains.lower())
        case "ClauseRegex":
            return Pattern(clause.regex)
        case "ClauseOr":
            rules = [rule for part in _parts(clause) if (rule := _rule(part, exact=exact))]
            return (AnyOf(tuple(rules)) if len(rules) > 1 else rules[0]) if rules else None
        case "ClauseAnd":
            parts = [_rule(part, exact=exact) for part in _parts(clause)]
            return AllOf(tuple(part for part in parts if part)) if all(parts) else None
        case unknown:
            raise NotImplementedError(f"genai-prices has a new kind of rule: {unknown}")


def _parts(clause: Any) -> Iterable[Any]:
    return getattr(clause, "or_", None) or getattr(clause, "and_", None) or ()


def _model(model: Any) -> ModelFacts:
    periods = _periods(model)
    return ModelFacts(
        model=model.id,
        context_window=model.context_window,
        periods=periods if any(_known(period) for period in periods) else (),
        variants=tuple(_variants(model)),
    )


def _known(period: Period) -> bool:
    """Whether anything that a Usage counts has a price: one billed by the second or the page has none."""
    return period.rates != Rates()


def _periods(model: Any) -> tuple[Period, ...]:
    conditional = model.prices if isinstance(model.prices, list) else None
    if conditional is None:
        return (_period(model.prices),)
    return tuple(_period(each.prices, each.constraint) for each in conditional)


def _variants(model: Any) -> Iterator[Variant]:
    """Prices under each single condition, as the library resolves them at each date of a change."""
    for when in {tuple(variant.when.items()): None for variant in model.price_variants or ()}:
        if len(when) == 1 and not _hourly(model):
            (key, value) = when[0]
            yield Variant(key, value, tuple(_dated_periods(model, dict(when))))


def _dated_periods(model: Any, when: dict[str, str]) -> Iterator[Period]:
    for start in sorted({_EPOCH, *(_midnight(c.start_date) for c in _constraints(model) if c)}):
        yield _period(model.get_prices(start, when), since=int(start.timestamp()))


def _constraints(model: Any) -> list[Any]:
    prices = model.prices if isinstance(model.prices, list) else []
    return [each.constraint for each in [*prices, *(model.price_variants or ())]]


def _hourly(model: Any) -> bool:
    return any(hasattr(constraint, "start_time") for constraint in _constraints(model))


def _period(prices: Any, constraint: Any = None, *, since: int | None = None) -> Period:
    window = None
    if hasattr(constraint, "start_time"):
        window = _second_of_day(constraint.start_time), _second_of_day(constraint.end_time)
    elif constraint is not None:
        since = int(_midnight(constraint.start_date).timestamp())
    starts = sorted({tier.start for value in vars(prices).values() for tier in getattr(value, "tiers", ())})
    return Period(
        rates=_rates(prices, 0),
        tiers=tuple(Tier(start, _rates(prices, start + 1)) for start in starts),
        since=since,
        window=window,
    )


def _rates(prices: Any, input_tokens: int) -> Rates:
    found = {
        ours: rate(_at(value, input_tokens))
        for theirs, ours in _RATES.items()
        if (value := vars(prices).get(theirs)) is not None
    }
    per_thousand = vars(prices).get("requests_kcount")
    request = rate(_at(per_thousand, input_tokens), 1000) if per_thousand is not None else None
    return complete(**found, request=request)


def _at(value: Any, input_tokens: int) -> Decimal:
    """The price of a key for a request of so many input tokens."""
    if isinstance(value, Decimal):
        return value
    prices: list[Decimal] = [value.base, *(tier.price for tier in value.tiers if input_tokens > tier.start)]
    return prices[-1]


def _midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _second_of_day(moment: time) -> int:
    if moment.tzinfo is not None:
        moment = datetime.combine(_EPOCH.date(), moment).astimezone(UTC).time()
    return moment.hour * 3600 + moment.minute * 60 + moment.second
