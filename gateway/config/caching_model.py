"""What the cache is told, as a part of the configuration."""

import msgspec

from gateway.schemas.caching import Changes, Settings


class CacheConfig(msgspec.Struct, frozen=True):
    """`settings` hold for all; `accounts` are the changes of keys and teams, by `key:ID` and `team:ID`."""

    settings: Settings = Settings()
    accounts: dict[str, Changes] = {}


def settings_for(cache: CacheConfig, route: Changes | None, key: str, team: str) -> Settings:
    """What holds for a request of `key`, of `team`, to `route`: each changes what those before it say, in the order
    route, team, key. What any of them turns off is off."""
    changes = [
        one
        for one in (route, cache.accounts.get(f"team:{team}"), cache.accounts.get(f"key:{key}"))
        if one is not None
    ]
    found = cache.settings
    for one in changes:
        found = one.over(found)
    if any(one.mode == "off" for one in changes):
        found = msgspec.structs.replace(found, mode="off")
    return found
