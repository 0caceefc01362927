"""What the JSON decoder found, in the words of this API: the field, and what it must be."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from msgspec import inspect

_EXPECTED = re.compile(r"Expected `([^`]*)`, got `")
_STEP = re.compile(r"([^.\[\]]+)|\[(?:\d+|\.\.\.)\]")

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
    "datetime": "a time of RFC 3339",
    "date": "a date",
}
_TIME = "must be a time of RFC 3339 with its offset, such as 2027-01-31T00:00:00Z"
_DATE = "must be a date, such as 2027-01-31"


def wrong_value(found: str, body_type: type, path: str) -> str:
    """Returns what is wrong with the value at a path, for instance "must be text"; never the value itself.

    Args:
        found: what msgspec says of it.
        body_type: what the body was to be.
        path: of the field, `guardian_ids[0]`; empty for the body.
    """
    expected = _EXPECTED.match(found)
    if expected is not None:
        kinds = [_KINDS.get(kind, "something else") for kind in expected[1].split(" | ")]
        return f"must be {' or '.join(kinds)}"
    if found.startswith("Invalid enum value"):
        options = _options(body_type, path)
        return f"must be one of {', '.join(options)}" if options else "is not one of the words that may stand here"
    if found.startswith("Invalid RFC3339"):
        return _DATE if found.endswith(" date") else _TIME
    if "out of range" in found:
        return "is too large a number"
    return "is not of the form that is described in /docs"


def wrong_syntax(found: str, body: bytes) -> str:
    """Returns why a body is no JSON text.

    Args:
        found: what msgspec says of it.
        body: the body.
    """
    if not body.strip():
        return "the body is empty: a JSON object is needed"
    if "truncated" not in found:
        return f"the body is no JSON: {found.removeprefix('JSON is malformed: ')}"[:200]
    with suppress(ValueError, RecursionError):
        json.loads(body)
        # Python's reader takes what UTF-8 cannot hold.
        return "the body is no JSON: a text holds one half of a surrogate pair"
    return "the body is no JSON: it ends too early"


def _options(body_type: type, path: str) -> list[str]:
    """Returns the words that may stand at a path, none when the type does not tell."""
    at: Any = inspect.type_info(body_type)
    for step in _STEP.finditer(path):
        candidates = at.types if isinstance(at, inspect.UnionType) else (at,)
        at = next(filter(None, (_inner(one, step[1]) for one in candidates)), None)
    candidates = at.types if isinstance(at, inspect.UnionType) else (at,)
    found: list[str] = []
    for one in candidates:
        match one:
            case inspect.LiteralType():
                found += [str(value) for value in one.values]
            case inspect.EnumType():
                found += sorted(str(member.value) for member in one.cls)
    return found


def _inner(kind: Any, name: str | None) -> Any:
    """Returns the type of a field, or of a list's items; None where there is no such."""
    if name is None:
        return getattr(kind, "item_type", None)
    return next((field.type for field in getattr(kind, "fields", ()) if field.encode_name == name), None)
