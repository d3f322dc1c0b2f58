"""The OpenAPI 3.1 document, made from the table of actions and the types of their bodies."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Boolean, Integer

from gateway.control.admin.actions import Action
from gateway.control.admin.bodies import LARGEST, PRINTABLE, Failure
from gateway.control.admin.queries import LONGEST, MOST, USUAL
from gateway.store.governance import audit

_REF = "#/components/schemas/{name}"
ABOUT = (
    "Organisations, teams, users, virtual keys, providers, routes, limits and budgets of the gateway. "
    "Every request carries an admin key as a bearer token. What the configuration file declares has the origin "
    "`file` and is changed there alone."
)


def document(actions: Iterable[Action], version: str) -> dict[str, Any]:
    actions = tuple(actions)
    types = [kind for one in actions for kind in (one.body, one.answer) if kind is not None]
    unique: list[Any] = list(dict.fromkeys((*types, Failure)))
    schemas, components = msgspec.json.schema_components(unique, ref_template=_REF)
    refs: dict[type, dict[str, Any]] = dict(zip(unique, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in actions:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "AI gateway: admin API", "version": version, "description": ABOUT},
        "security": [{"adminKey": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"adminKey": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(action: Action, refs: dict[type, dict[str, Any]]) -> dict[str, Any]:
    words = re.sub(r"[^a-z]+", "_", action.path.removeprefix("/api/")).strip("_")
    found: dict[str, Any] = {
        "operationId": f"{action.method.lower()}_{words}",
        "summary": action.summary,
        "description": f"Needs the role {action.role} or more.",
        "tags": [action.path.split("/")[2]],
        "parameters": list(_parameters(action)),
        "responses": _responses(action, refs),
    }
    if action.body is not None:
        content = {"application/json": {"schema": refs[action.body]}}
        found["requestBody"] = {"required": action.path.count("/") < 4, "content": content}
    return found


def _parameters(action: Action) -> Iterable[dict[str, Any]]:
    if "{id}" in action.path:
        yield {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        if action.writes:
            about = "the version that is meant, as an ETag: refused with 409 when it is another one"
            schema = {"type": "string", "pattern": '^"[1-9][0-9]{0,8}"$'}
            yield {"name": "If-Match", "in": "header", "description": about, "schema": schema}
    for name in action.parameters:
        yield {"name": name, "in": "query", "schema": {**_TEXT, "minLength": 1}}
    if action.filters is None:
        return
    most = {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}
    yield {"name": "limit", "in": "query", "schema": most}
    yield {
        "name": "after",
        "in": "query",
        "description": "`next` of an earlier answer",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
    }
    if action.kind is not None:
        yield {"name": "origin", "in": "query", "schema": {"enum": ["api", "file"]}}
    table = audit if action.kind is None else action.kind.table
    for name in action.filters:
        yield {"name": name, "in": "query", "schema": _filter(table.c[name].type)}


_TEXT: dict[str, Any] = {"type": "string", "maxLength": LONGEST, "pattern": PRINTABLE}


def _filter(kind: Any) -> dict[str, Any]:
    if isinstance(kind, Boolean):
        return {"type": "boolean"}
    if isinstance(kind, Integer):
        return {"type": "integer", "minimum": 0, "maximum": LARGEST}
    return dict(_TEXT)


def _responses(action: Action, refs: dict[type, dict[str, Any]]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if action.answer is not None:
        done["content"] = {"application/json": {"schema": refs[action.answer]}}
    wrong = {"description": "Not done", "content": {"application/json": {"schema": refs[Failure]}}}
    return {str(action.status): done, "4XX": wrong, "503": wrong}
