"""The disclosure log on a real database: who stands how to whom, what is written, what is read back in pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from data_actors import outcome
from rows import NOON_MS, commit, copy_in, decision
from test_trust_safety import Engine, engine

from viral_engine.actors.growth.trust_safety import gather
from viral_engine.actors.growth.trust_safety.profiles import profile_of, unknown_user
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.disclosures import DisclosedRecord, Grounds, Result, refusal_of
from viral_engine.domain.facts import Relation
from viral_engine.domain.reasons import Reason
from viral_engine.domain.uuid7 import lowest_uuid7
from viral_engine.messages.disclosures import Disclosure, DisclosurePage, ReadDisclosures, ReadStandings, Standing
from viral_engine.messages.people import PutUser, UserBody
from viral_engine.messages.reading import ReadProfile
from viral_engine.store.disclosures import add_disclosures, read_disclosures
from viral_engine.store.engine import Database
from viral_engine.store.partitions import ensure_partitions
from viral_engine.store.profiles import read_profiles
from viral_engine.store.standings import read_standings
from viral_engine.store.statements import instant_of, statement
from viral_engine.store.users import UserRecord, put_user

BORN = date(2015, 3, 4)
PEOPLE = ("kid", "mum", "stepdad", "teacher", "other-teacher", "tutor", "grown", "stranger")
REFUSED = ("parental_consent_required", "age_unknown")


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def fill(store: Database) -> None:
    """A child with a confirmed guardian, one that waits, and its school; an adult whose mother is the same."""
    users: tuple[dict[str, Any], ...] = (
        {"user_id": "kid", "persona": "student", "date_of_birth": BORN, "guardian_ids": ["mum"], "school_id": "s1"},
        {"user_id": "kid", "persona": "student", "date_of_birth": BORN, "guardian_ids": ["mum", "stepdad"],
         "school_id": "s1"},
        {"user_id": "teacher", "persona": "staff", "school_id": "s1", "adulthood_attested": True},
        {"user_id": "other-teacher", "persona": "staff", "school_id": "s2"},
        {"user_id": "tutor", "persona": "tutor", "school_id": "s1"},
        {"user_id": "grown", "persona": "student", "date_of_birth": date(2000, 1, 1), "guardian_ids": ["mum"]},
    )  # fmt: skip
    for one in users:
        commit(store.conninfo, *put_user(UserRecord(**one), at_ms=NOON_MS))


def standings(store: Database, asker: str | None, *users: str) -> list[Standing]:
    with store.engine.connect() as connection:
        return read_standings(connection, [ReadStandings(user_ids=users, asker_id=asker)])[0]


def page(store: Database, **asked: Any) -> DisclosurePage:
    with store.engine.connect() as connection:
        return read_disclosures(connection, [ReadDisclosures(user_id="kid", **asked)])[0]


def entry(number: int, **changes: Any) -> Disclosure:
    values: dict[str, Any] = {
        "disclosure_id": lowest_uuid7(NOON_MS + number),
        "subject_id": "kid",
        "record": DisclosedRecord.USER,
        "record_id": None,
        "asked_by": "key:k1",
        "on_behalf_of": "mum",
        "grounds": Grounds.GUARDIAN,
        **changes,
    }
    return Disclosure(**values)


def test_who_may_see_a_record_is_decided_by_the_relations_of_a_check(store: Database) -> None:
    fill(store)
    with store.engine.connect() as connection:
        rows = dict(zip(PEOPLE, read_profiles(connection, [ReadProfile(one) for one in PEOPLE]), strict=True))
    profiles = {name: unknown_user(name) if row is None else profile_of(row) for name, row in rows.items()}
    for asker in PEOPLE:
        expected = [gather._relation(profiles[asker], profiles[subject]) for subject in PEOPLE]
        assert [one.relation for one in standings(store, asker, *PEOPLE)] == expected, asker


def test_a_guardian_counts_once_confirmed_and_staff_at_their_own_school(store: Database) -> None:
    fill(store)
    found = {asker: standings(store, asker, "kid")[0].relation for asker in PEOPLE}
    related = {"kid": Relation.SELF, "mum": Relation.GUARDIAN, "teacher": Relation.SCHOOL}
    assert found == dict.fromkeys(PEOPLE, Relation.NONE) | related


def test_without_a_user_who_asks_nobody_is_related_and_nobody_is_blocked(store: Database) -> None:
    fill(store)
    kid, grown, stranger = standings(store, None, "kid", "grown", "stranger")
    assert (kid.band, grown.band, stranger.band) == (AgeBand.UNDER_13, AgeBand.ADULT, AgeBand.UNKNOWN)
    assert {one.relation for one in (kid, grown, stranger)} == {Relation.NONE}
    assert not kid.asker_is_blocked


def test_adulthood_that_the_company_attests_hides_nobody_from_the_log(store: Database) -> None:
    fill(store)
    assert standings(store, None, "teacher")[0].band is AgeBand.UNKNOWN


def test_questions_of_one_batch_are_answered_in_order_each_for_who_asks(store: Database) -> None:
    fill(store)
    asked = [ReadStandings(user_ids=("grown", "kid"), asker_id="mum"), ReadStandings(user_ids=("kid",), asker_id="kid")]
    with store.engine.connect() as connection:
        first, second = read_standings(connection, [*asked])
    assert [(one.user_id, one.relation) for one in first] == [
        ("grown", Relation.GUARDIAN), ("kid", Relation.GUARDIAN),
    ]  # fmt: skip
    assert [one.relation for one in second] == [Relation.SELF]


@pytest.mark.parametrize(
    ("relation", "band", "blocked", "refused"),
    [
        (Relation.SELF, AgeBand.UNDER_13, False, None),
        (Relation.GUARDIAN, AgeBand.UNKNOWN, False, None),
        (Relation.GUARDIAN, AgeBand.FROM_13_TO_17, False, None),
        (Relation.GUARDIAN, AgeBand.ADULT, False, Reason.NOT_AUTHORIZED_FOR_SUBJECT),
        (Relation.SCHOOL, AgeBand.ADULT, False, None),
        (Relation.NONE, AgeBand.ADULT, False, Reason.NOT_AUTHORIZED_FOR_SUBJECT),
        (Relation.SELF, AgeBand.ADULT, True, Reason.USER_BLOCKED),
        (Relation.NONE, AgeBand.UNDER_13, True, Reason.NOT_AUTHORIZED_FOR_SUBJECT),
    ],
)
def test_a_guardian_s_rights_end_at_eighteen_and_a_stranger_is_told_nothing_else(
    relation: Relation, band: AgeBand, refused: Reason | None, *, blocked: bool
) -> None:
    assert refusal_of(relation, band, is_blocked=blocked) is refused


def test_an_entry_is_read_back_as_it_was_written(store: Database) -> None:
    refused = entry(1, on_behalf_of=None, grounds=Grounds.HOST, request_id="r1")
    granted = entry(2, record=DisclosedRecord.CASE, record_id="c1", grounds=Grounds.NONE, reason="user_blocked")
    assert commit(store.conninfo, add_disclosures([refused, granted])) == [[]]
    newest, oldest = page(store, child_safety=True).disclosures
    assert (newest.record, newest.record_id, newest.result) == (DisclosedRecord.CASE, "c1", Result.REFUSED)
    assert (newest.reason, newest.on_behalf_of, newest.grounds) == ("user_blocked", "mum", Grounds.NONE)
    assert (oldest.at, oldest.request_id, oldest.result) == (instant_of(NOON_MS + 1), "r1", Result.GRANTED)
    assert (oldest.asked_by, oldest.on_behalf_of, oldest.reason) == ("key:k1", None, None)


def test_pages_end_where_they_are_told_to_and_the_next_goes_on(store: Database) -> None:
    commit(store.conninfo, add_disclosures([entry(number) for number in range(5)]))
    commit(store.conninfo, add_disclosures([entry(9, subject_id="another")]))
    first = page(store, limit=3)
    second = page(store, limit=3, before=first.next_before)
    assert [len(first.disclosures), len(second.disclosures), second.next_before] == [3, 2, None]
    times = [one.at for one in (*first.disclosures, *second.disclosures)]
    assert times == [instant_of(NOON_MS + number) for number in (4, 3, 2, 1, 0)]
    assert len(page(store, since=instant_of(NOON_MS + 3)).disclosures) == 2
    assert page(store, before="no id").disclosures == []
    assert len(page(store, limit=10_000).disclosures) == 5


def open_case(store: Database, number: int, queue: str, kind: str = "report") -> str:
    """Its id."""
    case_id = lowest_uuid7(NOON_MS + number)
    opened = statement(
        "INSERT INTO cases (id, queue, kind, subject_kind, subject_value, state, opened_at)"
        " VALUES (%s, %s, %s, 'user', 'kid', 'open', now())",
        case_id, queue, kind,
    )  # fmt: skip
    commit(store.conninfo, opened)
    return str(case_id)


def test_who_looked_at_a_case_of_child_safety_is_told_to_nobody_else_and_pages_are_full_all_the_same(
    store: Database,
) -> None:
    hidden = [open_case(store, 1, "child_safety"), open_case(store, 2, "child_safety", "appeal")]
    told = [open_case(store, 3, "review"), open_case(store, 4, "review", "appeal"), open_case(store, 5, "review")]
    # Neither what names no case nor what names one that is not there can be told to be of the others.
    of_cases = [hidden[0], told[0], None, hidden[1], told[1], "c1", str(lowest_uuid7(1)), hidden[0], told[2]]
    entries = [entry(number, record=DisclosedRecord.CASE, record_id=one) for number, one in enumerate(of_cases)]
    commit(store.conninfo, add_disclosures(entries))
    first = page(store, limit=2)
    second = page(store, limit=2, before=first.next_before)
    assert [one.record_id for one in (*first.disclosures, *second.disclosures)] == told[::-1]
    assert ([len(first.disclosures), len(second.disclosures)], second.next_before) == ([2, 1], None)
    whole = page(store, child_safety=True).disclosures
    assert [one.record_id for one in whole] == of_cases[::-1]


def test_refusals_of_the_person_s_own_actions_are_told_by_their_decisions(store: Database) -> None:
    with store.engine.begin() as connection:
        ensure_partitions(connection, NOON_MS, 1)
    kid = {"user_id": "kid", "action_type": "public_profile"}
    rows = [
        decision(**kid, at_ms=NOON_MS + 10, decision="deny", reasons=REFUSED),
        decision(**kid, at_ms=NOON_MS + 20, decision="deny", reasons=("rate_limited",)),
        decision(**kid, at_ms=NOON_MS + 30, decision="allow", reasons=("consent_withdrawn", "degraded")),
        decision(**kid, at_ms=NOON_MS + 40, decision="deny", reasons=("rate_limited", *REFUSED)),
        decision(**kid, at_ms=NOON_MS + 50, decision="deny", reasons=REFUSED, facts=b'{"relation": "guardian"}'),
        decision(user_id="another", at_ms=NOON_MS + 60, decision="deny", reasons=REFUSED),
    ]
    copy_in(store.conninfo, rows)
    commit(store.conninfo, add_disclosures([entry(30)]))
    found = page(store).disclosures
    assert [one.at for one in found] == [instant_of(NOON_MS + number) for number in (40, 30, 10)]
    assert [one.record for one in found] == [DisclosedRecord.ACTION, DisclosedRecord.USER, DisclosedRecord.ACTION]
    assert (found[0].reason, found[0].result) == ("parental_consent_required", Result.REFUSED)
    assert found[0].record_id == str(UUID(bytes=rows[3].decision_id))
    assert (found[0].asked_by, found[0].on_behalf_of, found[0].grounds) == ("key:key1", "kid", Grounds.SELF)
    assert page(store, limit=1).next_before == found[0].disclosure_id


def log(on: Engine) -> list[tuple[Any, ...]]:
    with psycopg.connect(on.database.conninfo) as connection:
        asked = "SELECT subject_id, record, on_behalf_of, grounds, reason, id = record_id::uuid FROM disclosures"
        return connection.execute(f"{asked} ORDER BY id".encode()).fetchall()


def put(on: Engine, user_id: str, **fields: Any) -> None:
    body = UserBody(persona=fields.pop("persona", "student"), **fields)
    assert isinstance(outcome(on.ask(PutUser(user_id=user_id, body=body, author="ada"))), bool)


def test_a_check_that_keeps_a_minor_s_record_from_somebody_is_logged_with_its_decision(running: Engine) -> None:
    put(running, "kid", date_of_birth=BORN, guardian_ids=["mum"], jurisdiction="us")
    put(running, "grown", date_of_birth=date(2000, 1, 1))
    for asker, subject in (("stranger", "kid"), ("mum", "kid"), ("stranger", "grown"), ("stranger", "nobody-knows")):
        outcome(running.check(asker, "data_delete", subject_id=subject))
    outcome(running.check("mum", "record_share", subject_id="kid"))
    assert log(running) == [
        ("kid", "action", "stranger", "none", "not_authorized_for_subject", True),
        ("nobody-knows", "action", "stranger", "none", "not_authorized_for_subject", True),
        ("kid", "action", "mum", "guardian", "parental_consent_required", True),
    ]


def test_a_check_about_oneself_writes_its_decision_and_nothing_else(running: Engine) -> None:
    put(running, "kid", date_of_birth=BORN, jurisdiction="us")
    for about in ({}, {"subject_id": "kid"}):
        assert b"parental_consent_required" in outcome(running.check("kid", "public_profile", **about)).answer
    assert log(running) == []
    (found,) = {
        one.reason for one in outcome(running.system.call("/reader", ReadDisclosures(user_id="kid"))).disclosures
    }
    assert found == "parental_consent_required"


def test_a_block_of_who_asks_is_seen_while_it_is_live(running: Engine) -> None:
    asked = ReadStandings(user_ids=("kid",), asker_id="mum")
    assert not outcome(running.system.call("/reader", asked))[0].asker_is_blocked
    outcome(running.block("mum"))
    assert outcome(running.system.call("/reader", asked))[0].asker_is_blocked
