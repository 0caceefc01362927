"""Pages of the audit: what is asked for, in order, and nothing that tells of child safety to who may not know of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from data_actors import outcome
from rows import NOON_MS, commit
from test_blocks_of_reports import close_seen, lift
from test_reviews import BAD, answer, appeal, blocked, cases, close, report
from test_reviews import acts as acts_of
from test_trust_safety import Engine, engine

from viral_engine.domain.reports import Category
from viral_engine.domain.uuid7 import lowest_uuid7
from viral_engine.messages.audit import AuditRow, AuditRows, ReadAudit
from viral_engine.messages.refusals import Refused
from viral_engine.messages.reviews import Appeal
from viral_engine.store.audit import audit_entry
from viral_engine.store.audit_pages import read_audit
from viral_engine.store.engine import Database
from viral_engine.store.statements import instant_of

DAY_MS = 86_400_000


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def pages(store: Database, *, looked_at: int = 20_000, **asked: Any) -> AuditRows:
    with store.engine.connect() as connection:
        return read_audit(connection, [ReadAudit(**asked)], looked_at)[0]


def seen(on: Engine, **asked: Any) -> list[AuditRow]:
    """Oldest first."""
    return pages(on.database, limit=200, **asked).rows[::-1]


def actions(on: Engine, **asked: Any) -> list[str]:
    return [row.action for row in seen(on, **asked)]


def acts(store: Database, *names: str, every_ms: int = 1) -> None:
    for place, name in enumerate(names):
        entry = audit_entry(name, "key:ada", at_ms=NOON_MS + place * every_ms, subject=("user", f"u{place % 2}"))
        commit(store.conninfo, entry)


def told(page: AuditRows) -> list[str]:
    return [row.action for row in page.rows]


def test_pages_go_from_the_newest_to_the_oldest_and_end(store: Database) -> None:
    acts(store, "a", "b", "c", "d", "e")
    first = pages(store, limit=2)
    second = pages(store, limit=2, before=first.next_before)
    third = pages(store, limit=2, before=second.next_before)
    assert [told(page) for page in (first, second, third)] == [["e", "d"], ["c", "b"], ["a"]]
    assert (third.next_before, told(pages(store, before=0))) == (None, [])
    row = third.rows[0]
    assert (row.at, row.author, row.subject_kind, row.subject_id, row.details) == (
        instant_of(NOON_MS), "key:ada", "user", "u0", {},
    )  # fmt: skip


def test_pages_are_narrowed_by_subject_act_and_time(store: Database) -> None:
    acts(store, "a", "b", "a", "b")
    assert told(pages(store, subject=("user", "u1"))) == ["b", "b"]
    assert told(pages(store, subject=("device", "u1"))) == []
    assert told(pages(store, action="a")) == ["a", "a"]
    assert told(pages(store, since=instant_of(NOON_MS + 1))) == ["b", "a", "b"]
    assert told(pages(store, subject=("user", "u0"), action="a", since=instant_of(NOON_MS + 1), limit=1)) == ["a"]


def test_a_page_looks_at_so_many_entries_at_most_and_the_next_one_goes_on_from_there(store: Database) -> None:
    acts(store, "rare", "b", "b", "b", "b")
    first = pages(store, action="rare", looked_at=2)
    second = pages(store, action="rare", looked_at=2, before=first.next_before)
    third = pages(store, action="rare", looked_at=2, before=second.next_before)
    assert [told(page) for page in (first, second, third)] == [[], [], ["rare"]]
    assert (first.next_before is None, second.next_before is None, third.next_before) == (False, False, None)


def test_a_page_of_what_happened_since_ends_where_all_is_older(store: Database) -> None:
    acts(store, *"abcdef", every_ms=DAY_MS)
    since = instant_of(NOON_MS + 5 * DAY_MS)
    assert pages(store, since=since, looked_at=3).next_before is None
    page = pages(store, since=since, looked_at=2)
    # Written late, an entry could still be there.
    assert (told(page), page.next_before is None) == (["f"], False)


def test_what_a_filter_leaves_out_ends_with_the_last_entry(store: Database) -> None:
    acts(store, "a")
    assert pages(store, action="b").next_before is None


def everything(on: Engine, category: Category) -> None:
    """What reports, appeals and cases write, beside blocks that have nothing to do with them."""
    outcome(on.block("laptop", kind="device"))
    case_id = report(on, "staff", category=category, trusted=True).report_id
    close_seen(on, case_id, "uphold")
    appealed = appeal(on, answer(on, device_id="laptop")["decision_id"])
    close_seen(on, appealed, "overturn")
    report(on, "parent", category=category, value="other", trusted=True)
    lift(on, blocked(on)[0][0], child_safety=True)
    phone = outcome(on.block("phone", kind="device")).entry_id
    report(on, "parent", category=category, kind="device", value="phone", trusted=True)
    lift(on, phone, child_safety=True)
    lift(on, outcome(on.block("tablet", kind="device")).entry_id)


@pytest.mark.parametrize("category", [*Category])
def test_whoever_may_not_know_of_child_safety_sees_the_same_of_each_category(
    running: Engine, category: Category
) -> None:
    everything(running, category)
    assert [(row.action, row.subject_id) for row in seen(running)] == [
        ("blocks.add", "laptop"), ("blocks.add", "phone"), ("blocks.add", "tablet"), ("blocks.lift", "tablet"),
    ]  # fmt: skip


def test_whoever_may_know_of_child_safety_sees_all(running: Engine) -> None:
    everything(running, Category.CHILD_SAFETY)
    whole = acts_of(running)
    assert (actions(running, child_safety=True), whole.count("blocks.lift")) == (whole, 5)


def test_a_block_that_stays_for_child_safety_is_told_to_no_other(running: Engine) -> None:
    outcome(running.block(BAD))
    case_id = appeal(running, answer(running)["decision_id"])
    report(running, "staff", category=Category.CHILD_SAFETY, trusted=True)
    assert len(close(running, case_id, "overturn").blocks_kept) == 1
    assert actions(running) == ["blocks.add"]
    assert actions(running, subject=("user", BAD), child_safety=True) == [
        "blocks.add", "appeal.add", "report.add", "blocks.add", "blocks.keep",
    ]  # fmt: skip


def test_what_is_hidden_makes_no_page_shorter(running: Engine) -> None:
    for name in ("one", "two"):
        outcome(running.block(name))
        report(running, "staff", value=f"{name} too", category=Category.CHILD_SAFETY, trusted=True)
    for looked_at in (1, 2):
        page = pages(running.database, action="blocks.add", limit=2, looked_at=looked_at)
        assert [row.subject_id for row in page.rows] == ["two", "one"][:looked_at]


def test_the_case_of_a_decision_is_everybodys(running: Engine) -> None:
    for reporter in "789":
        report(running, reporter)
    answer(running, device_id="d", ip_address="192.0.2.1")
    [case] = cases(running, kind="decision")
    close(running, case.case_id, "uphold")
    assert [(row.action, row.subject_kind, row.subject_id) for row in seen(running)] == [
        ("case.close", "case", case.case_id),
    ]  # fmt: skip


def test_that_the_queue_of_child_safety_was_looked_through_is_told_to_no_other(running: Engine) -> None:
    entry = audit_entry("case.list", "key:ada", at_ms=NOON_MS, subject=("queue", "child_safety"))
    commit(running.database.conninfo, entry)
    assert (actions(running), actions(running, child_safety=True)) == ([], ["case.list"])


def test_lifts_of_the_release_before_named_the_block_and_are_hidden_as_well(running: Engine) -> None:
    report(running, "staff", category=Category.CHILD_SAFETY, trusted=True)
    [(ours, _)] = blocked(running)
    by_hand = outcome(running.block("laptop", kind="device")).entry_id
    for block_id in (ours, by_hand):
        commit(running.database.conninfo, audit_entry("blocks.lift", "a", at_ms=1, subject=("blocks", block_id)))
    assert [row.subject_id for row in seen(running, action="blocks.lift")] == [by_hand]


def test_an_appeal_of_a_decision_that_is_not_there_leaves_nothing(running: Engine) -> None:
    refused = outcome(running.ask(Appeal(decision_id=str(lowest_uuid7(NOON_MS)), content="x", author="key:host")))
    assert isinstance(refused, Refused)
    assert acts_of(running) == []


def test_the_lift_of_a_block_that_its_case_names_no_more_is_hidden_as_well(running: Engine) -> None:
    for reporter in ("staff", "teacher"):
        report(running, reporter, category=Category.CHILD_SAFETY, trusted=True)
        lift(running, blocked(running)[0][0], child_safety=True)
    assert actions(running) == []
    assert actions(running, action="blocks.lift", child_safety=True) == ["blocks.lift"] * 2
