"""Which cores the gateway, the mock providers and the load generators run on."""

import os

import msgspec

Cores = tuple[int, ...]


class Layout(msgspec.Struct, frozen=True):
    """Cores per role. `shared` says what had to share and therefore disturbs the numbers; empty when nothing
    had to."""

    gateway: Cores
    mock: Cores
    load: Cores
    shared: str = ""


def available() -> Cores:
    """The cores that this process may use, in order."""
    return tuple(sorted(os.sched_getaffinity(0)))


def layout(cores: Cores, gateway: int = 1) -> Layout:
    """The layout that gives the gateway the first `gateway` of `cores` and the others what remains."""
    subject, rest = cores[:gateway], cores[gateway:]
    if not rest:
        return Layout(subject, cores, cores, "gateway, mock and load share every core")
    if len(rest) == 1:
        return Layout(subject, rest, rest, "mock and load share one core")
    return Layout(subject, rest[:1], rest[1:])


def pin(cores: Cores, pid: int = 0) -> None:
    """Keeps a process (0: this one) on `cores`; what it starts later inherits them."""
    if cores:
        os.sched_setaffinity(pid, cores)
