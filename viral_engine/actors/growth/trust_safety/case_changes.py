"""What a report, an appeal, a claim and a verdict mean: statements, what memory must do, the answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viral_engine.actors.growth.trust_safety.change import Change
from viral_engine.actors.growth.trust_safety.lists import expiry_ms
from viral_engine.domain.blocks import ListRow
from viral_engine.domain.facts import ListKind
from viral_engine.domain.reports import (
    BLOCK_DAYS,
    BLOCK_REASON,
    CLAIM_FIRST,
    NOTE_LENGTH_MIN,
    QUOTA_A_DAY,
    READ_FIRST,
    blocks_at_once,
)
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
from viral_engine.store.audit import audit_entry
from viral_engine.store.ids import uuid_of
from viral_engine.store.reviews import (
    APPEAL_AT,
    CLAIM_AT,
    DAY_MS,
    KEPT_AT,
    LIFTED_AT,
    NOTE_AT,
    READ_AT,
    REPORT_AT,
    claim_case,
    close_case,
    name_block,
    open_appeal,
    put_report,
    same_report,
)

if TYPE_CHECKING:
    from collections.abc import Callable
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

    def is_new(rows: Rows) -> bool:
        return bool(rows[REPORT_AT][0][0] == str(new_id))

    def block(rows: Rows) -> tuple[Any, ...] | None:
        # Of a report that is said again what it brought may have been lifted.
        found = rows[len(statements) + STANDING_AT] if blocks else ()
        return found[0] if found else None

    def stands(rows: Rows) -> ReportStands:
        standing = block(rows)
        return ReportStands(
            report_id=rows[REPORT_AT][0][0], is_new=is_new(rows), blocked=standing is not None,
            blocked_until=None if standing is None else standing[-1],
        )  # fmt: skip

    def row_of(rows: Rows) -> ReportRow | None:
        report_id, upheld, dismissed, at_ms = rows[REPORT_AT][0]
        return ReportRow(
            report_id=report_id, kind=message.kind, value=message.value, severity=message.severity.value,
            reporter_id=message.reporter_id, at_ms=at_ms, upheld=upheld, dismissed=dismissed,
        ) if is_new(rows) else None  # fmt: skip

    def block_of(rows: Rows) -> tuple[ListName, ListRow] | None:
        if (standing := block(rows)) is None:
            return None
        return "blocks", ListRow(standing[0], ListKind(message.kind), message.value, expiry_ms(standing[-1]))

    return Change(
        statements=(*statements, *(_blocking(message, new_block_id, now_ms) if blocks else ())),
        answer=stands,
        reported=row_of,
        adds_to="blocks" if blocks else None,
        added=block_of if blocks else None,
        refused=Refused(
            "quota_exceeded", f"a reporter may send {QUOTA_A_DAY} reports a day", field="reporter_id", http_status=429
        ),
    )


def _blocking(message: AddReport, block_id: UUID, now_ms: int) -> tuple[Statement, ...]:
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
            asked_by=same_report(message, now_ms),
        ),
        *name_block(message, now_ms),
    )


def _appeal(message: Appeal, new_id: UUID, now_ms: int) -> Change:
    decision_id = uuid_of(message.decision_id)
    absent = not_found(f"decision {message.decision_id}")
    if decision_id is None:
        raise absent

    def stands(rows: Rows) -> CaseStands:
        case_id = str(rows[APPEAL_AT][0][0])
        return CaseStands(case_id=case_id, is_new=case_id == str(new_id))

    return Change(
        statements=open_appeal(
            new_id, decision_id, message.content, message.author, now_ms, child_safety=message.child_safety
        ),
        answer=stands,
        refused=absent,
        refusals={
            0: Refused("conflict", f"decision {decision_id} was overturned already", http_status=409),
            1: Refused(
                "limit_reached",
                "the appeal is open and has as many words as it takes",
                field="content",
                http_status=409,
            ),
        },
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
        refusals=_lacking(str(case_id)),
    )


def _lacking(case_id: str) -> dict[int, Refused]:
    """Returns what is answered when a case of child safety would be closed by a tick."""
    short = f"note must have {NOTE_LENGTH_MIN} characters at least to close a case of child safety"
    which = f"case {case_id} is of child safety"
    return {
        NOTE_AT: Refused("invalid", short, field="note"),
        CLAIM_AT: Refused("conflict", f"{which}: {CLAIM_FIRST}", http_status=409),
        READ_AT: Refused("conflict", f"{which}: {READ_FIRST}: GET /v1/reviews/{case_id}", http_status=409),
    }


def _case_id(text: str) -> UUID:
    case_id = uuid_of(text)
    if case_id is None:
        raise not_found(f"case {text}")
    return case_id


def _not_yours(case_id: str) -> Refused:
    why = f"case {case_id} is closed, or somebody else is at it"
    return Refused("conflict", why, http_status=409)
