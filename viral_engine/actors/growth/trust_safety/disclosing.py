"""A decision that keeps somebody's record from somebody else is in the disclosure log with it, in one transaction.

What is refused to users about themselves is told by the decision alone: an ordinary check pays nothing for the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import structs

from viral_engine.actors.growth.trust_safety.decide import decide as decide_alone
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.disclosures import LET_THROUGH, REFUSALS, DisclosedRecord, Grounds
from viral_engine.domain.reasons import Reason
from viral_engine.messages.disclosures import Disclosure
from viral_engine.store.disclosures import add_disclosures

if TYPE_CHECKING:
    from viral_engine.actors.growth.trust_safety.held import Memory
    from viral_engine.actors.growth.trust_safety.profiles import Profile
    from viral_engine.domain.uuid7 import Uuid7Source
    from viral_engine.messages.checks import CheckAction
    from viral_engine.messages.journal import RecordDecision
    from viral_engine.runtime.clock import Clock

__all__ = ["decide"]


def decide(memory: Memory, request: CheckAction, clock: Clock, ids: Uuid7Source) -> RecordDecision:
    """Decides as `decide.decide`; a refusal of a minor's record carries its entry of the disclosure log.

    Raises:
        Refused: an imported event lies before the last one.
    """
    record = decide_alone(memory, request, clock, ids)
    if request.subject_id is None or request.subject_id == request.user_id:
        return record
    reason = next((reason for reason in record.row.reasons if reason in REFUSALS), None)
    subject = memory.profiles.get(request.subject_id)
    if reason is None or subject is None or record.row.decision in LET_THROUGH:
        return record
    if subject.band(record.row.occurred_ms, for_own_act=False) is AgeBand.ADULT:
        return record
    decision_id = UUID(bytes=record.row.decision_id)
    entry = Disclosure(
        disclosure_id=decision_id,
        subject_id=request.subject_id,
        record=DisclosedRecord.ACTION,
        record_id=str(decision_id),
        asked_by=f"key:{request.api_key_id}",
        on_behalf_of=request.user_id,
        grounds=_grounds(record, request.user_id, subject),
        reason=str(reason),
    )
    return structs.replace(record, statements=(*record.statements, add_disclosures((entry,))))


def _grounds(record: RecordDecision, user_id: str, subject: Profile) -> Grounds:
    """The relation that the decision was made on."""
    if Reason.NOT_AUTHORIZED_FOR_SUBJECT in record.row.reasons:
        return Grounds.NONE
    return Grounds.GUARDIAN if user_id in subject.guardians else Grounds.SCHOOL
