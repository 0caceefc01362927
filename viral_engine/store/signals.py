"""Signals about users, known or not: the very first one of a user nobody put is kept as well."""

from viral_engine.messages.journal import Statement
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of, json_text, statement

__all__ = ["FIRST_COUNTS", "REFERRER", "set_referrer", "set_signal"]

REFERRER = "referrer_id"
FIRST_COUNTS = frozenset({REFERRER})
"""Signals whose first value stays."""


def set_signal(
    user_id: str,
    signal: str,
    value: bool | int | str,  # noqa: FBT001 - a value, no switch
    *,
    at_ms: int,
) -> tuple[Statement, ...]:
    """A report of a signal; answers one row: whether the signal is new, and the value that counts from now on.

    Of a proof the last report counts, because a verified address can stop being so, and a payment can be charged back.
    Of `FIRST_COUNTS` the first report counts for good: who brought a user is decided once, and could otherwise be
    rewritten by whoever would like the reward. When a signal was reported first stays either way: rules that reward
    age look at that, and repeating does not renew it.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    at = instant_of(at_ms)
    return (
        statement(
            "INSERT INTO signals (user_id, signal, value, first_at, updated_at) VALUES (%s, %s, %s::jsonb, %s, %s)"
            " ON CONFLICT (user_id, signal) DO UPDATE SET updated_at = excluded.updated_at,"
            " value = CASE WHEN %s::boolean THEN signals.value ELSE excluded.value END"
            " RETURNING (xmax = 0), value",
            user_id,
            signal,
            json_text(value, "value"),
            at,
            at,
            signal in FIRST_COUNTS,
        ),
        notify("user", user_id),
    )


def set_referrer(user_id: str, referrer_id: str, *, at_ms: int) -> Statement:
    """A referrer told with the user: the first report if there was none, else nothing.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    at = instant_of(at_ms)
    return statement(
        "INSERT INTO signals (user_id, signal, value, first_at, updated_at) VALUES (%s, %s, %s::jsonb, %s, %s)"
        " ON CONFLICT (user_id, signal) DO NOTHING",
        user_id,
        REFERRER,
        json_text(referrer_id, "referrer_id"),
        at,
        at,
    )
