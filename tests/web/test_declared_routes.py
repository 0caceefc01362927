"""A route says what data it touches and who may ask it, or nothing is served."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from web_serving import serving

from viral_engine.domain.consent import DataClass
from viral_engine.web.app import build_app
from viral_engine.web.check import Checker
from viral_engine.web.routes import Call, Route, UndeclaredRoute
from viral_engine.web.table import route_table

ABOUT_PEOPLE = re.compile(r"user|decision|check|review|report|appeal|redaction|block|allow")


async def tell(_call: Call) -> NoReturn:
    raise AssertionError


def test_nothing_is_served_beside_a_route_that_leaves_out_what_it_must_declare() -> None:
    declared: dict[str, Any] = {"touches": (DataClass.PROFILE,), "scopes": ("audit",), "body_bytes_max": 0}
    whole = Route(
        name="leaky", method="GET", path="/v1/leaky", summary="-", handler=tell, answers={204: None}, **declared
    )
    lacking = {
        "touches": "what data it touches",
        "scopes": "which scope it needs",
        "body_bytes_max": "how large its body may be",
    }
    with serving() as served:
        build_app(served.context, extra=(whole,))
        for field, said in lacking.items():
            cut: dict[str, Any] = {field: None}
            with pytest.raises(UndeclaredRoute) as refused:
                build_app(served.context, extra=(replace(whole, **cut),))
            assert str(refused.value) == f"the route leaky does not declare {said}"


def test_every_route_about_people_touches_something_and_needs_a_key() -> None:
    with serving() as served:
        routes = route_table(served.context.settings, Checker(served.system.kept("/web").value))
    found = {route.name: bool(route.touches and route.scopes) for route in routes if ABOUT_PEOPLE.search(route.path)}
    assert {"get_user", "list_disclosures", "get_decision", "get_case", "check"} <= found.keys()
    assert [name for name, is_declared in found.items() if not is_declared] == []
