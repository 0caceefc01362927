"""Whom a restart concerns, who comes back, and what ends a supervisor."""

from __future__ import annotations

from typing import Any

import pytest

from viral_engine.runtime.exits import KILLED, NORMAL, SHUTDOWN, Exit, crash
from viral_engine.runtime.strategies import GroupRestart, ends_supervisor, needs_restart, plan_restart


@pytest.mark.parametrize(
    ("strategy", "stop", "start"),
    [
        ("one_for_one", "", "b"),
        ("rest_for_one", "dc", "bcd"),
        ("one_for_all", "dca", "abcd"),
    ],
)
def test_a_group_stops_in_reverse_and_starts_in_order(strategy: Any, stop: str, start: str) -> None:
    assert plan_restart(strategy, "abcd", "b") == GroupRestart(tuple(stop), tuple(start))


@pytest.mark.parametrize(
    ("reason", "permanent", "transient"),
    [
        (NORMAL, True, False),
        (SHUTDOWN, True, False),
        (Exit("shutdown", "detail"), True, False),
        (KILLED, True, True),
        (crash(ValueError("x")), True, True),
    ],
)
def test_the_restart_type_decides_who_comes_back(reason: Exit, *, permanent: bool, transient: bool) -> None:
    assert needs_restart("permanent", reason) is permanent
    assert needs_restart("transient", reason) is transient
    assert needs_restart("temporary", reason) is False


@pytest.mark.parametrize("significant", [False, True])
@pytest.mark.parametrize("others", [False, True])
def test_only_significant_ends_end_a_supervisor(*, significant: bool, others: bool) -> None:
    def ends(mode: Any) -> bool:
        return ends_supervisor(mode, significant=significant, other_significant_alive=others)

    assert ends("never") is False
    assert ends("any_significant") is significant
    assert ends("all_significant") is (significant and not others)
