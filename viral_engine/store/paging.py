"""Which cases of child safety somebody must be paged for, and that somebody was. Nothing here closes a case."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text

from viral_engine.messages.paging import DuePage
from viral_engine.store.reviews import CLAIM_MS
from viral_engine.store.statements import instant_of

__all__ = ["due_pages", "mark_paged", "sole_pager", "waiting_cases"]

# Any number that nobody else's program takes: "page" in ASCII.
_LOCK_KEY = 0x70616765
# A claim that has lapsed holds nobody else off the case, so it must not hold off the pager either.
_UNCLAIMED = (
    "FROM cases WHERE queue = 'child_safety'"
    " AND (state = 'open' OR (state = 'claimed' AND claimed_at < :claimed_before))"
)
_DUE = text(
    "SELECT id::text AS case_id, opened_at, coalesce(reminded_at, paged_at) AS last_paged_at,"
    # Appeals wait in the queue: whoever is blocked must not be able to wake anybody.
    f" state = 'claimed' AS claim_lapsed {_UNCLAIMED} AND kind = 'report'"
    " AND (paged_at IS NULL OR coalesce(reminded_at, paged_at) <= :paged_before)"
    " ORDER BY paged_at IS NOT NULL, id LIMIT :limit"
)
_WAITING = text(f"SELECT count(*) {_UNCLAIMED}")
_MARK = text(
    "UPDATE cases SET paged_at = coalesce(paged_at, :at),"
    " reminded_at = CASE WHEN paged_at IS NULL THEN reminded_at ELSE :at END WHERE id = CAST(:case_id AS uuid)"
)


@contextmanager
def sole_pager(connection: Connection) -> Iterator[bool]:
    """Has the daemons of one database page one at a time; whether it is this one's turn.

    No row stays locked meanwhile, for that would hold up whoever claims the case: each statement of the block is
    committed by itself. The turn ends with the connection, whatever becomes of the daemon.
    """
    connection.execution_options(isolation_level="AUTOCOMMIT")
    is_ours: bool = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY}) is True
    try:
        yield is_ours
    finally:
        if is_ours:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK_KEY})


def due_pages(connection: Connection, now_ms: int, remind_ms: int, limit: int) -> list[DuePage]:
    """Unclaimed cases that nobody was paged for, oldest first, then those whose last page is `remind_ms` old."""
    wanted = {"paged_before": instant_of(now_ms - remind_ms), "limit": limit, **_claimed_before(now_ms)}
    return [DuePage(**row) for row in connection.execute(_DUE, wanted).mappings()]


def waiting_cases(connection: Connection, now_ms: int) -> int:
    """How many cases nobody has claimed, or no longer."""
    count: int = connection.scalar(_WAITING, _claimed_before(now_ms)) or 0
    return count


def _claimed_before(now_ms: int) -> dict[str, Any]:
    return {"claimed_before": instant_of(now_ms - CLAIM_MS)}


def mark_paged(connection: Connection, case_id: str, at_ms: int) -> None:
    """Says that a page for a case was accepted: the first one, or else a reminder."""
    connection.execute(_MARK, {"case_id": case_id, "at": instant_of(at_ms)})
