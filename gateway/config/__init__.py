"""What the operator asks for: file, environment and flags become one frozen Config, or named mistakes."""

from gateway.config.loading import load
from gateway.config.model import (
    Auth,
    Config,
    KnownProvider,
    Limits,
    LogConfig,
    ModelRoute,
    PerRequest,
    PriceOverride,
    ProviderConfig,
    ProviderKey,
    Retries,
    RouteTarget,
    Server,
    Sticky,
    TimeoutChanges,
    timeouts_for,
)
from gateway.config.problems import ConfigError, Problem, nearest
from gateway.config.secret import Secret

__all__ = [
    "Auth",
    "Config",
    "ConfigError",
    "KnownProvider",
    "Limits",
    "LogConfig",
    "ModelRoute",
    "PerRequest",
    "PriceOverride",
    "Problem",
    "ProviderConfig",
    "ProviderKey",
    "Retries",
    "RouteTarget",
    "Secret",
    "Server",
    "Sticky",
    "TimeoutChanges",
    "load",
    "nearest",
    "timeouts_for",
]
