"""The command `python -m bench`: measures what the gateway costs, beside no gateway, nginx and peers."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from rich.console import Console

from bench.cores import available
from bench.load.fleet import LoadFailed
from bench.measure import Settings
from bench.peers.spec import PeerError, parse_peer
from bench.processes import ChildFailed
from bench.report.chart import draw
from bench.report.document import Document, document
from bench.report.terminal import Screen, print_document
from bench.scenarios import BY_NAME, SCENARIOS, Server
from bench.servers import GATEWAY_KEY
from bench.suite import Order, carry_out

_QUICK = ("unary", "stream", "translate")
_QUICK_SETTINGS = Settings(seconds=0.8, warm_up=0.15)


def main() -> int:
    """0 when every answer was right, 1 when some were not or a part failed, 2 for a wrong command line."""
    arguments = _parser().parse_args()
    console = Console(width=None if sys.stdout.isatty() else 132)
    try:
        order = _order(arguments)
    except (PeerError, ValueError) as mistake:
        console.print(f"[red]bench: {mistake}[/red]")
        return 2
    order.out.mkdir(parents=True, exist_ok=True)
    started = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    try:
        with Screen(console) as screen:
            runs = carry_out(order, screen)
    except (ChildFailed, LoadFailed, PeerError) as failure:
        console.print(f"[red]bench: {failure}[/red]", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted")
        return 130
    found = document(started, order.settings, runs, screen.notes)
    print_document(found, console)
    _write(found, order.out, console)
    return 1 if any(run.errors for run in runs if run.server in ("direct", "gateway")) else 0


def _write(found: Document, out: Path, console: Console) -> None:
    data, picture = out / "bench.json", out / "bench.png"
    data.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1))
    draw(found, picture)
    console.print(f"{data}  {picture}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures what the gateway costs: added latency, rates per core, CPU and memory.",
        epilog="scenarios: " + "; ".join(f"{s.name} ({s.title})" for s in SCENARIOS),
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="three scenarios, short measurements")
    add(
        "--scenario", action="append", metavar="NAME", choices=list(BY_NAME), help="only this one; repeatable"
    )
    add("--duration", type=float, metavar="SECONDS", help="of each measurement (5)")
    add("--rate", type=float, default=0.0, help="the open loop's, instead of the scenarios' own (1000/s)")
    add("--uniform", action="store_true", help="evenly spaced arrivals instead of a Poisson process")
    add("--connections", type=int, default=0, help="at peak, instead of the scenarios' own")
    add("--servers", default="direct,gateway,nginx", help="who takes part (direct,gateway,nginx)")
    add(
        "--peer",
        action="append",
        default=[],
        help="litellm, portkey, or NAME=URL[,model=M][,key=K][,header.X=Y]",
    )
    add(
        "--gateway-url",
        help="measure a gateway that already runs in front of a mock, instead of starting one",
    )
    add("--gateway-key", default=GATEWAY_KEY, help="the caller key for --gateway-url")
    add("--one-core", action="store_true", help="leave the measurements on two cores out")
    add("--out", type=Path, default=Path("bench/out"), help="for the report and logs (bench/out)")
    return parser


def _order(arguments: argparse.Namespace) -> Order:
    settings = _QUICK_SETTINGS if arguments.quick else Settings()
    changes = {"rate": arguments.rate, "uniform": arguments.uniform, "peak": arguments.connections}
    if arguments.duration is not None:
        changes["seconds"] = arguments.duration
    names = arguments.scenario or (_QUICK if arguments.quick else tuple(BY_NAME))
    if arguments.gateway_url:
        names = [name for name in names if not BY_NAME[name].route]  # its names are not known
    elif "route" in names and "named" not in names:
        names = ["named", *names]  # what it is compared with
    return Order(
        scenarios=tuple(BY_NAME[name] for name in names),
        settings=msgspec.structs.replace(settings, **changes),
        cores=available(),
        out=arguments.out,
        peers=tuple(parse_peer(text) for text in arguments.peer),
        gateway=_gateway(arguments.gateway_url, arguments.gateway_key) if arguments.gateway_url else None,
        servers=tuple(arguments.servers.split(",")),
        two_cores=not arguments.one_core,
    )


def _gateway(url: str, key: str) -> Server:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"--gateway-url {url!r} is not an http:// URL")
    return Server("gateway", "gateway", parts.hostname, parts.port or 80, key=key)


if __name__ == "__main__":
    sys.exit(main())
