"""The OpenAPI document explains what is asked for, in words of the API alone."""

import json

import httpx
import pytest
from admin_house import House

from gateway.control.admin.actions import ACTIONS
from gateway.control.admin.kinds import KINDS
from gateway.control.admin.openapi import document

SCHEMAS = document(ACTIONS, "1")["components"]["schemas"]
DRAFTS = sorted({kind.draft.__name__ for kind in KINDS})


def test_no_word_of_the_code() -> None:
    assert "gateway." not in json.dumps(SCHEMAS)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_field_that_is_none_is_named_with_those_that_are(method: str, house: House) -> None:
    made = await house.make("budgets", account="model:x", nano_usd=1)
    path = "/api/budgets" if method == "POST" else f"/api/budgets/{made['id']}"
    answer = await house.ask(method, path, {"account": "model:x", "usd": 50, "nano_usd": 1})
    assert answer.status_code == 422
    fault = answer.json()["error"]
    assert (fault["code"], fault["path"]) == ("invalid", "usd")
    assert fault["message"].startswith("is no field here; known: ")
    assert "nano_usd, period, soft" in fault["message"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"usd": ' + b"[" * 100_000,
        b'{"usd": 1, "nano_usd": ',
        b'{"a b\\n": 1, "nano_usd": 1}',
        b'{"\xff": 1}',
        b'{"usd": 1, "account": 5}' * 2,
    ],
    ids=["deep", "cut", "no name", "no text", "twice"],
)
async def test_what_stands_behind_it_is_no_failure_of_the_server(body: bytes, house: House) -> None:
    transport = httpx.ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
        headers = {"authorization": f"Bearer {house.root}"}
        answer = await client.post("/api/budgets", content=body, headers=headers)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("name", DRAFTS)
def test_every_thing_says_what_it_is(name: str) -> None:
    assert SCHEMAS[name]["description"].endswith(".")


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ("BudgetDraft", "nano_usd"),
        ("BudgetDraft", "period"),
        ("BudgetDraft", "account"),
        ("LimitDraft", "account"),
        ("KeyDraft", "expires"),
        ("KeyDraft", "models"),
    ],
)
def test_what_cannot_be_guessed_is_said(draft: str, field: str) -> None:
    """And also where it is read or changed."""
    kind = draft.removesuffix("Draft")
    for name in (draft, f"{kind}Patch", kind):
        found = SCHEMAS[name]["properties"][field]
        assert found.get("description") or any(one.get("description") for one in found.get("anyOf", ())), name
