"""Whatever fits the OpenAPI document, or nearly does, is answered: never with a 500, never unlike the document."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from admin_house import House
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.control.admin.actions import ACTIONS

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
"""For each route, of requests that are right, and as many of such that are wrong."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
ROUTES = [(one.method, one.path) for one in ACTIONS]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with one thing of each kind, whose id is x."""
    house = House(tmp_path_factory.mktemp("fuzz"))
    yield house
    house.close()


THINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("orgs", {"name": "x"}),
    ("teams", {"name": "x", "org": "x"}),
    ("users", {"name": "x", "team": "x"}),
    ("keys", {"user": "x"}),
    ("providers", {"type": "openai", "base_url": "http://127.0.0.1:1/v1"}),
    ("credentials", {"provider": "x", "value": "sk-x"}),
    ("routes", {"route": {"targets": ["x/y"]}}),
    ("limits", {"account": "key:x", "requests": 1}),
    ("budgets", {"account": "team:x+model:y", "nano_usd": 1}),
    ("admin-keys", {"name": "x", "role": "viewer"}),
)


@pytest.mark.parametrize("mode", MODES, ids=("right", "wrong"))
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_route_answers_as_documented(
    furnished: House, method: str, path: str, mode: GenerationMode
) -> None:
    for kind, body in THINGS:
        if f"/{kind}/" in path:
            await furnished.ask(
                "POST", f"/api/{kind}", {"id": "x", **body}
            )  # it may be there, or be deleted since
    headers = {"authorization": f"Bearer {furnished.root}"}
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", furnished.app, headers=headers)
    operation = schema[path][method]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES < 10,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def asked(case: Case, known: bool) -> None:
        if known and "id" in case.path_parameters:
            case.path_parameters["id"] = "x"
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    asked()
