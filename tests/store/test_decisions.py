"""Reading decisions back: by id, by pages, and all that a start needs."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from rows import NOON_MS, commit, copy_in, decision
from sqlalchemy import event

from viral_engine.domain.uuid7 import Uuid7Source, lowest_uuid7
from viral_engine.messages.audit import ReadAudit
from viral_engine.messages.checks import CheckAction
from viral_engine.messages.dead_letters import ReadDeadLetters
from viral_engine.messages.disclosures import ReadDisclosures, ReadStandings
from viral_engine.messages.history import ReadPastDecisions, ReadPastEntries
from viral_engine.messages.policies import ReadPolicies, ReadShadowed
from viral_engine.messages.reading import (
    DecisionPage,
    ReadDecision,
    ReadDecisions,
    ReadEntries,
    ReadIdempotent,
    ReadKeys,
    ReadProfile,
    ReadUser,
    ReadWarmStart,
    WarmStart,
)
from viral_engine.messages.reviews import ReadCase, ReadCases, ReadVerdicts
from viral_engine.messages.would_hit import ReadWouldHit
from viral_engine.store.access import add_entry, lift_entry
from viral_engine.store.decisions import read_decisions, read_pages
from viral_engine.store.device_flags import add_flag, signup_attempt
from viral_engine.store.engine import Database
from viral_engine.store.history import read_past_decisions, read_past_entries
from viral_engine.store.partitions import ensure_partitions
from viral_engine.store.reads import READS
from viral_engine.store.signals import set_signal
from viral_engine.store.warm_start import read_warm_starts

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY_MS = 86_400_000


def page(store: Database, **question: Any) -> DecisionPage:
    with store.engine.connect() as connection:
        return read_pages(connection, [ReadDecisions(**question)])[0]


def warm(store: Database, windows_ms: int = NOON_MS, signups_ms: int = NOON_MS, rows_max: int = 100) -> WarmStart:
    question = ReadWarmStart(windows_since_ms=windows_ms, signups_since_ms=signups_ms, rows_max=rows_max)
    with store.engine.connect() as connection:
        return read_warm_starts(connection, [question])[0]


def test_decisions_are_found_by_id_in_the_order_asked_for(store: Database) -> None:
    with store.engine.begin() as connection:
        ensure_partitions(connection, NOON_MS, 2)
    rows = [decision(user_id=f"u{n}", at_ms=NOON_MS + n * DAY_MS) for n in range(4)]
    copy_in(store.conninfo, rows)
    asked = [str(UUID(bytes=row.decision_id)) for row in reversed(rows)]
    unknown = str(Uuid7Source(os.urandom).next(NOON_MS))
    with store.engine.connect() as connection:
        found = read_decisions(connection, [ReadDecision(text) for text in (*asked, unknown, "no id", "a\0b")])
    assert [view and view.user_id for view in found] == ["u3", "u2", "u1", "u0", None, None, None]


def test_pages_go_from_the_newest_to_the_oldest_and_end(store: Database) -> None:
    copy_in(store.conninfo, [decision(score=n, at_ms=NOON_MS + n) for n in range(5)])
    first = page(store, user_id="ada", limit=2)
    second = page(store, user_id="ada", limit=2, before=first.next_before)
    third = page(store, user_id="ada", limit=2, before=second.next_before)
    assert [[view.score for view in one.decisions] for one in (first, second, third)] == [[4, 3], [2, 1], [0]]
    assert third.next_before is None


def test_pages_are_narrowed_by_user_reason_and_time_of_recording(store: Database) -> None:
    copy_in(
        store.conninfo,
        [
            decision(score=1, reasons=("rate_limited", "degraded")),
            decision(score=2, user_id="bob", reasons=("degraded",), at_ms=NOON_MS + 1),
            decision(score=3, reasons=("user_blocked",), at_ms=NOON_MS + 2),
            decision(score=4, reasons=("degraded",), at_ms=NOON_MS + DAY_MS, occurred_ms=5),
        ],
    )

    def scores(**question: Any) -> list[int]:
        return [view.score for view in page(store, **question).decisions]

    assert scores() == [4, 3, 2, 1]
    assert scores(user_id="ada") == [4, 3, 1]
    assert scores(reason="degraded") == [4, 2, 1]
    assert scores(since=NOON + timedelta(milliseconds=1)) == [4, 3, 2]
    assert scores(since=NOON + timedelta(milliseconds=2), user_id="ada", reason="degraded") == [4]
    assert scores(before="no id") == []
    assert scores(since=datetime(1900, 1, 1, tzinfo=UTC), limit=-5) == [4]


def test_a_batch_of_pages_is_answered_in_its_order(store: Database) -> None:
    copy_in(store.conninfo, [decision(), decision(user_id="bob")])
    questions = [ReadDecisions(user_id=name) for name in ("bob", "nobody", "ada")]
    with store.engine.connect() as connection:
        pages = read_pages(connection, questions)
    assert [[view.user_id for view in one.decisions] for one in pages] == [["bob"], [], ["ada"]]


def test_a_batch_of_any_size_is_one_statement(store: Database) -> None:
    questions: dict[type, Any] = {
        ReadProfile: ReadProfile("a"),
        ReadUser: ReadUser("a"),
        ReadDecision: ReadDecision(str(lowest_uuid7(NOON_MS))),
        ReadDecisions: ReadDecisions(user_id="a"),
        ReadEntries: ReadEntries(list_name="blocks"),
        ReadKeys: ReadKeys(),
        ReadIdempotent: ReadIdempotent(b"d"),
        ReadDeadLetters: ReadDeadLetters(limit=10),
        ReadPolicies: ReadPolicies(),
        ReadShadowed: ReadShadowed(version=3, since=NOON),
        ReadCases: ReadCases(queue="review"),
        ReadCase: ReadCase(str(lowest_uuid7(NOON_MS))),
        ReadStandings: ReadStandings(user_ids=("a", "b"), asker_id="c"),
        ReadDisclosures: ReadDisclosures(user_id="a"),
        ReadPastDecisions: ReadPastDecisions(since_ms=NOON_MS),
        ReadPastEntries: ReadPastEntries(source="reports", since_ms=NOON_MS),
        ReadAudit: ReadAudit(subject=("user", "a")),
        ReadVerdicts: ReadVerdicts((str(lowest_uuid7(NOON_MS)),), child_safety=False),
    }
    # The versions, and which of them stand.
    of_two = {ReadPolicies}
    seen: list[str] = []
    engine = store.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_rest: seen.append(statement))
    # What a warm start and a dry run read is bounded otherwise.
    assert {*questions, ReadWarmStart, ReadWouldHit} == set(READS)
    for kind, question in questions.items():
        seen.clear()
        with engine.connect() as connection:
            assert len(READS[kind](connection, [question] * 20)) == 20
        assert len(seen) == (2 if kind in of_two else 1), kind


def test_the_past_is_read_oldest_first_in_pages_with_users_as_of_then(store: Database) -> None:
    rows = [
        decision(user_id=f"u{n}", at_ms=NOON_MS + n, facts=b'{"schema":1,"action":"a","now_ms":1}') for n in range(3)
    ]
    copy_in(store.conninfo, rows)
    commit(store.conninfo, *set_signal("u2", "email_verified", value=True, at_ms=NOON_MS + 1))
    commit(store.conninfo, *set_signal("u1", "email_verified", value=True, at_ms=NOON_MS + 2))
    with store.engine.connect() as connection:
        first, second, none = (
            read_past_decisions(connection, [ReadPastDecisions(since_ms=NOON_MS, after=after, limit=2)])[0]
            for after in (None, str(UUID(bytes=rows[1].decision_id)), "no id")
        )
    assert [(one.user_id, one.at_ms - NOON_MS, one.profile is None) for one in (*first, *second)] == [
        ("u0", 0, True), ("u1", 1, True), ("u2", 2, False),
    ]  # fmt: skip
    assert first[0].facts == {"schema": 1, "action": "a", "now_ms": 1}
    assert none == []


def test_what_stood_is_read_newest_first_with_what_ended_since_and_nothing_that_ended_before(store: Database) -> None:
    ids = [Uuid7Source(os.urandom).next(NOON_MS + n) for n in range(3)]
    for n, entry_id in enumerate(ids):
        entry: dict[str, Any] = {"kind": "user", "value": f"u{n}", "reason": "r", "author": "a", "expires_at_ms": None}
        commit(store.conninfo, *add_entry("blocks", entry_id, **entry, at_ms=NOON_MS))
    for n in (0, 1):
        commit(store.conninfo, *lift_entry("blocks", ids[n], author="a", reason="r", at_ms=NOON_MS + 10 * (n + 1)))

    def page(**fields: Any) -> list[tuple[str, int | None]]:
        question = ReadPastEntries(**{"source": "blocks", "since_ms": NOON_MS + 10, **fields})
        with store.engine.connect() as connection:
            return [(one.value, one.ends_ms) for one in read_past_entries(connection, [question])[0]]

    assert page() == [("u2", None), ("u1", NOON_MS + 20)]
    assert page(limit=1, before=str(ids[2])) == [("u1", NOON_MS + 20)]
    assert page(source="allows") == page(source="flags") == page(source="starts") == page(source="reports") == []


def test_a_start_gets_the_recent_past_oldest_first(store: Database) -> None:
    copy_in(
        store.conninfo,
        [
            decision(user_id="old", at_ms=NOON_MS - 1),
            decision(
                user_id="a", device_id="d", ip_address="::102:304", reasons=("rate_limited",), decision="deny",
                counted=False,
            ),
            decision(user_id="b", at_ms=NOON_MS + 1, occurred_ms=7, backfill=True),
        ],
    )  # fmt: skip
    found = warm(store)
    assert found.attempts == [
        (NOON_MS, "a", "share", "d", "::102:304", "deny", ["rate_limited"], False, False),
        (7, "b", "share", None, None, "allow", [], True, True),
    ]
    assert found.complete
    assert found.last_backfill_ms == 7


def test_a_start_gets_signups_and_flags_apart(store: Database) -> None:
    """A flag is no signup."""
    flag: dict[str, Any] = {"ip_address": None, "user_id": None, "details": None, "at_ms": NOON_MS}
    signup = CheckAction(
        user_id="eve", action_type="signup", device_id="d", ip_address="10.0.0.1", api_key_id="k", received_s=0.0
    )
    commit(
        store.conninfo,
        *add_flag("fraud", device_id="d", risk_thousandths=1500, **flag),
        *add_flag("spam", device_id="d", risk_thousandths=500, **flag),
        *add_flag("spam", device_id=None, risk_thousandths=500, **flag),
        signup_attempt(signup, NOON_MS),
        signup_attempt(signup, NOON_MS - 1),
    )
    found = warm(store)
    assert found.signups == [(NOON_MS, "eve", "d", "10.0.0.1", False, None)]
    assert sorted(found.device_flags["d"]) == [("fraud", 1500, NOON_MS), ("spam", 500, NOON_MS)]
    assert list(found.device_flags) == ["d"]


def test_a_start_gets_every_live_block_and_allow(store: Database) -> None:
    entry: dict[str, Any] = {"reason": "r", "author": "a", "at_ms": NOON_MS}
    commit(
        store.conninfo,
        *add_entry("blocks", lowest_uuid7(1), kind="user", value="u", expires_at_ms=None, **entry),
        *add_entry("blocks", lowest_uuid7(2), kind="user", value="v", expires_at_ms=NOON_MS - 10**12, **entry),
        *add_entry("allows", lowest_uuid7(3), kind="ip", value="10.0.0.1", expires_at_ms=None, **entry),
    )
    found = warm(store, rows_max=0)
    assert [view.value for view in found.blocks] == ["u"]
    assert [view.value for view in found.allows] == ["10.0.0.1"]


def test_a_start_with_more_than_it_may_hold_takes_the_newest_and_says_so(store: Database) -> None:
    copy_in(store.conninfo, [decision(user_id=f"u{n}", at_ms=NOON_MS + n) for n in range(4)])
    assert [attempt[1] for attempt in warm(store, rows_max=3).attempts] == ["u1", "u2", "u3"]
    assert not warm(store, rows_max=3).complete
    assert warm(store, rows_max=4).complete
    assert warm(store, rows_max=0).attempts == []


def test_an_empty_database_starts_with_nothing(store: Database) -> None:
    assert warm(store) == WarmStart(
        attempts=[], signups=[], blocks=[], allows=[], device_flags={}, last_backfill_ms=None, complete=True
    )
