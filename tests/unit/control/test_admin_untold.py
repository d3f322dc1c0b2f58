"""What the admin API says of changes that the workers could not be told of, and of a store that cannot be written."""

from collections.abc import Sequence

import pytest
from admin_house import House
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from gateway.schemas.governance import Gone


@pytest.fixture
def untold(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Nothing leads to the workers."""

    async def publish() -> None:
        raise OSError("No space left on device")

    async def revoke(_: Sequence[Gone]) -> bool:
        return False

    monkeypatch.setattr(house, "publish", publish)
    monkeypatch.setattr(house, "revoke", revoke)
    return house


async def test_no_change_that_does_not_hold_is_said_to(untold: House) -> None:
    made = await untold.ask("POST", "/api/keys", {"id": "k"})
    assert (made.status_code, made.headers["x-gateway-in-force"]) == (201, "false")
    assert made.json()["key"]  # which nobody could find out later
    for method, path, body in (
        ("POST", "/api/keys/k/block", None),
        ("POST", "/api/keys/k/block", None),  # it is no more in force when it is asked for again
        ("POST", "/api/keys/k/unblock", None),
        ("PATCH", "/api/keys/k", {"expires": 5}),
        ("POST", "/api/keys/k/revoke", None),
        ("DELETE", "/api/keys/k", None),
    ):
        reply = await untold.ask(method, path, body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_in_force"), (method, path)
    assert (await untold.ask("GET", "/api/keys/k")).status_code == 404


async def test_a_new_key_is_shown_unless_the_old_one_was_to_end(untold: House) -> None:
    await untold.ask("POST", "/api/keys", {"id": "k"})
    at_once = await untold.ask("POST", "/api/keys/k/rotate", {"grace": 0})
    assert at_once.json()["error"]["code"] == "not_in_force"
    later = await untold.ask("POST", "/api/keys/k/rotate", {"grace": 60})
    assert (later.status_code, later.headers["x-gateway-in-force"]) == (200, "false")
    assert later.json()["key"]


async def test_a_store_that_cannot_be_written_is_told_of(house: House) -> None:
    await house.make("keys", id="k")

    def full(*_: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("database or disk is full"))

    event.listen(house.engine, "commit", full)
    reply = await house.ask("POST", "/api/keys/k/revoke")
    event.remove(house.engine, "commit", full)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "store_unavailable")
    assert reply.headers["retry-after"] == "1"
    assert reply.headers["x-gateway-request-id"]
    assert not (await house.ask("GET", "/api/keys/k")).json()["revoked"]
    assert house.gone == []
