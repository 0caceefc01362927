"""Reading the trail of acts, page by page, without what tells of child safety for whoever may not know of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text

from viral_engine.domain.reports import BLOCK_REASON
from viral_engine.messages.audit import AuditRow, AuditRows, ReadAudit
from viral_engine.messages.reading import PAGE_MAX

__all__ = ["LOOKED_AT_MAX", "read_audit"]

LOOKED_AT_MAX = 20_000
"""Entries that one page looks at; what a filter finds beyond them comes with the next pages."""

_LATE = timedelta(days=1)
"""An entry is never written later than this after what it tells of: the order of numbers is nearly that of times."""

_NUMBER_MAX = 2**63 - 1
_LIFTED = "(CASE audit.subject_kind WHEN 'blocks' THEN audit.subject_id ELSE audit.details ->> 'block_id' END)::uuid"
# Not only of child safety: whoever may not know of it sees each report, block and lifting elsewhere (`/v1/blocks`,
# `/v1/history`), whatever it is about, and would tell by what is missing here. So this asks for no category and no
# queue. The case of a decision is child safety's never.
_OF_REPORTS = (
    "CASE WHEN act ~ '^(report|appeal)[.]' OR act IN ('blocks.keep', 'case.list') THEN true"  # noqa: S608 - constants
    " WHEN act ~ '^case[.]' THEN"
    " coalesce((SELECT kind FROM cases WHERE cases.id = audit.subject_id::uuid), '') <> 'decision'"
    " WHEN act = 'blocks.add' THEN jsonb_exists(details, 'report_id')"
    " WHEN act = 'blocks.lift' THEN jsonb_exists(details, 'case')"
    f" OR coalesce((SELECT reason = '{BLOCK_REASON}' FROM blocks WHERE blocks.id = {_LIFTED}), false)"
    f" OR coalesce((SELECT true FROM cases WHERE cases.block_id = {_LIFTED} LIMIT 1), false)"
    " ELSE false END"
)
_PAGE = (
    "SELECT id AS number, at, act AS action, author, subject_kind, subject_id, details FROM"
    " (SELECT * FROM audit WHERE {seen} ORDER BY id DESC LIMIT :looked_at) AS looked_at{wanted}"
    " ORDER BY id DESC LIMIT :rows"
)
_END = "SELECT id, at FROM audit WHERE {seen} ORDER BY id DESC OFFSET :looked_at - 1 LIMIT 1"


def read_audit(
    connection: Connection, messages: Sequence[ReadAudit], looked_at: int = LOOKED_AT_MAX
) -> list[AuditRows]:
    """A page for each question, newest first; equal questions are asked once."""
    answers: dict[ReadAudit, AuditRows] = {}
    for message in messages:
        if message not in answers:
            answers[message] = _page(connection, message, looked_at)
    return [answers[message] for message in messages]


def _page(connection: Connection, message: ReadAudit, looked_at: int) -> AuditRows:
    limit = min(max(message.limit, 1), PAGE_MAX)
    seen: dict[str, Any] = {"looked_at": looked_at, "before": _NUMBER_MAX if message.before is None else message.before}
    where = _seen(message)
    if message.subject is not None:
        seen |= dict(zip(("subject_kind", "subject_id"), message.subject, strict=True))
    filters = {"kind": message.kind, "action": message.action, "since": message.since}
    wanted = {name: value for name, value in filters.items() if value is not None}
    asked = text(_PAGE.format(seen=where, wanted=_wanted(wanted)))
    # One more than asked for tells whether there is a next page.
    found = connection.execute(asked, {**seen, **wanted, "rows": limit + 1}).mappings()
    rows = [AuditRow(**row) for row in found]
    if len(rows) > limit:
        return AuditRows(rows=rows[:limit], next_before=rows[limit - 1].number)
    if not wanted:
        return AuditRows(rows=rows, next_before=None)
    end = connection.execute(text(_END.format(seen=where)), seen).first()
    if end is None or (message.since is not None and end.at + _LATE < message.since):
        return AuditRows(rows=rows, next_before=None)
    return AuditRows(rows=rows, next_before=end.id)


def _seen(message: ReadAudit) -> str:
    """Returns what is looked at. What is hidden is not even counted, or a short page would tell that it is there."""
    conditions = ["id < :before"]
    if message.subject is not None:
        conditions.append("subject_kind = :subject_kind AND subject_id = :subject_id")
    if not message.child_safety:
        conditions.append(f"NOT {_OF_REPORTS}")
    return " AND ".join(conditions)


def _wanted(filters: dict[str, Any]) -> str:
    conditions = {"kind": "subject_kind = :kind", "action": "act = :action", "since": "at >= :since"}
    return "".join(f" {'WHERE' if not place else 'AND'} {conditions[name]}" for place, name in enumerate(filters))
