"""Age bands around birthdays and under the passing of years."""

from datetime import date

import pytest

from viral_engine.domain.ages import AgeBand, age_years, band_from_birth_date, band_from_statement, youngest
from viral_engine.domain.errors import Invalid

UNKNOWN, UNDER_13, TEEN, ADULT = AgeBand.UNKNOWN, AgeBand.UNDER_13, AgeBand.FROM_13_TO_17, AgeBand.ADULT


@pytest.mark.parametrize(
    ("born_on", "today", "band"),
    [
        (date(2012, 6, 15), date(2025, 6, 14), UNDER_13),
        (date(2012, 6, 15), date(2025, 6, 15), TEEN),
        (date(2007, 6, 15), date(2025, 6, 14), TEEN),
        (date(2007, 6, 15), date(2025, 6, 15), ADULT),
        (date(2008, 2, 29), date(2021, 2, 28), UNDER_13),
        (date(2008, 2, 29), date(2021, 3, 1), TEEN),
        (date(2008, 2, 29), date(2026, 2, 28), TEEN),
        (date(2008, 2, 29), date(2026, 3, 1), ADULT),
        (date(2012, 12, 31), date(2026, 1, 1), TEEN),
        (date(2025, 1, 1), date(2025, 1, 1), UNDER_13),
    ],
)
def test_a_band_changes_on_the_birthday_and_for_leap_days_on_1_march(born_on: date, today: date, band: AgeBand) -> None:
    """An age is no number that was stored once."""
    assert band_from_birth_date(born_on, today) is band


def test_a_leap_day_birthday_falls_on_itself_in_a_leap_year() -> None:
    assert age_years(date(2008, 2, 29), date(2024, 2, 28)) == 15
    assert age_years(date(2008, 2, 29), date(2024, 2, 29)) == 16


@pytest.mark.parametrize("born_on", [date(2025, 6, 16), date(1890, 1, 1)])
def test_an_impossible_birth_date_is_refused(born_on: date) -> None:
    with pytest.raises(Invalid):
        band_from_birth_date(born_on, date(2025, 6, 15))


@pytest.mark.parametrize(
    ("band", "today", "now"),
    [
        (UNDER_13, date(2023, 3, 1), UNDER_13),
        (UNDER_13, date(2033, 2, 28), UNDER_13),
        (UNDER_13, date(2033, 3, 1), TEEN),
        (UNDER_13, date(2038, 2, 28), TEEN),
        (UNDER_13, date(2038, 3, 1), ADULT),
        (TEEN, date(2025, 2, 28), TEEN),
        (TEEN, date(2025, 3, 1), ADULT),
        (ADULT, date(2020, 3, 1), ADULT),
        (ADULT, date(2019, 1, 1), ADULT),
        (TEEN, date(2019, 1, 1), TEEN),
        (UNKNOWN, date(2060, 1, 1), UNKNOWN),
    ],
)
def test_a_stated_band_ages_as_the_youngest_whom_it_allows(band: AgeBand, today: date, now: AgeBand) -> None:
    assert band_from_statement(band, date(2020, 3, 1), today) is now


def test_of_contradicting_records_the_most_protected_counts() -> None:
    assert youngest(ADULT, TEEN) is TEEN
    assert youngest(UNDER_13, UNKNOWN, ADULT) is UNKNOWN
    assert youngest() is UNKNOWN


def test_only_a_known_adult_is_an_adult() -> None:
    assert [band for band in AgeBand if band.is_adult] == [ADULT]
