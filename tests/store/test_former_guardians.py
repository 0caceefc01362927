"""Who was a guardian is not forgotten, nobody vouches for themselves, and who withdraws again means it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from rows import NOON_MS, commit
from test_people import consent, consent_id, known, put

from viral_engine.actors.growth.trust_safety.profiles import profile_of
from viral_engine.domain.consent import ConsentStatus, Scope, consent_state
from viral_engine.messages.journal import RowsDiffer
from viral_engine.store.consents import withdraw_consent
from viral_engine.store.engine import Database
from viral_engine.store.guardians import confirm_guardian, notify_children, refuse_ward, require_guardian


def confirm(store: Database, guardian: str, by: str) -> bool:
    try:
        commit(store.conninfo, *confirm_guardian("kid", guardian, confirmed_by=by, at_ms=NOON_MS))
    except RowsDiffer:
        return False
    return True


def may_consent(store: Database, guardian: str) -> bool:
    try:
        commit(store.conninfo, *require_guardian("kid", guardian, at_ms=NOON_MS))
    except RowsDiffer:
        return False
    return True


def test_leaving_a_guardian_out_makes_no_room_for_a_stranger(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum"]))
    commit(store.conninfo, *put("kid"))
    assert (known(store, "kid").guardian_ids, may_consent(store, "stranger")) == ([], False)
    commit(store.conninfo, *put("kid", guardian_ids=["stranger"]))
    assert (known(store, "kid").guardian_ids, may_consent(store, "stranger")) == ([], False)


def test_who_was_left_out_for_a_while_is_a_guardian_as_before(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "dad"]))
    for listed in ([], ["mum", "dad"]):
        commit(store.conninfo, *put("kid", guardian_ids=listed))
    assert known(store, "kid").guardian_ids == ["dad", "mum"]


def test_who_was_left_out_while_another_one_stayed_must_be_confirmed_anew(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "dad"]))
    for listed in (["mum"], ["mum", "dad"]):
        commit(store.conninfo, *put("kid", guardian_ids=listed))
    assert known(store, "kid").guardian_ids == ["mum"]
    assert confirm(store, "dad", by="mum")
    assert known(store, "kid").guardian_ids == ["dad", "mum"]


def test_who_was_left_out_comes_not_back_by_leaving_out_the_other_one_too(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "dad"]))
    for minute, listed in enumerate((["mum"], [], ["dad"])):
        commit(store.conninfo, *put("kid", guardian_ids=listed, at_ms=NOON_MS + minute * 60_000))
    assert known(store, "kid").guardian_ids == []


def test_who_shared_a_guardian_that_a_child_lost_is_told_of_it(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum"]), *put("other", guardian_ids=["mum"]))
    told = commit(store.conninfo, *put("kid", at_ms=NOON_MS + 1), notify_children("kid", at_ms=NOON_MS + 1))[-1]
    assert sorted(told) == [("user:kid", ""), ("user:other", "")]


def test_a_guardian_who_was_left_out_confirms_nobody(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum"]))
    commit(store.conninfo, *put("kid", guardian_ids=["aunt"]))
    assert not confirm(store, "aunt", by="mum")


def test_staff_confirm_others_and_not_themselves_and_only_when_they_are_of_age(store: Database) -> None:
    teacher: dict[str, Any] = {"persona": "staff", "school_id": "s1"}
    commit(store.conninfo, *put("kid", guardian_ids=["mum"], school_id="s1"))
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "teacher", "dad"], school_id="s1"))
    commit(store.conninfo, *put("teacher", date_of_birth=None, **teacher))
    commit(store.conninfo, *put("helper", date_of_birth=date(2012, 1, 1), **teacher))
    assert not confirm(store, "teacher", by="teacher")
    assert not confirm(store, "dad", by="helper")
    assert confirm(store, "dad", by="teacher")


def test_nobody_is_the_guardian_of_their_own_guardian(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum"]))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, refuse_ward("mum", "kid"))
    commit(store.conninfo, refuse_ward("mum", "gran"))
    commit(store.conninfo, *put("kid"))
    commit(store.conninfo, refuse_ward("mum", "kid"))


def state(store: Database) -> ConsentStatus:
    consents = profile_of(known(store, "kid")).consents
    return consent_state(Scope.parse("service"), consents, NOON_MS + 1_000_000).state


def withdraw(store: Database, number: int, at: int, objection: int = 900) -> None:
    statements = withdraw_consent(
        consent_id(number), "kid", objection_id=consent_id(objection), author="key1", at_ms=NOON_MS + at
    )
    commit(store.conninfo, *statements)


def test_who_withdraws_again_says_no_to_what_was_consented_to_since(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "dad"]), *consent(1, "kid", "mum"))
    withdraw(store, 1, at=10)
    commit(store.conninfo, *consent(20, "kid", "dad"))
    assert state(store) is ConsentStatus.GIVEN
    withdraw(store, 1, at=30)
    assert state(store) is ConsentStatus.WITHDRAWN
    for again in (40, 50):
        withdraw(store, 1, at=again, objection=900 + again)
    assert len(known(store, "kid").consents) == 3


def test_who_withdraws_again_where_nothing_came_since_changes_nothing(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum"]), *consent(1, "kid", "mum"))
    for at in (10, 20):
        withdraw(store, 1, at=at)
    [only] = known(store, "kid").consents
    assert only.withdrawn_at is not None
    assert only.withdrawn_at.microsecond == 10_000


def test_a_consent_that_ran_out_and_one_of_a_former_guardian_tie_no_household(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum"]), *put("other", guardian_ids=["mum"]))
    commit(store.conninfo, *consent(1, "kid", "mum"), *consent(2, "other", "mum", expires_at_ms=NOON_MS + 60_000))
    assert known(store, "kid").household_members == ["mum"]
    commit(store.conninfo, *put("kid"))
    assert known(store, "kid").household_members == []
