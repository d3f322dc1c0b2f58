"""The command `python -m bench.peers`: installs peers, or runs one in front of a mock provider."""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from bench.peers.known import KNOWN, install, start_peer
from bench.peers.spec import PeerError
from bench.processes import ChildFailed

ROOT = Path("bench/out/peers")


def main() -> int:
    """install NAME... | run NAME --mock URL [--cores 0,1]"""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="where they are installed")
    commands = parser.add_subparsers(dest="command", required=True)
    installing = commands.add_parser("install", help="install into environments of their own")
    installing.add_argument("names", nargs="*", default=list(KNOWN), metavar="NAME")
    running = commands.add_parser("run", help="serve until interrupted")
    running.add_argument("name", choices=list(KNOWN))
    running.add_argument("--mock", default="http://127.0.0.1:9100", help="the mock providers")
    running.add_argument("--cores", default="", help="cores to stay on, such as 0,1")
    arguments = parser.parse_args()
    try:
        if arguments.command == "install":
            for name in arguments.names:
                print(f"installing {name} into {arguments.root / name}", flush=True)
                install(name, arguments.root)
            return 0
        return _run(arguments)
    except (PeerError, ChildFailed, subprocess.CalledProcessError, OSError) as error:
        print(f"bench.peers: {error}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    cores = tuple(int(core) for core in arguments.cores.split(",") if core)
    child, spec = start_peer(arguments.name, arguments.root, arguments.mock, cores)
    headers = "".join(f",header.{name}={value}" for name, value in spec.headers.items())
    print(
        f"{spec.name} serves; measure it with --peer '{spec.name}={spec.url},key={spec.key}{headers}'",
        flush=True,
    )
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        child.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
