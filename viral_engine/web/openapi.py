"""The API's description (OpenAPI 3.1), made of the route table and of the messages' own types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from viral_engine.web.errors import ErrorBody
from viral_engine.web.routes import Route

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)}")
_KEY_HEADER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body is done once and answered with the same bytes for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_ALWAYS_JSON = "application/json"


def describe(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """Returns the OpenAPI document."""
    table = list(routes)
    types: list[Any] = [ErrorBody]
    for route in table:
        types += [body for body in (route.body_type or route.described_body,) if body is not None]
        types += [one for answer in route.answers.values() for one in _alternatives(answer)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "viral-engine",
            "version": version,
            "description": "May this user do this action now? Every decision carries its reasons and its arithmetic.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "ve_<id>_<secret>"}},
        },
    }


def _alternatives(answer: Any) -> tuple[Any, ...]:
    if answer is None:
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


def _operation(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]
    parameters += [
        {
            "name": parameter.name,
            "in": "query",
            "required": False,
            "description": parameter.about,
            "schema": dict(parameter.schema),
        }
        for parameter in route.query
    ]
    if route.once:
        parameters.append(_KEY_HEADER)
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": parameters,
        "responses": _responses(route, schema_of),
        "security": [{"key": []}] if route.scopes else [],
        "x-scopes": list(route.scopes or ()),
        "x-touches": [data.value for data in route.touches or ()],
    }
    body = route.body_type or route.described_body
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "description": f"At most {route.body_bytes_max} bytes.",
            "content": {_ALWAYS_JSON: {"schema": schema_of[repr(body)]}},
        }
    return operation


def _responses(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, answer in route.answers.items():
        response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        schemas = [schema_of[repr(one)] for one in _alternatives(answer)]
        if schemas:
            response["content"] = {
                route.media_type: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
            }
        responses[str(status)] = response
    responses["default"] = {
        "description": "An error: a stable code, a sentence, and the field it is about.",
        "content": {_ALWAYS_JSON: {"schema": schema_of[repr(ErrorBody)]}},
    }
    return responses
