"""Abuse reports, appeals, and the cases that people look at."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from viral_engine.domain.facts import FlagSeverity
from viral_engine.domain.reports import Category
from viral_engine.domain.verdicts import ReviewState
from viral_engine.runtime.flight_recorder import personal

SubjectKind = Literal["user", "device", "ip"]
Queue = Literal["review", "child_safety"]
CaseKind = Literal["decision", "report", "appeal"]
CaseState = Literal["open", "claimed", "closed"]
CaseOutcome = Literal["uphold", "overturn"]


@personal("reporter_id", "value", "content")
class ReportBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/reports`: somebody says that a user, a device or an address does harm.

    Attributes:
        reporter_id: the user who reports, or whoever else the host knows it by.
        content: their words, or what it is about; kept as evidence, shown to reviewers alone.
    """

    reporter_id: int | str
    kind: SubjectKind
    value: int | str
    category: Category
    severity: FlagSeverity = FlagSeverity.MEDIUM
    content: str | None = None


@personal("content")
class AppealBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/appeals`: the user of a decision asks for a person to look at it."""

    decision_id: str
    content: str


@personal("note")
class CloseBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/reviews/{id}/close`.

    Attributes:
        outcome: `uphold`: the decision was right, the report is true. `overturn`: it was not, or is not; blocks that
            came of it or that decided are lifted.
        note: why; to close a case of child safety of at least 20 characters.
    """

    outcome: CaseOutcome
    note: str


@personal("reporter_id", "value", "content")
class AddReport(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to take in a report; answers a `ReportStands`.

    Attributes:
        trusted: whether its author's job is to judge: what they call high or critical blocks at once.
    """

    reporter_id: str
    kind: SubjectKind
    value: str
    category: Category
    severity: FlagSeverity
    content: str | None
    trusted: bool
    author: str


class ReportStands(Struct, frozen=True, kw_only=True):
    """The report as it stands; `is_new` is false when its reporter has said the same today.

    Attributes:
        blocked: whether what was reported is blocked until somebody has looked.
        blocked_until: when that block ends at the latest; null when it does not block, or when what was reported was
            blocked for ever before.
    """

    report_id: str
    is_new: bool
    blocked: bool
    blocked_until: datetime | None


@personal("content")
class Appeal(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to open a case about a decision; answers a `CaseStands`.

    Attributes:
        child_safety: whether its author may know that a case of child safety was overturned.
    """

    decision_id: str
    content: str
    author: str
    child_safety: bool = False


class CaseStands(Struct, frozen=True, kw_only=True):
    """The case, which may have been open before."""

    case_id: str
    is_new: bool


class ClaimCase(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to give a case to its author for an hour; answers None."""

    case_id: str
    author: str


@personal("note")
class CloseCase(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to close a case; answers a `CaseClosed`.

    Attributes:
        child_safety: whether its author may see cases of child safety, and so lift the blocks of such ones.
    """

    case_id: str
    outcome: CaseOutcome
    note: str
    author: str
    child_safety: bool = False


class CaseClosed(Struct, frozen=True, kw_only=True):
    """What followed: the blocks that were lifted.

    Attributes:
        blocks_kept: blocks of what was overturned that are not for this key to lift, and stay.
    """

    case_id: str
    outcome: CaseOutcome
    blocks_lifted: list[str]
    blocks_kept: list[str]


class ReadVerdicts(Struct, frozen=True, gc=False):
    """Asks what became of decisions that people look at; answers a dict of `DecisionReview` by the decision's id.

    Attributes:
        decision_ids: in their usual spelling, a page of them at most.
        child_safety: whether the asker may see cases of child safety.
    """

    decision_ids: tuple[str, ...]
    child_safety: bool


class DecisionReview(Struct, frozen=True, kw_only=True):
    """What a person said of a decision: the newest case that it or its appeal opened.

    Attributes:
        state: `overturned`: the decision was wrong, the attempt may go on; `upheld`: it stays; `open`: nobody has said
            yet.
        closed_at: null while it is open.
    """

    case_id: str
    state: ReviewState
    closed_at: datetime | None


class ReadCases(Struct, frozen=True, kw_only=True):
    """Asks for cases of a queue, oldest first; answers a list of `CaseView`, one page."""

    queue: Queue
    state: CaseState | None = None
    kind: CaseKind | None = None
    after: str | None = None
    limit: int = 50


class ReadCase(Struct, frozen=True, gc=False):
    """Asks for one case; answers a `CaseView`, None when there is none."""

    case_id: str


@personal("subject_value", "content", "reporter_id", "note")
class CaseView(Struct, frozen=True, kw_only=True):
    """One case.

    Attributes:
        content: the words of the report or the appeal.
        held_until: evidence of child safety is kept until then, whatever else is deleted.
    """

    case_id: str
    queue: str
    kind: str
    state: str
    subject_kind: str
    subject_value: str
    decision_id: str | None
    report_id: str | None
    block_id: str | None
    category: str | None
    severity: str | None
    reporter_id: str | None
    content: str | None
    opened_at: datetime
    claimed_by: str | None
    claimed_at: datetime | None
    outcome: str | None
    closed_by: str | None
    closed_at: datetime | None
    note: str | None
    held_until: datetime | None


@personal("value", "reporter_id")
class ReportRow(Struct, frozen=True, kw_only=True):
    """What trust_safety holds of a report that was not dismissed.

    Attributes:
        upheld: of its reporter's reports, and `dismissed` the same: what they were worth.
    """

    report_id: str
    kind: str
    value: str
    severity: str
    reporter_id: str
    at_ms: int
    upheld: int
    dismissed: int
