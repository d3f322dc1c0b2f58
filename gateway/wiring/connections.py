"""Configured providers as connections: where each one is, what it serves, and its credentials as header lines."""

import os
import ssl
from collections.abc import Mapping
from functools import lru_cache

from msgspec.structs import replace

from gateway._speedups.health import TargetHealth
from gateway._speedups.http1 import Client, Origin
from gateway.config import Config, ProviderConfig
from gateway.config.model import way_of
from gateway.config.secret import Secret
from gateway.providers.address import parse_base_url, path_for, prefill_path_for, stream_path_for
from gateway.providers.provider import SAMPLED_VERSIONS, SAMPLING, Provider
from gateway.providers.registry import vendor_of
from gateway.telemetry.logs import log
from gateway.upstream.connection import (
    Benched,
    Connection,
    Credential,
    Lane,
    Quirks,
    header_lines,
    tls_context,
)
from gateway.upstream.renewal import Renewed
from gateway.upstream.retry_budget import RetryBudget

SHORTEST = 16
"""Letters of a header's value that may be a credential."""

_ADDED = frozenset((b"anthropic-beta", b"openai-beta"))
"""Lists of wishes: the operator's and the caller's hold both. Of any other header the operator's holds."""


def vendor(config: ProviderConfig) -> Provider:
    """What a configured provider is."""
    found = vendor_of(config.name, config.type, config.base_url or "")
    assert found is not None  # the configuration was checked against the same registry
    return found


def heeds_limits(config: Config) -> bool:
    """Whether any route keeps away from targets that are near their providers' limits."""
    return any(one.strategy in ("headroom", "adaptive") for one in config.models.values())


def connection(
    config: ProviderConfig,
    vendor: Provider,
    client: Client,
    benches: tuple[TargetHealth, ...] = (),
    benched: Benched | None = None,
    heeds_limits: bool = False,
) -> Connection:
    """A configured provider, ready to be called."""
    base = parse_base_url(config.base_url or vendor.base_url)
    context = trusted(config.verify_tls, config.ca_file) if base.tls else None
    keys = config.keys
    return Connection(
        config.name,
        client,
        Origin(base.host, base.port, tls=base.tls, ssl_context=context),
        base.authority,
        lanes=lanes(config, vendor),
        credentials=tuple(Credential(i, key.weight, key.models) for i, key in enumerate(keys))
        or (Credential(0),),
        timeouts=config.timeouts,
        retries=config.retries.max,
        base_path=base.path,
        secrets=repeatable(config),
        renewed=renewed(config, vendor),
        benches=benches,
        benched=benched,
        heeds_limits=heeds_limits,
        longest_wait=config.retries.longest_wait,
        budget=RetryBudget(config.retries.budget),
        quirks=Quirks(
            drops=(*vendor.drops, *_refused(config, vendor)),
            accepts=vendor.accepts,
            renames=vendor.renames,
            max_tokens_field=vendor.max_tokens_field,
            stream_usage=vendor.stream_usage if config.stream_usage is None else config.stream_usage,
            prefills=vendor.prefills,
        ),
    )


def _refused(config: ProviderConfig, vendor: Provider) -> tuple[str, ...]:
    """What an Anthropic refuses because of the version that the operator names for it, whoever asks."""
    named = config.headers.get("anthropic-version")
    if named is None or named.reveal() in SAMPLED_VERSIONS:
        return ()
    return SAMPLING if all(serving.dialect == "anthropic" for serving in vendor.serves) else ()


def repeatable(config: ProviderConfig) -> tuple[bytes, ...]:
    """What a provider must not tell callers where it repeats what it was asked with. A short header is no secret."""
    keys = [key.value.reveal() for key in config.keys] + [one.reveal() for one in config.secrets.values()]
    headers = [value for one in config.headers.values() if len(value := one.reveal()) >= SHORTEST]
    return tuple([one.encode("latin-1", "replace") for one in (*keys, *headers)])


def trusted(verify: bool, ca_file: str | None) -> ssl.SSLContext:
    """The TLS context of a CA file as it is now: reading certificates takes long, so that is done once. Where it cannot
    be read any more, the provider is not trusted, and all others are served."""
    try:
        return _trusted(verify, ca_file, 0 if ca_file is None else os.stat(ca_file).st_mtime_ns)
    except OSError as error:  # ssl.SSLError is one
        hint = "its provider is out of reach until the file is whole and the provider changed, or the gateway started"
        log.error("ca_file_unusable", file=ca_file, error=error.strerror or str(error), hint=hint)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which knows no authority


@lru_cache(64)
def _trusted(verify: bool, ca_file: str | None, _: int) -> ssl.SSLContext:
    return tls_context(verify, ca_file)


def renewed(config: ProviderConfig, vendor: Provider) -> Renewed | None:
    """The credential that the vendor lends where no key is configured."""
    given = {**config.settings, **{name: secret.reveal() for name, secret in config.secrets.items()}}
    if config.keys or vendor.grant is None or way_of(vendor.ways, given) is None:
        return None
    return Renewed(config.name, vendor.grant.fetch(given))


def lent(
    config: Config, own: Mapping[str, Mapping[str, Secret]], given: Connection, key: str, provider: str
) -> Connection | None:
    """The connection with the provider key that a caller brought, where it brought one."""
    secret = own.get(key, {}).get(provider)
    if secret is None:
        return None
    found = config.providers[provider]
    return given.lent(own_lines(found, vendor(found), secret.reveal()), secret.reveal().encode("latin-1"))


def own_lines(config: ProviderConfig, vendor: Provider, secret: str) -> tuple[bytes, ...]:
    """The header lines of a caller's own key, by lane; the operator's headers go along but for those of its key.
    Raises BadSecret."""
    extra = tuple((name.encode(), value.reveal().encode("latin-1")) for name, value in config.headers.items())
    found = []
    for serving in vendor.serves:
        own = vendor.auth_for(serving).headers(secret)
        names = {name for name, _ in own}
        found.append(header_lines((*own, *(one for one in extra if one[0] not in names))))
    return tuple(found)


def lanes(config: ProviderConfig, vendor: Provider) -> tuple[Lane, ...]:
    """Every endpoint that the provider serves, with its path and its header lines per key."""
    found = []
    extra = tuple((name.encode(), value.reveal().encode("latin-1")) for name, value in config.headers.items())
    own = tuple([name for name, _ in extra if name not in _ADDED])
    for serving in vendor.serves:
        auth = vendor.auth_for(serving)
        fixed = tuple((name.encode(), value.encode()) for name, value in vendor.headers_for(serving))
        secrets = [key.value.reveal() for key in config.keys]
        credentials = [header_lines((*auth.headers(secret), *extra)) for secret in secrets]
        base_url = config.base_url or ""
        lane = Lane(
            serving.endpoint,
            path_for(
                *(vendor, serving),
                base_url=base_url,
                api_version=config.api_version or "",
                settings=config.settings,
            ),
            tuple(credentials) or (header_lines(extra),),
            tuple([one for one in fixed if one[0] not in own]),
            stream_path_for(vendor, serving, base_url=base_url, settings=config.settings),
            serving.models,
            serving.adds,
            serving.omits,
            (*(name.encode("ascii") for name in serving.withholds), *own),
            tuple((name.encode("ascii"), field) for name, field in serving.lists),
            serving.framing,
        )
        ahead = prefill_path_for(vendor, serving, base_url=base_url, settings=config.settings)
        if ahead is not None:
            lane = replace(lane, prefill=replace(lane, path=ahead, stream_path=None))
        found.append(lane)
    return tuple(found)
