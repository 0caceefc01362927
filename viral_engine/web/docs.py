"""The page `/docs`: the route table for people, whole without JavaScript and without any other origin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any


def style() -> bytes:
    """Returns the page's style sheet."""
    return files("viral_engine.web").joinpath("static", "docs.css").read_bytes()


def page(document: Mapping[str, Any]) -> bytes:
    """Returns the page for an OpenAPI document."""
    info = document["info"]
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    contents = "".join(
        f'<li><a href="#{escape(operation["operationId"])}"><code>{method.upper()} {escape(path)}</code></a></li>'
        for path, method, operation in operations
    )
    details = "".join(_operation(path, method, operation) for path, method, operation in operations)
    schemas = "".join(
        f'<section id="schema-{escape(name)}"><h3>{escape(name)}</h3>'
        f"<pre>{escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre></section>"
        for name, schema in sorted(document["components"]["schemas"].items())
    )
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title>"
        '<link rel="stylesheet" href="/docs/style.css"></head><body>'
        f"<header><h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
        f"<p>{escape(info['description'])}</p>"
        "<p>Touches names the kinds of personal data that a route reads or writes, in the words of consent scopes.</p>"
        "<p>Send an API key as <code>Authorization: Bearer ve_…</code>. Every error is "
        '<code>{"error", "message", "field"}</code>; a refusal with words for your user is a '
        '<a href="#schema-ComplianceBody">ComplianceBody</a>. The machine-readable description is '
        '<a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p></header>'
        f"<nav aria-label='Routes'><h2>Routes</h2><ul>{contents}</ul></nav>"
        f"<main>{details}<h2>Types</h2>{schemas}</main></body></html>\n"
    ).encode()


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    scopes = " or ".join(operation["x-scopes"]) or "no key"
    touches = ", ".join(operation["x-touches"]) or "nothing personal"
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{parameter['in']}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
        for parameter in operation["parameters"]
    )
    parameters = (
        f"<table><thead><tr><th>Parameter</th><th>In</th><th>About</th></tr></thead><tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    body = operation.get("requestBody")
    request = (
        f"<p>Body: {_types(body['content'])} {escape(body['description'])}</p>{_examples(body['content'])}"
        if body is not None
        else ""
    )
    answers = "".join(
        f"<li><code>{escape(status)}</code> {escape(response['description'])}"
        f" {_types(response.get('content', {}))}{_examples(response.get('content', {}))}</li>"
        for status, response in operation["responses"].items()
    )
    return (
        f'<section id="{escape(operation["operationId"])}"><h2><code>{method.upper()} {escape(path)}</code></h2>'
        f"<p>{escape(operation['summary'])}</p>"
        f"<p>Needs: {escape(scopes)}. Touches: {escape(touches)}.</p>"
        f"{parameters}{request}<ul>{answers}</ul></section>"
    )


def _examples(content: Mapping[str, Any]) -> str:
    return "".join(
        f"<pre>{escape(json.dumps(media['example'], indent=2, ensure_ascii=False))}</pre>"
        for media in content.values()
        if "example" in media
    )


def _types(content: Mapping[str, Any]) -> str:
    names = [
        one["$ref"].rpartition("/")[2]
        for media in content.values()
        for one in (media["schema"], *media["schema"].get("anyOf", ()))
        if "$ref" in one
    ]
    return " or ".join(f'<a href="#schema-{escape(name)}">{escape(name)}</a>' for name in names)
