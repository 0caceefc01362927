"""Who is known to be a minor is nobody's guardian; of whom no age is known, the company vouches."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from rows import NOON_MS, commit
from test_people import consent, known, put

from viral_engine.domain.ages import AgeBand, band_from_birth_date, band_from_statement
from viral_engine.messages.journal import RowsDiffer
from viral_engine.store.engine import Database
from viral_engine.store.guardians import CHILDREN_MAX, confirm_guardian, notify_children, require_guardian
from viral_engine.store.minors import refuse_minor
from viral_engine.store.statements import instant_of

MINORS = (AgeBand.UNDER_13, AgeBand.FROM_13_TO_17)
LEAP_DAY_MS = NOON_MS + 464 * 86_400_000
"""2028-02-29 12:00 UTC."""


def is_refused(store: Database, at_ms: int, **age: Any) -> bool:
    try:
        commit(store.conninfo, *put("sam", **{"date_of_birth": None, **age}), refuse_minor("sam", at_ms=at_ms))
    except RowsDiffer:
        return True
    return False


def days_around(today: date, years: int) -> list[date]:
    """The days about the one that lies so many years before."""
    return [date(today.year - years, today.month, 1) + timedelta(days=today.day + days) for days in range(-4, 3)]


@pytest.mark.parametrize("at_ms", [NOON_MS, LEAP_DAY_MS, LEAP_DAY_MS - 86_400_000, LEAP_DAY_MS + 86_400_000])
def test_who_is_a_minor_is_told_by_the_database_as_by_the_bands(store: Database, at_ms: int) -> None:
    today = instant_of(at_ms).date()
    for born in (*days_around(today, 18), date(2008, 2, 29), today, date(1950, 1, 1)):
        assert is_refused(store, at_ms, date_of_birth=born) is (band_from_birth_date(born, today) in MINORS)
    for band in AgeBand:
        for stated in (*days_around(today, 5), *days_around(today, 18), today, today + timedelta(days=1)):
            expected = band_from_statement(band, stated, today) in MINORS
            assert is_refused(store, at_ms, age_band=band.value, stated_on=stated) is expected


def test_of_whom_no_age_is_known_is_no_known_minor(store: Database) -> None:
    commit(store.conninfo, refuse_minor("never heard of", at_ms=NOON_MS))
    assert not is_refused(store, NOON_MS)
    # A slip says nothing.
    assert not is_refused(store, NOON_MS, date_of_birth=date(2030, 1, 1))


def test_a_guardian_who_is_known_to_be_a_minor_confirms_nobody(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "brother"]))
    commit(store.conninfo, *put("kid", guardian_ids=["mum", "brother", "stranger"]), *put("brother"))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, *confirm_guardian("kid", "stranger", confirmed_by="brother", at_ms=NOON_MS))
    commit(store.conninfo, *confirm_guardian("kid", "stranger", confirmed_by="mum", at_ms=NOON_MS))
    assert "stranger" in known(store, "kid").guardian_ids


def test_a_consent_counts_for_nothing_once_its_giver_is_known_to_have_been_a_minor_then(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["sis", "mum"]), *consent(1, "kid", "sis"))
    before = known(store, "kid")
    assert (before.guardian_ids, before.household_members) == (["mum", "sis"], ["sis"])
    commit(store.conninfo, *put("sis", date_of_birth=date(2012, 5, 6)), *put("kid2", guardian_ids=["sis"]))
    after = known(store, "kid")
    assert (after.guardian_ids, [view.by_minor for view in after.consents]) == (["mum"], [True])
    assert (after.household_members, after.household_size) == ([], 0)
    # A slip that is corrected takes nothing away.
    commit(store.conninfo, *put("sis", date_of_birth=date(1992, 5, 6)))
    assert (known(store, "kid").guardian_ids, known(store, "kid").household_members) == (["mum", "sis"], ["sis"])


def test_who_has_come_of_age_since_has_consented_as_a_minor_all_the_same(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["sis"]), *put("sis", date_of_birth=date(2008, 11, 24)))
    # The 23rd and the 24th of November 2026; a consent of the first day stays a minor's.
    commit(store.conninfo, *consent(86_400_000, "kid", "sis"), *consent(2 * 86_400_000, "kid", "sis"))
    row = known(store, "kid")
    assert row.guardian_ids == ["sis"]
    assert [view.by_minor for view in row.consents] == [True, False]


def test_what_is_told_of_a_guardian_concerns_their_children(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["mum"]), *put("other", guardian_ids=["dad"]))
    # A guardian of before, by whom there is a consent.
    commit(store.conninfo, *consent(1, "elder", "mum"))
    assert sorted(commit(store.conninfo, notify_children("mum", at_ms=NOON_MS))[0]) == [
        ("user:elder", ""),
        ("user:kid", ""),
    ]
    assert commit(store.conninfo, notify_children("nobody", at_ms=NOON_MS))[0] == []


def test_a_guardian_of_very_many_concerns_everybody(store: Database) -> None:
    rows = "INSERT INTO user_guardians SELECT user_id, 'home', now(), 'first', now() FROM users WHERE user_id LIKE 'k%'"
    with psycopg.connect(store.conninfo) as connection:
        connection.execute(
            "INSERT INTO users (user_id, persona, created_at, updated_at)"
            " SELECT 'k' || n, 'student', now(), now() FROM generate_series(1, %s) AS n",
            [CHILDREN_MAX],
        )
        connection.execute(rows)
    assert len(commit(store.conninfo, notify_children("home", at_ms=NOON_MS))[0]) == CHILDREN_MAX
    commit(store.conninfo, *put("k-more", guardian_ids=["home"]))
    assert commit(store.conninfo, notify_children("home", at_ms=NOON_MS))[0] == [("all:", "")]


def test_a_minor_on_the_list_keeps_no_parent_out(store: Database) -> None:
    commit(store.conninfo, *put("kid", guardian_ids=["sis"]), *put("kid2", guardian_ids=["sis"]), *put("sis"))
    commit(store.conninfo, *put("kid", guardian_ids=["sis", "mum"]))
    assert known(store, "kid").guardian_ids == ["mum"]
    commit(store.conninfo, *require_guardian("kid2", "mum", at_ms=NOON_MS))
    assert known(store, "kid2").guardian_ids == ["mum"]
    # With a parent there, a further one is confirmed first.
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, *require_guardian("kid2", "stranger", at_ms=NOON_MS))
