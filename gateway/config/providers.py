"""The configured providers: each follows a known vendor, under its name or one of the operator's own."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from gateway.config.grants import address, check_way, missing_place, own_settings, ways_hint
from gateway.config.model import Known, KnownProvider, ProviderConfig, ProviderKey, Retries
from gateway.config.nodes import Node
from gateway.config.problems import nearest
from gateway.config.reading import Section, boolean, list_of, named, secret, section, text
from gateway.config.resilience import breaker, concurrency, retries
from gateway.config.secret import Secret
from gateway.config.sections import connections, timeouts, weight
from gateway.config.values import base_url, certificates, headers, model_name, provider_name
from gateway.schemas.plan import Breaker, Timeouts

NO_KEY = Secret("")
_COMPATIBLE = "for a server of your own say which API it speaks: type: openai"


class Surroundings(msgspec.Struct, frozen=True):
    """What a provider inherits: the known vendors, the global settings, the directory of the file."""

    known: Known
    base: Path
    timeouts: Timeouts
    retries: Retries
    breaker: Breaker
    connections: int


def providers(node: Node, around: Surroundings) -> dict[str, ProviderConfig]:
    """Raises ConfigError with the mistakes of all providers."""
    return named(lambda name, entry: _provider(provider_name(name, entry), entry, around))(node)


def _provider(name: str, node: Node, around: Surroundings) -> ProviderConfig:
    given = Section(node)
    kind = given.get("type", text, name)
    vendor = around.known.get(kind)
    if vendor is None:
        _unknown_vendor(given, kind, around.known)
    rules = vendor or KnownProvider("", keyless=True, settings=("api_version",))
    changes = given.get("timeouts", section(timeouts), None)
    own = own_settings(given, rules, around.base)
    placed = address(given, rules, own.settings)
    found = ProviderConfig(
        name=name,
        type=kind,
        base_url=given.get("base_url", base_url, placed),
        keys=given.get("keys", list_of(_key, example='such as ["${OPENAI_API_KEY}"]'), ()),
        headers=dict(given.get("headers", headers, {})),
        timeouts=changes.over(around.timeouts) if changes else around.timeouts,
        retries=given.get("retries", retries(around.retries), around.retries),
        breaker=given.get("breaker", breaker(around.breaker), around.breaker),
        concurrency=given.get("concurrency", concurrency, None),
        max_connections=given.get("max_connections", connections, around.connections),
        verify_tls=given.get("verify_tls", boolean, True),
        ca_file=given.get("ca_file", certificates(around.base), None),
        stream_usage=given.get("stream_usage", boolean, None),
        models=given.get("models", list_of(model_name), ()),
        discover=given.get("discover", boolean, True),
        settings=own.settings,
        secrets=own.secrets,
    )
    _check_address(given, found, rules)
    _check_keys(given, found, rules)
    given.close()
    return found


def _key(node: Node) -> ProviderKey:
    if node.kind != "mapping":
        return ProviderKey(secret(node))
    return section(_weighted_key)(node)


def _weighted_key(given: Section) -> ProviderKey:
    return ProviderKey(
        value=given.need("value", secret, NO_KEY, "the key itself, such as ${OPENAI_API_KEY}"),
        weight=given.get("weight", weight, 1),
        models=given.get("models", list_of(model_name, example='such as ["gpt-4o*"]'), ()),
    )


def _unknown_vendor(given: Section, kind: str, known: Known) -> None:
    near = nearest(kind, known)
    if given.has("type"):
        given.fail("type", "unknown provider type", f"did you mean {near}?" if near else _listed(known))
    elif near:
        given.fail(
            "type", "not a known provider", f"did you mean {near}? {_COMPATIBLE[0].upper()}{_COMPATIBLE[1:]}"
        )
    else:
        given.fail("type", "not a known provider", _COMPATIBLE)


def _listed(known: Known) -> str:
    return f"known types: {', '.join(sorted(known))}"


def _check_address(given: Section, found: ProviderConfig, rules: KnownProvider) -> None:
    if rules.place and found.base_url is None:
        missing_place(given, rules)
    elif rules.needs_base_url and not rules.place and not given.has("base_url"):
        variables = " or ".join(rules.base_url_env)
        hint = (
            f"every account has its own; export {variables} or write base_url"
            if variables
            else "write base_url"
        )
        given.fail("base_url", "base_url is missing", hint)


def _check_keys(given: Section, found: ProviderConfig, rules: KnownProvider) -> None:
    if given.has("keys") or check_way(given, found, rules):
        return
    if rules.keyless or not _wants_key(given, found, rules):
        return
    variable = rules.key_env[0] if rules.key_env else "NAME_OF_A_VARIABLE"
    if found.name == found.type and rules.key_env:
        hint = f"export {variable}=…, or list its keys under keys"
    else:
        hint = f'write keys: ["${{{variable}}}"]'
    given.fail("keys", "has no key", hint + ways_hint(rules))


def _wants_key(given: Section, found: ProviderConfig, rules: KnownProvider) -> bool:
    """A server of the operator's own may need no key; a vendor's does."""
    if not given.has("base_url") or rules.needs_base_url:
        return True
    if found.base_url is None or not rules.base_url:
        return False
    return urlsplit(found.base_url).hostname == urlsplit(rules.base_url).hostname
