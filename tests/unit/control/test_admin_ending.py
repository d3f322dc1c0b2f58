"""Changes say which keys they take away from callers, and only then."""

from hashlib import sha256
from typing import Any

import pytest
from admin_house import House

from gateway.schemas.governance import Gone


def digest(made: Any) -> bytes:
    return sha256(made["key"].encode()).digest()


@pytest.mark.parametrize(
    ("method", "path", "body", "blocked"),
    [
        ("POST", "keys/k/block", None, True),
        ("PATCH", "keys/k", {"blocked": True}, True),
        ("POST", "keys/k/revoke", None, False),
        ("DELETE", "keys/k", None, False),
        ("PATCH", "keys/k", {"expires": 5}, False),
        ("PATCH", "teams/t", {"blocked": True}, True),
        ("PATCH", "orgs/o", {"blocked": True}, True),
    ],
)
async def test_what_ends_a_key_is_told_and_not_waited_for(
    house: House, method: str, path: str, body: Any, blocked: bool
) -> None:
    await house.make("orgs", id="o", name="o")
    await house.make("teams", id="t", name="t", org="o")
    made = await house.make("keys", id="k", team="t", org="o")
    await house.make("keys", id="other")
    before = house.changes
    assert (await house.ask(method, f"/api/{path}", body)).is_success
    assert house.gone == [Gone(digest(made), blocked)]
    assert house.changes == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "keys/k", {"expires": 4_000_000_000}),
        ("PATCH", "keys/k", {"models": ["gpt-*"]}),
        ("POST", "keys/k/unblock", None),
        ("PATCH", "keys/k", {"name": "other"}),
    ],
)
async def test_other_changes_wait_until_they_are_out(house: House, method: str, path: str, body: Any) -> None:
    await house.make("keys", id="k")
    before = house.changes
    assert (await house.ask(method, f"/api/{path}", body)).is_success
    assert house.gone == []
    assert house.changes == before + 1


async def test_a_change_that_is_refused_ends_nothing(house: House) -> None:
    await house.make("keys", id="k")
    assert (await house.ask("POST", "/api/keys/k/block", None, if_match='"7"')).status_code == 409
    assert house.gone == []


async def test_rotating_ends_what_has_no_grace_and_waits_for_the_new_key(house: House) -> None:
    first = await house.make("keys", id="k")
    before = house.changes
    second = (await house.ask("POST", "/api/keys/k/rotate", {"grace": 1000})).json()
    assert house.gone == []
    third = (await house.ask("POST", "/api/keys/k/rotate", {"grace": 1000})).json()
    assert house.gone == [Gone(digest(first))]
    house.gone.clear()
    assert (await house.ask("POST", "/api/keys/k/rotate", {"grace": 0})).is_success
    assert set(house.gone) == {Gone(digest(second)), Gone(digest(third))}
    assert house.changes == before + 3
