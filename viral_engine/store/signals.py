"""Signals about users, known or not: the very first one of a user is kept as well (fault 4)."""

from viral_engine.messages.journal import Statement
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of, json_text, statement

__all__ = ["set_signal"]


def set_signal(
    user_id: str,
    signal: str,
    value: bool | int | str,  # noqa: FBT001 - a value, no switch
    *,
    at_ms: int,
) -> tuple[Statement, ...]:
    """The signal's value from now on; when it was reported first stays.

    The value follows the last report, because a verified address can stop being so; rules that reward age look at the
    first report, which repeating does not renew. Answers one row, whether the signal is new.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    at = instant_of(at_ms)
    return (
        statement(
            "INSERT INTO signals (user_id, signal, value, first_at, updated_at) VALUES (%s, %s, %s::jsonb, %s, %s)"
            " ON CONFLICT (user_id, signal) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at"
            " RETURNING (xmax = 0)",
            user_id,
            signal,
            json_text(value, "value"),
            at,
            at,
        ),
        notify("user", user_id),
    )
