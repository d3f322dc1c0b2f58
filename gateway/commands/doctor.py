"""`gateway doctor`: looks at everything that the gateway needs, and says what to do where something is missing."""

import argparse
import os
import sys
from collections.abc import Iterator

import msgspec

from gateway.commands.findings import WIDE, Finding, fail, ok, screen, summary, warn
from gateway.commands.machine import machine
from gateway.commands.ports import ports
from gateway.commands.reaching import reaching
from gateway.commands.screens import width
from gateway.commands.settings import read
from gateway.commands.storage import storage, stored_providers
from gateway.config import Config


def doctor_command(args: argparse.Namespace) -> int:
    config = read(args)
    if config is None:
        wrong = fail("configuration", "put these right first; nothing else was looked at", "")
        print(msgspec.json.encode(wrong).decode() if args.json else f"fail  {wrong.about:<17} {wrong.said}")
        return 1
    found: list[Finding] = []
    if args.json:
        for one in _kept(_looks(config, args.offline), found):
            print(msgspec.json.encode(one).decode(), flush=True)
        return _code(found)
    room = min(width() or WIDE, 2 * WIDE)
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in screen(_kept(_looks(config, args.offline), found), room, coloured):
        print(line, flush=True)
    print(f"\n{summary(found)}")
    return _code(found)


def _code(found: list[Finding]) -> int:
    return 1 if any(one.level == "fail" for one in found) else 0


def _kept(findings: Iterator[Finding], found: list[Finding]) -> Iterator[Finding]:
    for one in findings:
        found.append(one)
        yield one


def _looks(config: Config, offline: bool) -> Iterator[Finding]:
    yield from _configuration(config)
    yield from ports(config)
    yield from storage(config)
    yield from machine(config)
    if not offline:
        yield from reaching(config, stored_providers(config))


def _configuration(config: Config) -> Iterator[Finding]:
    about, source = "configuration", config.source or "the environment"
    if config.providers:
        yield ok(
            about,
            f"{source}: {_count(len(config.providers), 'provider')}, {_count(len(config.models), 'name')} for models",
        )
    else:
        yield fail(about, f"{source} names no provider", "`gateway check` tells how to name one")
    if config.server.allow_insecure and not config.auth.keys:
        said = f"whoever reaches {config.server.host}:{config.server.port} is served, unless keys are made"
        yield warn("callers", said, 'auth: {keys: ["${GATEWAY_KEY}"]}, or `gateway keys create`')


def _count(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"
