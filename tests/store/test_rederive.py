"""Facts built again from rows: equal to those the real actor decided on, and honest about what no row tells."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from data_actors import execute, outcome, trust_settings, until
from rows import NOON_MS, commit, copy_in, decision
from test_trust_safety import FORM, Engine, child_with_consent, engine

from viral_engine.actors.growth.trust_safety.rederive import NOT_KEPT, Rederived, rederive
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, FlagSeverity, facts_to_dict
from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED, Policy
from viral_engine.domain.reports import Category
from viral_engine.messages.access import RemoveEntry
from viral_engine.messages.content import Content
from viral_engine.messages.history import EntrySource, PastEntry, ReadPastDecisions, ReadPastEntries
from viral_engine.messages.people import (
    AddConsent,
    ConsentBody,
    PutUser,
    SetSignal,
    SignalBody,
    UserBody,
    WithdrawConsent,
)
from viral_engine.messages.reviews import AddReport, CloseCase
from viral_engine.store.device_flags import add_flag
from viral_engine.store.engine import Database
from viral_engine.store.reads import READS
from viral_engine.web.api.shown_facts import shown_facts

ACTIONS = ("general", "signup", "public_profile", "share_personal_info", "referral_share", "nothing_listed")


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def past_of(store: Database, *, child_safety: bool = True) -> tuple[list[Any], dict[EntrySource, list[PastEntry]]]:
    """Everything recorded, in pages of a few."""
    rows: list[Any] = []
    entries: dict[EntrySource, list[PastEntry]] = {}
    with store.engine.connect() as connection:
        while True:
            question = ReadPastDecisions(since_ms=0, after=rows[-1].decision_id if rows else None, limit=7)
            (page,) = READS[ReadPastDecisions](connection, [question])
            if not page:
                break
            rows += page
        for source in get_args(EntrySource):
            asked = ReadPastEntries(source=source, since_ms=0, child_safety=child_safety)
            (entries[source],) = READS[ReadPastEntries](connection, [asked])
    return rows, entries


def rederived(store: Database, *, tried: Policy = DEFAULT_POLICY, since_ms: int = 0) -> list[Rederived]:
    rows, entries = past_of(store)
    made = rederive(
        rows, entries, policy_of=SHIPPED.__getitem__, tried=tried, settings=trust_settings(), since_ms=since_ms
    )
    return list(made)


def a_moment_later(on: Engine) -> None:
    """What the next change and the last check did in one millisecond has no order in the rows."""
    now_ms = int(time.time() * 1_000)
    until(lambda: int(time.time() * 1_000) > now_ms)
    assert on.actor.status is None


def change(on: Engine, message: Any) -> Any:
    a_moment_later(on)
    answer = outcome(on.ask(message))
    assert not isinstance(answer, Exception), answer
    return answer


def block(on: Engine, value: str, **fields: Any) -> str:
    a_moment_later(on)
    return str(outcome(on.block(value, **fields)).entry_id)


def put(on: Engine, user: str, **fields: Any) -> None:
    change(on, PutUser(user_id=user, body=UserBody(**{"persona": "student", **fields}), author="host"))


def test_what_the_actor_recorded_is_built_again_fact_by_fact(running: Engine) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    put(running, "mum", persona="parent", date_of_birth=date(1985, 5, 5), email="mum@school.example")
    put(running, "kid0", date_of_birth=date(2016, 5, 5), guardian_ids=["mum"], jurisdiction="us-ca", school_id="s1")
    put(running, "kid1", age_band="13_17", stated_on=date(2026, 1, 1), guardian_ids=["mum"], referrer_id="kid0")
    put(running, "friend0", referrer_id="kid0")
    put(running, "friend1", referrer_id="kid0")
    for kid in ("kid0", "kid1"):
        consent = ConsentBody(scope="service", method="signed_form", guardian_id="mum", evidence=FORM, policy_version=1)
        change(running, AddConsent(user_id=kid, body=consent, author="host"))
    users = ["mum", "kid0", "kid1", "friend0", "friend1", *(f"stranger{number}" for number in range(4))]
    for _ in range(40):
        running.reasons("stranger0", device_id="device0")
    for number in range(160):
        user = chance.choice(users)
        if number % 40 == 10:
            change(
                running, SetSignal(user_id=user, body=SignalBody(signal="email_verified", value=True), author="host")
            )
        if number % 40 == 20:
            block(running, f"device{number % 3}", kind="device")
        place = {"device_id": f"device{chance.randrange(4)}", "ip_address": f"192.0.2.{chance.randrange(3)}"}
        running.reasons(user, chance.choice(ACTIONS), **(place if chance.random() < 0.9 else {}))
    made = rederived(running.database)
    assert len(made) == 200
    assert [(one.row.user_id, dict(one.differing)) for one in made if one.differing] == []
    # The run was worth building again: hardly a part of the facts that never was there.
    nothing = Facts(action="", now_ms=0)
    for part in (
        *("band", "blocks", "windows", "signup", "trust", "velocity", "referral", "consents", "account_age_days"),
        *("has_school", "in_household", "household_members", "missing"),
    ):
        assert any(getattr(one.rebuilt, part) != getattr(nothing, part) for one in made), part
    assert {reason for one in made for reason in one.row.reasons} >= {"rate_limited", "duplicate_signup"}


def test_a_consent_withdrawn_later_does_not_leak_into_an_earlier_decision(running: Engine) -> None:
    consent_id = child_with_consent(running, "kid", "mum")
    a_moment_later(running)
    running.reasons("kid", "message")
    change(running, WithdrawConsent(user_id="kid", consent_id=consent_id, author="host"))
    running.reasons("kid", "message")
    before, after = rederived(running.database)
    assert [one.withdrawn_ms for one in before.rebuilt.consents] == [None]
    assert before.rebuilt.in_household
    assert [one.withdrawn_ms is None for one in after.rebuilt.consents] == [False]
    assert not after.rebuilt.in_household
    assert (before.differing, after.differing) == ({}, {})


def test_a_consent_given_later_and_a_user_put_later_are_not_there_yet(running: Engine) -> None:
    running.reasons("kid", "message")
    a_moment_later(running)
    child_with_consent(running, "kid", "mum")
    running.reasons("kid", "message")
    before, after = rederived(running.database)
    assert (before.rebuilt.consents, before.rebuilt.account_age_days) == ((), None)
    assert (len(after.rebuilt.consents), after.rebuilt.account_age_days) == (1, 0)
    assert (before.differing, after.differing) == ({}, {})


def test_a_block_lifted_later_still_stands_for_the_earlier_decision(running: Engine) -> None:
    assert running.reasons("bad") == []
    entry_id = block(running, "bad")
    assert running.reasons("bad") == ["user_blocked"]
    change(running, RemoveEntry(list_name="blocks", entry_id=entry_id, reason="a mistake", author="ada"))
    assert running.reasons("bad") == []
    made = rederived(running.database)
    assert [[hit.id for hit in one.rebuilt.blocks] for one in made] == [[], [entry_id], []]
    assert [one.differing for one in made] == [{}, {}, {}]


def test_an_allow_and_a_block_that_end_by_themselves_stand_until_then(running: Engine) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    block(running, "192.0.2.0/24", kind="network", expires_at=soon)
    block(running, "d1", kind="device", list_name="allows")
    assert running.reasons("ann", ip_address="192.0.2.9", device_id="d1") == ["ip_blocked"]
    until(lambda: datetime.now(UTC) > soon + timedelta(milliseconds=2))
    assert running.reasons("ann", ip_address="192.0.2.9", device_id="d1") == []
    made = rederived(running.database)
    assert [[hit.kind for hit in one.rebuilt.blocks] for one in made] == [["network"], []]
    assert [len(one.rebuilt.allows) for one in made] == [1, 1]
    assert [one.differing for one in made] == [{}, {}]


def label(on: Engine, value: str, name: str, **fields: Any) -> str:
    expires_at = datetime.now(UTC) + timedelta(days=1)
    return block(on, value, **{"list_name": "labels", "label": name, "expires_at": expires_at, **fields})


def test_a_label_is_there_from_its_beginning_until_it_was_removed(running: Engine) -> None:
    running.reasons("ann", ip_address="192.0.2.9")
    label_id = label(running, "ann", "on_watch")
    label(running, "192.0.2.0/24", "school_lab", kind="network")
    running.reasons("ann", ip_address="192.0.2.9")
    change(running, RemoveEntry(list_name="labels", entry_id=label_id, reason="a mistake", author="ada"))
    running.reasons("ann", ip_address="192.0.2.9")
    made = rederived(running.database)
    assert [one.rebuilt.labels for one in made] == [(), ("on_watch", "school_lab"), ("school_lab",)]
    assert ["labels" in one.taken for one in made] == [False, False, False]
    assert [one.differing for one in made] == [{}, {}, {}]


def test_where_an_e_mail_domain_has_a_label_the_labels_are_taken_from_the_record(running: Engine) -> None:
    running.reasons("ann", email="ann@example.org")
    label(running, "example.org", "partner", kind="email_domain")
    running.reasons("ann", email="ann@example.org")
    before, after = rederived(running.database)
    assert (before.rebuilt.labels, after.rebuilt.labels) == ((), ("partner",))
    assert ("labels" in before.taken, "labels" in after.taken) == (False, True)
    assert (before.differing, after.differing) == ({}, {})


def test_a_report_weighs_from_its_day_until_its_case_was_overturned(running: Engine) -> None:
    running.reasons("ann")
    report = AddReport(
        reporter_id="bob", kind="user", value="ann", category=Category.SPAM, severity=FlagSeverity.HIGH,
        content=None, trusted=False, author="ada",
    )  # fmt: skip
    report_id = change(running, report).report_id
    running.reasons("ann")
    change(running, CloseCase(case_id=report_id, outcome="overturn", note="no", author="ada"))
    until(lambda: running.actor.status is None)
    running.reasons("ann")
    made = rederived(running.database)
    assert [[flag.id for flag in one.rebuilt.flags] for one in made] == [[], [report_id], []]
    assert [one.differing for one in made] == [{}, {}, {}]


def reported(on: Engine, reporter: str, category: Category = Category.SPAM) -> str:
    report = AddReport(
        reporter_id=reporter, kind="user", value="ann", category=category, severity=FlagSeverity.HIGH, content=None,
        trusted=False, author="ada",
    )  # fmt: skip
    return str(change(on, report).report_id)


def test_who_reported_is_told_apart_within_a_decision_and_by_no_name(running: Engine) -> None:
    for reporter, category in (("bob", Category.SPAM), ("eve", Category.SPAM), ("bob", Category.FRAUD)):
        reported(running, reporter, category)
    running.reasons("ann")
    (made,) = rederived(running.database)
    assert [flag.source for flag in made.recorded.flags] == ["s1", "s2", "s1"]
    assert made.differing == {}


def test_reports_of_a_decision_that_holds_digests_of_the_sources_are_built_again_as_they_were(
    store: Database, tmp_path: Path
) -> None:
    with engine(store, tmp_path) as on:
        for reporter, category in (("bob", Category.SPAM), ("eve", Category.SPAM), ("bob", Category.FRAUD)):
            reported(on, reporter, category)
        on.reasons("ann")
    digests = "replace(replace(facts::text, 's1', 'b1946ac92492'), 's2', '591785b79460')"
    execute(store.conninfo, f"UPDATE decisions SET facts = {digests}::json")  # noqa: S608 - a constant
    # After a start the newest report is the first.
    with engine(store, tmp_path / "again") as on:
        on.reasons("ann")
    before, after = rederived(store)
    assert [flag.source for flag in before.recorded.flags] == ["b1946ac92492", "591785b79460", "b1946ac92492"]
    assert [flag.source for flag in after.recorded.flags] == ["s1", "s2", "s1"]
    assert [flag.id for flag in after.recorded.flags] != [flag.id for flag in before.recorded.flags]
    assert [one.differing.keys() & {"flags"} for one in (before, after)] == [set(), set()]


def test_reports_that_a_key_is_not_told_of_are_taken_from_the_record_and_said_so(running: Engine) -> None:
    running.reasons("ann")
    reported(running, "bob", Category.CHILD_SAFETY)
    reported(running, "bob")
    running.reasons("ann")
    rows, entries = past_of(running.database, child_safety=False)
    assert len(entries["reports"]) == 1
    rows = [msgspec.structs.replace(row, facts=shown_facts(row.facts, child_safety=False)) for row in rows]
    made = rederive(
        rows, entries, policy_of=SHIPPED.__getitem__, tried=DEFAULT_POLICY, settings=trust_settings(), since_ms=0
    )
    before, after = made
    assert ("flags" in before.taken, before.differing, after.differing) == (False, {}, {})
    assert "scope child_safety" in after.taken["flags"]


def test_pages_of_reports_are_full_of_what_may_be_seen(running: Engine) -> None:
    ids = [reported(running, f"r{number}", Category.CHILD_SAFETY if number % 2 else Category.SPAM)
           for number in range(6)]  # fmt: skip
    for child_safety, expected in ((False, ids[-2::-2]), (True, ids[::-1])):
        asked = ReadPastEntries(source="reports", since_ms=0, limit=3, child_safety=child_safety)
        with running.database.engine.connect() as connection:
            (page,) = READS[ReadPastEntries](connection, [asked])
        assert [one.entry_id for one in page] == expected[:3]


def test_a_flag_of_a_device_is_not_there_before_it_was_raised(store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path) as on:
        on.reasons("ann", device_id="d1")
    at_ms = int(time.time() * 1_000)
    raised = add_flag(
        "fraud", device_id="d1", ip_address=None, user_id=None, risk_thousandths=3_500, details=None, at_ms=at_ms
    )
    commit(store.conninfo, *raised)
    with engine(store, tmp_path / "again") as on:
        on.reasons("ann", device_id="d1")
    made = rederived(store)
    assert [[flag.source for flag in one.rebuilt.flags] for one in made] == [[], ["fraud"]]
    assert [one.differing.keys() & {"flags"} for one in made] == [set(), set()]


def test_what_no_row_tells_is_taken_from_the_record_and_said_so(running: Engine) -> None:
    content = Content(kinds=("phone",), signals=(), is_seen=True)
    running.reasons("ann", "message", content=content, email="ann@mailinator.com", data_class="contact")
    (made,) = rederived(running.database)
    assert made.rebuilt.content_kinds == ("phone",)
    assert made.rebuilt.email_disposable
    assert made.rebuilt.data_class == "contact"
    assert made.taken.items() >= {name: why for name, why in NOT_KEPT.items() if name != "referral.circle"}.items()
    assert made.differing == {}


def test_a_user_put_again_since_is_taken_from_the_record(running: Engine) -> None:
    put(running, "ann", persona="tutor", date_of_birth=date(1990, 1, 1), school_id="s1")
    running.reasons("ann")
    put(running, "ann", date_of_birth=date(2016, 1, 1))
    running.reasons("ann")
    before, after = rederived(running.database)
    assert (before.rebuilt.band, before.rebuilt.has_school) == ("18_plus", True)
    assert {"band", "has_school", "consents"} <= before.taken.keys()
    assert (after.rebuilt.band, "band" in after.taken) == ("under_13", False)
    assert (before.differing, after.differing) == ({}, {})


def test_a_proof_reported_again_since_is_taken_from_the_record(running: Engine) -> None:
    for value in (True, False):
        change(running, SetSignal(user_id="ann", body=SignalBody(signal="email_verified", value=value), author="host"))
        a_moment_later(running)
        running.reasons("ann")
    before, after = rederived(running.database)
    assert (before.rebuilt.trust.email_verified, "trust" in before.taken) == (True, True)
    assert (after.rebuilt.trust.email_verified, "trust" in after.taken) == (False, False)


def test_facts_about_somebody_else_are_taken_from_the_record(running: Engine) -> None:
    child_with_consent(running, "kid", "mum")
    a_moment_later(running)
    running.reasons("mum", "share_personal_info", subject_id="kid")
    (made,) = rederived(running.database)
    assert (made.rebuilt.relation, made.rebuilt.band) == ("guardian", "under_13")
    assert {"band", "consents", "jurisdiction", "relation"} <= made.taken.keys()
    assert made.differing == {}


def test_a_fact_that_is_not_as_recorded_is_named(running: Engine) -> None:
    running.reasons("ann", ip_address="192.0.2.1")
    a_moment_later(running)
    running.reasons("bob", ip_address="192.0.2.1")
    execute(running.database.conninfo, "DELETE FROM decisions WHERE user_id = 'ann'")
    (made,) = rederived(running.database)
    assert made.recorded.velocity.address_users == 1
    assert made.differing == {"velocity.address_users": None, "windows.address": None}


def test_a_start_in_between_is_told_as_the_reason_of_what_memory_had_lost(store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path) as on:
        on.reasons("ann", device_id="d1")
    execute(store.conninfo, "UPDATE decisions SET id = (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint"
            " - 3600000), 12, '0') || substr(replace(id::text, '-', ''), 13))::uuid,"
            " occurred_at = now() - interval '1 h'")  # fmt: skip
    execute(store.conninfo, "INSERT INTO nodes VALUES ('again', '', now(), now())")
    with engine(store, tmp_path / "again") as on:
        a_moment_later(on)
        on.reasons("bob", device_id="d1")
    last = rederived(store)[-1]
    assert (last.recorded.velocity.device_users, last.rebuilt.velocity.device_users) == (0, 1)
    assert "a daemon started" in str(last.differing["velocity.device_users"])


def test_another_policy_finds_its_own_limits_counted(running: Engine) -> None:
    for _ in range(3):
        running.reasons("ann")
    general = DEFAULT_POLICY.actions["general"]
    limit = replace(general.limits[0], window="one_a_minute", places=1, window_ms=60_000)
    tried = replace(DEFAULT_POLICY, actions={**DEFAULT_POLICY.actions, "general": replace(general, limits=(limit,))})
    made = rederived(running.database, tried=tried)
    assert [one.tried.windows[0].used for one in made] == [0, 1, 2]
    assert [evaluate(tried, one.tried).outcome.value for one in made] == ["allow", "deny", "deny"]
    assert [one.differing for one in made] == [{}, {}, {}]


def test_earlier_decisions_are_counted_and_not_shown_and_those_that_nobody_decided_neither(store: Database) -> None:
    facts = msgspec.json.encode(facts_to_dict(Facts(action="general", now_ms=NOON_MS)))
    fields: dict[str, Any] = {"action_type": "general", "facts": facts, "policy_version": DEFAULT_POLICY.version}
    copy_in(
        store.conninfo,
        [
            decision(**fields, user_id="ann", device_id="d1"),
            decision(**{**fields, "policy_version": 0}, user_id="eve", device_id="d1", at_ms=NOON_MS + 1),
            decision(**fields, user_id="bob", device_id="d1", at_ms=NOON_MS + 2),
        ],
    )
    (made,) = rederived(store, since_ms=NOON_MS + 1)
    assert (made.row.user_id, made.rebuilt.velocity.device_users) == ("bob", 1)
