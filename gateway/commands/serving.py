"""`gateway serve` and `gateway check`."""

import argparse
import sys
import textwrap
from functools import partial

from gateway.commands.settings import configured, known_providers, read


def serve_command(args: argparse.Namespace) -> int:
    config = read(args)
    if config is None:
        return 1
    if not config.providers:
        print(how_to_start(), file=sys.stderr)
        return 2
    from gateway.supervisor import serve
    from gateway.telemetry import logs

    logs.configure(config.log.level, config.log.format)
    return serve(config, partial(configured, args) if config.source else None)


def check_command(args: argparse.Namespace) -> int:
    from gateway.config.explanation import explain
    from gateway.wiring.models import wrong_models

    config = read(args, wrong_models)
    if config is None:
        return 1
    if not config.providers:
        print(how_to_start(), file=sys.stderr)
        return 1
    print(f"{config.source or 'The environment'} can be served.\n\n{explain(config, known_providers())}")
    return 0


def how_to_start() -> str:
    known = known_providers()
    startable = [rules for rules in known.values() if rules.base_url_env or not rules.needs_base_url]
    keys = [rules.key_env[0] for rules in startable if rules.key_env and not rules.keyless]
    servers = [rules.base_url_env[0] for rules in known.values() if rules.keyless and rules.base_url_env]
    others = textwrap.fill(", ".join(sorted(keys)), 76, initial_indent="    ", subsequent_indent="    ")
    return f"""\
No provider is configured, so there is nobody to pass requests to. Either

  put a provider's key into the environment and start again, with any of:
{others}

  or name the address of a server of your own:
    {", ".join(sorted(servers))}

  or write a file and pass it with --config:
    providers:
      openai: {{keys: ["${{OPENAI_API_KEY}}"]}}"""
