"""Who may consent for a user: confirmed guardians, the first of whom a verified consent establishes."""

from viral_engine.messages.journal import Statement
from viral_engine.store.minors import has_guardian, is_known_minor
from viral_engine.store.notify import CHANNEL, notify
from viral_engine.store.statements import instant_of, statement

__all__ = ["CHILDREN_MAX", "confirm_guardian", "notify_children", "refuse_ward", "require_guardian"]

CHILDREN_MAX = 1_000
"""Children of one guardian who are named one by one when something about the guardian changes."""

# By another guardian, or by staff of the user's school; by no known minor, and by nobody for themselves.
_CONFIRM = (
    "UPDATE user_guardians SET confirmed_at = coalesce(confirmed_at, %s), confirmed_by = coalesce(confirmed_by, %s)"  # noqa: S608
    " FROM (SELECT %s::text AS confirming, (%s AT TIME ZONE 'UTC')::date AS today) AS d"
    " WHERE user_id = %s AND guardian_id = %s AND removed_at IS NULL AND guardian_id <> confirming"
    f" AND NOT {is_known_minor('confirming', 'today')}"
    " AND (EXISTS (SELECT FROM user_guardians AS other WHERE other.user_id = user_guardians.user_id"
    " AND other.guardian_id = confirming AND other.confirmed_at IS NOT NULL AND other.removed_at IS NULL)"
    " OR EXISTS (SELECT FROM users AS staff JOIN users AS pupil USING (school_id)"
    " WHERE staff.user_id = confirming AND staff.persona = 'staff' AND pupil.user_id = user_guardians.user_id))"
)

_NOTIFY_CHILDREN = f"""
WITH concerned AS (
    SELECT %s::text AS guardian_id UNION SELECT guardian_id FROM user_guardians WHERE user_id = %s AND removed_at = %s
), children AS (
    SELECT user_id FROM user_guardians JOIN concerned USING (guardian_id)
    UNION SELECT user_id FROM parental_consents JOIN concerned USING (guardian_id) LIMIT {CHILDREN_MAX + 1}
), notices AS (
    SELECT DISTINCT CASE WHEN (SELECT count(*) FROM children) > {CHILDREN_MAX} THEN 'all:' ELSE 'user:' || user_id END
        AS notice
    FROM children
)
SELECT notice, pg_notify('{CHANNEL}', notice) FROM notices
"""  # noqa: S608 - made of constants


def notify_children(user_id: str, *, at_ms: int) -> Statement:
    """Tells whom else it concerns that a user was put at an instant.

    Those are the children of the user, who may consent for them by their age alone, and those of the guardians whom
    the user lost by it: what made a household with them may be gone. Answers the notices; with more than
    `CHILDREN_MAX` children, the one that concerns everybody.
    """
    return statement(_NOTIFY_CHILDREN, user_id, user_id, instant_of(at_ms))


def require_guardian(user_id: str, guardian_id: str, *, at_ms: int) -> tuple[Statement, ...]:
    """Makes sure that a consent comes from a confirmed guardian; `RowsDiffer` when it does not.

    A user who never had a guardian, or known minors only, gets this one: the consent's method is what proves a
    parent. With one there, a further one must have been confirmed before.
    """
    at = instant_of(at_ms)
    return (
        statement(
            "INSERT INTO user_guardians (user_id, guardian_id, confirmed_at, confirmed_by, created_at)"  # noqa: S608
            " SELECT user_id, %s, %s, 'consent', %s FROM users, (SELECT (%s AT TIME ZONE 'UTC')::date AS today) AS d"
            f" WHERE user_id = %s AND NOT {has_guardian('users.user_id', 'd.today')}",
            guardian_id,
            at,
            at,
            at,
            user_id,
        ),
        statement(
            "SELECT 1 FROM user_guardians WHERE user_id = %s AND guardian_id = %s AND confirmed_at IS NOT NULL"
            " AND removed_at IS NULL",
            user_id,
            guardian_id,
            rows_expected=1,
        ),
    )


def confirm_guardian(user_id: str, guardian_id: str, *, confirmed_by: str, at_ms: int) -> tuple[Statement, ...]:
    """Lets a further guardian count. Confirming twice is harmless.

    `RowsDiffer` when the user has no such guardian, or when whoever confirms is neither another confirmed one, of age
    as far as is known, nor of the staff of the user's school.
    """
    at = instant_of(at_ms)
    return (
        statement(_CONFIRM, at, confirmed_by, confirmed_by, at, user_id, guardian_id, rows_expected=1),
        notify("user", user_id),
    )


def refuse_ward(user_id: str, guardian_id: str) -> Statement:
    """Makes sure that nobody is the guardian of their own guardian; `RowsDiffer` when they would be."""
    return statement(
        "SELECT 1 FROM user_guardians WHERE user_id = %s AND guardian_id = %s AND removed_at IS NULL",
        guardian_id,
        user_id,
        rows_expected=0,
    )
