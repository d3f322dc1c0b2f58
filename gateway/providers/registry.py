"""Finds the vendors: every module of `vendors/` holds one, under the name PROVIDER."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

import msgspec

from gateway.config.model import KnownProvider
from gateway.providers import vendors
from gateway.providers.address import parse_base_url
from gateway.providers.provider import Provider


def _scan() -> Mapping[str, Provider]:
    found: dict[str, Provider] = {}
    for module in iter_modules(vendors.__path__):
        provider = import_module(f"{vendors.__name__}.{module.name}").PROVIDER
        assert isinstance(provider, Provider), module.name
        assert provider.name not in found, provider.name
        found[provider.name] = provider
    return MappingProxyType(found)


PROVIDERS: Mapping[str, Provider] = _scan()


def vendor_of(name: str, kind: str, base_url: str = "") -> Provider | None:
    """What the configured provider `name` of type `kind` is; None for a type that nobody declares.

    A server elsewhere that speaks a vendor's dialect is not that vendor: it may need no key, and it knows the
    older, common name of the answer's bound. Under a name of its own the vendor's prices do not hold for it
    either.
    """
    vendor = PROVIDERS.get(kind)
    if vendor is None or not base_url or not vendor.base_url or _same_host(base_url, vendor.base_url):
        return vendor
    return msgspec.structs.replace(
        vendor,
        price_id=vendor.price_id if name == vendor.name else "",
        max_tokens_field="max_tokens",
        keyless=True,
        serves=tuple(
            one for one in vendor.serves if name == vendor.name or one.endpoint not in vendor.only_here
        ),
    )


def known() -> dict[str, KnownProvider]:
    """What the configuration must know of the vendors."""
    return {
        vendor.name: KnownProvider(
            dialect=vendor.serves[0].dialect,
            base_url=vendor.base_url,
            key_env=vendor.env,
            base_url_env=(vendor.base_url_env,) if vendor.base_url_env else (),
            needs_base_url=not vendor.base_url,
            keyless=vendor.keyless,
            settings=vendor.settings,
            own=vendor.own,
            ways=vendor.ways,
            place=vendor.place,
            addresses=vendor.addresses,
        )
        for vendor in PROVIDERS.values()
    }


def _same_host(one: str, other: str) -> bool:
    return parse_base_url(one).host == parse_base_url(other).host
