"""The command line: finds the command that is meant and runs it. Each imports only what it needs."""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence

from gateway import __version__
from gateway.commands.parsers import flags_of, parsers
from gateway.commands.screens import shown


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 something is wrong, 2 a wrong call."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without these characters is no reason to fail
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a long output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


def _run(arguments: list[str]) -> int:
    parser, commands = parsers()
    if not arguments:
        parser.print_help()
        return 2
    if not arguments[0].startswith("-") and arguments[0] not in commands:
        top = [name for name in commands if " " not in name]
        return _unknown(f"there is no command {shown(arguments[0])}", arguments[0], top, "gateway --help")
    args, rest = parser.parse_known_args(arguments)
    if rest:
        name = f"{args.command} {args.action}" if "action" in args else args.command
        wrong = rest[0].partition("=")[0]
        flags = flags_of(commands[name])
        return _unknown(f"there is no argument {shown(wrong)}", wrong, flags, f"gateway {name} --help")
    return _done(args)


def _done(args: argparse.Namespace) -> int:
    match args.command:
        case "serve":
            from gateway.commands.serving import serve_command as command
        case "check":
            from gateway.commands.serving import check_command as command
        case "doctor":
            from gateway.commands.doctor import doctor_command as command
        case "usage":
            from gateway.commands.usage import usage_command as command
        case "logs":
            from gateway.commands.requests import logs_command as command
        case "budgets":
            from gateway.commands.budgets import budgets_command as command
        case "keys":
            from gateway.commands.keys import keys_command as command
        case "admin":
            from gateway.commands.admin import admin_command as command
        case _:
            print(f"gateway {__version__}")
            return 0
    return command(args)


def _unknown(sentence: str, name: str, known: Iterable[str], help_line: str) -> int:
    from gateway.config.problems import nearest

    near = nearest(name, known)
    meant = f"; did you mean {near}?" if near else ""
    print(f"gateway: {sentence}{meant}\nTry `{help_line}`.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
