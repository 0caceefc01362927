"""Who may consent for a user: confirmed guardians, the first of whom a verified consent establishes."""

from viral_engine.messages.journal import Statement
from viral_engine.store.statements import instant_of, statement

__all__ = ["require_guardian"]


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
