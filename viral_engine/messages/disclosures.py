"""The disclosure log, and how people stand to each other."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.disclosures import DisclosedRecord, Grounds, Result
from viral_engine.domain.facts import Relation
from viral_engine.runtime.flight_recorder import personal


@personal("subject_id", "on_behalf_of")
class Disclosure(Struct, frozen=True, kw_only=True):
    """One entry of the log, to be written.

    Attributes:
        disclosure_id: its time is the entry's; of a refused check it is the decision's.
        subject_id: whose record it is.
        record_id: of a decision or a case.
        asked_by: `key:` and the id of the key.
        on_behalf_of: the user for whom the host asked; None when it asked for itself.
        reason: why it was refused.
    """

    disclosure_id: UUID
    subject_id: str
    record: DisclosedRecord
    record_id: str | None
    asked_by: str
    on_behalf_of: str | None
    grounds: Grounds
    reason: str | None = None
    request_id: str | None = None


@personal("user_ids", "asker_id")
class ReadStandings(Struct, frozen=True, kw_only=True):
    """Asks how old people are and how one user stands to them; answers a `Standing` for each, in their order.

    Attributes:
        asker_id: None when the host asks for itself; everybody's relation is `none` then.
    """

    user_ids: tuple[str, ...]
    asker_id: str | None = None


@personal("user_id", "band", "relation")
class Standing(Struct, frozen=True, kw_only=True):
    """A person, as far as it decides who may see their records.

    Attributes:
        band: of today; `unknown` for somebody nobody told of.
        relation: of whoever asks.
        asker_is_blocked: whether a live block names whoever asks.
    """

    user_id: str
    band: AgeBand
    relation: Relation
    asker_is_blocked: bool


@personal("user_id")
class ReadDisclosures(Struct, frozen=True, kw_only=True):
    """Asks for a `DisclosurePage` about a user, newest first; `before` is the id that the page before ended with.

    Attributes:
        child_safety: whether whoever asks may know of cases of child safety; for others these were never looked at.
    """

    user_id: str
    child_safety: bool = False
    since: datetime | None = None
    before: str | None = None
    limit: int = 50


@personal("subject_id", "on_behalf_of")
class DisclosureView(Struct, frozen=True, kw_only=True):
    """One entry: who asked for which record, when, on what grounds, and what became of it.

    Attributes:
        record_id: of the decision or the case that was asked for; null for others.
        asked_by: the API key that asked.
        on_behalf_of: the user for whom the host asked; null when it asked for itself.
        reason: the reason code of a refusal.
    """

    disclosure_id: str
    at: datetime
    subject_id: str
    record: DisclosedRecord
    record_id: str | None
    asked_by: str
    on_behalf_of: str | None
    grounds: Grounds
    result: Result
    reason: str | None
    request_id: str | None


@personal("disclosures")
class DisclosurePage(Struct, frozen=True, kw_only=True):
    """A page of the log about one person, newest first; `next_before` is null on the last one."""

    disclosures: list[DisclosureView]
    next_before: str | None
