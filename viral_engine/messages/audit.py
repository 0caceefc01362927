"""What was done, by whom, to whom: the trail of acts as it is asked for and shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from viral_engine.runtime.flight_recorder import personal

AuditSubject = Literal[
    "user", "device", "ip", "network", "email_domain", "case", "key", "policy", "actor",
    # What the release before wrote; by now these acts name the thing itself.
    "blocks", "allows", "labels", "decision",
]  # fmt: skip


@personal("subject")
class ReadAudit(Struct, frozen=True, kw_only=True):
    """Asks for `AuditRows`, newest first.

    Attributes:
        subject: kind and id of whom or what it was done to; None for all.
        kind: of whom or what alone; None for all.
        action: exactly this act.
        since: at or after this time.
        before: the number that the page before ended with.
        child_safety: whether whoever asks may know of child safety.
    """

    subject: tuple[str, str] | None = None
    kind: str | None = None
    action: str | None = None
    since: datetime | None = None
    before: int | None = None
    limit: int = 50
    child_safety: bool = False


@personal("subject_id", "details")
class AuditRow(Struct, frozen=True, kw_only=True):
    """One act as stored; `number` is never shown: the missing ones would tell of what is hidden."""

    number: int
    at: datetime
    action: str
    author: str
    subject_kind: str | None
    subject_id: str | None
    details: dict[str, Any]


@personal("rows")
class AuditRows(Struct, frozen=True, kw_only=True):
    """One page; `next_before` is None on the last one."""

    rows: list[AuditRow]
    next_before: int | None


@personal("subject_id", "details")
class AuditEntry(Struct, frozen=True, kw_only=True):
    """One act.

    Attributes:
        action: what was done, such as `blocks.add`.
        author: who did it: `key:` and the id of a key, or `uid:` and the id of an operator's account on the machine.
        subject_kind: kind of whom or what it was done to; null when it concerns nothing by itself.
        details: reasons and ids, by their names; nothing personal.
    """

    id: str
    at: datetime
    action: str
    author: str
    subject_kind: str | None
    subject_id: str | None
    details: dict[str, Any]


@personal("entries")
class AuditPage(Struct, frozen=True, kw_only=True):
    """A page of acts, newest first; `next_before` is null on the last one.

    A page with a filter may have fewer entries than asked for, or none, and others still follow.
    """

    entries: list[AuditEntry]
    next_before: str | None
