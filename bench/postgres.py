"""A PostgreSQL server of a test's or a benchmark's own: on loopback, in a folder that goes with it; stopped and started
at will."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.processes import end_with_parent, free_port

MISSING = "no PostgreSQL server (initdb, postgres, pg_isready) is installed on this machine"
START_SECONDS = 30.0


def programs() -> Path | None:
    """The folder of the server's programs, the newest version's."""
    found = shutil.which("initdb")
    needed = ("postgres", "pg_isready")
    if found is not None and all(Path(found).with_name(name).exists() for name in needed):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class House:
    """`start` and `stop`, any number of times; `close` at the end. It refuses to run as root, so it does not."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin = bin_folder
        self._folder = Path(tempfile.mkdtemp(prefix="gateway-pg-", dir="/tmp"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "-D", "data", "-U", "gateway", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"
        )

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://gateway@127.0.0.1:{self.port}/postgres"

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._server is not None

    def start(self) -> None:
        """Returns when it answers."""
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._folder)]
        given = ("fsync=off", "max_connections=20", "dynamic_shared_memory_type=mmap")  # in its folder
        settings = [word for setting in given for word in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", "data", *options, *settings],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent,  # else it would outlive tests that are killed
                **self._as,
            )
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(ready, check=False).returncode != 0:
            said = (self._folder / "log").read_text(errors="replace")
            assert self._server.poll() is None, f"the server ended while starting:\n{said}"
            assert time.monotonic() < deadline, f"the server does not start:\n{said}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Its connections are cut, as by a crash."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(START_SECONDS)
            self._server = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        subprocess.run(
            command, cwd=self._folder, check=True, stdout=subprocess.DEVNULL, timeout=60, **self._as
        )
