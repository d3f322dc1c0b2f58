"""What the configured providers serve, and what it costs: built once per snapshot, asked by every request.

What the operator writes goes before the curated table, the table before imported files. Names come from
callers, so every memo is bounded, in entries and in the length of a name.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from gateway.config.model import Config, PriceOverride
from gateway.providers import table
from gateway.providers.abilities import abilities_of
from gateway.providers.discovered import Discovered, Listing
from gateway.providers.facts import UNKNOWN, ModelFacts, Period, complete, rate
from gateway.providers.litellm_prices import Imported, parse
from gateway.providers.max_output import DEFAULT, claude_max_output
from gateway.providers.provider import Provider
from gateway.providers.registry import vendor_of
from gateway.telemetry.logs import log

MEMO = 4096
LONGEST_NAME = 256


class Configured(msgspec.Struct, frozen=True):
    """A configured provider: what it is (`registry.vendor_of`), what the operator says it serves, where it is."""

    provider: Provider
    models: tuple[str, ...] = ()
    base_url: str = ""


class Catalog:
    """The models of one snapshot. `overrides` are keyed by `provider/model`, as callers name it."""

    def __init__(
        self,
        providers: Mapping[str, Configured],
        *,
        overrides: Mapping[str, PriceOverride] | None = None,
        imported: Sequence[Imported] = (),
    ) -> None:
        self._providers = dict(providers)
        self._overrides = {name.lower(): _periods(given) for name, given in (overrides or {}).items()}
        self.imported = tuple(imported)
        self._discovered: dict[str, Listing] = {}
        self._forget()
        for configured in providers.values():  # the table is read now, not by the first request
            table.vendor_table(configured.provider.price_id)

    def adopt(self, discovered: Discovered) -> None:
        """Takes what the providers list in place of what they listed before; what is none of these is left out."""
        self._discovered = {
            name: discovered[name]
            for name, configured in self._providers.items()
            if name in discovered
            and not configured.models
            and discovered[name].source == source_of(configured)
        }
        self._forget()

    def facts(self, provider: str, model: str) -> ModelFacts | None:
        """What is known of `model` at the configured `provider`; None when that is nothing."""
        return self._facts(provider, model) if len(model) <= LONGEST_NAME else None

    def describe(self, provider: str, model: str) -> ModelFacts | None:
        """As `facts`, and not kept: for a list of all models, which must not push out what requests ask for."""
        return self._look_up(provider, model)

    def is_known(self, provider: str, model: str) -> bool:
        """Whether somebody who knows says that this very model exists: no name of a caller's making is known."""
        return len(model) <= LONGEST_NAME and self._known(provider, model)

    def max_output(self, provider: str, model: str) -> int:
        """The most tokens to ask `model` for where the dialect demands a number and the caller gave none."""
        facts = self.facts(provider, model)
        return (facts.max_output if facts else None) or DEFAULT

    def providers_for(self, model: str) -> tuple[str, ...]:
        """The configured providers known to serve a model of this bare name, in the configuration's order.

        Known is what the operator lists, or else what the table has: of several those whose own lists do not
        leave it out. A name that the table does not have goes to those who make models of such names (a Claude
        newer than the table is Anthropic's), and else to those that list it. So no list takes a name away from its
        maker.
        """
        return self._servers(model) if 0 < len(model) <= LONGEST_NAME else ()

    def list_models(self, provider: str) -> tuple[str, ...]:
        """The models to list for a configured provider: the operator's list, or else its own, or else the table's."""
        configured = self._providers[provider]
        if configured.models:
            return configured.models
        listed = self._discovered.get(provider)
        return tuple(listed.models) if listed else table.known_models(_listed_under(configured.provider))

    def created(self, provider: str, model: str) -> int:
        """When the provider says that the model was made, Unix time; 0 where it does not."""
        listed = self._discovered.get(provider)
        offer = listed.find(model) if listed else None
        return offer.created if offer else 0

    def memoised(self) -> int:
        """The number of answers held in memory."""
        memos = (self._facts, self._servers, self._known)
        return sum(memo.cache_info().currsize for memo in memos)

    def _forget(self) -> None:
        self._facts = lru_cache(MEMO)(self._look_up)
        self._servers = lru_cache(MEMO)(self._look_for_servers)
        self._known = lru_cache(MEMO)(self._look_whether_known)

    def _look_up(self, provider: str, model: str) -> ModelFacts | None:
        if provider not in self._providers:
            return None
        override = self._overrides.get(f"{provider}/{model}".lower())
        return _merged(model, override, self._sources(provider, model))

    def _look_whether_known(self, provider: str, model: str) -> bool:
        if provider not in self._providers:
            return False
        return f"{provider}/{model}".lower() in self._overrides or bool(self._sources(provider, model))

    def _sources(self, provider: str, model: str) -> list[ModelFacts]:
        """What each source knows of the model, the most trusted first; its provider knows best."""
        vendor = self._providers[provider].provider
        listed = self._discovered.get(provider)
        offer = listed.find(model) if listed else None
        sources: list[ModelFacts | None] = []
        if offer is not None:
            limits = offer.context_window, offer.max_output
            sources.append(ModelFacts(model, *limits, abilities=offer.abilities))
        sources += [table.facts(vendor.price_id, model)] if vendor.price_id else []
        sources += [file.find(vendor.name, model) for file in self.imported if _is_itself(provider, vendor)]
        sources += [file.find(provider, model) for file in self.imported if provider != vendor.name]
        return [facts for facts in sources if facts is not None]

    def _look_for_servers(self, model: str) -> tuple[str, ...]:
        known = tuple(name for name in self._providers if self._serves(name, model))
        if known:
            return self._confirmed(known, model) or known
        makers = tuple(name for name in self._providers if self._might_serve(name, model))
        listed = tuple(name for name, found in self._discovered.items() if model in found.models)
        return self._confirmed(makers, model) or listed or makers

    def _confirmed(self, names: tuple[str, ...], model: str) -> tuple[str, ...]:
        """Those whose own lists do not leave the model out."""
        lists = self._discovered
        return tuple(name for name in names if name not in lists or model in lists[name].models)

    def _serves(self, name: str, model: str) -> bool:
        configured = self._providers[name]
        if configured.models:
            return model in configured.models
        price_id = _listed_under(configured.provider)
        return bool(price_id) and table.facts(price_id, model) is not None

    def _might_serve(self, name: str, model: str) -> bool:
        configured = self._providers[name]
        return not configured.models and table.makes(_listed_under(configured.provider), model)


def catalog_again(config: Config, before: Catalog) -> Catalog:
    """The catalog of a changed configuration, while requests are served: where its price files cannot be read any more,
    prices of theirs are as they were. Raises TableMissing."""
    try:
        return catalog_of(config)
    except (OSError, ValueError) as error:
        log.warning("prices_unreadable", error=str(error), hint="what the files said before holds on")
        return catalog_of(config, before.imported)


def catalog_of(config: Config, imported: Sequence[Imported] | None = None) -> Catalog:
    """The catalog of a configuration, with `imported` in place of its price files. Raises OSError and BadPriceFile for
    these, TableMissing."""
    configured = {
        name: Configured(vendor, given.models, given.base_url or "")
        for name, given in config.providers.items()
        if (vendor := vendor_of(name, given.type, given.base_url or "")) is not None
    }
    if imported is None:
        imported = [parse(Path(path).read_text("utf-8")) for path in config.price_files]
    return Catalog(configured, overrides=config.prices, imported=imported)


def source_of(configured: Configured) -> str:
    """The address whose list of models is this provider's."""
    return configured.base_url or configured.provider.base_url


def _is_itself(name: str, vendor: Provider) -> bool:
    """Whether a vendor's prices hold: not for a server of one's own that only speaks as the vendor does."""
    return bool(vendor.price_id) or name == vendor.name


def _listed_under(vendor: Provider) -> str:
    """Where the vendor's models are listed. One without an address of its own serves the operator's names."""
    return vendor.price_id if vendor.base_url else ""


def _merged(model: str, override: tuple[Period, ...] | None, sources: list[ModelFacts]) -> ModelFacts | None:
    """The first source that knows wins, each fact by itself; what a family's name tells comes last."""
    abilities = UNKNOWN
    for facts in sources:
        abilities = abilities.over(facts.abilities)
    priced = next((facts for facts in sources if facts.periods), None)
    merged = ModelFacts(
        model=model,
        context_window=next((facts.context_window for facts in sources if facts.context_window), None),
        max_output=_max_output(model, sources),
        periods=override or (priced.periods if priced else ()),
        variants=() if override or priced is None else priced.variants,
        abilities=abilities.over(abilities_of(model)),
    )
    return merged if override or sources or merged.max_output else None


def _max_output(model: str, sources: list[ModelFacts]) -> int | None:
    """Anthropic's own documents go before any list of Claudes; who newly serves one may be cautious, or wrong."""
    listed = next((facts.max_output for facts in sources if facts.max_output), None)
    return claude_max_output(model) or listed


def _periods(given: PriceOverride) -> tuple[Period, ...]:
    rates = {
        name: rate(usd)
        for name in ("input", "output", "cached", "cache_write")
        if (usd := getattr(given, name)) is not None
    }
    return (Period(complete(**rates)),)
