"""What another policy would have decided: recorded decisions evaluated under it, and what changes for whom."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.decision import Decision
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, facts_from_dict
from viral_engine.domain.policy import Policy
from viral_engine.domain.policy_causes import Cause, causes

__all__ = ["COHORTS", "Change", "Cohort", "Trial", "wilson"]

_Z = 1.96
"""95 %."""

COHORTS = ("all", "minors", "age unknown", "schools", "households", "others")
EXAMPLES_MAX = 1_000


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson's score interval), which is honest for few and for none."""
    if whole == 0:
        return 0.0, 1.0
    share, square = part / whole, _Z * _Z
    middle = share + square / (2 * whole)
    spread = _Z * sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    below = 1 + square / whole
    # Of none and of all the formula gives 0 and 1 but for the last bit.
    return (middle - spread) / below if part else 0.0, (middle + spread) / below if part < whole else 1.0


@dataclass(slots=True)
class Cohort:
    """Whom a change concerns: how many decisions, how many of them change, how many are refused that were not."""

    decisions: int = 0
    changed: int = 0
    newly_denied: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One decision that comes out otherwise.

    Attributes:
        why: What of the policies makes it so, then the reasons that it gets (`+`) and loses (`-`).
    """

    decision_id: str
    user_id: str
    action_type: str
    before: str
    after: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    score_before: int
    score_after: int
    why: tuple[str, ...]


@dataclass(slots=True)
class Trial:
    """Counts of a policy's trial on recorded decisions.

    Attributes:
        policy_at: The version of a number that decided.
        moves: (outcome then, outcome under this policy) of those that change.
        gained: reasons that they get, and `lost` those that they lose.
        causes: what makes decisions change, by name; one may have several.
        unknown_windows: limits of the policy that no record holds a count of: what they would have refused can't be
            told from the records.
    """

    policy: Policy
    policy_at: Callable[[int], Policy]
    compared: int = 0
    left_out: int = 0
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    cohorts: dict[str, Cohort] = field(default_factory=lambda: {name: Cohort() for name in COHORTS})
    changes: list[Change] = field(default_factory=list)
    unknown_windows: set[str] = field(default_factory=set)

    def add(self, record: Mapping[str, Any]) -> None:
        """Tries one recorded decision; one that nobody could decide then is left out."""
        if record["policy"]["id"] == "outage":
            self.left_out += 1
            return
        facts = facts_from_dict(record["facts"])
        again = evaluate(self.policy, facts)
        held = {use.window for use in facts.windows}
        action = self.policy.action(facts.action)
        self.unknown_windows |= {limit.window for limit in action.limits if _has_key(facts, limit.key)} - held
        before, after = record["decision"], again.outcome.value
        old, new = set(record["reasons"]), {reason.value for reason in again.reasons}
        changed = before != after or old != new
        self.compared += 1
        for name in self._cohorts_of(facts):
            cohort = self.cohorts[name]
            cohort.decisions += 1
            cohort.changed += changed
            cohort.newly_denied += after == "deny" != before
        if not changed:
            return
        self.moves[before, after] += 1
        self.gained.update(new - old)
        self.lost.update(old - new)
        found = self._causes(record, facts, again)
        self.causes.update({cause.name for cause in found})
        if len(self.changes) < EXAMPLES_MAX:
            gained, lost = tuple(sorted(new - old)), tuple(sorted(old - new))
            reasons = (*(f"+{name}" for name in gained), *(f"-{name}" for name in lost))
            self.changes.append(
                Change(
                    record["decision_id"], record["user_id"], record["action_type"], before, after, gained, lost,
                    record["score"], again.score, (*(cause.text for cause in found), *reasons),
                )
            )  # fmt: skip

    def _causes(self, record: Mapping[str, Any], facts: Facts, again: Decision) -> tuple[Cause, ...]:
        version = record["policy"]["version"]
        policy = self.policy_at(version)
        was = evaluate(policy, facts)
        found = causes(policy, self.policy, facts, was, again)
        reasons = {reason.value for reason in was.reasons}
        if (was.outcome.value, reasons) == (record["decision"], set(record["reasons"])):
            return found
        # Facts that were built again may be others than those that it was decided on.
        return Cause("facts", f"on these facts version {version} says {was.outcome}"), *found

    @staticmethod
    def _cohorts_of(facts: Facts) -> list[str]:
        found = ["all"]
        if facts.band is AgeBand.UNKNOWN:
            found.append("age unknown")
        elif facts.band is not AgeBand.ADULT:
            found.append("minors")
        if facts.has_school:
            found.append("schools")
        if facts.in_household:
            found.append("households")
        return found if len(found) > 1 else [*found, "others"]


def _has_key(facts: Facts, key: str) -> bool:
    """Whether the request had what a limit is keyed by: without it the limit is left out rightly."""
    return {"device": "device_id", "address": "ip_address"}.get(key, "") not in facts.missing
