"""Who is known to be a minor, as PostgreSQL tells it: the bands of `domain.ages` as a condition on a row of users."""

from viral_engine.domain.ages import ADULT_YEARS, TEEN_YEARS, AgeBand
from viral_engine.messages.journal import Statement
from viral_engine.store.statements import instant_of, statement

__all__ = ["known_minor", "refuse_minor"]


def known_minor(row: str, today: str) -> str:
    """The condition that somebody's date of birth or stated band says under 18; of an unknown age it does not hold.

    A date of birth after `today` is a slip and says nothing, as in `ages.band_from_birth_date`.

    Args:
        row: What stands before a column of `users`, with its dot.
        today: SQL of a date.
    """
    return (
        f"({row}date_of_birth > {today} - interval '{ADULT_YEARS} years' AND {row}date_of_birth <= {today}"
        f" OR {row}date_of_birth IS NULL AND {row}stated_on > {today} - CASE {row}age_band"
        f" WHEN '{AgeBand.UNDER_13}' THEN interval '{ADULT_YEARS} years'"
        f" WHEN '{AgeBand.FROM_13_TO_17}' THEN interval '{ADULT_YEARS - TEEN_YEARS} years' END)"
    )


_FIND = (
    "SELECT 1 FROM users AS u, (SELECT (%s AT TIME ZONE 'UTC')::date AS today) AS d"  # noqa: S608 - constants
    f" WHERE u.user_id = %s AND {known_minor('u.', 'd.today')}"
)


def refuse_minor(user_id: str, *, at_ms: int) -> Statement:
    """Makes sure that somebody is not known to be a minor; `RowsDiffer` when they are."""
    return statement(_FIND, instant_of(at_ms), user_id, rows_expected=0)
