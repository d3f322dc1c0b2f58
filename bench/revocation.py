"""How long a revoked key is still served on a machine whose cores are all taken: by one gateway on one core, under as
much load as it takes. `python -m bench.revocation [--times N]`"""

import argparse
import http.client
import json
import re
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.cores import available, layout
from bench.governed import asked, fill
from bench.load.exchange import Load
from bench.load.fleet import LoadFailed, Window, measure
from bench.processes import Child, ChildFailed
from bench.scenarios import BY_NAME, Server, exchange
from bench.servers import await_ready, spawn_gateway, start_mock

GOAL = 0.1
CONNECTIONS = 64
SETTLED = 0.3
"""Seconds after the first refusal in which no request may be served any more."""
_ROOT_KEY = re.compile(r"gwa-\S+")


class Admin:
    """The admin API of a running gateway."""

    def __init__(self, port: int, key: str) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._key = key

    def post(self, path: str, body: Any = None) -> Any:
        """The answer. Raises ChildFailed."""
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        self._link.request("POST", path, None if body is None else json.dumps(body), headers)
        answer = self._link.getresponse()
        content = answer.read()
        if answer.status not in (200, 201):
            raise ChildFailed(f"{path}: {answer.status} {content[:200]!r}")
        return json.loads(content)


class Caller:
    """Somebody with a key."""

    def __init__(self, server: Server, key: str) -> None:
        plain = exchange(BY_NAME["unary"], server)
        self._link = http.client.HTTPConnection(server.host, server.port, timeout=30)
        self._headers = plain.headers | {"authorization": f"Bearer {key}"}
        self._path, self._body = plain.path, plain.body

    def is_served(self) -> bool:
        """Asks once."""
        self._link.request("POST", self._path, self._body, self._headers)
        answer = self._link.getresponse()
        answer.read()
        return answer.status == 200


def revoked(admin: Admin, server: Server, made: Any) -> tuple[float, float]:
    """Seconds that revoking the key took, and how long after that the last request began that was served all the
    same."""
    caller = Caller(server, made["key"])
    while not caller.is_served():
        time.sleep(0.01)
    began = time.monotonic()
    admin.post(f"/api/keys/{made['id']}/revoke")
    done = last = time.monotonic()
    refused = 0.0
    while not refused or time.monotonic() - refused < SETTLED:
        at = time.monotonic()
        if caller.is_served():
            last, refused = at, 0.0
        else:
            refused = refused or at
    return done - began, last - done


def started(out: Path, mock: Server, cores: tuple[int, ...], many: bool) -> tuple[Child, Server, Admin]:
    """`gateway serve` with its admin API, and `many` other keys. Raises ChildFailed."""
    url = f"http://{mock.host}:{mock.port}"
    shutil.rmtree(out, ignore_errors=True)
    (out / "data").mkdir(parents=True)
    if many:
        fill(out / "data" / "gateway.db")
    child, server = spawn_gateway(
        out, url, cores, workers=max(1, len(cores)), fresh=False, more={"admin": {"enabled": True}}
    )
    child.await_port(server.port)
    await_ready(child, server)
    port = json.loads((out / "gateway.yaml").read_text())["server"]["admin_port"]
    child.await_port(port)
    deadline = time.monotonic() + 20
    while (found := _ROOT_KEY.search(child.log.read_text(errors="replace"))) is None:
        if time.monotonic() > deadline:
            raise child.failure("the gateway shows no root key")
        time.sleep(0.1)
    return child, server, Admin(port, found[0])


def main() -> int:
    """0 when the goal is met every time."""
    parser = argparse.ArgumentParser(prog="python -m bench.revocation", description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--many", action="store_true", help="beside 10,000 other keys")
    parser.add_argument("--seconds", type=float, default=25.0, help="of load")
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    where, children = layout(available()), list[Child]()
    found: list[tuple[float, float]] = []
    try:
        mock, mock_server = start_mock(arguments.out, where.mock)
        children.append(mock)
        child, server, admin = started(
            arguments.out / "revocation", mock_server, where.gateway[:1], arguments.many
        )
        children.append(child)
        keys = [admin.post("/api/keys", {"name": f"bench-{n}"}) for n in range(arguments.times)]
        load = Load(
            host=server.host,
            port=server.port,
            exchanges=asked(server, 1),
            seconds=arguments.seconds,
            connections=CONNECTIONS,
        )

        def watch(window: Window) -> None:
            window.await_start()
            until = time.monotonic() + arguments.seconds - 2
            while len(found) < arguments.times and time.monotonic() < until:
                found.append(revoked(admin, server, keys[len(found)]))
            window.await_stop()

        result = measure(load, where.load, watch)
    except (ChildFailed, LoadFailed, OSError, http.client.HTTPException) as failure:
        print(f"bench.revocation: {failure}", file=sys.stderr)
        return 1
    finally:
        for one in reversed(children):
            one.stop()
    took, after = [one for one, _ in found], [one for _, one in found]
    print(f"{result.requests / result.seconds:,.0f} requests/s beside it, {len(found)} keys revoked")
    print(f"revoking took {median(took) * 1e3:.0f} ms (most {max(took) * 1e3:.0f})")
    print(
        f"served after that for {median(after) * 1e3:.0f} ms (most {max(after) * 1e3:.0f}, goal {GOAL * 1e3:.0f})"
    )
    return 0 if max(after) <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
