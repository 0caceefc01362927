"""The routes of what happened: rows with their times, for audits alone."""

from __future__ import annotations

from viral_engine.domain.consent import DataClass
from viral_engine.messages.audit import AuditPage
from viral_engine.messages.history import PastDecisions, PastEntries
from viral_engine.web.api import audit, history
from viral_engine.web.routes import NO_BODY, Route

_PERSON = (DataClass.ACCOUNT, DataClass.CONTACT, DataClass.PROFILE)


def history_routes() -> tuple[Route, ...]:
    """Returns them."""
    return (
        Route(
            name="list_past_decisions",
            method="GET",
            path="/v1/history/decisions",
            summary="Recorded decisions, oldest first, each with what was stored of its user by then.",
            handler=history.list_past_decisions,
            touches=_PERSON,
            scopes=("audit",),
            body_bytes_max=NO_BODY,
            query=history.DECISIONS,
            answers={200: PastDecisions},
        ),
        Route(
            name="list_past_entries",
            method="GET",
            path="/v1/history/entries",
            summary="Blocks, allows, labels, flags, reports and starts with the times of their changes, newest first.",
            handler=history.list_past_entries,
            touches=_PERSON,
            scopes=("audit",),
            body_bytes_max=NO_BODY,
            query=history.ENTRIES,
            answers={200: PastEntries},
        ),
        Route(
            name="list_audit",
            method="GET",
            path="/v1/audit",
            summary="Who did what to whom, newest first; reports, appeals and their cases with `child_safety` alone.",
            handler=audit.list_audit,
            touches=(DataClass.ACCOUNT,),
            scopes=("audit",),
            body_bytes_max=NO_BODY,
            query=audit.PAGE,
            answers={200: AuditPage},
        ),
    )
