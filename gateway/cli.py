"""The commands: `gateway serve`, `gateway check`, `gateway version`. Each imports only what it needs."""

import argparse
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gateway import __version__

if TYPE_CHECKING:
    from gateway.config import Config, KnownProvider, Problem
    from gateway.providers.provider import Provider

ABOUT = """\
One API in front of every LLM provider. Point your OpenAI or Anthropic SDK at the
gateway's address; it checks the caller, picks the provider, translates, retries,
falls back, and counts every token.
"""
START = """\
commands:
  serve      run the gateway
  check      say what a configuration means, or what is wrong with it
  version    print the version

start in one line, with the provider keys that are in the environment:
  export OPENAI_API_KEY=…
  gateway serve

and ask it, in another terminal:
  curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
    -d '{"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}'

`gateway COMMAND --help` tells more about a command.
"""
SERVE = """\
Runs the gateway until it gets SIGTERM or Ctrl-C; then it finishes running requests.

Settings come from flags, then from the file, then from the environment. Without a
file every provider is used whose usual variables are set (OPENAI_API_KEY,
ANTHROPIC_API_KEY, OLLAMA_BASE_URL …).
"""
SERVE_EXAMPLES = """\
examples:
  gateway serve                                 on 127.0.0.1:8080, keys from the environment
  gateway serve --config gateway.yaml           as the file says
  GATEWAY_KEY=… gateway serve --host 0.0.0.0    for other machines; callers need the key

variables: GATEWAY_CONFIG, GATEWAY_HOST, GATEWAY_PORT, GATEWAY_ADMIN_PORT, GATEWAY_WORKERS,
GATEWAY_DATA, GATEWAY_DRAIN, GATEWAY_LOG_LEVEL, GATEWAY_LOG_FORMAT, GATEWAY_KEY (the key that
callers must send) or GATEWAY_KEYS (several, separated by commas).
"""
CHECK = """\
Reads the configuration as `gateway serve` would, calls nobody, and says what it means.
Every mistake is named with its line and a hint. Exit code: 0 if it can be served, 1 if not.
"""
CHECK_EXAMPLES = """\
examples:
  gateway check                          what the environment alone gives
  gateway check --config gateway.yaml

a small file:
  auth: {keys: ["${GATEWAY_KEY}"]}
  providers:
    openai:  {keys: ["${OPENAI_API_KEY}"]}
    my-vllm: {type: openai, base_url: "http://127.0.0.1:8000/v1"}
  models:
    fast:
      targets:   [{model: openai/gpt-4o-mini, weight: 3}, my-vllm/llama-3.1-8b]
      fallbacks: [openai/gpt-4o]
"""


FLAGS = {
    "--config": ("FILE", "the YAML file to read (default: none)"),
    "--host": ("HOST", "address to listen on (default: 127.0.0.1, this machine only)"),
    "--port": ("PORT", "port of the API (default: 8080)"),
    "--admin-port": ("PORT", "kept for the control plane; nothing listens there yet (default: 8081)"),
    "--workers": ("N", "worker processes (default: auto, one per core)"),
    "--data": ("DIR", "directory for what must survive a restart (default: data)"),
    "--drain": ("SECONDS", "how long running requests may take to end (default: 30)"),
    "--log-format": ("FORMAT", "auto, json or text (default: auto, text on a terminal)"),
    "--log-level": ("LEVEL", "debug, info, warning or error (default: info)"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 a wrong configuration, 2 a wrong call."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without these characters is no reason to fail
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of a long output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


def _run(arguments: list[str]) -> int:
    parser, commands = _parsers()
    if not arguments:
        parser.print_help()
        return 2
    if not arguments[0].startswith("-") and arguments[0] not in commands:
        return _unknown(
            f"there is no command {_shown(arguments[0])}", arguments[0], commands, "gateway --help"
        )
    args, rest = parser.parse_known_args(arguments)
    if rest:
        flags = () if args.command == "version" else FLAGS
        wrong = rest[0].partition("=")[0]
        return _unknown(
            f"there is no argument {_shown(wrong)}", wrong, flags, f"gateway {args.command} --help"
        )
    match args.command:
        case "serve":
            return _serve(args)
        case "check":
            return _check(args)
        case _:
            print(f"gateway {__version__}")
            return 0


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as its examples, whatever the terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=92)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and where to read more."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog="gateway",
        usage="gateway COMMAND [arguments]",
        description=ABOUT,
        epilog=START,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"gateway {__version__}", help="print the version"
    )
    add = parser.add_subparsers(
        dest="command", prog="gateway", required=True, help=argparse.SUPPRESS, parser_class=_Parser
    )

    def command(name: str, description: str, examples: str = "") -> _Parser:
        made: _Parser = add.add_parser(
            name, description=description, epilog=examples, formatter_class=_Help, allow_abbrev=False
        )
        return made

    commands = {
        "serve": command("serve", SERVE, SERVE_EXAMPLES),
        "check": command("check", CHECK, CHECK_EXAMPLES),
        "version": command("version", "Prints the version."),
    }
    for name in ("serve", "check"):
        _settings(commands[name])
    return parser, commands


def _settings(parser: argparse.ArgumentParser) -> None:
    """The flags of commands that read the configuration. Their values are checked with the file's, not here."""
    for flag, (metavar, meaning) in FLAGS.items():
        parser.add_argument(flag, metavar=metavar, help=meaning)


def _serve(args: argparse.Namespace) -> int:
    config = _read(args)
    if config is None:
        return 1
    if not config.providers:
        print(_how_to_start(), file=sys.stderr)
        return 2
    from gateway.supervisor import serve
    from gateway.telemetry import logs

    logs.configure(config.log.level, config.log.format)
    return serve(config)


def _check(args: argparse.Namespace) -> int:
    from gateway.config.explanation import explain

    config = _read(args)
    if config is None:
        return 1
    if not config.providers:
        print(_how_to_start(), file=sys.stderr)
        return 1
    print(f"{config.source or 'The environment'} can be served.\n\n{explain(config, known_providers())}")
    return 0


def _read(args: argparse.Namespace) -> "Config | None":
    """The configuration; None when it has mistakes, which are then on standard error."""
    from gateway.config import ConfigError, load

    file = args.config or os.environ.get("GATEWAY_CONFIG")
    flags = {name: value for name, value in vars(args).items() if name not in ("command", "config")}
    try:
        config = load(Path(file) if file else None, os.environ, known=known_providers(), flags=flags)
        problems = tuple(_wrong_files(config))
    except ConfigError as error:
        problems = error.problems
    if not problems:
        return config
    for problem in problems:
        hint = f"\n    {problem.hint}" if problem.hint else ""
        print(f"{_shown(problem.place)}: {problem.message}{hint}", file=sys.stderr)
    print("1 problem." if len(problems) == 1 else f"{len(problems)} problems.", file=sys.stderr)
    return None


def _wrong_files(config: "Config") -> "Iterator[Problem]":
    """Files that the configuration names and that the gateway could not use."""
    import ssl

    from gateway.config import Problem
    from gateway.providers import litellm_prices

    for index, path in enumerate(config.price_files):
        try:
            litellm_prices.parse(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            yield Problem(config.source, 0, f"price_files[{index}]", f"cannot be used: {_shown(str(error))}")
    for name, provider in config.providers.items():
        try:
            if provider.ca_file is not None:
                ssl.create_default_context(cafile=provider.ca_file)
        except (OSError, ValueError):
            message, hint = "holds no certificates", "certificates of authorities, in PEM format"
            yield Problem(config.source, 0, f"providers.{name}.ca_file", message, hint)


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


def _how_to_start() -> str:
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


def _unknown(sentence: str, name: str, known: Iterable[str], help_line: str) -> int:
    from gateway.config.problems import nearest

    near = nearest(name, known)
    meant = f"; did you mean {near}?" if near else ""
    print(f"gateway: {sentence}{meant}\nTry `{help_line}`.", file=sys.stderr)
    return 2


def _shown(text: str) -> str:
    """`text` of unknown origin, fit for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text[:500])


if __name__ == "__main__":
    sys.exit(main())
