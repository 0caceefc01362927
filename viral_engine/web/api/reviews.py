"""Reports, appeals, and the cases that people look at. Cases of child safety are for keys of that scope alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from viral_engine.domain import canonical
from viral_engine.domain.errors import Invalid
from viral_engine.domain.reports import QUOTA_A_DAY, TEXT_LENGTH_MAX
from viral_engine.messages.journal import Commit
from viral_engine.messages.paging import PageWaiting
from viral_engine.messages.refusals import Refused, not_found
from viral_engine.messages.reviews import (
    AddReport,
    Appeal,
    AppealBody,
    CaseKind,
    CaseState,
    CaseView,
    ClaimCase,
    CloseBody,
    CloseCase,
    Queue,
    ReadCase,
    ReadCases,
    ReportBody,
    ReportStands,
)
from viral_engine.store.audit import audit_entry
from viral_engine.store.reviews import CLAIM_MS
from viral_engine.web.api.access import canonical_value
from viral_engine.web.api.inputs import REASON_LENGTH_MAX, lines, page_limit, text, uuid_text
from viral_engine.web.context import PAGER
from viral_engine.web.disclosing import log_cases_shown
from viral_engine.web.forms import UUID
from viral_engine.web.quotas import too_many
from viral_engine.web.routes import Answer, Call, Parameter

DAY_S = 86_400
QUEUES: tuple[Queue, ...] = ("review", "child_safety")
STATES: tuple[CaseState, ...] = ("open", "claimed", "closed")
KINDS: tuple[CaseKind, ...] = ("decision", "report", "appeal")
PAGE = (
    Parameter("queue", "`child_safety` needs a key of that scope.", {"type": "string", "enum": list(QUEUES)}),
    Parameter("state", "Cases in this state; by default all that are not closed.",
              {"type": "string", "enum": list(STATES)}),
    Parameter("kind", "Cases of this kind.", {"type": "string", "enum": list(KINDS)}),
    Parameter("after", "The id that the page before ended with.", UUID),
    Parameter("limit", "Rows of the page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
)  # fmt: skip


class Cases(msgspec.Struct, frozen=True):
    """A page of cases, oldest first; `next_after` is null on the last one."""

    cases: list[CaseView]
    next_after: str | None


class Claimed(msgspec.Struct, frozen=True):
    """The case, which is its claimer's for an hour."""

    case_id: str
    claimed_by: str


async def post_report(call: Call) -> Answer:
    """Takes in a report; acknowledged once it is written."""
    body: ReportBody = call.body
    report = AddReport(
        reporter_id=canonical.user_id(body.reporter_id, "reporter_id"),
        kind=body.kind,
        value=canonical_value(body.kind, body.value),
        category=body.category,
        severity=body.severity,
        content=None if body.content is None else lines(body.content, "content", TEXT_LENGTH_MAX),
        trusted=call.may("review"),
        author=call.author,
    )
    try:
        answer = await call.change(report, lambda stands: Answer(201 if stands.is_new else 200, stands))
    except Refused as refused:
        raise _until_tomorrow(refused, call.state.context.system.clock.wall_ms()) from None
    stands: ReportStands = answer.value
    if body.category == "child_safety" and stands.is_new:
        # A cast waits for no mail server; should it be lost, the pager's next tick finds the case.
        call.state.context.system.cast(PAGER, PageWaiting())
        # For whoever watches the log; nothing of the report itself is in it.
        call.state.context.log.critical("child_safety_report", case_id=stands.report_id, blocked=stands.blocked)
    return answer


async def post_appeal(call: Call) -> Answer:
    """Opens the appeal of a decision; one that was overturned already is refused with 409."""
    body: AppealBody = call.body
    decision_id = uuid_text(body.decision_id, "decision_id")
    content = lines(body.content, "content", TEXT_LENGTH_MAX)
    appeal = Appeal(decision_id=decision_id, content=content, author=call.author, child_safety=call.may("child_safety"))
    return await call.change(appeal, lambda stands: Answer(201 if stands.is_new else 200, stands))


async def list_cases(call: Call) -> Answer:
    """Returns a page of a queue; the cases of child safety without their words, which `get` shows.

    That of child safety is in the audit before it is answered, with the ids of the cases.
    """
    query = call.query
    queue = _one_of(QUEUES, query.get("queue", "review"), "queue")
    _check_scope(call, queue)
    limit = page_limit(query)
    views: list[CaseView] = await call.read(
        ReadCases(
            queue=queue,
            state=_one_of(STATES, query["state"], "state") if "state" in query else None,
            kind=_one_of(KINDS, query["kind"], "kind") if "kind" in query else None,
            after=uuid_text(query["after"], "after") if "after" in query else None,
            limit=limit,
        )
    )
    if queue == "child_safety":
        await _audit(call, "case.list", ("queue", queue), {"cases": [view.case_id for view in views]})
    await log_cases_shown(call, _users_of(views))
    if queue == "child_safety":
        views = [msgspec.structs.replace(view, content=None, reporter_id=None) for view in views]
    return Answer(200, Cases(views, views[-1].case_id if len(views) >= limit else None))


async def get_case(call: Call) -> Answer:
    """Returns one case; of one of child safety the reading is in the audit before it is answered."""
    view = await _case(call)
    if view.queue == "child_safety":
        await _audit(call, "case.read", ("case", view.case_id))
    await log_cases_shown(call, _users_of((view,)))
    return Answer(200, view)


async def claim_case(call: Call) -> Answer:
    """Gives a case to whoever asks, for an hour."""
    view = await _case(call)
    claim = ClaimCase(case_id=view.case_id, author=call.author)
    return await _change(call, claim, lambda _: Answer(200, Claimed(view.case_id, call.author)))


async def close_case(call: Call) -> Answer:
    """Closes a case; what follows is in force with the answer.

    One of child safety is closed by its claimer alone, who has read it, and with a note that says enough.
    """
    body: CloseBody = call.body
    note = text(body.note, "note", REASON_LENGTH_MAX)
    if not note.strip():
        raise Invalid("note", "must say why")
    view = await _case(call)
    message = CloseCase(
        case_id=view.case_id, outcome=body.outcome, note=note, author=call.author, child_safety=call.may("child_safety")
    )
    return await _change(call, message, lambda closed: Answer(200, closed))


async def _change(call: Call, message: ClaimCase | CloseCase, made: Callable[[Any], Answer]) -> Answer:
    """Asks for the change of a case; a refusal tells which of the two it is, a closed case or another's."""
    try:
        return await call.change(message, made)
    except Refused as refused:
        if refused.code != "conflict":
            raise
        view: CaseView | None = await call.read(ReadCase(message.case_id))
        match view:
            case CaseView(state="closed"):
                why = f"case {message.case_id} is closed: {view.outcome}"
            case CaseView(state="claimed") if view.claimed_by != message.author and not _is_over(call, view):
                why = f"somebody else is at case {message.case_id}: {view.claimed_by}"
            case _:
                raise
        raise Refused(refused.code, why, http_status=refused.http_status) from None


def _is_over(call: Call, view: CaseView) -> bool:
    """Whether the hour of the case's claim has run out."""
    now = datetime.fromtimestamp(call.state.context.system.clock.wall_ms() / 1000, UTC)
    return view.claimed_at is not None and view.claimed_at + timedelta(milliseconds=CLAIM_MS) < now


def _until_tomorrow(refused: Refused, now_ms: int) -> Exception:
    """Returns a used-up quota with the end of the day in UTC, when the next one begins; anything else as it is."""
    if refused.code != "quota_exceeded":
        return refused
    return too_many(
        refused.code,
        refused.message,
        policy="reports",
        quota=QUOTA_A_DAY,
        window_s=DAY_S,
        wait_s=DAY_S - now_ms / 1000 % DAY_S,
        field=refused.field,
    )


async def _case(call: Call) -> CaseView:
    """Returns the case of the path; one that the key may not see is not there."""
    view: CaseView | None = await call.read(ReadCase(uuid_text(call.path["case_id"], "case_id")))
    if view is None or not _may_see(call, view.queue):
        raise not_found("this case")
    return view


def _users_of(views: Iterable[CaseView]) -> list[tuple[str, str]]:
    return [(view.subject_value, view.case_id) for view in views if view.subject_kind == "user"]


async def _audit(call: Call, act: str, subject: tuple[str, str], details: dict[str, Any] | None = None) -> None:
    now_ms = call.state.context.system.clock.wall_ms()
    entry = audit_entry(act, call.author, at_ms=now_ms, subject=subject, details=details, request_id=call.request_id)
    await call.commit(Commit((entry,)))


def _may_see(call: Call, queue: str) -> bool:
    return call.may("child_safety" if queue == "child_safety" else "review")


def _check_scope(call: Call, queue: Queue) -> None:
    if not _may_see(call, queue):
        raise Refused("insufficient_scope", f"the queue {queue} needs a key of its scope", http_status=403)


def _one_of(words: tuple[Any, ...], given: str, field: str) -> Any:
    if given not in words:
        raise Invalid(field, f"must be one of {', '.join(words)}")
    return given
