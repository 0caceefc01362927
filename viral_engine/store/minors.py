"""Who is known to be a minor, as PostgreSQL tells it: the bands of `domain.ages` as a condition on a row of users."""

from viral_engine.domain.ages import ADULT_YEARS, TEEN_YEARS, AgeBand
from viral_engine.messages.journal import Statement
from viral_engine.store.statements import instant_of, statement

__all__ = ["consented_as_minor", "has_guardian", "is_known_minor", "refuse_minor"]


def _known_minor(row: str, today: str) -> str:
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


def is_known_minor(user_id: str, day: str) -> str:
    """The condition that a user is known to have been a minor on a day.

    Args:
        user_id: SQL of a user's id.
        day: SQL of a date.
    """
    return f"EXISTS (SELECT FROM users AS person WHERE person.user_id = {user_id} AND {_known_minor('person.', day)})"


def consented_as_minor(row: str) -> str:
    """The condition that whoever gave a consent was a minor on the day of it, by what is known of them now.

    Args:
        row: What stands before a column of `parental_consents`, with its dot.
    """
    return is_known_minor(f"{row}guardian_id", f"({row}granted_at AT TIME ZONE 'UTC')::date")


def has_guardian(user_id: str, day: str) -> str:
    """The condition that a user has or had a guardian, confirmed or not, who is not known to be a minor on a day.

    Args:
        user_id: SQL of a user's id.
        day: SQL of a date.
    """
    of_age = f"NOT {is_known_minor('had.guardian_id', day)}"
    return f"EXISTS (SELECT FROM user_guardians AS had WHERE had.user_id = {user_id} AND {of_age})"


_FIND = (
    "SELECT 1 FROM users AS u, (SELECT (%s AT TIME ZONE 'UTC')::date AS today) AS d"  # noqa: S608 - constants
    f" WHERE u.user_id = %s AND {_known_minor('u.', 'd.today')}"
)


def refuse_minor(user_id: str, *, at_ms: int) -> Statement:
    """Makes sure that somebody is not known to be a minor; `RowsDiffer` when they are."""
    return statement(_FIND, instant_of(at_ms), user_id, rows_expected=0)
