"""What happened, in the order in which it did: the rows from which facts are built once more."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from viral_engine.messages.reading import ProfileRow
from viral_engine.runtime.flight_recorder import personal

EntrySource = Literal["blocks", "allows", "labels", "flags", "reports", "starts"]

ENTRIES_MAX = 200_000
"""Entries of one source that are looked at; of more, the newest."""


class ReadPastDecisions(Struct, frozen=True, kw_only=True):
    """Asks for recorded decisions from `since_ms` on, oldest first; `after` is the id that the page before ended with.

    Answers a list of `PastDecision`, one page.
    """

    since_ms: int
    after: str | None = None
    limit: int = 50


@personal("user_id", "device_id", "ip_address", "facts", "profile")
class PastDecision(Struct, frozen=True, kw_only=True):
    """A decision as recorded, beside what was stored of its user by then.

    Attributes:
        at_ms: when it was recorded, by its id.
        occurred_ms: when it happened on its timeline.
        facts: as they were recorded.
        profile: of `at_ms`; null of somebody nobody had told anything of.
        policy_version: number of the version that decided; 0 of an outage policy.
        changed_since: what of the profile holds its present state only, and was written again since: `user` (the row
            and the list of guardians), `signals`.
    """

    decision_id: str
    at_ms: int
    occurred_ms: int
    user_id: str
    action_type: str
    decision: str
    reasons: list[str]
    score: int
    policy_version: int
    device_id: str | None
    ip_address: str | None
    counted: bool
    backfill: bool
    facts: dict[str, Any]
    profile: ProfileRow | None
    changed_since: list[str]


class ReadPastEntries(Struct, frozen=True, kw_only=True):
    """Asks for what stood at any time from `since_ms` on, newest first; answers a list of `PastEntry`, one page.

    Of reports all that still may weigh: what became of older ones tells what a reporter's later ones are worth.

    Attributes:
        child_safety: whether reports of child safety are among them.
    """

    source: EntrySource
    since_ms: int
    child_safety: bool = False
    before: str | None = None
    limit: int = 50


@personal("entry_id", "value", "reporter_id")
class PastEntry(Struct, frozen=True, kw_only=True):
    """A block, an allow, a label, a flag of a device, a report, or a start of a daemon.

    Attributes:
        kind: of the thing that `value` names; of a flag its type.
        begins_ms: when it was put down.
        ends_ms: when it was lifted or its case was closed.
        ended_as: the outcome of a report's case.
        severity: of a report.
        risk: of a flag, in thousandths.
        label: what a label calls the thing.
    """

    entry_id: str
    kind: str = ""
    value: str = ""
    begins_ms: int
    expires_ms: int | None = None
    ends_ms: int | None = None
    ended_as: str | None = None
    severity: str | None = None
    reporter_id: str | None = None
    risk: int = 0
    label: str = ""


@personal("decisions")
class PastDecisions(Struct, frozen=True, kw_only=True):
    """One page; `next_after` is null on the last one."""

    decisions: list[PastDecision]
    next_after: str | None


@personal("entries")
class PastEntries(Struct, frozen=True, kw_only=True):
    """One page; `next_before` is null on the last one."""

    entries: list[PastEntry]
    next_before: str | None
