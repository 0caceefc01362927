"""A decision that keeps somebody's record from somebody else is in the disclosure log with it, in one transaction.

What is refused to users about themselves is told by the decision alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from viral_engine.domain.disclosures import LET_THROUGH, REFUSALS, DisclosedRecord, Grounds
from viral_engine.domain.reasons import Reason
from viral_engine.messages.disclosures import Disclosure
from viral_engine.store.disclosures import add_disclosures

if TYPE_CHECKING:
    from viral_engine.actors.growth.trust_safety.profiles import Profile
    from viral_engine.domain.decision import Decision
    from viral_engine.messages.checks import CheckAction
    from viral_engine.messages.journal import Statement


def refusal_entry(
    request: CheckAction, decision: Decision, subject: Profile, decision_id: UUID, now_ms: int
) -> tuple[Statement, ...]:
    """Returns the log's entry for a check about somebody else; nothing unless it keeps a minor's record from the user.

    Args:
        request: canonical.
        decision: on it.
        subject: whose record it is about: not the user.
        decision_id: of the decision, which the entry is kept under.
        now_ms: the decision's instant.
    """
    reason = next((reason for reason in decision.reasons if reason in REFUSALS), None)
    if reason is None or decision.outcome in LET_THROUGH or subject.band(now_ms, for_own_act=False).is_adult:
        return ()
    entry = Disclosure(
        disclosure_id=decision_id,
        subject_id=subject.user_id,
        record=DisclosedRecord.ACTION,
        record_id=str(decision_id),
        asked_by=f"key:{request.api_key_id}",
        on_behalf_of=request.user_id,
        grounds=_grounds(decision, request.user_id, subject),
        reason=str(reason),
    )
    return (add_disclosures((entry,)),)


def _grounds(decision: Decision, user_id: str, subject: Profile) -> Grounds:
    """The relation that the decision was made on."""
    if Reason.NOT_AUTHORIZED_FOR_SUBJECT in decision.reasons:
        return Grounds.NONE
    if user_id in subject.guardians:
        return Grounds.GUARDIAN
    # A tutor has no grounds for a record as such.
    return Grounds.NONE if user_id in subject.tutors else Grounds.SCHOOL
