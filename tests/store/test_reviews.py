"""Reports, cases, appeals on a real database: what is said of somebody weighs, is looked at, and can be undone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from data_actors import locked, outcome, rows_of, until
from test_trust_safety import Engine, engine

from viral_engine.domain.facts import FlagSeverity
from viral_engine.domain.reports import QUOTA_A_DAY, Category, blocks_at_once, severity_of
from viral_engine.messages.reading import ReadEntries
from viral_engine.messages.refusals import Refused
from viral_engine.messages.reviews import AddReport, Appeal, ClaimCase, CloseCase, ReadCase, ReadCases
from viral_engine.store.engine import Database

BAD = "bad-one"


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def report(on: Engine, reporter: str, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "kind": "user", "value": BAD, "category": Category.HARASSMENT, "severity": FlagSeverity.CRITICAL,
        "content": None, "trusted": False, "author": "key:host",
    }  # fmt: skip
    return outcome(on.ask(AddReport(reporter_id=reporter, **{**fields, **changes})))


def answer(on: Engine, user: str = BAD, action: str = "general", **fields: Any) -> Any:
    return msgspec.json.decode(outcome(on.check(user, action, **fields)).answer)


def cases(on: Engine, queue: Any = "review", **wanted: Any) -> list[Any]:
    found: list[Any] = outcome(on.system.call("/reader", ReadCases(queue=queue, **wanted)))
    return found


def close(on: Engine, case_id: str, verdict: Any, author: str = "key:ada", **more: Any) -> Any:
    more = {"note": "looked at it", **more}
    return outcome(on.ask(CloseCase(case_id=case_id, outcome=verdict, author=author, **more)))


def appeal(on: Engine, decision_id: str) -> str:
    case: str = outcome(on.ask(Appeal(decision_id=decision_id, content="not me", author="key:host"))).case_id
    return case


def blocked(on: Engine) -> list[tuple[str, str]]:
    """Id and reason of each block that stands, oldest first."""
    views = outcome(on.system.call("/reader", ReadEntries(list_name="blocks", limit=50)))
    return [(one.block_id, one.reason) for one in views][::-1]


def acts(on: Engine) -> list[str]:
    with psycopg.connect(on.database.conninfo) as connection:
        return [row[0] for row in connection.execute("SELECT act FROM audit ORDER BY id").fetchall()]


SAID = {"category": "harassment", "severity": "critical"}


def told(on: Engine, act: str) -> list[tuple[str, Any]]:
    """Whom or what each such act was done to and its details, oldest first."""
    rows = rows_of(on.database.conninfo, "SELECT act, subject_id, details FROM audit ORDER BY id")
    return [(subject, details) for done, subject, details in rows if done == act]


def test_ten_reports_of_one_reporter_block_nobody_and_weigh_as_one_source(running: Engine) -> None:
    for category in [*Category][:5]:
        for kind in ("user", "device"):
            value = BAD if kind == "user" else "d"
            assert report(running, "7", category=category, kind=kind, value=value).is_new
    told = answer(running, device_id="d", ip_address="192.0.2.1")
    assert (told["decision"], told["score"]) == ("allow_flagged", 3_000)
    assert sum(term["weight"] for term in told["contributions"]) == told["score"]


def test_reports_of_several_are_looked_at_before_they_refuse(running: Engine) -> None:
    for reporter in "789":
        report(running, reporter)
    told = answer(running, device_id="d", ip_address="192.0.2.1")
    assert (told["decision"], told["score"]) == ("review", 6_000)
    kinds = sorted(one.kind for one in cases(running))
    assert kinds == ["decision", "report", "report", "report"]
    assert [one.decision_id for one in cases(running, kind="decision")] == [told["decision_id"]]


def test_whoever_tries_again_and_again_fills_no_queue_and_neither_does_the_past(running: Engine) -> None:
    for reporter in "789":
        report(running, reporter)
    place = {"device_id": "d", "ip_address": "192.0.2.1"}
    imported = answer(running, occurred_ms=1_790_000_000_000, **place)
    told = [answer(running, **place) for _ in range(3)]
    assert {one["decision"] for one in (imported, *told)} == {"review"}
    first = cases(running, kind="decision")
    assert [one.decision_id for one in first] == [told[0]["decision_id"]]
    close(running, first[0].case_id, "uphold")
    again = answer(running, **place)
    assert [one.decision_id for one in cases(running, kind="decision")] == [again["decision_id"]]


def test_the_same_report_on_one_day_is_one(running: Engine) -> None:
    first, again = report(running, "7"), report(running, "7")
    assert (first.is_new, again.is_new, again.report_id) == (True, False, first.report_id)
    assert len(cases(running)) == 1
    assert told(running, "report.add") == [(BAD, {**SAID, "report_id": first.report_id})]


def test_a_report_that_is_said_again_weighs_no_more_and_comes_back_no_more_than_the_first(running: Engine) -> None:
    first = report(running, "7", severity=FlagSeverity.LOW)
    report(running, "7", severity=FlagSeverity.LOW)
    assert answer(running, device_id="d", ip_address="192.0.2.1")["score"] == 500
    close(running, first.report_id, "overturn")
    report(running, "7", severity=FlagSeverity.LOW)
    assert answer(running, device_id="d", ip_address="192.0.2.1")["score"] == 0


def test_a_reporter_s_quota_ends_and_nothing_of_the_next_report_is_kept(running: Engine) -> None:
    for number in range(QUOTA_A_DAY):
        assert report(running, "7", value=f"u{number}").is_new
    refused = report(running, "7", value="one more", trusted=True)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.http_status) == ("quota_exceeded", 429)
    assert len(cases(running, limit=200)) == QUOTA_A_DAY
    assert answer(running, "one more")["decision"] == "allow"


def test_what_somebody_trusted_calls_high_blocks_at_once_until_it_is_overturned(running: Engine) -> None:
    stands = report(running, "staff", trusted=True, severity=FlagSeverity.HIGH)
    assert stands.blocked
    refused = answer(running)
    assert (refused["decision"], refused["reasons"][0]) == ("deny", "user_blocked")
    closed = close(running, stands.report_id, "overturn")
    assert (len(closed.blocks_lifted), closed.blocks_kept, blocked(running)) == (1, [], [])
    again = answer(running)
    assert (again["decision"], again["reasons"]) == ("allow", [])
    assert acts(running) == ["report.add", "blocks.add", "blocks.lift", "case.close"]


def test_an_appeal_that_is_overturned_lifts_the_block_that_decided_and_the_audit_tells_all_of_it(
    running: Engine,
) -> None:
    block = outcome(running.block(BAD))
    refused = answer(running)
    first = outcome(running.ask(Appeal(decision_id=refused["decision_id"], content="not me", author="key:host")))
    again = outcome(running.ask(Appeal(decision_id=refused["decision_id"], content="hello?", author="key:host")))
    assert (first.is_new, again.is_new, again.case_id) == (True, False, first.case_id)
    assert [(one.case_id, one.content) for one in cases(running, kind="appeal")] == [
        (first.case_id, "not me\n\nhello?"),
    ]  # fmt: skip
    assert outcome(running.ask(ClaimCase(case_id=first.case_id, author="key:ada"))) is None
    ids = {"case_id": first.case_id, "decision_id": refused["decision_id"]}
    assert told(running, "appeal.add") == [(BAD, ids)]
    assert close(running, first.case_id, "overturn").blocks_lifted == [block.entry_id]
    assert answer(running)["decision"] == "allow"
    assert acts(running) == ["blocks.add", "appeal.add", "case.claim", "blocks.lift", "case.close"]


def test_what_is_said_again_stands_in_an_appeal_once_and_an_appeal_takes_no_more_than_so_many_words(
    running: Engine,
) -> None:
    outcome(running.block(BAD))
    decision_id = answer(running)["decision_id"]
    for words in ("not me", "not me", "x" * 3_990, "y" * 4_000, "z" * 4_000, "a" * 4_000, "b" * 3_990):
        assert outcome(running.ask(Appeal(decision_id=decision_id, content=words, author="key:host"))).case_id
    refused = outcome(running.ask(Appeal(decision_id=decision_id, content="one more word", author="key:host")))
    assert (refused.code, refused.field) == ("limit_reached", "content")
    [case] = cases(running, kind="appeal")
    assert len(case.content) == 6 + 3_990 + 3 * 4_000 + 3_990 + 5 * 2


def test_a_report_in_other_words_or_of_another_severity_is_another_one_with_a_case_of_its_own(running: Engine) -> None:
    first = report(running, "7", category=Category.CHILD_SAFETY, severity=FlagSeverity.MEDIUM, content="odd jokes")
    worse = report(running, "7", category=Category.CHILD_SAFETY, content="he asked for photos")
    again = report(running, "7", category=Category.CHILD_SAFETY, content="he asked for photos")
    assert [one.is_new for one in (first, worse, again)] == [True, True, False]
    told = [(one.severity, one.content) for one in cases(running, "child_safety")]
    assert told == [("medium", "odd jokes"), ("critical", "he asked for photos")]
    # Of one source they weigh no more than one.
    assert answer(running, device_id="d", ip_address="192.0.2.1")["score"] == 3_000


def test_an_appeal_that_is_upheld_changes_nothing(running: Engine) -> None:
    outcome(running.block(BAD))
    refused = answer(running)
    closed = close(running, appeal(running, refused["decision_id"]), "uphold")
    assert (closed.blocks_lifted, closed.blocks_kept) == ([], [])
    assert answer(running)["decision"] == "deny"


def test_a_case_is_one_person_s_and_is_closed_once(running: Engine) -> None:
    case_id = report(running, "7").report_id
    assert outcome(running.ask(ClaimCase(case_id=case_id, author="key:ada"))) is None
    bobs = outcome(running.ask(ClaimCase(case_id=case_id, author="key:bob")))
    for refused in (bobs, close(running, case_id, "uphold", "key:bob")):
        assert isinstance(refused, Refused)
        assert (refused.code, refused.http_status) == ("conflict", 409)
    assert close(running, case_id, "uphold").outcome == "uphold"
    assert isinstance(close(running, case_id, "overturn"), Refused)
    view = outcome(running.system.call("/reader", ReadCase(case_id)))
    assert (view.state, view.outcome, view.closed_by, view.note) == ("closed", "uphold", "key:ada", "looked at it")


@pytest.mark.parametrize("message", [Appeal, ClaimCase, CloseCase])
@pytest.mark.parametrize("name", ["no id", "01a2053f-4c00-7000-8000-000000000001"])
def test_what_is_not_there_is_told_to_be_so(running: Engine, message: Any, name: str) -> None:
    more = {Appeal: {"content": "x"}, ClaimCase: {}, CloseCase: {"outcome": "uphold", "note": "x"}}[message]
    named = "decision_id" if message is Appeal else "case_id"
    refused = outcome(running.ask(message(**{named: name}, author="key:ada", **more)))
    assert isinstance(refused, Refused)
    assert refused.code in ("not_found", "conflict")


def test_a_reporter_whose_reports_were_dismissed_weighs_little(running: Engine) -> None:
    for number in range(3):
        close(running, report(running, "liar", value=f"u{number}").report_id, "overturn")
    report(running, "liar")
    report(running, "honest", value="other")
    heavy, light = answer(running, "other", device_id="d"), answer(running, device_id="e")
    assert [told["contributions"][1]["weight"] for told in (heavy, light)] == [4_500, 500]


def test_what_was_reported_is_there_again_after_a_crash_and_a_new_start(
    running: Engine, store: Database, tmp_path: Path
) -> None:
    report(running, "7")
    score = answer(running, device_id="d", ip_address="192.0.2.1")["score"]
    assert score > 0
    running.kill()
    assert answer(running, device_id="d", ip_address="192.0.2.1")["score"] == score
    with engine(store, tmp_path / "again") as fresh:
        assert answer(fresh, device_id="d", ip_address="192.0.2.1")["score"] == score


def test_child_safety_has_a_queue_of_its_own_and_its_evidence_is_held_for_more_than_a_year(running: Engine) -> None:
    report(running, "7", category=Category.CHILD_SAFETY, content="asked where I live")
    assert cases(running) == []
    (case,) = cases(running, "child_safety")
    assert case.content == "asked where I live"
    assert (case.held_until - case.opened_at).days >= 365


def test_who_reports_is_in_no_decision(running: Engine) -> None:
    report(running, "reporter-4711")
    decision_id = answer(running)["decision_id"]
    with psycopg.connect(running.database.conninfo) as connection:
        row = connection.execute("SELECT answer::text || facts::text FROM decisions WHERE id = %s", (decision_id,))
        assert "4711" not in str(row.fetchone())


@pytest.mark.parametrize(
    ("upheld", "dismissed", "worth"), [(0, 2, "high"), (0, 3, "low"), (2, 4, "high"), (2, 5, "low"), (9, 3, "high")]
)
def test_what_a_report_is_worth_by_what_became_of_the_others(upheld: int, dismissed: int, worth: str) -> None:
    assert severity_of(FlagSeverity.HIGH, upheld, dismissed).value == worth


def test_only_what_is_grave_and_of_somebody_trusted_blocks_at_once() -> None:
    grave = [FlagSeverity.HIGH, FlagSeverity.CRITICAL]
    assert [one for one in FlagSeverity if blocks_at_once(one, trusted=True)] == grave
    assert not any(blocks_at_once(one, trusted=False) for one in FlagSeverity)


def test_what_is_reported_while_a_verdict_is_loaded_is_not_forgotten(running: Engine) -> None:
    case_id = report(running, "1", value="other").report_id
    # So that the profile is in memory: the reader will be busy.
    assert answer(running, device_id="d", ip_address="192.0.2.1")["score"] == 0
    with ExitStack() as second:
        with locked(running.database.conninfo, "allows"):
            # Its load waits for the lock, and the one that the next verdict brings will wait for the other lock.
            close(running, case_id, "overturn")
            again = report(running, "2", value="another").report_id
            close(running, again, "overturn")
            report(running, "3")
            loading = running.actor._loading
            locking = threading.Thread(target=lambda: second.enter_context(locked(running.database.conninfo, "allows")))
            locking.start()
            until(lambda: waiting_for(running, "allows") == 2)
        locking.join()
        until(lambda: running.actor._loading is not loading)
        assert answer(running, device_id="d", ip_address="192.0.2.1")["score"] == 3_000


def waiting_for(on: Engine, table: str) -> int:
    with psycopg.connect(on.database.conninfo) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", (table,)
        ).fetchone()
    assert row is not None
    return int(row[0])
