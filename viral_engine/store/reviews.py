"""Reports and cases: taken in, claimed, closed, read. A closed case is never opened again."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from viral_engine.domain.reports import APPEAL_LENGTH_MAX, BLOCK_REASON, is_note_enough
from viral_engine.messages.journal import Statement
from viral_engine.messages.reading import PAGE_MAX
from viral_engine.messages.reviews import (
    AddReport,
    CaseOutcome,
    CaseView,
    ReadCase,
    ReadCases,
    ReportRow,
)
from viral_engine.store.audit import audit_entry_of
from viral_engine.store.ids import uuid_of
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of, statement

__all__ = [
    "APPEAL_AT", "ASKS_FOR_BLOCK", "CLAIM_AT", "CLAIM_MS", "HELD_MS", "KEPT_AT", "LIFTED_AT", "NOTE_AT",
    "OF_CHILD_SAFETY", "READ_AT", "REPORTS_MAX", "REPORT_AT", "claim_case", "close_case", "name_block", "open_appeal",
    "open_decision_case", "put_report", "read_case", "read_cases", "read_reports", "same_report",
]  # fmt: skip

DAY_MS = 86_400_000
CLAIM_MS = 3_600_000
"""How long a claim keeps others away: whoever forgot it blocks nobody for longer."""

HELD_MS = 400 * DAY_MS
"""How long evidence of child safety is kept at least: more than the year that 18 USC 2258A(h) asks for."""

REPORTS_MAX = 200_000
"""Reports that are held in memory; of more, the newest."""

REPORTS_BACK_MS = HELD_MS
REPORT_AT = 1
"""Which statement of `put_report` answers the report as it stands: (id, upheld, dismissed, at in ms)."""

APPEAL_AT = 4
"""Which statement of `open_appeal` answers the appeal that is open, new or not."""

NOTE_AT, CLAIM_AT, READ_AT = 0, 1, 2
"""Which statements of `close_case` differ when a case of child safety lacks a note, a claim, a reading."""

LIFTED_AT = 5
"""Which statement of `close_case` answers the blocks that were lifted."""

KEPT_AT = 6
"""Which statement of `close_case` answers the blocks that are not for whoever closed it to lift."""

# A report that was found to be untrue asks for no block any more.
OF_CHILD_SAFETY = (
    "EXISTS (SELECT FROM cases AS its WHERE its.block_id = blocks.id AND its.queue = 'child_safety'"
    " AND its.outcome IS DISTINCT FROM 'overturn')"
)
"""Whether a case of child safety asks for a block: only whoever may see the case may lift it."""

_MS = "(extract(epoch FROM {}) * 1000)::bigint"
_TRACK = " (SELECT count(*) FROM reports AS other WHERE other.reporter_id = reports.reporter_id AND other.state = '{}')"
_PUT = (
    "INSERT INTO reports (id, at, day, reporter_id, kind, value, category, severity, trusted, content, state, author)"
    " SELECT %s, %s, %s::date, %s, %s, %s, %s, %s, %s, %s, 'open', %s"
    " WHERE (SELECT count(*) FROM reports WHERE reporter_id = %s AND day = %s::date) < %s ON CONFLICT DO NOTHING"
)
_SAID = (
    "reporter_id = %s AND day = %s::date AND kind = %s AND value = %s AND category = %s AND severity = %s"
    " AND md5(coalesce(content, '')) = md5(%s::text)"
)
_STANDING = (
    f"SELECT id::text, {_TRACK.format('upheld')}, {_TRACK.format('dismissed')}, {_MS.format('at')} FROM reports"  # noqa: S608 - constants
    f" WHERE {_SAID}"
)
_OPEN_REPORT = (
    "INSERT INTO cases (id, queue, kind, subject_kind, subject_value, report_id, content, state, opened_at, held_until)"
    " SELECT id, %s, 'report', kind, value, id, content, 'open', at, %s FROM reports WHERE id = %s"
)
_SAME = f"(SELECT id FROM reports WHERE {_SAID})"  # noqa: S608 - constants
# A report blocks once: said again it makes no block longer, and brings none back that was lifted.
_ASKS = f"cases.id = {_SAME} AND cases.block_id IS NULL AND cases.state <> 'closed'"
ASKS_FOR_BLOCK = f" WHERE EXISTS (SELECT FROM cases WHERE {_ASKS})"
"""Whether a report, by the parameters of `same_report`, still has to bring its block."""

_BLOCKING = f"SELECT blocks.id AS block_id, cases.id AS report_id FROM cases, blocks WHERE {_ASKS}"  # noqa: S608 - constants
_BLOCKING += " AND blocks.kind = cases.subject_kind AND blocks.value = cases.subject_value AND lifted_at IS NULL"
# The block may have been there before.
_NAME_BLOCK = (
    "UPDATE cases SET block_id = (SELECT id FROM blocks WHERE blocks.kind = subject_kind AND value = subject_value"  # noqa: S608 - constants
    f" AND lifted_at IS NULL) WHERE {_ASKS}"
)
_OPEN_DECISION = (
    "INSERT INTO cases (id, queue, kind, subject_kind, subject_value, decision_id, state, opened_at)"
    " SELECT %s, 'review', 'decision', 'user', %s, %s, 'open', %s WHERE NOT EXISTS (SELECT FROM cases"
    " WHERE kind = 'decision' AND subject_value = %s AND state <> 'closed')"
)
# Whoever may not know of a case of child safety can't judge what its block decided.
_OPEN_APPEAL = (
    "INSERT INTO cases (id, queue, kind, subject_kind, subject_value, decision_id, content, state, opened_at,"  # noqa: S608 - constants
    " held_until) SELECT %s, CASE WHEN ours THEN 'child_safety' ELSE 'review' END, 'appeal', 'user', user_id, id, %s,"
    " 'open', %s, CASE WHEN ours THEN %s::timestamptz END FROM (SELECT id, user_id, EXISTS (SELECT FROM blocks"
    " JOIN json_array_elements(facts -> 'blocks') AS hit ON blocks.id = (hit ->> 1)::uuid"
    f" WHERE {OF_CHILD_SAFETY}) AS ours FROM decisions WHERE id = %s) AS decided ON CONFLICT DO NOTHING"
)
_SAYS_MORE = "decision_id = %s AND kind = 'appeal' AND state <> 'closed' AND position(%s::text IN content) = 0"
_SAY_MORE = f"UPDATE cases SET content = concat_ws(E'\\n\\n', content, %s::text) WHERE {_SAYS_MORE}"  # noqa: S608 - constants
_NO_ROOM = (
    f"SELECT 1 WHERE NOT EXISTS (SELECT FROM cases WHERE {_SAYS_MORE} AND length(content) + %s::int + 2 > %s::int)"  # noqa: S608
)
# An overturn by a case that somebody may not know of does not keep them from appealing: it would tell them of it.
_OVERTURNED_ALREADY = (
    "SELECT 1 WHERE NOT EXISTS (SELECT FROM cases WHERE decision_id = %s AND outcome = 'overturn'"
    " AND (queue = 'review' OR %s))"
)
_STANDING_APPEAL = "SELECT id::text FROM cases WHERE decision_id = %s AND kind = 'appeal' AND state <> 'closed'"
# The decision's id once more: it names the one partition that holds it.
_APPEALED = (
    "SELECT 'user' AS subject_kind, d.user_id AS subject_id, cases.id AS case_id, d.id AS decision_id"
    " FROM cases JOIN decisions AS d ON d.id = cases.decision_id WHERE cases.id = %s AND d.id = %s"
)
_CLAIM = (
    "UPDATE cases SET state = 'claimed', claimed_by = %s, claimed_at = %s WHERE id = %s"
    " AND (state = 'open' OR (state = 'claimed' AND (claimed_by = %s OR claimed_at < %s)))"
)
_CLOSE = (
    "UPDATE cases SET state = 'closed', outcome = %s, closed_by = %s, closed_at = %s, note = %s WHERE id = %s"
    " AND state <> 'closed' AND (claimed_by IS NULL OR claimed_by = %s OR claimed_at < %s)"
)
# Of child safety nothing is closed by a tick. What is closed, or somebody else's by now, is left to `_CLOSE` to refuse.
_LACKS = (
    "SELECT 1 WHERE NOT EXISTS (SELECT FROM cases"
    " WHERE id = %s AND queue = 'child_safety' AND state <> 'closed' AND {})"
)
_LACKS_NOTE = _LACKS.format("%s")
_LACKS_CLAIM = _LACKS.format("(claimed_by IS NULL OR (claimed_by <> %s AND claimed_at < %s))")
_LACKS_READING = _LACKS.format(
    "claimed_by = %s AND NOT EXISTS (SELECT FROM audit WHERE subject_kind = 'case' AND subject_id = cases.id::text"
    " AND act = 'case.read' AND author = claimed_by)"
)
_JUDGE = "UPDATE reports SET state = %s WHERE id = (SELECT report_id FROM cases WHERE id = %s)"
# The block that the case's report brought, unless another report asks for it too or somebody put it there for a reason
# of their own; and those that decided what the case is about.
_OVERTURNED = (
    "lifted_at IS NULL AND (expires_at IS NULL OR expires_at > %s) AND id IN ("  # noqa: S608 - constants
    f"SELECT block_id FROM cases WHERE id = %s AND blocks.reason = '{BLOCK_REASON}' AND NOT EXISTS (SELECT FROM cases"
    " AS other WHERE other.block_id = blocks.id AND other.outcome IS DISTINCT FROM 'overturn')"
    " UNION SELECT (hit ->> 1)::uuid FROM cases JOIN decisions ON decisions.id = cases.decision_id,"
    " json_array_elements(facts -> 'blocks') AS hit WHERE cases.id = %s)"
)
# What becomes of each block is told by itself.
_TOLD = (
    "INSERT INTO audit (at, author, act, subject_kind, subject_id, details)"
    " SELECT %s, %s, '{}', kind, value, jsonb_build_object('case', %s::text, 'block_id', id) FROM {}"
)
_LIFT = (
    "WITH lifted AS (UPDATE blocks SET lifted_at = %s, lifted_by = %s, lift_reason = 'a case was overturned'"  # noqa: S608 - constants
    f" WHERE {_OVERTURNED} AND (%s OR NOT {OF_CHILD_SAFETY}) RETURNING id, kind, value),"
    f" told AS ({_TOLD.format('blocks.lift', 'lifted')}) SELECT id::text FROM lifted"
)
_KEEP = (
    f"WITH kept AS (SELECT id, kind, value FROM blocks WHERE {_OVERTURNED}),"  # noqa: S608 - constants
    f" told AS ({_TOLD.format('blocks.keep', 'kept')}) SELECT id::text FROM kept"
)
_NONE = "SELECT NULL WHERE false"
_VIEW = (
    "SELECT cases.id::text AS case_id, queue, cases.kind, cases.state, subject_kind, subject_value,"
    " decision_id::text AS decision_id, report_id::text AS report_id, block_id::text AS block_id, category, severity,"
    " reporter_id, cases.content, opened_at, claimed_by, claimed_at, outcome, closed_by, closed_at, note, held_until"
    " FROM cases LEFT JOIN reports ON reports.id = cases.report_id"
)
_ONE = text(f"{_VIEW} WHERE cases.id = ANY(:ids)")
_PAGE = text(
    f"{_VIEW} WHERE queue = :queue AND (CAST(:state AS text) IS NULL AND cases.state <> 'closed'"
    " OR cases.state = :state) AND (CAST(:kind AS text) IS NULL OR cases.kind = :kind)"
    " AND (CAST(:after AS uuid) IS NULL OR cases.id > CAST(:after AS uuid)) ORDER BY cases.id LIMIT :limit"
)
_REPORTS = text(
    f"SELECT id::text AS report_id, kind, value, severity, reporter_id, {_MS.format('at')} AS at_ms,"  # noqa: S608 - constants
    f" {_TRACK.format('upheld')} AS upheld, {_TRACK.format('dismissed')} AS dismissed FROM reports"
    " WHERE state <> 'dismissed' AND at > now() - interval '400 days' ORDER BY at DESC LIMIT :rows"
)


def put_report(message: AddReport, report_id: UUID, *, quota: int, at_ms: int) -> tuple[Statement, ...]:
    """Takes in a report, opens its case and tells the audit; the second statement answers the report as it stands.

    The same report by the same reporter on one day is one report: said again it changes nothing. In other words, or of
    another severity, it is another one.
    `RowsDiffer` when the reporter's quota is used up.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    at = instant_of(at_ms)
    day = at.date()
    child_safety = message.category == "child_safety"
    return (
        statement(
            _PUT, report_id, at, day, message.reporter_id, message.kind, message.value, message.category.value,
            message.severity.value, message.trusted, message.content, message.author, message.reporter_id, day, quota,
        ),
        statement(_STANDING, *same_report(message, at_ms), rows_expected=1),
        statement(
            _OPEN_REPORT, "child_safety" if child_safety else "review",
            instant_of(at_ms + HELD_MS) if child_safety else None, report_id,
        ),
        notify("flags", message.value),
        audit_entry_of(
            "SELECT id AS report_id FROM reports WHERE id = %s", report_id, act="report.add", author=message.author,
            at_ms=at_ms, subject=(message.kind, message.value),
            details={"category": message.category, "severity": message.severity},
        ),
    )  # fmt: skip


def name_block(message: AddReport, at_ms: int) -> tuple[Statement, ...]:
    """Names the block that a report brings, as it stands by now, in the report's case and in the audit; once."""
    same = same_report(message, at_ms)
    told = audit_entry_of(
        _BLOCKING, *same, act="blocks.add", author=message.author, at_ms=at_ms, subject=(message.kind, message.value),
        details={"reason": BLOCK_REASON},
    )  # fmt: skip
    return told, statement(_NAME_BLOCK, *same)


def same_report(message: AddReport, at_ms: int) -> tuple[Any, ...]:
    """What is one report if it is said again."""
    day, thing = instant_of(at_ms).date(), (message.kind, message.value)
    return message.reporter_id, day, *thing, message.category.value, message.severity.value, message.content or ""


def open_decision_case(decision_id: UUID, user_id: str, at_ms: int) -> Statement:
    """Opens the case of a decision that a person must look at, in the decision's own transaction.

    A user has one such case at a time: whoever tries again and again fills no queue.
    """
    return statement(_OPEN_DECISION, decision_id, user_id, decision_id, instant_of(at_ms), user_id)


def open_appeal(
    case_id: UUID, decision_id: UUID, content: str, author: str, at_ms: int, *, child_safety: bool
) -> tuple[Statement, ...]:
    """Opens the appeal of a decision and tells the audit; see `APPEAL_AT` for what is answered.

    While one is open, what is said beside is added to it. One of a decision that a block of child safety made is in
    that queue. `RowsDiffer` when there is no such decision; of the first statement when the decision was overturned
    already, by a case of child safety with `child_safety` alone; of the second when the appeal takes no more words.
    """
    at, held_until = instant_of(at_ms), instant_of(at_ms + HELD_MS)
    return (
        statement(_OVERTURNED_ALREADY, decision_id, child_safety, rows_expected=1),
        statement(_NO_ROOM, decision_id, content, len(content), APPEAL_LENGTH_MAX, rows_expected=1),
        statement(_SAY_MORE, content, decision_id, content),
        statement(_OPEN_APPEAL, case_id, content, at, held_until, decision_id),
        statement(_STANDING_APPEAL, decision_id, rows_expected=1),
        audit_entry_of(_APPEALED, case_id, decision_id, act="appeal.add", author=author, at_ms=at_ms),
    )  # fmt: skip


def claim_case(case_id: UUID, author: str, at_ms: int) -> Statement:
    """Gives a case to somebody; `RowsDiffer` when it is closed, another's, or not there."""
    at = instant_of(at_ms)
    return statement(_CLAIM, author, at, case_id, author, instant_of(at_ms - CLAIM_MS), rows_expected=1)


def close_case(
    case_id: UUID, outcome: CaseOutcome, note: str, author: str, at_ms: int, *, child_safety: bool
) -> tuple[Statement, ...]:
    """Closes a case and carries out what follows; see `LIFTED_AT` and `KEPT_AT` for what is answered.

    Blocks are kept that would have been lifted, were they not child safety's: with `child_safety` there are none.
    `RowsDiffer` when it is closed, another's, or not there; also when it is of child safety and something is missing:
    a note that says enough, its author's claim (which may have run out, as long as nobody else claimed it), or their
    reading, which the audit tells.
    """
    at, claimed_since = instant_of(at_ms), instant_of(at_ms - CLAIM_MS)
    lift = keep = statement(_NONE)
    if outcome == "overturn":
        named, told = (at, case_id, case_id), (at, author, str(case_id))
        lift = statement(_LIFT, at, author, *named, child_safety, *told)
        keep = statement(_KEEP, *named, *told)
    return (
        statement(_LACKS_NOTE, case_id, not is_note_enough(note), rows_expected=1),
        statement(_LACKS_CLAIM, case_id, author, claimed_since, rows_expected=1),
        statement(_LACKS_READING, case_id, author, rows_expected=1),
        statement(_CLOSE, outcome, author, at, note, case_id, author, claimed_since, rows_expected=1),
        statement(_JUDGE, "upheld" if outcome == "uphold" else "dismissed", case_id),
        lift,
        keep,
        notify("flags"),
        notify("blocks"),
    )


def read_cases(connection: Connection, messages: Sequence[ReadCases]) -> list[list[CaseView]]:
    """A page of cases for each question, oldest first; equal questions are asked once."""
    answers: dict[ReadCases, list[CaseView]] = {}
    for message in messages:
        if message not in answers:
            wanted: dict[str, Any] = {
                "queue": message.queue, "state": message.state, "kind": message.kind, "after": message.after,
                "limit": min(max(message.limit, 1), PAGE_MAX),
            }  # fmt: skip
            answers[message] = [CaseView(**row) for row in connection.execute(_PAGE, wanted).mappings()]
    return [answers[message] for message in messages]


def read_case(connection: Connection, messages: Sequence[ReadCase]) -> list[CaseView | None]:
    """The case of each id; None for one that is not there, or is no id."""
    ids = {message.case_id: uuid_of(message.case_id) for message in messages}
    rows = connection.execute(_ONE, {"ids": [one for one in ids.values() if one is not None]}).mappings()
    found = {row["case_id"]: CaseView(**row) for row in rows}
    return [found.get(str(ids[message.case_id])) for message in messages]


def read_reports(connection: Connection) -> list[ReportRow]:
    """Every report that was not dismissed and may still weigh."""
    return [ReportRow(**row) for row in connection.execute(_REPORTS, {"rows": REPORTS_MAX}).mappings()]
