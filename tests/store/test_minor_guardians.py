"""Who is known to be a minor is nobody's guardian; of whom no age is known, the company vouches."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from rows import NOON_MS, commit
from test_people import known, put

from viral_engine.domain.ages import AgeBand, band_from_birth_date, band_from_statement
from viral_engine.messages.journal import RowsDiffer
from viral_engine.store.engine import Database
from viral_engine.store.guardians import confirm_guardian
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
