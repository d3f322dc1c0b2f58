"""A drain closes listeners, and nothing else."""

import multiprocessing
import os
import socket

import pytest

from gateway.listening import stop_listening


def test_listeners_close_and_connections_go_on() -> None:
    """In a process of its own: in this one others' servers listen too."""
    child = multiprocessing.get_context("fork").Process(target=drained)
    child.start()
    child.join(30)
    assert child.exitcode == 0


def drained() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    client = socket.create_connection(address)
    served, _ = listener.accept()
    before = len(os.listdir("/proc/self/fd"))
    assert stop_listening() >= 1
    assert stop_listening() == 0
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    client.sendall(b"still here")
    assert served.recv(20) == b"still here"
    for one in (client, served, listener):
        one.close()
