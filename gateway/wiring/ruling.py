"""The operator's rules, the shadows of routes, and copies of what the cache answered, where there are any."""

from gateway.config import Config
from gateway.routing.rules import Rules
from gateway.telemetry.settle import Telemetry
from gateway.upstream.shadow import Sender, Shadows


def ruling(config: Config, telemetry: Telemetry) -> Rules | None:
    """The rules, None where there are none."""
    return Rules(config.rules, telemetry) if config.rules else None


def shadowing(config: Config, sender: Sender, telemetry: Telemetry) -> Shadows | None:
    """What runs the copies, None where no route has any and no hit is checked."""
    semantic = None if config.cache is None else config.cache.settings.semantic
    checks = semantic is not None and semantic.verify > 0
    if not checks and not any(route.shadow for route in config.models.values()):
        return None
    limits = config.limits
    return Shadows(sender, telemetry, most=limits.shadows, most_bytes=limits.shadow_bytes)
