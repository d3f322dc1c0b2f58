"""The cache in words: what holds for all, and for each route, team and key that has it otherwise."""

from collections.abc import Iterator
from typing import cast

from gateway.config.caching_model import CacheConfig, settings_for
from gateway.config.model import Config
from gateway.config.units import seconds_text, size_text
from gateway.schemas.caching import SCOPES, Semantic, Settings
from gateway.schemas.governance import VirtualKey


def cache_words(config: Config, cache: CacheConfig) -> str:
    """What holds where nobody has it otherwise."""
    settings, others = cache.settings, any(_changed(config, cache))
    if settings.mode == "off" and not others:
        return "off"
    words = _words(settings) + f", up to {size_text(settings.max_size)}"
    if settings.mode == "off":
        words = f"off but for those below, up to {size_text(settings.max_size)}"
    return words + "".join(f"; {one}" for one in (*_meaning(settings.semantic), *_lonely(config, settings)))


def cache_rows(config: Config, cache: CacheConfig) -> list[tuple[str, str]]:
    """Who has it otherwise, and how: what comes of all settings together."""
    return [(name, _words(settings) + _likeness(settings)) for name, settings in _changed(config, cache)]


def _changed(config: Config, cache: CacheConfig) -> Iterator[tuple[str, Settings]]:
    for name, route in config.models.items():
        if route.cache is not None:
            yield name, settings_for(cache, route.cache, "", "")
    teams = {key.id: key.team for key in config.governance.keys}
    for account in cache.accounts:
        kind, _, id = account.partition(":")
        key, team = (id, teams.get(id, "")) if kind == "key" else ("", id)
        yield account, settings_for(cache, None, key, team)


def _words(settings: Settings) -> str:
    if settings.mode == "off":
        return "off"
    shared = {"key": "nobody shares", "all": "EVERYBODY SHARES"}
    mode = "only where callers ask for it" if settings.mode == "asked" else settings.mode
    words = f"{mode}, {shared.get(settings.scope, f'shared by {settings.scope}')}"
    return words + f", for {seconds_text(settings.ttl)}"


def _likeness(settings: Settings) -> str:
    if settings.mode == "off" or settings.semantic is None:
        return ""
    return f"; likeness from {settings.semantic.threshold:g}"


def _meaning(semantic: Semantic | None) -> Iterator[str]:
    if semantic is None:
        return
    yield f"likeness from {semantic.threshold:g} by {semantic.embedder}"
    if semantic.same_words < 1:
        yield f"of the same words from {semantic.same_words:g}"
    if semantic.verify:
        yield f"{100 * semantic.verify:g}% of such hits are checked"


def _lonely(config: Config, settings: Settings) -> Iterator[str]:
    """Keys that share with fewer than the scope says, because they name nobody to share with."""
    scope = settings.scope
    if settings.mode == "off" or scope not in SCOPES[1:-1]:
        return
    without = [key.id for key in config.governance.keys if not _holder(key, scope)]
    without += ["those of auth.keys"] if config.auth.keys else []
    if without:
        shown = ", ".join(without[:5]) + (f" and {len(without) - 5} more" if len(without) > 5 else "")
        yield f"without a {scope}, and so sharing less: {shown}"


def _holder(key: VirtualKey, scope: str) -> str:
    return cast(str, getattr(key, scope))
