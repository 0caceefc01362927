"""Answers kept for a day under their Idempotency-Key; the database's own clock decides what a day is."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, text

from viral_engine.messages.journal import Statement
from viral_engine.messages.once import Claim, ItemClaim
from viral_engine.messages.reading import IdempotentRow, ReadIdempotent
from viral_engine.store.statements import statement

__all__ = ["claim", "keep_answer", "purge_older_than", "read_idempotent", "release", "take_again", "take_over"]


def claim(claimed: Claim, body_digest: bytes, boot_id: str) -> Statement:
    """Takes the key for this daemon's work; answers one row, or none when it is taken (`ReadIdempotent`: by whom)."""
    return statement(
        "INSERT INTO idempotency (digest, body_digest, boot_id, token, created_at) VALUES (%s, %s, %s, %s, now())"
        " ON CONFLICT (digest) DO NOTHING RETURNING true",
        claimed.digest,
        body_digest,
        boot_id,
        claimed.token,
    )


def take_again(claimed: Claim, earlier: bytes) -> Statement:
    """Takes the key from an attempt of this daemon that has ended; answers one row, or none when it has an answer.

    Args:
        claimed: the key, with the token of the attempt that begins.
        earlier: the token of the one that ended. What it may still have under way can't be committed any more.
    """
    return statement(
        "UPDATE idempotency SET token = %s, created_at = now() WHERE digest = %s AND token = %s AND status IS NULL"
        " RETURNING true",
        claimed.token,
        claimed.digest,
        earlier,
    )


def take_over(claimed: Claim, dead_boot_id: str, boot_id: str, *, silent_s: float) -> Statement:
    """Takes the key from a daemon that died at its work; answers one row, or none.

    None when that daemon showed a sign of life in the last `silent_s`, when it has finished, or when somebody else
    was faster: the three are looked at in the statement itself.
    """
    return statement(
        "UPDATE idempotency SET boot_id = %s, token = %s, created_at = now()"
        " WHERE digest = %s AND boot_id = %s AND status IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.boot_id = %s AND heartbeat_at > now() - %s::interval)"
        " RETURNING true",
        boot_id,
        claimed.token,
        claimed.digest,
        dead_boot_id,
        dead_boot_id,
        timedelta(seconds=silent_s),
    )


def keep_answer(held: Claim | ItemClaim, status: int, answer: bytes) -> Statement:
    """Keeps the answer, in the transaction that does the work; `RowsDiffer` when the work is not this attempt's."""
    if isinstance(held, Claim):
        return statement(
            "UPDATE idempotency SET status = %s, answer = %s WHERE digest = %s AND token = %s AND status IS NULL",
            status,
            answer,
            held.digest,
            held.token,
            rows_expected=1,
        )
    return statement(
        "INSERT INTO idempotency (digest, body_digest, boot_id, status, answer, created_at)"
        " VALUES (%s, %s, %s, %s, %s, now()) ON CONFLICT (digest) DO NOTHING",
        held.digest,
        held.digest,
        held.boot_id,
        status,
        answer,
        rows_expected=1,
    )


def release(held: Claim) -> Statement:
    """Gives back a key whose work came to nothing, so that a retry may try; not one that has its answer."""
    return statement(
        "DELETE FROM idempotency WHERE digest = %s AND token = %s AND status IS NULL RETURNING true",
        held.digest,
        held.token,
    )


def purge_older_than(connection: Connection, age: timedelta, rows_max: int = 10_000) -> int:
    """Deletes keys claimed longer ago than `age`, the oldest first; how many.

    Args:
        connection: In a transaction that is committed afterwards.
        age: How long an answer is kept.
        rows_max: Of one call, so that it stays a matter of milliseconds; call again while it is reached.
    """
    return connection.execute(
        text(
            "DELETE FROM idempotency WHERE digest = ANY(ARRAY(SELECT digest FROM idempotency"
            " WHERE created_at < now() - CAST(:age AS interval) ORDER BY created_at LIMIT :rows"
            " FOR UPDATE SKIP LOCKED))"
        ),
        {"age": age, "rows": rows_max},
    ).rowcount


_READ = text("SELECT digest, body_digest, boot_id, token, status, answer FROM idempotency WHERE digest = ANY(:digests)")


def read_idempotent(connection: Connection, messages: Sequence[ReadIdempotent]) -> list[IdempotentRow | None]:
    """What is kept under each digest."""
    rows = connection.execute(_READ, {"digests": [message.digest for message in messages]})
    found = {
        row.digest: IdempotentRow(
            body_digest=row.body_digest, boot_id=row.boot_id, token=row.token, status=row.status, answer=row.answer
        )
        for row in rows
    }
    return [found.get(message.digest) for message in messages]
