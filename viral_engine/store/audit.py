"""The trail of acts: one row per act, written in the act's own transaction.

Rows are neither numbered without gaps nor chained yet: the columns for it are empty.
"""

from collections.abc import Mapping
from typing import Any

from viral_engine.messages.journal import Statement
from viral_engine.store.redact import redacted
from viral_engine.store.statements import instant_of, json_text, statement

__all__ = ["audit_entry", "audit_entry_of"]


def audit_entry(
    act: str,
    author: str,
    *,
    at_ms: int,
    subject: tuple[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> Statement:
    """One act as a row.

    Args:
        act: What was done, as `block.add`.
        author: Who did it: the id of a key or of a part of the engine.
        at_ms: When.
        subject: Kind and id of whom or what it was done to.
        details: Anything; what is personal in it is redacted, and the entry is written all the same.
        request_id: Of the request that asked for it.

    Raises:
        ValueError: `act`, `author`, `subject` or `request_id` hold what PostgreSQL cannot.
    """
    kind, identifier = subject if subject is not None else (None, None)
    return statement(
        "INSERT INTO audit (at, author, act, subject_kind, subject_id, details, request_id)"
        " VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s)",
        instant_of(at_ms),
        author,
        act,
        kind,
        identifier,
        json_text(redacted(details or {}), "details"),
        request_id,
        rows_expected=1,
    )


def audit_entry_of(
    found: str,
    *parameters: Any,
    act: str,
    author: str,
    at_ms: int,
    subject: tuple[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Statement:
    """One act for each row of a SELECT, whose columns join the details: what only the database knows, such as an id.

    Without a row nothing was done, and nothing is written.

    Args:
        found: The SELECT, its columns named as they shall stand in the details; no personal data.
        parameters: Of the SELECT.
        act: As in `audit_entry`.
        author: As there.
        at_ms: As there.
        subject: As there; without one the columns `subject_kind` and `subject_id` are it, and no details.
        details: As there; what the columns are joined to.

    Raises:
        ValueError: As `audit_entry`.
    """
    columns, given = ("%s, %s", subject) if subject is not None else ("subject_kind, subject_id", ())
    return statement(
        "INSERT INTO audit (at, author, act, subject_kind, subject_id, details)"  # noqa: S608 - constants
        f" SELECT %s, %s, %s, {columns}, %s::jsonb || (to_jsonb(found) - 'subject_kind' - 'subject_id')"
        f" FROM ({found}) AS found",
        instant_of(at_ms),
        author,
        act,
        *given,
        json_text(redacted(details or {}), "details"),
        *parameters,
    )
