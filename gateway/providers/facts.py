"""What is known of a model: how much it holds and what it costs, as exact integers.

A rate is in atto-dollars (1e-18 USD) per token: one USD per million tokens is 1e12 of them. A millionth of a
nano-dollar of resolution keeps every published price exact.
"""

from decimal import Decimal

import msgspec

ATTO_PER_NANO = 10**9
ATTO_PER_USD = 10**18
ATTO_PER_USD_PER_MILLION = 10**12


class Rates(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Atto-dollars per token of each kind, and per request. None: the price of such a token is not known.

    What a vendor does not price apart has the rate that it is charged at (cached input without a price of its
    own costs what input costs), so that reading never falls back.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    input_audio: int | None = None
    cached_audio: int | None = None
    output_audio: int | None = None
    reasoning: int | None = None
    request: int = 0


class Tier(msgspec.Struct, frozen=True, array_like=True):
    """The rates of all tokens of a request with more than `above` input tokens."""

    above: int
    rates: Rates


class Period(msgspec.Struct, frozen=True, array_like=True):
    """Prices and when they hold: from `since` on (Unix seconds), or daily within `window`.

    A window is in UTC seconds of the day, its end excluded; it wraps over midnight when that is the smaller.
    """

    rates: Rates
    tiers: tuple[Tier, ...] = ()
    since: int | None = None
    window: tuple[int, int] | None = None


class Variant(msgspec.Struct, frozen=True, array_like=True):
    """Other prices, for calls made in a special way: `key` is e.g. service_tier, `value` e.g. flex."""

    key: str
    value: str
    periods: tuple[Period, ...]


class Abilities(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a model can do beyond text; None is unknown, which is not False.

    `vision`, `audio` and `pdf` are kinds of input; `tools` is calling them, `json_schema` is answers that are held to
    one, `reasoning` is thinking before answering.
    """

    vision: bool | None = None
    audio: bool | None = None
    pdf: bool | None = None
    tools: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None

    def over(self, other: "Abilities") -> "Abilities":
        """Each ability by itself: as known here, or else as `other` has it."""
        if self == UNKNOWN:
            return other
        return Abilities(
            **{name: known for name in ABILITIES if (known := _known(self, other, name)) is not None}
        )

    def names(self) -> tuple[str, ...]:
        """The abilities that the model is known to have."""
        return tuple(name for name in ABILITIES if getattr(self, name))


ABILITIES = Abilities.__struct_fields__
UNKNOWN = Abilities()


def _known(first: Abilities, second: Abilities, name: str) -> bool | None:
    found: bool | None = getattr(first, name)
    return found if found is not None else getattr(second, name)


class ModelFacts(msgspec.Struct, frozen=True, array_like=True):
    """One model. Token counts are None where unknown; without periods its price is unknown.

    Of several periods the last that holds counts; when none does, the first.
    """

    model: str
    context_window: int | None = None
    max_output: int | None = None
    periods: tuple[Period, ...] = ()
    variants: tuple[Variant, ...] = ()
    abilities: Abilities = UNKNOWN


def rate(usd: Decimal, per: int = 1_000_000) -> int:
    """`usd` for `per` tokens, in atto-dollars per token. Raises ValueError for a price that is no price."""
    if not usd.is_finite() or usd < 0:
        raise ValueError(f"a price is a finite number that is not negative, not {usd}")
    numerator, denominator = usd.as_integer_ratio()
    return _divide(numerator * ATTO_PER_USD, denominator * per)


def complete(
    *,
    input: int | None = None,
    output: int | None = None,
    cached: int | None = None,
    cache_write: int | None = None,
    cache_write_1h: int | None = None,
    input_audio: int | None = None,
    cached_audio: int | None = None,
    output_audio: int | None = None,
    reasoning: int | None = None,
    request: int | None = None,
) -> Rates:
    """Rates where each kind without a price of its own has that of the kind it belongs to."""
    audio = _first(input_audio, input)
    write = _first(cache_write, input)
    return Rates(
        input=input,
        output=output,
        cached=_first(cached, input),
        cache_write=write,
        cache_write_1h=_first(cache_write_1h, write),
        input_audio=audio,
        cached_audio=_first(cached_audio, cached, audio),
        output_audio=_first(output_audio, output),
        reasoning=_first(reasoning, output),
        request=request or 0,
    )


def _first(*rates: int | None) -> int | None:
    return next((rate for rate in rates if rate is not None), None)


def _divide(numerator: int, denominator: int) -> int:
    """The nearest whole number, halves up; all arguments are positive."""
    return (2 * numerator + denominator) // (2 * denominator)
