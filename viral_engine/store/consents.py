"""Parental consents: rows are added and withdrawn, never changed and never deleted by a user's request."""

from typing import Any
from uuid import UUID

from viral_engine.messages.journal import Statement
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of, json_text, statement

__all__ = ["add_consent", "withdraw_consent"]


def add_consent(
    consent_id: UUID,
    user_id: str,
    *,
    scope: str,
    method: str,
    guardian_id: str,
    evidence: Any,
    policy_version: str,
    expires_at_ms: int | None,
    author: str,
    at_ms: int,
) -> tuple[Statement, ...]:
    """A further consent, beside earlier ones of the same scope: a consent after a withdrawal is a row of its own.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    return (
        statement(
            "INSERT INTO parental_consents (id, user_id, scope, method, guardian_id, evidence, policy_version,"
            " consent_given, granted_at, granted_by, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, true, %s, %s, %s)",
            consent_id,
            user_id,
            scope,
            method,
            guardian_id,
            json_text(evidence, "evidence"),
            policy_version,
            instant_of(at_ms),
            author,
            None if expires_at_ms is None else instant_of(expires_at_ms),
            rows_expected=1,
        ),
        notify("user", user_id),
    )


# Somebody has consented since, and the guardian has not said no to that yet.
_OBJECT = (
    "INSERT INTO parental_consents (id, user_id, scope, method, guardian_id, evidence, policy_version, consent_given,"
    " granted_at, granted_by, withdrawn_at, withdrawn_by)"
    " SELECT %s, user_id, scope, method, guardian_id, evidence, policy_version, false, at, author, at, author"
    " FROM parental_consents AS c, (SELECT %s::timestamptz AS at, %s::text AS author) AS now"
    " WHERE id = %s AND user_id = %s AND withdrawn_at IS NOT NULL AND EXISTS (SELECT FROM parental_consents AS later"
    " WHERE later.user_id = c.user_id AND later.withdrawn_at IS NULL AND later.granted_at > (SELECT max(withdrawn_at)"
    " FROM parental_consents AS said WHERE said.user_id = c.user_id AND said.guardian_id = c.guardian_id"
    " AND said.scope = c.scope))"
)


def withdraw_consent(
    consent_id: UUID, user_id: str, *, objection_id: UUID, author: str, at_ms: int
) -> tuple[Statement, ...]:
    """Ends a consent; `RowsDiffer` when the user has none of that id.

    A withdrawal that comes twice succeeds twice and keeps its first instant: a parent who presses again is not told
    that there is nothing to withdraw. When anybody has consented since, it is a withdrawal of today, in a row of its
    own, which `objection_id` names: what was consented to since ends too.
    """
    return (
        statement(_OBJECT, objection_id, instant_of(at_ms), author, consent_id, user_id),
        statement(
            "UPDATE parental_consents SET consent_given = false, withdrawn_at = coalesce(withdrawn_at, %s),"
            " withdrawn_by = coalesce(withdrawn_by, %s) WHERE id = %s AND user_id = %s",
            instant_of(at_ms),
            author,
            consent_id,
            user_id,
            rows_expected=1,
        ),
        notify("user", user_id),
    )
