"""Who may consent for a user: confirmed guardians, the first of whom a verified consent establishes."""

from viral_engine.messages.journal import Statement
from viral_engine.store.minors import known_minor
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of, statement

__all__ = ["confirm_guardian", "require_guardian"]

# An existing guardian who is not known to be a minor, or somebody of the staff of the user's school.
_MAY_CONFIRM = (
    "EXISTS (SELECT FROM user_guardians AS other WHERE other.user_id = %s AND other.guardian_id = %s"  # noqa: S608
    " AND other.guardian_id <> user_guardians.guardian_id AND other.confirmed_at IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM users AS u, (SELECT (%s AT TIME ZONE 'UTC')::date AS today) AS d"
    f" WHERE u.user_id = other.guardian_id AND {known_minor('u.', 'd.today')}))"
    " OR EXISTS (SELECT FROM users AS staff JOIN users AS pupil USING (school_id)"
    " WHERE staff.user_id = %s AND staff.persona = 'staff' AND pupil.user_id = %s)"
)


def require_guardian(user_id: str, guardian_id: str, *, at_ms: int) -> tuple[Statement, ...]:
    """Makes sure that a consent comes from a confirmed guardian; `RowsDiffer` when it does not.

    A user without any guardian gets this one: the consent's method is what proves a parent. With one there, a
    further one must have been confirmed before.
    """
    at = instant_of(at_ms)
    return (
        statement(
            "INSERT INTO user_guardians (user_id, guardian_id, confirmed_at, confirmed_by, created_at)"
            " SELECT user_id, %s, %s, 'consent', %s FROM users WHERE user_id = %s"
            " AND NOT EXISTS (SELECT 1 FROM user_guardians WHERE user_guardians.user_id = users.user_id)",
            guardian_id,
            at,
            at,
            user_id,
        ),
        statement(
            "SELECT 1 FROM user_guardians WHERE user_id = %s AND guardian_id = %s AND confirmed_at IS NOT NULL",
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
        statement(
            "UPDATE user_guardians SET confirmed_at = coalesce(confirmed_at, %s),"  # noqa: S608 - constants
            f" confirmed_by = coalesce(confirmed_by, %s) WHERE user_id = %s AND guardian_id = %s AND ({_MAY_CONFIRM})",
            at,
            confirmed_by,
            user_id,
            guardian_id,
            user_id,
            confirmed_by,
            at,
            confirmed_by,
            user_id,
            rows_expected=1,
        ),
        notify("user", user_id),
    )
