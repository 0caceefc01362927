"""What `evaluate` returns: the outcome with its reasons, its arithmetic and what to do about the windows."""

from typing import NamedTuple

from viral_engine.domain.consent import ConsentState
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.plain import to_plain
from viral_engine.domain.reasons import Reason

__all__ = ["Contribution", "Decision", "LimitState", "decision_to_dict"]


class Contribution(NamedTuple):
    """One term of the score; the terms sum to it."""

    rule: str
    version: int
    weight: int
    why: str


class LimitState(NamedTuple):
    """The limit one has to wait for longest, or, with no wait, the one with the fewest places left.

    Attributes:
        window: The limit's name.
        limit: Places in it.
        remaining: Places left after this attempt.
        reset_ms: Until there is one place more.
        retry_after_ms: The same if it refused, else None.
    """

    window: str
    limit: int
    remaining: int
    reset_ms: int
    retry_after_ms: int | None


class Decision(NamedTuple):
    """The answer to one attempt.

    Attributes:
        reasons: By rank; an allow may carry some (`unknown_action`).
        score: Sum of the contributions, 0 or more, in thousandths.
        limits: None if no limit applied.
        missing: Optional request fields that were absent.
        places_taken: Windows in which the commit step counts this attempt.
        books_signup: Whether the commit step enters this attempt into the book of signups.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    score: int
    contributions: tuple[Contribution, ...]
    limits: LimitState | None
    consent: ConsentState
    missing: tuple[str, ...]
    places_taken: tuple[str, ...]
    books_signup: bool
    policy_id: str
    policy_version: int


def decision_to_dict(decision: Decision) -> dict[str, object]:
    """Plain values, for comparing what was recorded with what comes out again."""
    return {name: to_plain(item) for name, item in zip(decision._fields, decision, strict=True)}
