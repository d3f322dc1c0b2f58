"""The command `python -m bench.mock`: mock providers on one port, on as many processes as asked."""

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from typing import Any

import uvloop

from bench.mock.behaviour import Behaviour, BehaviourError, parse_behaviour
from bench.mock.faults import explained
from bench.mock.server import start_mock

_EPILOG = """
The model name of a request chooses its answer: mock-OPTION-OPTION..., as in mock-chunks200-pace5ms or
mock-error429-retry2-first1. The same options set the defaults here: --defaults size1024-latency5ms.

  size chunks width prompt cached reasoning    numbers           latency pace     5ms, 100us, 1s
  burst split                                  events / bytes per write
  think emoji eof stamp length filter          kinds of answer
  errorSTATUS retrySECONDS cutN failN noend garbage html hang empty   faults; firstN, ratePERCENT limit them

fault-KIND[-N][-LIMIT...] makes a provider misbehave (docs/faults.md), as in fault-429-retry1-once, fault-stall-3 or
fault-cut-5-mock-chunks20:

{faults}

Whoever speaks TLS to this port is reset in the handshake.
"""


def main() -> int:
    """Runs until SIGINT or SIGTERM."""
    arguments = _arguments()
    try:
        behaviour = parse_behaviour(f"mock-{arguments.defaults}" if arguments.defaults else "", Behaviour())
    except BehaviourError as mistake:
        print(f"bench.mock: --defaults: {mistake}", file=sys.stderr)
        return 2
    if arguments.workers > 1 and arguments.port == 0:
        print("bench.mock: several workers need a --port", file=sys.stderr)
        return 2
    children = [] if arguments.workers == 1 else _fork(arguments.workers - 1)
    try:
        uvloop.run(_serve(arguments, behaviour, chief=children is not None))
    except OSError as error:
        print(f"bench.mock: {error}", file=sys.stderr)
        return 1
    finally:
        for child in children or ():
            os.kill(child, signal.SIGTERM)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.mock",
        description="Mock OpenAI, Anthropic, Gemini, Bedrock and Cohere providers.",
        epilog=_EPILOG.format(faults=explained()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port")
    parser.add_argument("--defaults", default="", help="options for names that ask for nothing")
    parser.add_argument("--awake", action="store_true", help="never sleep: nobody pays for waking it")
    return parser.parse_args()


def _fork(count: int) -> list[int] | None:
    """The children's process ids; None in a child."""
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            return None
        children.append(child)
    return children


async def _serve(arguments: argparse.Namespace, behaviour: Behaviour, *, chief: bool) -> None:
    parent, port = os.getppid(), arguments.port
    mock = await start_mock(arguments.host, port, reuse_port=port != 0, **_fields(behaviour))
    if chief:
        print(f"mock providers: {mock.url}", flush=True)
    # Everything that lives now lives for good; the collector need not walk it again.
    gc.freeze()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    awake = asyncio.ensure_future(_stay_awake()) if arguments.awake else None
    while not stop.is_set() and (chief or os.getppid() == parent):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)
    if awake is not None:
        awake.cancel()
    await mock.close()


async def _stay_awake() -> None:
    while True:  # noqa: ASYNC110  (polling is the point)
        await asyncio.sleep(0)


def _fields(behaviour: Behaviour) -> dict[str, Any]:
    return {name: getattr(behaviour, name) for name in behaviour.__struct_fields__}


if __name__ == "__main__":
    sys.exit(main())
