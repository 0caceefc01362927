"""Which policy decides, and which one runs in its shadow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED, Mode, Policy, policy_from_dict, versioned
from viral_engine.messages.policies import PolicyStands
from viral_engine.store.policies import BEFORE_AT, SHADOW_ENDED_AT, STOOD_AT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from viral_engine.actors.growth.trust_safety.change import Rows
    from viral_engine.domain.limits import Limit
    from viral_engine.messages.policies import PolicyMode, StandingPolicy


class Policies:
    """The policies that stand now. The HTTP side reads it too, for what is answered while nothing can be recorded.

    Attributes:
        enforced: what decides.
        shadow: what would decide, recorded beside each decision; it never changes an answer.
    """

    def __init__(self, enforced: Policy = DEFAULT_POLICY) -> None:
        self._first = enforced
        self.enforced = enforced
        self.shadow: Policy | None = None

    def stand(self, mode: PolicyMode, policy: Policy | None) -> None:
        """Lets a policy stand; None ends a shadow, and brings back what the process began with.

        Nothing runs in the shadow of itself: what is put in force ends its own shadow, as the database has it.
        """
        if mode == "shadow":
            self.shadow = None if policy is None else replace(policy, mode=Mode.SHADOW)
            return
        before, self.enforced = self.enforced, policy or self._first
        if self.shadow is not None and self.shadow.version in {before.version, self.enforced.version}:
            self.shadow = None

    def limits(self) -> Iterator[Limit]:
        """Yields the limits of all actions of the policy that decides."""
        for action in (*self.enforced.actions.values(), self.enforced.unlisted):
            yield from action.limits

    def stand_as(self, standing: Iterable[StandingPolicy]) -> None:
        """Lets stand what the database says, and nothing else.

        Raises:
            Invalid: a stored policy is of a form that this release can't read.
        """
        found = {one.mode: policy_at(one.version, one.body) for one in standing}
        for mode in ("enforce", "shadow"):
            self.stand(mode, found.get(mode))


def policy_that_stands(mode: PolicyMode, rows: Rows) -> tuple[PolicyMode, int | None, str | None]:
    """Returns what a load or a switch let stand: mode, version, and JSON of a loaded one."""
    version, body = rows[STOOD_AT][0]
    return mode, version, body


def policy_answer(mode: PolicyMode, rows: Rows) -> PolicyStands:
    """Returns the caller's answer to a load or a switch."""
    version: int | None = rows[STOOD_AT][0][0]
    shadow, enforced = rows[BEFORE_AT][0]
    has_ended = bool(rows[SHADOW_ENDED_AT]) if mode == "enforce" else shadow != version
    return PolicyStands(
        mode=mode,
        version=version,
        shadow_ended=shadow if has_ended else None,
        before=DEFAULT_POLICY.version if enforced is None else enforced,
    )


def policy_at(version: int, body: str | None) -> Policy:
    """Returns a version as it was taken in; without a body a shipped one.

    Raises:
        Invalid: it is of a form that this release can't read.
    """
    return SHIPPED[version] if body is None else versioned(policy_from_dict(msgspec.json.decode(body)), version)
