"""Child processes of the bench: what they use is measured rightly, and none outlives it."""

import subprocess
import sys
import time

import psutil
import pytest

from bench.processes import Child, ChildFailed, footprint, free_port, owner

LISTENER = "import socket,time; s=socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
PARENT = """
import subprocess, sys
ballast = bytearray({parent} << 20)
child = subprocess.Popen([sys.executable, "-c", "b = bytearray({child} << 20); print(flush=True); input()"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print("up", flush=True)
child.wait()
"""
BENCH = """
import sys, time
from pathlib import Path
from bench.processes import Child
child = Child([sys.executable, "-c", "import time; time.sleep(60)"], log=Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(60)
"""


def run(tmp_path, code: str) -> Child:
    return Child([sys.executable, "-c", code], log=tmp_path / "log")


def gone(pid: int) -> bool:
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_a_large_supervisor_does_not_hide_its_worker(tmp_path):
    child = run(tmp_path, PARENT.format(parent=120, child=40))
    try:
        while "up" not in child.log.read_text():
            assert child.running()
            time.sleep(0.02)
        found = footprint(child.pid)
    finally:
        child.stop()
    assert found.processes == 2
    assert 40 < found.largest / 2**20 < 100
    assert found.rss / 2**20 > 160


def test_a_child_that_listens_is_awaited_found_and_ended(tmp_path):
    port = free_port()
    child = run(tmp_path, LISTENER.format(port=port))
    try:
        child.await_port(port)
        assert owner(port) == child.pid
    finally:
        child.stop()
    assert not child.running()
    assert footprint(child.pid).processes == 0


def test_a_child_that_ends_early_fails_with_its_last_words(tmp_path):
    child = run(tmp_path, "raise SystemExit('no such luck')")
    with pytest.raises(ChildFailed, match="no such luck"):
        child.await_port(free_port())
    child.stop()


def test_children_end_when_the_bench_is_killed(tmp_path):
    bench = subprocess.Popen(
        [sys.executable, "-c", BENCH, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    pid = int(bench.stdout.readline())
    assert psutil.pid_exists(pid)
    bench.kill()
    bench.communicate()
    assert gone(pid)
