"""What people said of decisions reaches whoever may know of it, and an overturned decision is not appealed again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from data_actors import outcome
from test_blocks_of_reports import close_seen, report_of_child_safety
from test_reviews import BAD, acts, answer, appeal, cases, close, report
from test_trust_safety import Engine, engine

from viral_engine.messages.refusals import Refused
from viral_engine.messages.reviews import Appeal, CaseStands, ClaimCase, ReadVerdicts
from viral_engine.store.engine import Database


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def review(on: Engine, decision_id: str, *, child_safety: bool = False) -> Any:
    found = outcome(on.system.call("/reader", ReadVerdicts((decision_id,), child_safety=child_safety)))
    return found.get(decision_id)


def held(on: Engine) -> str:
    """The id of a decision `review`."""
    for reporter in "789":
        report(on, reporter)
    told = answer(on, device_id="d", ip_address="192.0.2.1")
    assert told["decision"] == "review"
    return str(told["decision_id"])


@pytest.mark.parametrize(("verdict", "state"), [("uphold", "upheld"), ("overturn", "overturned")])
def test_a_held_decision_tells_of_its_case_from_the_start_to_the_verdict(
    running: Engine, verdict: str, state: str
) -> None:
    decision_id = held(running)
    [case] = cases(running, kind="decision")
    waits = review(running, decision_id)
    assert (waits.case_id, waits.state, waits.closed_at) == (case.case_id, "open", None)
    outcome(running.ask(ClaimCase(case_id=case.case_id, author="key:ada")))
    assert review(running, decision_id) == waits
    close(running, case.case_id, verdict)
    looked = review(running, decision_id)
    assert (looked.case_id, looked.state) == (case.case_id, state)
    assert looked.closed_at >= case.opened_at


def test_a_decision_without_a_case_has_no_review(running: Engine) -> None:
    report(running, "7")
    told = answer(running, device_id="d", ip_address="192.0.2.1")
    assert review(running, told["decision_id"]) is None
    assert review(running, "no id") is None


def test_of_a_case_and_an_appeal_the_newest_tells(running: Engine) -> None:
    decision_id = held(running)
    [case] = cases(running, kind="decision")
    close(running, case.case_id, "uphold")
    appealed = appeal(running, decision_id)
    assert (review(running, decision_id).case_id, review(running, decision_id).state) == (appealed, "open")
    close(running, appealed, "overturn")
    assert (review(running, decision_id).case_id, review(running, decision_id).state) == (appealed, "overturned")


def test_an_appeal_of_child_safety_is_told_to_those_alone_who_may_see_it(running: Engine) -> None:
    report_of_child_safety(running)
    decision_id = answer(running)["decision_id"]
    case_id = appeal(running, decision_id)
    assert review(running, decision_id) is None
    assert review(running, decision_id, child_safety=True).case_id == case_id
    close_seen(running, case_id, "overturn")
    assert review(running, decision_id) is None
    assert review(running, decision_id, child_safety=True).state == "overturned"


def test_an_older_case_is_told_to_whoever_may_not_see_the_appeal_of_child_safety(running: Engine) -> None:
    decision_id = answer(running)["decision_id"] if outcome(running.block(BAD)) else ""
    first = appeal(running, decision_id)
    close(running, first, "uphold")
    report_of_child_safety(running)
    second = appeal(running, decision_id)
    told = [review(running, decision_id, child_safety=knows).case_id for knows in (False, True)]
    assert told == [first, second]


@pytest.mark.parametrize("kind", ["decision", "appeal"])
def test_a_decision_that_was_overturned_is_not_appealed_again(running: Engine, kind: str) -> None:
    decision_id = held(running)
    case_id = appeal(running, decision_id) if kind == "appeal" else cases(running, kind="decision")[0].case_id
    close(running, case_id, "overturn")
    before = acts(running)
    refused = outcome(running.ask(Appeal(decision_id=decision_id, content="again", author="key:host")))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.http_status) == ("conflict", 409)
    assert str(refused) == f"decision {decision_id} was overturned already"
    assert (cases(running, kind="appeal"), acts(running)) == ([], before)


def test_a_decision_that_was_upheld_is_appealed_again(running: Engine) -> None:
    decision_id = held(running)
    first = appeal(running, decision_id)
    close(running, first, "uphold")
    assert appeal(running, decision_id) != first


def test_that_child_safety_overturned_a_decision_is_told_by_no_refused_appeal_to_others(running: Engine) -> None:
    report_of_child_safety(running)
    decision_id = answer(running)["decision_id"]
    close_seen(running, appeal(running, decision_id), "overturn")
    again = Appeal(decision_id=decision_id, content="again", author="key:host", child_safety=True)
    refused = outcome(running.ask(again))
    assert isinstance(refused, Refused)
    assert refused.code == "conflict"
    taken = outcome(running.ask(Appeal(decision_id=decision_id, content="again", author="key:host")))
    assert isinstance(taken, CaseStands)
    assert taken.is_new
