"""The price table made at build time (`_build_facts.py`): loaded at first need, one vendor at a time."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from gateway.providers.facts import ModelFacts
from gateway.providers.matching import Rule, with_dashed_date

PATH = Path(__file__).with_name("_facts.msgpack")
FORMAT = 1


class TableMissing(RuntimeError):
    """The package was not built, or built by another version."""


class VendorTable(msgspec.Struct, array_like=True, frozen=True):
    """One vendor's models. `exact` and `rules` give positions in `models`; the first rule that fits counts.

    `family` matches the names of models that this vendor makes, also ones newer than the table. `fallbacks`
    are vendors whose models it offers too.
    """

    family: Rule | None
    fallbacks: tuple[str, ...]
    models: tuple[ModelFacts, ...]
    exact: dict[str, int]
    rules: tuple[tuple[int, Rule], ...]

    def find(self, name: str) -> ModelFacts | None:
        """The model that `name`, in lower case, means."""
        position = self.exact.get(name)
        if position is not None:
            return self.models[position]
        for position, rule in self.rules:
            if rule.matches(name):
                return self.models[position]
        return None


class Table(msgspec.Struct, array_like=True, frozen=True):
    """The whole file. `source` names the data's version; vendors stay encoded until they are asked for."""

    format: int
    source: str
    vendors: dict[str, msgspec.Raw]


def facts(price_id: str, model: str) -> ModelFacts | None:
    """What the table knows of `model` at the vendor `price_id`; None when that is nothing. Not memoised."""
    name = model.lower()
    return _find(price_id, name) or _find_dashed(price_id, name)


@cache
def known_models(price_id: str) -> tuple[str, ...]:
    """Names that the vendor's models can be called by: each one's usual name, or else those that mean it exactly."""
    vendor = vendor_table(price_id)
    if vendor is None:
        return ()
    names = {known.model: None for known in vendor.models if vendor.find(known.model.lower()) is known}
    listed = {vendor.find(name.lower()) for name in names}
    return (*names, *(name for name, at in vendor.exact.items() if vendor.models[at] not in listed))


def makes(price_id: str, model: str) -> bool:
    """Whether a model of this name is one of the vendor's own making, known or not."""
    vendor = vendor_table(price_id)
    return vendor is not None and vendor.family is not None and vendor.family.matches(model.lower())


@cache  # keyed by the vendors' price_id, of which there are few
def vendor_table(price_id: str) -> VendorTable | None:
    raw = load(PATH).get(price_id)
    return msgspec.msgpack.decode(raw, type=VendorTable) if raw is not None else None


@cache
def load(path: Path) -> Mapping[str, msgspec.Raw]:
    """The vendors' parts of the table, still encoded. Raises TableMissing with what to do."""
    try:
        table = msgspec.msgpack.decode(path.read_bytes(), type=Table)
    except (OSError, msgspec.DecodeError):
        raise TableMissing(f"{path.name} is missing or damaged: build the package (`make build`)") from None
    if table.format != FORMAT:
        raise TableMissing(f"{path.name} is of another version: build the package (`make build`)")
    return table.vendors


def _find_dashed(price_id: str, name: str) -> ModelFacts | None:
    dashed = with_dashed_date(name)
    return _find(price_id, dashed) if dashed != name else None


def _find(price_id: str, name: str) -> ModelFacts | None:
    vendor = vendor_table(price_id)
    if vendor is None:
        return None
    found = vendor.find(name)
    if found is not None:
        return found
    for fallback in vendor.fallbacks:
        other = vendor_table(fallback)
        found = other.find(name) if other else None
        if found is not None:  # special ways of calling are priced by the vendor that is called
            return msgspec.structs.replace(found, variants=())
    return None
