"""The description of the API is read by people who know JSON and not what we are written in."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from viral_engine import config
from viral_engine.web.openapi import describe
from viral_engine.web.table import route_table

OF_PYTHON = re.compile(r"\b(?:None|True|False)\b")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe(route_table(config.load(), None), "1.0.0")  # type: ignore[arg-type]  # nothing is served by it


def told(part: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every description and summary of the document, with its place."""
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, inner in items:
        if name in {"description", "summary"} and isinstance(inner, str):
            yield path, inner
        elif name != "example":
            yield from told(inner, f"{path}/{name}")


def test_no_description_says_a_value_in_the_words_of_python(document: dict[str, Any]) -> None:
    found = dict(told(document))
    assert "/components/schemas/LimitState" in found
    assert {path: text for path, text in found.items() if OF_PYTHON.search(text)} == {}


def test_a_stored_label_always_has_an_end(document: dict[str, Any]) -> None:
    label, block = (
        document["components"]["schemas"][name]["properties"]["expires_at"] for name in ("LabelStored", "BlockStored")
    )
    assert (label["type"], {"type": "null"} in block["anyOf"]) == ("string", True)


def test_of_every_version_it_is_said_whether_it_is_a_number_or_text(document: dict[str, Any]) -> None:
    versions = {
        (name, field): form.get("description", "")
        for name, schema in document["components"]["schemas"].items()
        for field, form in schema.get("properties", {}).items()
        if field in {"version", "policy_version"}
    }
    as_text = {at for at, says in versions.items() if "text" in says}
    assert as_text == {("ConsentBody", "policy_version"), ("ConsentView", "policy_version"), ("Health", "version")}
    assert [at for at, says in versions.items() if at not in as_text and "number" not in says] == []


def test_a_version_in_a_path_says_that_it_is_text_for_the_sake_of_two_words(document: dict[str, Any]) -> None:
    for path in ("/v1/policies/{version}", "/v1/policies/{version}/shadowed"):
        [version] = document["paths"][path]["get"]["parameters"][:1]
        assert "`enforced`" in version["schema"]["description"]
        assert "number" in version["schema"]["description"]
