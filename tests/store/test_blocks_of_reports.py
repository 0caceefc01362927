"""Blocks that reports bring: who may lift them, and that those of child safety look like all others."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from data_actors import outcome
from test_reviews import BAD, acts, answer, appeal, blocked, cases, close, report, told
from test_trust_safety import Engine, engine

from viral_engine.domain.facts import FlagSeverity
from viral_engine.domain.reports import BLOCK_DAYS, BLOCK_REASON, Category
from viral_engine.folders import root_folder
from viral_engine.messages.access import RemoveEntry
from viral_engine.messages.journal import Commit
from viral_engine.messages.refusals import Refused
from viral_engine.messages.reviews import ClaimCase, ReadCase
from viral_engine.store.audit import audit_entry
from viral_engine.store.engine import Database
from viral_engine.store.reviews import HELD_MS


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def case_of(on: Engine, case_id: str) -> Any:
    return outcome(on.system.call("/reader", ReadCase(case_id)))


def report_of_child_safety(on: Engine, reporter: str = "staff", **changes: Any) -> str:
    """The id of its case; what it is about is blocked."""
    case_id: str = report(on, reporter, category=Category.CHILD_SAFETY, trusted=True, **changes).report_id
    return case_id


def claim(on: Engine, case_id: str, author: str = "key:ada") -> None:
    assert outcome(on.ask(ClaimCase(case_id=case_id, author=author))) is None


def read(on: Engine, case_id: str, author: str = "key:ada") -> None:
    """As `GET /v1/reviews/{id}` tells the audit."""
    entry = audit_entry("case.read", author, at_ms=on.system.clock.wall_ms(), subject=("case", case_id))
    outcome(on.system.call("/journal", Commit((entry,))))


def close_seen(on: Engine, case_id: str, verdict: Any) -> Any:
    """Closes a case of child safety as it must be."""
    claim(on, case_id)
    read(on, case_id)
    return close(on, case_id, verdict, note="talked to both parents", child_safety=True)


def is_blocked(on: Engine) -> bool:
    return "user_blocked" in answer(on)["reasons"]


def lift(on: Engine, block_id: str, **more: Any) -> Any:
    wanted = RemoveEntry(list_name="blocks", entry_id=block_id, author="key:ada", reason="by hand", **more)
    return outcome(on.ask(wanted))


def test_what_a_block_of_child_safety_decided_is_appealed_to_those_who_may_see_its_case(running: Engine) -> None:
    report_of_child_safety(running)
    case_id = appeal(running, answer(running)["decision_id"])
    assert cases(running) == []
    (case,) = cases(running, "child_safety", kind="appeal")
    assert (case.case_id, case.content) == (case_id, "not me")
    assert case.held_until - case.opened_at == timedelta(milliseconds=HELD_MS)
    closed = close_seen(running, case_id, "overturn")
    assert (len(closed.blocks_lifted), closed.blocks_kept) == (1, [])
    assert not is_blocked(running)


@pytest.mark.parametrize("category", [one for one in Category if one is not Category.CHILD_SAFETY])
def test_what_any_other_report_blocked_is_appealed_where_everything_else_is(
    running: Engine, category: Category
) -> None:
    report(running, "staff", category=category, trusted=True)
    case_id = appeal(running, answer(running)["decision_id"])
    assert [one.case_id for one in cases(running, kind="appeal")] == [case_id]
    assert len(close(running, case_id, "overturn").blocks_lifted) == 1


def test_an_overturn_lifts_no_block_of_child_safety_and_says_which_ones_stay(running: Engine) -> None:
    by_hand = outcome(running.block("laptop", kind="device")).entry_id
    outcome(running.block(BAD, expires_at=None))
    case_id = appeal(running, answer(running, device_id="laptop")["decision_id"])
    # The appeal was there before, so it waits where everything else does.
    report_of_child_safety(running)
    ours = next(block_id for block_id, _ in blocked(running) if block_id != by_hand)
    closed = close(running, case_id, "overturn")
    assert (closed.blocks_lifted, closed.blocks_kept) == ([by_hand], [ours])
    assert answer(running, device_id="laptop")["reasons"][0] == "user_blocked"
    assert acts(running)[-3:] == ["blocks.lift", "blocks.keep", "case.close"]
    assert told(running, "blocks.keep") == [(BAD, {"case": case_id, "block_id": ours})]


def test_a_block_that_a_report_of_child_safety_made_longer_is_not_lifted_with_the_report_before(
    running: Engine,
) -> None:
    first = report(running, "staff", trusted=True).report_id
    second = report_of_child_safety(running, "parent")
    assert case_of(running, first).block_id == case_of(running, second).block_id
    closed = close(running, first, "overturn")
    assert (closed.blocks_lifted, closed.blocks_kept) == ([], [])
    assert is_blocked(running)
    assert len(close_seen(running, second, "overturn").blocks_lifted) == 1
    assert not is_blocked(running)


def test_a_block_that_somebody_put_there_for_a_reason_of_their_own_outlives_the_report(running: Engine) -> None:
    outcome(running.block(BAD, reason="stolen accounts"))
    stands = report(running, "staff", trusted=True)
    assert (stands.blocked, stands.blocked_until) == (True, None)
    assert close(running, stands.report_id, "overturn").blocks_lifted == []
    assert [reason for _, reason in blocked(running)] == ["stolen accounts"]


def test_a_report_that_is_said_again_by_somebody_trusted_names_the_block_in_its_case(running: Engine) -> None:
    case_id = report(running, "parent", category=Category.CHILD_SAFETY).report_id
    again = report(running, "parent", category=Category.CHILD_SAFETY, trusted=True)
    assert (again.is_new, again.report_id) == (False, case_id)
    assert [case_of(running, case_id).block_id] == [block_id for block_id, _ in blocked(running)]


def test_a_report_that_is_said_again_makes_its_block_no_longer_and_is_told_once(running: Engine) -> None:
    first = report(running, "staff", trusted=True)
    [(block_id, _)] = blocked(running)
    again = report(running, "staff", trusted=True)
    assert (again.is_new, again.blocked, again.blocked_until) == (False, True, first.blocked_until)
    told_once = [(BAD, {"reason": BLOCK_REASON, "report_id": first.report_id, "block_id": block_id})]
    assert told(running, "blocks.add") == told_once
    assert acts(running) == ["report.add", "blocks.add"]


@pytest.mark.parametrize("verdict", ["uphold", "overturn"])
def test_a_report_that_is_said_again_brings_no_block_back(running: Engine, verdict: Any) -> None:
    case_id = report(running, "staff", trusted=True).report_id
    close(running, case_id, verdict)
    for block_id, _ in blocked(running):
        lift(running, block_id)
    again = report(running, "staff", trusted=True)
    assert (again.is_new, again.blocked, again.blocked_until) == (False, False, None)
    assert blocked(running) == []
    assert not is_blocked(running)


def test_a_block_and_its_lifting_are_joined_by_the_block_s_id_in_the_audit(running: Engine) -> None:
    for kind in ("user", "device"):
        outcome(running.block("by-hand", kind=kind))
    again = outcome(running.block("by-hand", kind="device")).entry_id
    report(running, "staff", trusted=True)
    ids = [block_id for block_id, _ in blocked(running)]
    for block_id in ids:
        lift(running, block_id)
    added, lifted = ([details["block_id"] for _, details in told(running, f"blocks.{act}")] for act in ("add", "lift"))
    assert added == [ids[0], ids[1], again, ids[2]]
    assert again == ids[1]
    assert lifted == ids


def test_a_block_of_child_safety_is_lifted_by_hand_by_those_alone_who_may_see_its_case(running: Engine) -> None:
    report_of_child_safety(running)
    [(block_id, _)] = blocked(running)
    nowhere = "01a2053f-4c00-7000-8000-000000000001"
    answers = [lift(running, one) for one in (block_id, nowhere)]
    for refused in answers:
        assert isinstance(refused, Refused)
        assert (refused.code, refused.http_status) == ("not_found", 404)
    # Word for word what is said of a block that is not there.
    assert str(answers[0]).replace(block_id, nowhere) == str(answers[1])
    assert is_blocked(running)
    assert lift(running, block_id, child_safety=True) is None
    assert not is_blocked(running)


def test_once_child_safety_found_a_report_untrue_nothing_of_it_keeps_a_block(running: Engine) -> None:
    outcome(running.block(BAD))
    close_seen(running, report_of_child_safety(running), "overturn")
    [(block_id, _)] = blocked(running)
    assert lift(running, block_id) is None


@pytest.mark.parametrize("category", [*Category])
@pytest.mark.parametrize("severity", [FlagSeverity.HIGH, FlagSeverity.CRITICAL])
def test_a_block_says_neither_what_was_reported_nor_which_report_it_is_of(
    running: Engine, category: Category, severity: FlagSeverity
) -> None:
    report_id = report(running, "staff", category=category, severity=severity, trusted=True).report_id
    [(block_id, reason)] = blocked(running)
    assert reason == BLOCK_REASON
    assert block_id != report_id
    assert category.value not in str(told(running, "blocks.add"))


def test_a_report_says_when_its_block_ends_at_the_latest(running: Engine) -> None:
    stands = report(running, "staff", trusted=True)
    opened_at = case_of(running, stands.report_id).opened_at
    assert stands.blocked_until - opened_at == timedelta(days=BLOCK_DAYS)
    assert report(running, "7", value="other").blocked_until is None


def test_blocks_of_the_release_before_say_no_more_what_was_reported(store: Database) -> None:
    words = {
        "reported: child_safety, critical": BLOCK_REASON, "reported: spam, high": BLOCK_REASON,
        "reported: spam, high, and by me too": "reported: spam, high, and by me too", "stolen": "stolen",
    }  # fmt: skip
    with psycopg.connect(store.conninfo) as connection:
        for number, reason in enumerate(words):
            connection.execute(
                "INSERT INTO blocks (id, kind, value, reason, author, created_at)"
                " VALUES (gen_random_uuid(), 'user', %s, %s, 'key:ada', now())",
                (str(number), reason),
            )
        connection.execute(neutral().encode())
        found = connection.execute("SELECT reason FROM blocks ORDER BY value").fetchall()
    assert [reason for (reason,) in found] == [*words.values()]


def neutral() -> str:
    """The statement of the migration."""
    path = root_folder() / "migrations" / "versions" / "0009_blocks_of_reports.py"
    spec = importlib.util.spec_from_file_location("blocks_of_reports", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.NEUTRAL)
