"""What a report, an appeal, a claim and a verdict mean: statements, what memory must do, the answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viral_engine.actors.growth.trust_safety.change import Change
from viral_engine.actors.growth.trust_safety.lists import expiry_ms
from viral_engine.domain.blocks import ListRow
from viral_engine.domain.facts import ListKind
from viral_engine.domain.reports import BLOCK_DAYS, BLOCK_REASON, QUOTA_A_DAY, blocks_at_once
from viral_engine.messages.refusals import Refused, not_found
from viral_engine.messages.reviews import (
    AddReport,
    Appeal,
    CaseClosed,
    CaseStands,
    ClaimCase,
    CloseCase,
    ReportRow,
    ReportStands,
)
from viral_engine.store.access import STANDING_AT, add_entry
from viral_engine.store.audit import audit_entry, audit_entry_about
from viral_engine.store.ids import uuid_of
from viral_engine.store.reviews import (
    DAY_MS,
    KEPT_AT,
    LIFTED_AT,
    REPORT_AT,
    claim_case,
    close_case,
    name_block,
    open_appeal,
    put_report,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from viral_engine.actors.growth.trust_safety.change import Rows
    from viral_engine.messages.access import ListName
    from viral_engine.messages.journal import Statement


def plan_case_change(
    message: AddReport | Appeal | ClaimCase | CloseCase, new_id: Callable[[], UUID], now_ms: int
) -> Change:
    """Plans a change; see `changes.plan_change`."""
    match message:
        case AddReport():
            return _add_report(message, new_id(), new_id(), now_ms)
        case Appeal():
            return _appeal(message, new_id(), now_ms)
        case ClaimCase():
            return _claim(message, now_ms)
        case CloseCase():
            return _close(message, now_ms)


def _add_report(message: AddReport, new_id: UUID, new_block_id: UUID, now_ms: int) -> Change:
    blocks = blocks_at_once(message.severity, trusted=message.trusted)
    # The report and its case are one thing, and have one id. The block has its own: it is shown to those whom the
    # case is not.
    statements = put_report(message, new_id, quota=QUOTA_A_DAY, at_ms=now_ms)
    blocking = _blocking(message, new_block_id, new_id, now_ms) if blocks else ()

    def blocked_until(rows: Rows) -> datetime | None:
        until: datetime | None = rows[len(statements) + STANDING_AT][0][-1]
        return until

    def stands(rows: Rows) -> ReportStands:
        report_id = str(rows[REPORT_AT][0][0])
        return ReportStands(
            report_id=report_id, is_new=report_id == str(new_id), blocked=blocks,
            blocked_until=blocked_until(rows) if blocks else None,
        )  # fmt: skip

    def row_of(rows: Rows) -> ReportRow:
        report_id, upheld, dismissed, at_ms = rows[REPORT_AT][0]
        return ReportRow(
            report_id=report_id, kind=message.kind, value=message.value, severity=message.severity.value,
            reporter_id=message.reporter_id, at_ms=at_ms, upheld=upheld, dismissed=dismissed,
        )  # fmt: skip

    def block_of(rows: Rows) -> tuple[ListName, ListRow]:
        block_id, *_, expires_at = rows[len(statements) + STANDING_AT][0]
        return "blocks", ListRow(block_id, ListKind(message.kind), message.value, expiry_ms(expires_at))

    return Change(
        statements=(
            *statements,
            *blocking,
            audit_entry(
                "report.add",
                message.author,
                at_ms=now_ms,
                subject=(message.kind, message.value),
                details={"category": message.category, "severity": message.severity, "report_id": str(new_id)},
            ),
        ),
        answer=stands,
        reported=row_of,
        adds_to="blocks" if blocks else None,
        added=block_of if blocks else None,
        refused=Refused(
            "quota_exceeded", f"a reporter may send {QUOTA_A_DAY} reports a day", field="reporter_id", http_status=429
        ),
    )


def _blocking(message: AddReport, block_id: UUID, report_id: UUID, now_ms: int) -> tuple[Statement, ...]:
    return (
        *add_entry(
            "blocks",
            block_id,
            kind=message.kind,
            value=message.value,
            reason=BLOCK_REASON,
            author=message.author,
            expires_at_ms=now_ms + BLOCK_DAYS * DAY_MS,
            at_ms=now_ms,
        ),
        name_block(message, now_ms),
        audit_entry(
            "blocks.add",
            message.author,
            at_ms=now_ms,
            subject=(message.kind, message.value),
            details={"reason": BLOCK_REASON, "report_id": str(report_id)},
        ),
    )


def _appeal(message: Appeal, new_id: UUID, now_ms: int) -> Change:
    decision_id = uuid_of(message.decision_id)
    absent = not_found(f"decision {message.decision_id}")
    if decision_id is None:
        raise absent

    def stands(rows: Rows) -> CaseStands:
        case_id = str(rows[1][0][0])
        return CaseStands(case_id=case_id, is_new=case_id == str(new_id))

    return Change(
        statements=(
            *open_appeal(new_id, decision_id, message.content, now_ms),
            audit_entry_about(
                "appeal.add",
                message.author,
                at_ms=now_ms,
                row=("decisions", decision_id),
                details={"decision_id": str(decision_id)},
            ),
        ),
        answer=stands,
        refused=absent,
    )


def _claim(message: ClaimCase, now_ms: int) -> Change:
    case_id = _case_id(message.case_id)
    return Change(
        statements=(
            claim_case(case_id, message.author, now_ms),
            audit_entry("case.claim", message.author, at_ms=now_ms, subject=("case", message.case_id)),
        ),
        refused=_not_yours(message.case_id),
    )


def _close(message: CloseCase, now_ms: int) -> Change:
    case_id = _case_id(message.case_id)

    def lifted(rows: Rows) -> list[str]:
        return [str(row[0]) for row in rows[LIFTED_AT]]

    def closed(rows: Rows) -> CaseClosed:
        return CaseClosed(
            case_id=message.case_id, outcome=message.outcome, blocks_lifted=lifted(rows),
            blocks_kept=[str(row[0]) for row in rows[KEPT_AT]],
        )  # fmt: skip

    return Change(
        statements=(
            *close_case(
                case_id,
                message.outcome,
                message.note,
                message.author,
                now_ms,
                child_safety=message.child_safety,
            ),
            audit_entry(
                "case.close",
                message.author,
                at_ms=now_ms,
                subject=("case", message.case_id),
                details={"outcome": message.outcome, "note": message.note},
            ),
        ),
        answer=closed,
        lifted=lifted,
        # A report's case has the report's id.
        dismissed=message.case_id if message.outcome == "overturn" else None,
        loads=True,
        refused=_not_yours(message.case_id),
    )


def _case_id(text: str) -> UUID:
    case_id = uuid_of(text)
    if case_id is None:
        raise not_found(f"case {text}")
    return case_id


def _not_yours(case_id: str) -> Refused:
    why = f"case {case_id} is closed, or somebody else is at it"
    return Refused("conflict", why, http_status=409)
