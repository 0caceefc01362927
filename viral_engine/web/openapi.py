"""The API's description (OpenAPI 3.1), made of the route table and of the messages' own types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

import msgspec

from viral_engine.web.api.policies import VERSION
from viral_engine.web.body_forms import SHARED, constrain
from viral_engine.web.compliance import ComplianceBody
from viral_engine.web.error_codes import ALL, HANDED_ON, errors_of
from viral_engine.web.errors import ErrorBody
from viral_engine.web.examples import EXAMPLES
from viral_engine.web.forms import UUID, text
from viral_engine.web.routes import Route

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)}")
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_KEY_HEADER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body is done once and answered with the same bytes for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_PATH_FORMS = {"user_id": text(), "guardian_id": text(), "key_id": text(), "version": VERSION}
"""Of what a path names; anything else is an id of ours."""

_ALWAYS_JSON = "application/json"


def describe(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """Returns the OpenAPI document."""
    table = list(routes)
    types: list[Any] = [ErrorBody, ComplianceBody]
    for route in table:
        types += [body for body in (route.body_type or route.described_body,) if body is not None]
        types += [one for answer in route.answers.values() for one in _alternatives(answer)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    for name, component in components.items():
        constrain(name, component)
        _describe_properties(component)
    components.update({name: dict(form) for name, form in SHARED.items()})
    components["ErrorBody"]["properties"]["error"]["enum"] = list(ALL)
    components["ComplianceBody"]["properties"]["error"]["enum"] = sorted(HANDED_ON)
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
        {"name": name, "in": "path", "required": True, "schema": dict(_PATH_FORMS.get(name, UUID))}
        for name in _PARAMETER.findall(route.path)
    ]
    parameters += [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
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
            "content": {_ALWAYS_JSON: {"schema": schema_of[repr(body)], **_example(body)}},
        }
    return operation


def _example(kind: Any) -> dict[str, Any]:
    """Returns the keyword that holds the example of a type, nothing for a type without one."""
    name = getattr(kind, "__name__", "")
    return {"example": EXAMPLES[name]} if name in EXAMPLES else {}


def _describe_properties(component: dict[str, Any]) -> None:
    """Moves what a docstring says of attributes to the properties themselves."""
    text, _, attributes = cleandoc(component.get("description", "")).partition("\n\nAttributes:\n")
    if text:
        component["description"] = " ".join(text.split())
    for name, about in _ATTRIBUTE.findall(attributes):
        component["properties"][name]["description"] = " ".join(about.split())


def _responses(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, answer in route.answers.items():
        response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        kinds = _alternatives(answer)
        schemas = [schema_of[repr(one)] for one in kinds]
        if schemas:
            schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
            response["content"] = {route.media_type: {"schema": schema, **_example(kinds[0])}}
        responses[str(status)] = response
    for status, codes in errors_of(route).items():
        if str(status) not in responses:
            responses[str(status)] = {
                "description": " ".join(f"`{code}`: {about}" for code, about in codes.items()),
                "content": {_ALWAYS_JSON: _error(codes, schema_of)},
            }
    return responses


def _error(codes: Mapping[str, str], schema_of: dict[str, Any]) -> dict[str, Any]:
    """Returns the body of one status: some of its codes may have words for the user beside them."""
    if HANDED_ON.isdisjoint(codes):
        return {"schema": schema_of[repr(ErrorBody)]}
    kinds = (ComplianceBody,) if HANDED_ON.issuperset(codes) else (ErrorBody, ComplianceBody)
    schemas = [schema_of[repr(kind)] for kind in kinds]
    return {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}, **_example(ComplianceBody)}
