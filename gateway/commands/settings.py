"""The settings that commands read as `gateway serve` would: from flags, the file and the environment."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands.screens import shown

if TYPE_CHECKING:
    from gateway.config import Config, KnownProvider, Problem
    from gateway.providers.provider import Provider

FLAGS = {
    "--config": ("FILE", "the YAML file to read (default: none)"),
    "--host": ("HOST", "address to listen on (default: 127.0.0.1, this machine only)"),
    "--port": ("PORT", "port of the API (default: 8080)"),
    "--admin-port": (
        "PORT",
        "port of the admin API, on this machine only unless told otherwise (default: 8081)",
    ),
    "--workers": ("N", "worker processes (default: auto, one per core)"),
    "--data": ("DIR", "directory for what must survive a restart (default: data)"),
    "--drain": ("SECONDS", "how long running requests may take to end (default: 30)"),
    "--log-format": ("FORMAT", "auto, json or text (default: auto, text on a terminal)"),
    "--log-level": ("LEVEL", "debug, info, warning or error (default: info)"),
}


SETTINGS = frozenset(flag[2:].replace("-", "_") for flag in FLAGS) - {"config"}


BESIDE = ("data", "store", "server", "admin")
"""The sections that commands beside a running gateway go by."""
NO_MORE: Mapping[str, str] = {}


def read_beside(args: argparse.Namespace) -> "Config | None":
    """The configuration, for commands that only look at what the gateway keeps or talk to it: the credentials of
    providers and callers need not be in the environment of whoever asks."""
    return read(args, load=_beside)


def _beside(args: argparse.Namespace) -> "Config":
    """With something in place of each variable that is not set, unless it matters here. Raises ConfigError."""
    from gateway.config import ConfigError

    try:
        return configured(args)
    except ConfigError as error:
        missing = {
            problem.unset: f"unset-{problem.unset}"
            for problem in error.problems
            if problem.unset and problem.path.partition(".")[0] not in BESIDE
        }
        if not missing:
            raise
    return configured(args, missing)


def read(
    args: argparse.Namespace,
    look: "Callable[[Config], Iterable[Problem]] | None" = None,
    load: "Callable[[argparse.Namespace], Config] | None" = None,
) -> "Config | None":
    """The configuration; None when it has mistakes, which are then on standard error. `look` finds further ones."""
    from gateway.config import ConfigError

    try:
        config = configured(args) if load is None else load(args)
        problems = () if look is None else tuple(look(config))
    except ConfigError as error:
        problems = error.problems
    if not problems:
        return config
    for problem in problems:
        hint = f"\n    {problem.hint}" if problem.hint else ""
        print(f"{shown(problem.place)}: {problem.message}{hint}", file=sys.stderr)
    print("1 problem." if len(problems) == 1 else f"{len(problems)} problems.", file=sys.stderr)
    return None


def configured(args: argparse.Namespace, more: Mapping[str, str] = NO_MORE) -> "Config":
    """The configuration, its files looked into; `more` variables stand beside the environment's. Raises ConfigError."""
    from gateway.config import ConfigError, load

    file = args.config or os.environ.get("GATEWAY_CONFIG")
    flags = {name: value for name, value in vars(args).items() if name in SETTINGS}
    env = {**os.environ, **more}
    config = load(Path(file) if file else None, env, known=known_providers(), flags=flags)
    if problems := tuple(_wrong_files(config)):
        raise ConfigError(problems)
    return config


def _wrong_files(config: "Config") -> "Iterator[Problem]":
    """Files that the configuration names and that the gateway could not use."""
    from gateway.config import Problem
    from gateway.providers import litellm_prices

    for index, path in enumerate(config.price_files):
        try:
            litellm_prices.parse(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            yield Problem(config.source, 0, f"price_files[{index}]", f"cannot be used: {shown(str(error))}")


def known_providers() -> "dict[str, KnownProvider]":
    """What the configuration must know of each vendor."""
    from gateway.config import KnownProvider
    from gateway.providers.registry import PROVIDERS

    return {
        name: KnownProvider(
            dialect=", ".join(dict.fromkeys(serving.dialect for serving in vendor.serves)),
            base_url=vendor.base_url,
            key_env=vendor.env,
            base_url_env=_address_variables(name, vendor),
            needs_base_url=not vendor.base_url,
            keyless=vendor.keyless,
            settings=vendor.settings,
            own=vendor.own,
            ways=vendor.ways,
            place=vendor.place,
            addresses=vendor.addresses,
        )
        for name, vendor in PROVIDERS.items()
    }


def _address_variables(name: str, vendor: "Provider") -> tuple[str, ...]:
    """A vendor's own variable; a server of one's own also has one that tells it where to listen, as OLLAMA_HOST."""
    own = (vendor.base_url_env,) if vendor.base_url_env else ()
    return (*own, f"{name.upper()}_HOST") if vendor.keyless else own
