"""What may be said behind `gateway`: the commands, their flags, and how a wrong call is answered."""

import argparse
from typing import NoReturn

from gateway import __version__
from gateway.commands import texts
from gateway.commands.settings import FLAGS


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as its examples, whatever the terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=92)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and where to read more."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")


def parsers() -> tuple[Parser, dict[str, Parser]]:
    parser = Parser(
        prog="gateway",
        usage="gateway COMMAND [arguments]",
        description=texts.ABOUT,
        epilog=texts.START,
        formatter_class=Help,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"gateway {__version__}", help="print the version"
    )
    add = parser.add_subparsers(
        dest="command", prog="gateway", required=True, help=argparse.SUPPRESS, parser_class=Parser
    )

    def command(name: str, description: str, examples: str = "") -> Parser:
        made: Parser = add.add_parser(
            name, description=description, epilog=examples, formatter_class=Help, allow_abbrev=False
        )
        return made

    commands = {
        "serve": command("serve", texts.SERVE, texts.SERVE_EXAMPLES),
        "check": command("check", texts.CHECK, texts.CHECK_EXAMPLES),
        "doctor": command("doctor", texts.DOCTOR, texts.DOCTOR_EXAMPLES),
        "usage": command("usage", texts.USAGE, texts.USAGE_EXAMPLES),
        "logs": command("logs", texts.LOGS, texts.LOGS_EXAMPLES),
        "budgets": command("budgets", texts.BUDGETS, texts.BUDGETS_EXAMPLES),
        "keys": command("keys", texts.KEYS, texts.KEYS_EXAMPLES),
        "admin": command("admin", texts.ADMIN, texts.ADMIN_EXAMPLES),
        "version": command("version", "Prints the version."),
    }
    for name in ("serve", "check"):
        _settings(commands[name], *FLAGS)
    _doctor(commands["doctor"])
    _usage(commands["usage"])
    _logs(commands["logs"])
    _budgets(commands["budgets"])
    commands |= _keys(commands["keys"]) | _admin(commands["admin"])
    return parser, commands


def _settings(parser: argparse.ArgumentParser, *flags: str) -> None:
    """The flags of commands that read the configuration. Their values are checked with the file's, not here."""
    for flag in flags:
        metavar, meaning = FLAGS[flag]
        parser.add_argument(flag, metavar=metavar, help=meaning)


def _doctor(parser: Parser) -> None:
    _settings(parser, "--config", "--host", "--port", "--admin-port", "--data")
    parser.add_argument("--offline", action="store_true", help="do not connect to the providers")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def _usage(parser: Parser) -> None:
    _settings(parser, "--config", "--data")
    parser.add_argument(
        "--by",
        metavar="WHAT",
        default="model",
        help="org, team, user, key, model, requested_model, provider, endpoint, dialect, status, error, cause, cache, "
        "finish, rule, client, stream, tag, hour or day; several with commas (default: model)",
    )
    parser.add_argument(
        "--since", metavar="WHEN", default="7d", help="7d, 24h, 2026-11-01, or all (default: 7d)"
    )
    parser.add_argument("--top", metavar="N", type=_count, help="at most so many groups, the dearest ones")
    _forms(parser)


def _logs(parser: Parser) -> None:
    _settings(parser, "--config", "--data")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is stored from now on")
    parser.add_argument(
        "-n",
        "--lines",
        metavar="N",
        type=_any_count,
        default=20,
        help="newest ones to begin with (default: 20)",
    )
    parser.add_argument("--model", metavar="NAME", help="those that asked for it, or were answered by it")
    parser.add_argument("--key", metavar="ID", help="those of this key")
    parser.add_argument("--errors", action="store_true", help="those that failed")
    parser.add_argument("--json", action="store_true", help="whole records, one JSON object per line")


def _budgets(parser: Parser) -> None:
    _settings(parser, "--config", "--data")
    parser.add_argument("--over", metavar="PERCENT", type=_count, help="only those used so far")
    _forms(parser)


def _forms(parser: Parser) -> None:
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--csv", action="store_true", help="for spreadsheets; money in nano-dollars")
    forms.add_argument("--json", action="store_true", help="one JSON object per line; money in nano-dollars")


def _keys(parser: Parser) -> dict[str, Parser]:
    """The commands below `keys`, by their whole names."""
    add = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=Parser)
    meanings = {
        "create": "make a key",
        "list": "show the keys",
        "revoke": "end a key for ever",
        "rotate": "give a key another secret",
    }
    made: dict[str, Parser] = {
        name: add.add_parser(
            name,
            help=words,
            description=f"{words[0].upper()}{words[1:]}.{texts.KEY_WORDS[name]}",
            epilog=texts.KEY_EXAMPLES[name],
            formatter_class=Help,
            allow_abbrev=False,
        )
        for name, words in meanings.items()
    }
    create = made["create"]
    create.add_argument("--name", default="", help="what people call it")
    create.add_argument("--id", help="an id of your own (default: made up)")
    for holder in ("team", "user", "org"):
        create.add_argument(f"--{holder}", metavar="ID", default="", help=f"its {holder}")
    create.add_argument(
        "--model",
        metavar="GLOB",
        action="append",
        default=[],
        help="models it may ask for, such as 'openai/gpt-4o*'; may be repeated (default: all)",
    )
    create.add_argument(
        "--tag", metavar="TAG", action="append", default=[], help="stands in its records; may be repeated"
    )
    create.add_argument("--expires", metavar="WHEN", help="90d, 12h or 2027-01-31 (default: never)")
    made["list"].add_argument("--team", metavar="ID", help="those of this team")
    made["list"].add_argument("--user", metavar="ID", help="those of this user")
    made["list"].add_argument("--json", action="store_true", help="one JSON object per line")
    for name in ("revoke", "rotate"):
        made[name].add_argument("id", metavar="ID", help="the key's id, as `gateway keys list` shows it")
    made["rotate"].add_argument(
        "--grace", metavar="DURATION", default="0", help="how long the old secret stays valid (default: 0)"
    )
    for name, one in made.items():
        if name in ("create", "rotate"):
            forms = one.add_mutually_exclusive_group()
            forms.add_argument("--quiet", action="store_true", help="print the secret alone")
            forms.add_argument(
                "--json", action="store_true", help="the key as a JSON object; `key` is its secret"
            )
        one.add_argument(
            "--admin-key-file",
            metavar="FILE",
            help="a file that holds the admin key (default: the variable GATEWAY_ADMIN_KEY)",
        )
        one.add_argument("--url", metavar="URL", help="the admin API (default: as configured)")
        _settings(one, "--config", "--admin-port")
    return {f"keys {name}": one for name, one in made.items()}


def _admin(parser: Parser) -> dict[str, Parser]:
    add = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=Parser)
    words = "give the admin API another root key, where the old one is lost"
    made: Parser = add.add_parser(
        "reset-root",
        help=words,
        description=texts.ADMIN,
        epilog=texts.ADMIN_EXAMPLES,
        formatter_class=Help,
        allow_abbrev=False,
    )
    _settings(made, "--config", "--data")
    return {"admin reset-root": made}


def _any_count(text: str) -> int:
    return 0 if text == "0" else _count(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 1000000")
    return int(text)


def flags_of(parser: Parser) -> list[str]:
    """The flags that it takes."""
    return [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]
