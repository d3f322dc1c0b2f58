"""Stops listening while connections that are open go on: the part of a drain that the server has no word for."""

import os
import socket
import stat


def stop_listening() -> int:
    """Closes every TCP listener of this process; new connections are refused from now on. Returns how many there were.

    The descriptor stays, with a socket behind it that nobody can reach: the server's own accept loop owns the number,
    and would spin on one that was merely shut down.
    """
    found = 0
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if _listens(descriptor):
            with socket.socket(socket.AF_UNIX) as stand_in:
                os.dup2(stand_in.fileno(), descriptor, inheritable=False)
            found += 1
    return found


def _listens(descriptor: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with socket.socket(fileno=os.dup(descriptor)) as probe:
            return probe.family != socket.AF_UNIX and bool(
                probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            )
    except OSError:  # closed since it was listed
        return False
