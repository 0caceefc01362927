"""Who saw which record of whom, and who was refused it (34 CFR 99.32): the words of the log, and the rule before it."""

from enum import StrEnum

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.facts import Relation
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.reasons import Reason

__all__ = ["LET_THROUGH", "REFUSALS", "DisclosedRecord", "Grounds", "Result", "refusal_of"]


class DisclosedRecord(StrEnum):
    """What was asked for."""

    USER = "user"
    DECISION = "decision"
    DECISIONS = "decisions"
    CASE = "case"
    DISCLOSURES = "disclosures"
    ACTION = "action"
    """What a check was about: the record is its decision."""


class Grounds(StrEnum):
    """Why whoever asked may have it: what they are to the person, or that the company asks for itself."""

    SELF = "self"
    GUARDIAN = "guardian"
    SCHOOL = "school"
    HOST = "host"
    NONE = "none"


class Result(StrEnum):
    """What became of it."""

    GRANTED = "granted"
    REFUSED = "refused"


REFUSALS = frozenset(
    {
        Reason.NOT_AUTHORIZED_FOR_SUBJECT,
        Reason.CONSENT_WITHDRAWN,
        Reason.PARENTAL_CONSENT_REQUIRED,
        Reason.FERPA_RESTRICTED,
    }
)
"""Reasons by which a check keeps a record from whoever asks; others are about the asker or the day."""

LET_THROUGH = frozenset({Outcome.ALLOW, Outcome.ALLOW_FLAGGED})


def refusal_of(relation: Relation, band: AgeBand, *, is_blocked: bool) -> Reason | None:
    """Why somebody may not see a person's record; None when they may.

    Args:
        relation: of whoever asks to the person.
        band: the person's, today: a guardian's rights pass to a student of 18 (34 CFR 99.5).
        is_blocked: whether whoever asks is.
    """
    if relation is Relation.NONE or (relation is Relation.GUARDIAN and band.is_adult):
        return Reason.NOT_AUTHORIZED_FOR_SUBJECT
    return Reason.USER_BLOCKED if is_blocked else None
