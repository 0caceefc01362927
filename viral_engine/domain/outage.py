"""What is answered when a decision cannot be recorded in time (ADR 0003)."""

from dataclasses import dataclass
from enum import StrEnum

from viral_engine.domain.outcome import Outcome

__all__ = ["OutageAnswer", "OutagePolicy", "outage_answer"]


class OutagePolicy(StrEnum):
    """What an action prefers to lose while the journal is away: itself, or its control."""

    UNAVAILABLE = "unavailable"
    FAIL_CLOSED = "fail_closed"
    FAIL_OPEN = "fail_open"


@dataclass(frozen=True, slots=True)
class OutageAnswer:
    """The answer during an outage; `outcome` None is 503 with Retry-After."""

    outcome: Outcome | None

    @property
    def degraded(self) -> bool:
        """An answer was given without being recorded, and says so."""
        return self.outcome is not None


_UNAVAILABLE = OutageAnswer(None)
_DENY = OutageAnswer(Outcome.DENY)
_ALLOW = OutageAnswer(Outcome.ALLOW)


def outage_answer(policy: OutagePolicy, decided: Outcome | None) -> OutageAnswer:
    """The answer under `policy`, where `decided` is what the rules had found, None if they could not be asked.

    A decision that is known and is not an allow stays what it is under `fail_open`: the outage is the journal's,
    and must not let through somebody whom memory alone has refused.
    """
    if policy is OutagePolicy.UNAVAILABLE:
        return _UNAVAILABLE
    if policy is OutagePolicy.FAIL_CLOSED:
        return _DENY
    if decided is None:
        return _ALLOW
    return OutageAnswer(decided)
