"""The five answers of a decision, mildest first."""

from enum import StrEnum

__all__ = ["Outcome"]


class Outcome(StrEnum):
    """What the host application is told to do with an attempt."""

    ALLOW = "allow"
    ALLOW_FLAGGED = "allow_flagged"
    CHALLENGE = "challenge"
    REVIEW = "review"
    DENY = "deny"
