"""The audit log names who asked, behind the operator's proxies too; what callers write counts for nothing."""

from admin_house import House

from gateway.control.admin.access import FAILURES
from gateway.control.admin.application import Api, Metrics


def _metrics(_: str) -> tuple[list[bytes], str]:
    return [], "text/plain"


METRICS: Metrics = _metrics


def behind(house: House, *proxies: str) -> House:
    """The requests of this test come from 127.0.0.1."""
    house.app = Api(house.engine, house.store, "1", house, METRICS, proxies=proxies).application()
    return house


async def logged(house: House, said: str) -> str:
    answer = await house.ask("POST", "/api/users", {"name": "u"}, x_forwarded_for=said)
    assert answer.status_code == 201
    return str(house.entries()[-1]["ip"])


async def test_the_callers_address_is_logged_where_proxies_are_trusted(house: House) -> None:
    behind(house, "127.0.0.0/8", "10.0.0.0/8")
    assert await logged(house, "203.0.113.9") == "203.0.113.9"
    assert await logged(house, "198.51.100.1, 203.0.113.9, 10.1.1.1") == "203.0.113.9"
    assert await logged(house, "203.0.113.9, unknown") == ""


async def test_the_header_of_others_counts_for_nothing(house: House) -> None:
    assert await logged(house, "203.0.113.9") == "127.0.0.1"
    assert await logged(behind(house, "10.0.0.0/8"), "203.0.113.9") == "127.0.0.1"


async def test_wrong_keys_of_one_caller_do_not_make_the_others_wait(house: House) -> None:
    behind(house, "127.0.0.0/8")

    async def wrong(said: str) -> int:
        return (await house.ask("GET", "/api/me", key="gwa-wrong", x_forwarded_for=said)).status_code

    assert {await wrong("203.0.113.9") for _ in range(FAILURES)} == {401}
    assert await wrong("203.0.113.9") == 429
    assert await wrong("203.0.113.10") == 401
