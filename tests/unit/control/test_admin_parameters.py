"""What comes from outside is never part of a statement: each place that takes a text is given a hostile one, and every
statement that the database gets is looked at."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from admin_house import House
from sqlalchemy import event
from test_admin_fuzz import THINGS

from gateway.control.admin.actions import ACTIONS, Action

CANARY = "zq'\"`;--\\%_zq"
MARK = "zq"
"""Part of it however it is quoted."""
LISTED = ("limit", "after", "cursor", "order", "q")


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house for all of them."""
    house = House(tmp_path_factory.mktemp("parameters"))
    yield house
    house.close()


@pytest.fixture
def statements(furnished: House) -> Iterator[list[str]]:
    """Every statement's text, without its parameters."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    event.listen(furnished.engine, "before_cursor_execute", note)
    yield found
    event.remove(furnished.engine, "before_cursor_execute", note)


def paths(action: Action) -> Iterator[str]:
    """The route, with the text wherever a path or a query takes one."""
    yield action.path.replace("{id}", quote(CANARY, safe=""))
    known = action.path.replace("{id}", "x")
    for name in (*(action.filters or ()), *action.parameters, *LISTED):
        yield f"{known}?{name}={quote(CANARY)}"


def bodies(action: Action) -> Iterator[Any]:
    """Bodies with the text in each of their fields: alone, as a name, and in a list."""
    for field in msgspec.structs.fields(action.body) if action.body is not None else ():
        for value in (CANARY, {CANARY: CANARY}, [CANARY]):
            right = next((body for kind, body in THINGS if f"/{kind}" in action.path), {})
            yield {**right, field.name: value}


@pytest.mark.parametrize("action", ACTIONS, ids=[f"{one.method} {one.path}" for one in ACTIONS])
async def test_no_text_becomes_part_of_a_statement(
    furnished: House, statements: list[str], action: Action
) -> None:
    house = furnished
    for kind, body in THINGS:
        if f"/{kind}/" in action.path:  # it may be there, or be deleted since
            await house.ask("POST", f"/api/{kind}", {"id": "x", **body})
    for path in paths(action):
        answer = await house.ask(action.method, path, {} if action.body is not None else None)
        assert answer.status_code != 500, (path, answer.text)
    for body in bodies(action):
        answer = await house.ask(action.method, action.path.replace("{id}", "x"), body)
        assert answer.status_code != 500, (body, answer.text)
    assert statements
    assert not [one for one in statements if MARK in one]
