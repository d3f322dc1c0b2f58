"""Whose address counts where requests come through proxies: the nearest one that is not the operator's."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.proxied import Proxied

INSIDE = ("10.0.0.0/8", "192.168.7.7/32", "fd00::/8")


async def seen(peer: Any, *lines: bytes, kind: str = "http") -> Any:
    """The client that the application sees."""
    found: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope["client"])

    headers = [(b"x-forwarded-for", line) for line in lines]
    scope = {"type": kind, "client": peer, "headers": [(b"host", b"h"), *headers]}
    await Proxied(application, INSIDE)(scope, None, None)
    return found[0]


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ([b"203.0.113.9"], "203.0.113.9"),
        ([b"198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # what a caller wrote itself stands before it
        ([b"203.0.113.9, 10.1.1.1 ,192.168.7.7"], "203.0.113.9"),
        ([b"198.51.100.1", b"203.0.113.9,10.1.1.1"], "203.0.113.9"),
        ([b"203.0.113.9:4711"], "203.0.113.9"),
        ([b"2001:db8::9"], "2001:db8::9"),
        ([b"[2001:db8::9]:4711"], "2001:db8::9"),
        ([b'"[2001:db8::9]"'], "2001:db8::9"),
        ([b"::ffff:203.0.113.9"], "203.0.113.9"),
        ([b"10.9.9.9, 10.1.1.1"], "10.9.9.9"),  # a caller inside
        ([], "10.2.2.2"),  # the proxy itself
        ([b""], "10.2.2.2"),
        ([b"198.51.100.1, unknown"], ""),  # nobody can tell
        ([b"198.51.100.1, _hidden, 10.1.1.1"], ""),
        ([b"198.51.100.1, " + b"9" * 5000], ""),
        ([b"198.51.100.1,\xff\xfe"], ""),
        ([b"198.51.100.1,,"], ""),
        ([b"10.1.1.1," * 6000 + b"10.1.1.1"], ""),  # more than anybody has
        ([b"10.1.1.1," * 12 + b"10.1.1.1"], "10.1.1.1"),
    ],
)
@pytest.mark.parametrize("peer", ["10.2.2.2", "::ffff:10.2.2.2"])
async def test_the_nearest_address_that_is_no_proxys_counts(
    lines: list[bytes], address: str, peer: str
) -> None:
    expected = peer if address == "10.2.2.2" else address
    assert (await seen((peer, 1), *lines))[0] == expected
    assert (await seen((peer, 1), *lines, kind="websocket"))[0] == expected


WORDS = st.one_of(
    st.binary(max_size=80), st.sampled_from([b"10.1.1.1", b"203.0.113.9", b"fd00::1", b" ", b'"[', b"%eth0"])
)


@given(st.lists(st.lists(WORDS, max_size=20).map(b",".join), max_size=3))
@settings(max_examples=300, deadline=None)
def test_whatever_a_caller_writes_it_becomes_no_proxy(lines: list[bytes]) -> None:
    """The last word is the proxy's; what stands before it cannot make it another."""
    found = asyncio.run(seen(("10.2.2.2", 1), *lines, b"198.51.100.7"))
    assert found == ("198.51.100.7", 0)
    anything = asyncio.run(seen(("10.2.2.2", 1), *lines))
    assert isinstance(anything[0], str)


@pytest.mark.parametrize("peer", [("203.0.113.1", 5), ("fe80::1", 5), None, ("", 0), ("unix:", 0)])
async def test_nobody_else_is_believed(peer: Any) -> None:
    assert await seen(peer, b"10.1.1.1") == peer


async def test_what_is_no_request_passes() -> None:
    passed: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope)

    await Proxied(application, INSIDE)({"type": "lifespan"}, None, None)
    assert passed == [{"type": "lifespan"}]
