"""Age bands: what a date of birth or a stated band lets one be sure of on a given day.

Every rule that protects children asks for a band, never for a number of years, and treats `unknown` as a child
(16 CFR 312.2 and 312.3).
"""

from datetime import date
from enum import StrEnum

from viral_engine.domain.errors import Invalid

__all__ = ["AgeBand", "age_years", "band_from_birth_date", "band_from_statement", "band_of_years", "youngest"]

YEARS_MAX = 130
ADULT_YEARS = 18
TEEN_YEARS = 13


class AgeBand(StrEnum):
    """What is certain about an age; `unknown` is protected like the youngest."""

    UNKNOWN = "unknown"
    UNDER_13 = "under_13"
    FROM_13_TO_17 = "13_17"
    ADULT = "18_plus"

    @property
    def is_adult(self) -> bool:
        """True only where adulthood is certain."""
        return self is AgeBand.ADULT


_LOWEST_YEARS = {AgeBand.UNDER_13: 0, AgeBand.FROM_13_TO_17: TEEN_YEARS, AgeBand.ADULT: ADULT_YEARS}
_PROTECTION = (AgeBand.UNKNOWN, AgeBand.UNDER_13, AgeBand.FROM_13_TO_17, AgeBand.ADULT)


def age_years(born_on: date, today: date) -> int:
    """Whole years lived on `today`.

    A birthday on 29 February is reached on 1 March of a common year: the person is protected a day longer rather
    than a day less.
    """
    before_birthday = (today.month, today.day) < (born_on.month, born_on.day)
    return today.year - born_on.year - before_birthday


def band_of_years(years: int) -> AgeBand:
    """The band of somebody who has lived so many whole years."""
    if years < TEEN_YEARS:
        return AgeBand.UNDER_13
    return AgeBand.FROM_13_TO_17 if years < ADULT_YEARS else AgeBand.ADULT


def band_from_birth_date(born_on: date, today: date) -> AgeBand:
    """The band on `today` of somebody born on that day.

    Raises:
        Invalid: The birth lies after `today`, or more than 130 years back: such a date is a slip, and believing it
            would make somebody an adult.
    """
    years = age_years(born_on, today)
    if born_on > today:
        raise Invalid("birth_date", "lies in the future")
    if years > YEARS_MAX:
        raise Invalid("birth_date", f"lies more than {YEARS_MAX} years back")
    return band_of_years(years)


def band_from_statement(band: AgeBand, stated_on: date, today: date) -> AgeBand:
    """The band on `today` of somebody who was in `band` on the day it was stated.

    The person is taken for the youngest the statement allows: `under_13` may have been a newborn, so it becomes
    `13_17` only after 13 whole years and `18_plus` after 18; `13_17` may have been 13 that day, so it becomes
    `18_plus` after 5. Ageing any sooner would free a child of protection on a guess. `unknown` never ages. A
    statement dated after `today` (a clock set back) counts as made today.
    """
    lowest_years = _LOWEST_YEARS.get(band)
    if lowest_years is None:
        return AgeBand.UNKNOWN
    return band_of_years(lowest_years + max(0, age_years(stated_on, today)))


def youngest(*bands: AgeBand) -> AgeBand:
    """The most protected of several bands, for records that contradict each other."""
    return min(bands, key=_PROTECTION.index, default=AgeBand.UNKNOWN)
