"""The audit: who did what to whom. What tells of child safety is for keys that have its scope too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args

from viral_engine.domain.errors import Invalid
from viral_engine.messages.audit import AuditEntry, AuditPage, AuditRow, AuditRows, AuditSubject, ReadAudit
from viral_engine.messages.refusals import not_found
from viral_engine.web import forms
from viral_engine.web.api.access import KINDS, canonical_value
from viral_engine.web.api.inputs import instant, page_limit, text, uuid_text
from viral_engine.web.routes import Answer, Call, Parameter
from viral_engine.web.sealed_numbers import FORM, opened, sealed

_ACTION = "^[a-z][a-z0-9_.-]{0,63}$"
_BY_UUID = frozenset({"case", "decision", "blocks", "allows", "labels"})
PAGE = (
    Parameter(
        "subject_kind",
        "Of whom or what it was done to; with `subject_id` alone it is a user.",
        {"type": "string", "enum": list(get_args(AuditSubject))},
    ),
    Parameter("subject_id", "Whom or what it was done to, in any spelling.", forms.text()),
    Parameter("action", "Exactly this act, such as `blocks.add`.", {"type": "string", "pattern": _ACTION}),
    Parameter("since", "At or after this time; by default all.", forms.INSTANT),
    Parameter("before", "The `next_before` of the page before.", {"type": "string", "pattern": FORM}),
    Parameter("limit", "Rows of the page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
)


async def list_audit(call: Call) -> Answer:
    """Returns a page of what was done, newest first."""
    query, key = call.query, call.state.context.instance_key
    asked = ReadAudit(
        subject=_subject(query),
        kind=_kind(query) if "subject_id" not in query else None,
        action=_action(query["action"]) if "action" in query else None,
        since=instant(query["since"], "since") if "since" in query else None,
        before=_before(key, query["before"]) if "before" in query else None,
        limit=page_limit(query),
        child_safety=call.may("child_safety"),
    )
    found: AuditRows = await call.read(asked)
    next_before = None if found.next_before is None else sealed(key, found.next_before)
    return Answer(200, AuditPage(entries=[_entry(key, row) for row in found.rows], next_before=next_before))


def _entry(key: bytes, row: AuditRow) -> AuditEntry:
    return AuditEntry(
        id=sealed(key, row.number), at=row.at, action=row.action, author=row.author, subject_kind=row.subject_kind,
        subject_id=row.subject_id, details=row.details,
    )  # fmt: skip


def _kind(query: Mapping[str, str]) -> str | None:
    given = query.get("subject_kind")
    if given is not None and given not in get_args(AuditSubject):
        raise Invalid("subject_kind", f"must be one of {', '.join(get_args(AuditSubject))}")
    return given


def _subject(query: Mapping[str, str]) -> tuple[str, str] | None:
    if "subject_id" not in query:
        return None
    given, value = _kind(query) or "user", text(query["subject_id"], "subject_id")
    kind = next((one for one in KINDS if one == given), None)
    try:
        if given in _BY_UUID:
            return given, uuid_text(value, "subject_id")
        return given, value if kind is None else canonical_value(kind, value)
    except Invalid:
        # Nothing of that kind has such an id, so nothing was done to it.
        return given, value


def _action(given: str) -> str:
    if re.fullmatch(_ACTION, given) is None:
        raise Invalid("action", "must be an act such as blocks.add")
    return given


def _before(key: bytes, given: str) -> int:
    if re.fullmatch(FORM, given) is None:
        raise Invalid("before", "must be the next_before of a page")
    number = opened(key, given)
    if number is None:
        raise not_found("this page")
    return number
