"""Which policy decides, and which one runs in its shadow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED, Mode, Policy, policy_from_dict, versioned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
        """Lets a policy stand; None ends a shadow, and brings back what the process began with."""
        if mode == "shadow":
            self.shadow = None if policy is None else replace(policy, mode=Mode.SHADOW)
        else:
            self.enforced = policy or self._first

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


def policy_at(version: int, body: str | None) -> Policy:
    """Returns a version as it was taken in; without a body a shipped one.

    Raises:
        Invalid: it is of a form that this release can't read.
    """
    return SHIPPED[version] if body is None else versioned(policy_from_dict(msgspec.json.decode(body)), version)
