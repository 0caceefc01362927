"""Faults of the system before this one, by the number of the list, over HTTP and in the files of the keys."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_serving import Served, serving

from viral_engine import config
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts
from viral_engine.domain.policy import DEFAULT_POLICY
from viral_engine.domain.reasons import Reason
from viral_engine.web.check import Checker
from viral_engine.web.first_keys import InstanceKeyLost, first_keys
from viral_engine.web.routes import Route
from viral_engine.web.table import route_table

OPEN = {"healthz", "readyz", "home"}
"""What needs no key: whether the daemon lives and is ready, and where its description is."""

SECRET = re.compile(r"secret|password|token|salt|(?<!_)key$|api_key|instance_key")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


def routes(served: Served) -> tuple[Route, ...]:
    return route_table(served.context.settings, Checker(served.system.kept("/web").value))


def path_of(route: Route) -> str:
    return re.sub(r"\{\w+\}", "1", route.path)


def test_fault_033_every_route_asks_for_a_key_by_its_own_declaration(served: Served) -> None:
    closed = [route for route in routes(served) if route.scopes]
    assert len(closed) >= 30
    for route in closed:
        answer = served.request(route.method, path_of(route), {} if route.body_bytes_max else None, key=None)
        assert (route.name, answer.status) == (route.name, 401)
    assert served.trust_safety.got == []


def test_fault_034_neither_a_session_nor_a_cookie_stands_for_a_key(served: Served) -> None:
    for headers in ({"Cookie": f"session={served.key}"}, {"X-Api-Key": served.key}, {"Authorization": served.key}):
        assert served.check(key=None, headers=headers).error == (401, "authentication_required", None)


def test_fault_038_an_action_is_its_whole_name_and_never_a_part_of_one(served: Served) -> None:
    for name in ("transcript_view_all", "view_transcript_view", "login2", "general.login"):
        assert served.check({"user_id": 1, "action_type": name}).status == 200
        assert served.trust_safety.got[-1].action_type == name
        decision = evaluate(DEFAULT_POLICY, Facts(action=name, now_ms=1, band=AgeBand.UNDER_13))
        assert {Reason.UNKNOWN_ACTION, Reason.PARENTAL_CONSENT_REQUIRED} <= set(decision.reasons)


def test_fault_045_no_header_says_which_school_somebody_belongs_to(served: Served) -> None:
    served.check({"user_id": 7, "action_type": "general"})
    plain = served.trust_safety.got[-1]
    claims = {"X-Tenant-Id": "42", "X-School-Id": "42", "X-Organization": "42", "X-User-Id": "1", "X-Role": "admin"}
    served.check({"user_id": 7, "action_type": "general"}, headers=claims)
    assert differing(plain, served.trust_safety.got[-1]) <= {"received_s", "deadline_s", "request_id"}
    refused = served.check({"user_id": 7, "action_type": "general", "tenant_id": 42})
    assert refused.error == (422, "invalid", "tenant_id")


def differing(one: Any, other: Any) -> set[str]:
    return {name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)}


def test_fault_046_a_key_that_may_only_check_opens_nothing_of_operators(served: Served) -> None:
    check_only = served.reader.add_key(["check"])
    for route in routes(served):
        if route.scopes and "check" not in route.scopes:
            answer = served.request(route.method, path_of(route), {} if route.body_bytes_max else None, key=check_only)
            assert (route.name, answer.status) == (route.name, 403)
    assert {route.name for route in routes(served) if not route.scopes} == OPEN


def test_fault_047_every_folder_makes_secrets_of_its_own_for_its_owner_alone(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    made = first_keys(here)
    assert first_keys(here).instance_key == made.instance_key
    assert first_keys(there).instance_key != made.instance_key
    assert (here / "api-key").read_text() != (there / "api-key").read_text()
    assert {stat.S_IMODE(file.stat().st_mode) for file in (*here.iterdir(), *there.iterdir())} == {0o600}


@pytest.mark.parametrize("damaged", [None, "", "00", "not hexadecimal"])
def test_fault_047_nothing_starts_without_the_secret_under_which_keys_were_made(
    tmp_path: Path, damaged: str | None
) -> None:
    first_keys(tmp_path)
    file = tmp_path / "instance-key"
    file.unlink()
    if damaged is not None:
        file.write_text(damaged)
    with pytest.raises(InstanceKeyLost, match="instance-key is missing or damaged"):
        first_keys(tmp_path)


def test_fault_047_no_secret_has_a_value_that_is_shipped() -> None:
    def secrets_in(table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, value in table.items():
            if isinstance(value, dict):
                yield from secrets_in(value)
            elif SECRET.search(name):
                yield name, value

    shipped = tomllib.loads((Path(config.__file__).parents[1] / "config" / "default.toml").read_text())
    assert [name for name, value in secrets_in(shipped) if value] == []
