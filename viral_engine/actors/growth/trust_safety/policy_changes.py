"""What another policy means: statements, what memory must do, the answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viral_engine.actors.growth.trust_safety.change import Change
from viral_engine.actors.growth.trust_safety.policies import policy_answer, policy_that_stands
from viral_engine.messages.refusals import Refused, not_found
from viral_engine.store.audit import audit_entry
from viral_engine.store.policies import VERSIONS_MAX, load_policy, switch_policy

if TYPE_CHECKING:
    from viral_engine.messages.policies import LoadPolicy, SwitchPolicy

_NOTHING_BEFORE = Refused(
    "not_found",
    "nothing was put in force before the version that decides, so there is nothing to go back to",
    http_status=404,
)


def plan_load(message: LoadPolicy, now_ms: int) -> Change:
    """Plans taking in a version."""
    return Change(
        statements=(
            *load_policy(
                message.policy_id,
                message.source,
                message.body,
                mode=message.mode,
                author=message.author,
                reason=message.reason,
                at_ms=now_ms,
            ),
            audit_entry(
                "policy.load",
                message.author,
                at_ms=now_ms,
                subject=("policy", message.policy_id),
                details={"mode": message.mode, "reason": message.reason},
            ),
        ),
        stands=lambda rows: policy_that_stands(message.mode, rows),
        answer=lambda rows: policy_answer(message.mode, rows),
        refused=Refused("limit_reached", f"there are {VERSIONS_MAX:,} versions already", http_status=409),
    )


def plan_switch(message: SwitchPolicy, now_ms: int) -> Change:
    """Plans putting a version in force or in shadow, going back, or ending a shadow."""
    mode, version = message.mode, message.version
    absent = _NOTHING_BEFORE if version is None else not_found(f"policy version {version}")
    return Change(
        statements=(
            *switch_policy(mode, version, author=message.author, reason=message.reason, at_ms=now_ms),
            audit_entry(
                "policy.switch",
                message.author,
                at_ms=now_ms,
                subject=("policy", "before" if version is None else str(version)),
                details={"mode": mode, "reason": message.reason},
            ),
        ),
        stands=lambda rows: policy_that_stands(mode, rows),
        answer=lambda rows: policy_answer(mode, rows),
        refused=absent,
    )
