"""Users, guardians, consents and signals: what is written is what a check and an operator read."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from rows import NOON_MS, commit
from sqlalchemy import text

from viral_engine.actors.growth.trust_safety.profiles import profile_of
from viral_engine.domain.uuid7 import lowest_uuid7
from viral_engine.messages.journal import RowsDiffer, Statement
from viral_engine.messages.people import UserView
from viral_engine.messages.reading import HOUSEHOLD_MAX, ProfileRow, ReadProfile, ReadUser
from viral_engine.store.consents import add_consent, withdraw_consent
from viral_engine.store.engine import Database
from viral_engine.store.guardians import confirm_guardian
from viral_engine.store.profiles import read_profiles, read_users
from viral_engine.store.signals import set_signal
from viral_engine.store.users import UserRecord, put_user

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def put(user_id: str, **changes: Any) -> tuple[Statement, ...]:
    values: dict[str, Any] = {
        "persona": "student",
        "date_of_birth": date(2015, 3, 4),
        "jurisdiction": "us",
        "email": "Ada@example.com",
        "phone": "+15550100",
        **changes,
    }
    at_ms = values.pop("at_ms", NOON_MS)
    vouched_by = values.pop("guardians_confirmed_by", None)
    return put_user(UserRecord(user_id=user_id, **values), at_ms=at_ms, guardians_confirmed_by=vouched_by)


def consent(number: int, user_id: str, guardian_id: str, **changes: Any) -> tuple[Statement, ...]:
    values: dict[str, Any] = {
        "scope": "service",
        "method": "signed_form",
        "guardian_id": guardian_id,
        "evidence": {"document_ref": "d1", "signed_on": "2026-11-01"},
        "policy_version": "v1",
        "expires_at_ms": None,
        "author": "key1",
        "at_ms": NOON_MS + number,
    }
    return add_consent(consent_id(number), user_id, **{**values, **changes})


def verified(user_id: str, signal: str) -> tuple[Statement, ...]:
    return set_signal(user_id, signal, True, at_ms=NOON_MS)  # noqa: FBT003 - the signal's value


def consent_id(number: int) -> UUID:
    return lowest_uuid7(NOON_MS + number)


def profile(store: Database, user_id: str) -> ProfileRow | None:
    with store.engine.connect() as connection:
        return read_profiles(connection, [ReadProfile(user_id)])[0]


def known(store: Database, user_id: str) -> ProfileRow:
    found = profile(store, user_id)
    assert found is not None
    return found


def user(store: Database, user_id: str) -> UserView:
    with store.engine.connect() as connection:
        found = read_users(connection, [ReadUser(user_id)])[0]
    assert found is not None
    return found


def test_a_user_is_new_once_and_replaced_after_that(store: Database) -> None:
    assert commit(store.conninfo, *put("ada", household_id="h1"))[0] == [(True,)]
    assert commit(store.conninfo, *put("ada", persona="tutor", email=None, at_ms=NOON_MS + 1000))[0] == [(False,)]
    view = user(store, "ada")
    assert (view.persona, view.email, view.household_id) == ("tutor", None, None)
    assert (view.created_at, view.updated_at) == (NOON, NOON.replace(second=1))


def test_everything_told_of_a_user_is_read_back(store: Database) -> None:
    told = put(
        "ada",
        persona="parent",
        date_of_birth=None,
        age_band="13_17",
        stated_on=date(2026, 1, 2),
        adulthood_attested=True,
        guardian_ids=["grace"],
        household_id="h1",
        school_id="s1",
        referrer_id="bob",
    )
    commit(store.conninfo, *told, *verified("ada", "email_verified"), *consent(1, "ada", "grace"))
    row = known(store, "ada")
    assert row.signals == {"email_verified": (True, NOON_MS), "referrer_id": ("bob", NOON_MS)}
    assert [(view.consent_id, view.granted_at) for view in row.consents] == [
        (str(consent_id(1)), NOON.replace(microsecond=1000))
    ]
    assert (row.persona, row.date_of_birth, row.age_band, row.stated_on) == ("parent", None, "13_17", "2026-01-02")
    assert (row.adulthood_attested, row.guardian_ids, row.household_id) == (True, ["grace"], "h1")
    assert (row.school_id, row.jurisdiction, row.email_domain, row.referrer_id) == ("s1", "us", "example.com", "bob")
    assert row.created_ms == NOON_MS
    view = user(store, "ada")
    assert (view.email, view.phone, view.age_band) == ("Ada@example.com", "+15550100", "13_17")
    assert view.signals == {"email_verified": True, "referrer_id": "bob"}
    assert (view.consents, view.guardian_ids) == (row.consents, ["grace"])


def test_a_batch_is_answered_in_its_order_and_the_unknown_with_none(store: Database) -> None:
    commit(store.conninfo, *put("ada"), *put("bob"))
    with store.engine.connect() as connection:
        profiles = read_profiles(connection, [ReadProfile(name) for name in ("bob", "nobody", "ada", "bob")])
        users = read_users(connection, [ReadUser(name) for name in ("bob", "nobody", "ada", "bob")])
    assert [row and row.user_id for row in profiles] == ["bob", None, "ada", "bob"]
    assert [view and view.user_id for view in users] == ["bob", None, "ada", "bob"]


def test_the_age_band_shown_is_that_of_today(store: Database) -> None:
    commit(store.conninfo, *put("old", date_of_birth=date(1990, 1, 1)), *put("none", date_of_birth=None))
    assert (user(store, "old").age_band, user(store, "none").age_band) == ("18_plus", "unknown")


def test_the_first_signal_of_a_user_nobody_knows_is_kept(store: Database) -> None:
    assert commit(store.conninfo, *verified("eve", "phone_verified"))[0] == [(True, True)]
    row = known(store, "eve")
    assert (row.persona, row.created_ms, row.signals) == (None, None, {"phone_verified": (True, NOON_MS)})
    view = user(store, "eve")
    assert (view.user_id, view.persona, view.age_band, view.created_at) == ("eve", None, "unknown", None)
    assert (view.signals, view.consents, view.guardian_ids) == ({"phone_verified": True}, [], [])


def test_a_later_signal_changes_the_value_and_not_its_first_instant(store: Database) -> None:
    commit(store.conninfo, *verified("eve", "email_verified"))
    taken_back = set_signal("eve", "email_verified", False, at_ms=NOON_MS + 5)  # noqa: FBT003 - the signal's value
    assert commit(store.conninfo, *taken_back)[0] == [(False, False)]
    assert known(store, "eve").signals == {"email_verified": (False, NOON_MS)}


def test_of_a_referrer_the_first_report_counts(store: Database) -> None:
    for referrer, is_new in (("ann", True), ("eve", False)):
        rows = commit(store.conninfo, *set_signal("bob", "referrer_id", referrer, at_ms=NOON_MS))
        assert rows[0] == [(is_new, "ann")]
    assert known(store, "bob").signals == {"referrer_id": ("ann", NOON_MS)}


@pytest.mark.parametrize("is_signal_first", [True, False])
def test_of_a_referrer_the_first_report_counts_whether_told_with_the_user_or_as_a_signal(
    store: Database,
    is_signal_first: bool,  # noqa: FBT001 - a case
) -> None:
    signalled = set_signal("bob", "referrer_id", "ann" if is_signal_first else "eve", at_ms=NOON_MS)
    told = put("bob", referrer_id="eve" if is_signal_first else "ann")
    for statements in (signalled, told) if is_signal_first else (told, signalled):
        commit(store.conninfo, *statements)
    # Told again, another one and none.
    for later in ({"referrer_id": "eve"}, {}):
        commit(store.conninfo, *put("bob", **later, at_ms=NOON_MS + 5))
        row = known(store, "bob")
        assert (row.referrer_id, profile_of(row).referrer, user(store, "bob").referrer_id) == ("ann", "ann", "ann")
        assert row.signals == {"referrer_id": ("ann", NOON_MS)}


def test_any_number_of_consents_of_one_child_stand_side_by_side(store: Database) -> None:
    commit(store.conninfo, *put("kid"), *consent(1, "kid", "mum"), *consent(2, "kid", "dad"), *consent(3, "kid", "mum"))
    assert [view.guardian_id for view in known(store, "kid").consents] == ["mum", "dad", "mum"]


def test_a_withdrawal_is_kept_with_its_first_instant_and_may_come_twice(store: Database) -> None:
    commit(store.conninfo, *consent(1, "kid", "mum"))
    for seconds in (1, 2):
        commit(
            store.conninfo,
            *withdraw_consent(
                consent_id(1), "kid", objection_id=consent_id(900), author="k", at_ms=NOON_MS + seconds * 1000
            ),
        )
    (view,) = known(store, "kid").consents
    assert view.withdrawn_at == NOON.replace(second=1)
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT consent_given FROM parental_consents")) is False


def test_a_consent_of_somebody_else_cannot_be_withdrawn(store: Database) -> None:
    commit(store.conninfo, *consent(1, "kid", "mum"))
    with pytest.raises(RowsDiffer):
        commit(
            store.conninfo,
            *withdraw_consent(consent_id(1), "other", objection_id=consent_id(900), author="k", at_ms=NOON_MS),
        )
    assert known(store, "kid").consents[0].withdrawn_at is None


def test_the_first_guardians_count_and_further_ones_wait_for_a_confirmation(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "dad", "mum"]))
    assert known(store, "kid").guardian_ids == ["dad", "mum"]
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "stranger"]))
    assert known(store, "kid").guardian_ids == ["mum"]
    assert user(store, "kid").guardian_ids == ["mum", "stranger"]
    assert user(store, "kid").guardians_confirmed == ["mum"]
    commit(store.conninfo, *confirm_guardian("kid", "stranger", confirmed_by="mum", at_ms=NOON_MS))
    assert known(store, "kid").guardian_ids == user(store, "kid").guardians_confirmed == ["mum", "stranger"]


def test_replacing_the_only_guardian_does_not_make_a_stranger_one(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum"]))
    commit(store.conninfo, *put("kid", guardian_ids=["stranger"]))
    assert (known(store, "kid").guardian_ids, user(store, "kid").guardian_ids) == ([], ["stranger"])


def test_tutors_are_those_of_the_last_list_each_with_its_first_instant(store: Database) -> None:
    commit(store.conninfo, *put("kid", tutor_ids=["tom", "ann", "tom"]))
    assert (known(store, "kid").tutor_ids, user(store, "kid").tutor_ids) == (["ann", "tom"], ["ann", "tom"])
    commit(store.conninfo, *put("kid", tutor_ids=["zoe", "ann"], at_ms=NOON_MS + 5_000))
    assert profile_of(known(store, "kid")).tutors == {"ann", "zoe"}
    with store.engine.connect() as connection:
        found = connection.execute(text("SELECT tutor_id, created_at FROM user_tutors ORDER BY tutor_id")).all()
    assert found == [("ann", NOON), ("zoe", NOON.replace(second=5))]
    commit(store.conninfo, *put("kid"))
    assert (known(store, "kid").tutor_ids, user(store, "kid").tutor_ids) == ([], [])


def test_guardians_that_somebody_vouches_for_count_at_once(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum"]))
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "dad"], guardians_confirmed_by="school:1"))
    assert known(store, "kid").guardian_ids == ["dad", "mum"]


def test_confirming_who_is_no_guardian_fails(store: Database) -> None:
    commit(store.conninfo, *put("kid"))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, *confirm_guardian("kid", "mum", confirmed_by="dad", at_ms=NOON_MS))


@pytest.mark.parametrize(("by", "may"), [
    ("mum", True), ("head-teacher", True), ("stranger", False), ("other-teacher", False), ("classmate", False),
    ("nobody", False),
])  # fmt: skip
def test_only_another_guardian_or_the_school_s_staff_confirms_one(store: Database, by: str, may: bool) -> None:  # noqa: FBT001
    commit(store.conninfo, *put("kid", guardian_ids=["mum"], school_id="s1"))
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "stranger"], school_id="s1"))
    commit(store.conninfo, *put("head-teacher", persona="staff", school_id="s1", date_of_birth=None))
    commit(store.conninfo, *put("other-teacher", persona="staff", school_id="s2"))
    commit(store.conninfo, *put("classmate", school_id="s1"))
    if may:
        commit(store.conninfo, *confirm_guardian("kid", "stranger", confirmed_by=by, at_ms=NOON_MS))
    else:
        with pytest.raises(RowsDiffer):
            commit(store.conninfo, *confirm_guardian("kid", "stranger", confirmed_by=by, at_ms=NOON_MS))
    assert known(store, "kid").guardian_ids == (["mum", "stranger"] if may else ["mum"])


def test_a_verified_household_is_made_of_standing_consents(store: Database) -> None:
    commit(
        store.conninfo,
        *consent(1, "kid", "mum"),
        *consent(2, "sister", "mum"),
        *consent(3, "friend", "other"),
        *consent(4, "brother", "mum"),
    )
    assert known(store, "kid").household_members == ["brother", "mum", "sister"]
    assert known(store, "mum").household_members == ["brother", "kid", "sister"]
    assert known(store, "friend").household_members == ["other"]
    commit(
        store.conninfo,
        *withdraw_consent(consent_id(4), "brother", objection_id=consent_id(900), author="k", at_ms=NOON_MS),
    )
    assert known(store, "kid").household_members == ["mum", "sister"]
    assert known(store, "brother").household_members == []


def test_a_household_has_a_limit(store: Database) -> None:
    commit(store.conninfo, *(one for n in range(HOUSEHOLD_MAX + 2) for one in consent(n, f"kid{n:02}", "mum")))
    assert len(known(store, "kid03").household_members) == HOUSEHOLD_MAX


def test_a_school_that_nobody_registered_counts_as_bound_by_ferpa(store: Database) -> None:
    with store.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO schools (school_id, name, ferpa, created_at, updated_at)"
                " VALUES ('free', 'F', false, now(), now()), ('bound', 'B', true, now(), now())"
            )
        )
    for school_id, ferpa in (("free", False), ("bound", True), ("unheard", True), (None, False)):
        commit(store.conninfo, *put("kid", school_id=school_id))
        assert known(store, "kid").school_ferpa is ferpa


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_text_that_postgresql_cannot_hold_is_refused_before_it_is_sent(value: str) -> None:
    with pytest.raises(ValueError, match="must not contain"):
        put("kid", household_id=value)
    with pytest.raises(ValueError, match="must not contain"):
        put("kid", guardian_ids=["mum", value])
    with pytest.raises(ValueError, match="value must not contain"):
        set_signal("kid", "referrer_id", value, at_ms=NOON_MS)
    with pytest.raises(ValueError, match="evidence must not contain"):
        consent(1, "kid", "mum", evidence={"a": [{"b": value}]})
