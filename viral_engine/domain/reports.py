"""Abuse reports: what may be reported, what one is worth, and when one blocks at once.

One reporter alone blocks nobody: their reports weigh in the score, capped per source (`domain.score`), and a person
looks. Only what somebody whose job it is reports as high or critical blocks before that, and for a week.
"""

from enum import StrEnum

from viral_engine.domain.facts import FlagSeverity

__all__ = ["Category", "blocks_at_once", "severity_of"]

QUOTA_A_DAY = 20
"""Reports of one reporter that are taken in a day."""

BLOCK_DAYS = 7
BLOCK_REASON = "reported, until somebody has looked"
"""Why a report blocks, whatever it says: more people read blocks than may know of reports of child safety."""

TEXT_LENGTH_MAX = 4_000
APPEAL_LENGTH_MAX = 20_000
"""Of all that is said in one appeal."""
NOTE_LENGTH_MIN = 20
"""Characters, runs of blanks as one, of the note that closes a case of child safety."""

CLAIM_FIRST = "claim it first"
READ_FIRST = "read it first"
"""What is missing for whoever would close a case of child safety, in the words of the refusal."""

DISMISSED_MIN = 3
"""From so many dismissed reports on a reporter may have lost their trust."""


class Category(StrEnum):
    """What a report says. `child_safety` goes to a queue of its own, which few may read."""

    SPAM = "spam"
    ABUSE = "abuse"
    HARASSMENT = "harassment"
    FRAUD = "fraud"
    IMPERSONATION = "impersonation"
    CHILD_SAFETY = "child_safety"
    OTHER = "other"


def severity_of(reported: FlagSeverity, upheld: int, dismissed: int) -> FlagSeverity:
    """What a report weighs, by what became of its reporter's others: of whom most was dismissed it is `low`."""
    if dismissed >= DISMISSED_MIN and dismissed > 2 * upheld:
        return FlagSeverity.LOW
    return reported


def blocks_at_once(severity: FlagSeverity, *, trusted: bool) -> bool:
    """Whether a report blocks before anybody looked at it."""
    return trusted and severity in (FlagSeverity.HIGH, FlagSeverity.CRITICAL)


def is_note_enough(note: str) -> bool:
    """Whether a note says enough to close a case of child safety."""
    return len(" ".join(note.split())) >= NOTE_LENGTH_MIN
