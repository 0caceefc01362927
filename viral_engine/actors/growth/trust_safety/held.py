"""What trust_safety holds and leaves to its next incarnation, with whatever is still under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viral_engine.actors.growth.trust_safety.lists import Lists
from viral_engine.actors.growth.trust_safety.memory import Timeline
from viral_engine.actors.growth.trust_safety.profiles import Profiles
from viral_engine.messages.checks import CheckAction

if TYPE_CHECKING:
    from viral_engine.actors.growth.trust_safety.changes import Change
    from viral_engine.config import TrustSafety as TrustSafetySettings
    from viral_engine.domain.policy import Policy
    from viral_engine.messages.reading import WarmStart
    from viral_engine.runtime.reply import Reply, ReplyTo


@dataclass(slots=True, eq=False)
class Waiting:
    """A check that waits for a profile."""

    request: CheckAction
    reply_to: ReplyTo


@dataclass(slots=True)
class Reading:
    """A profile on its way from the database, and the checks that wait for it."""

    reply: Reply[Any]
    waiting: list[Waiting] = field(default_factory=list)
    outdated: bool = False


@dataclass(slots=True)
class Committing:
    """A change on its way to the database; memory follows after its commit."""

    change: Change
    reply: Reply[Any]
    reply_to: ReplyTo


@dataclass(slots=True)
class Memory:
    """What outlives an incarnation."""

    lists: Lists
    profiles: Profiles
    live: Timeline
    backfill: Timeline
    loaded: bool = False
    reading: dict[str, Reading] = field(default_factory=dict)
    committing: dict[int, Committing] = field(default_factory=dict)
    applied_while_loading: list[tuple[Change, Any]] = field(default_factory=list)


def empty_memory(settings: TrustSafetySettings) -> Memory:
    """Returns what a first start holds: nothing, and `loaded` False."""
    return Memory(
        lists=Lists(settings.entries_max),
        profiles=Profiles(settings.users_cached_max),
        live=Timeline(settings),
        backfill=Timeline(settings),
    )


def restore(memory: Memory, policy: Policy, start: WarmStart) -> None:
    """Counts the recorded past again, so that a restart frees nobody."""
    for at_ms, user, device, ip, backfill in start.signups:
        (memory.backfill if backfill else memory.live).restore_signup(user, device, ip, at_ms)
    for at_ms, user, action, device, ip, _decision, reasons, counted, backfill in start.attempts:
        request = CheckAction(
            user_id=user, action_type=action, device_id=device, ip_address=ip, api_key_id="", received_s=0.0
        )
        timeline = memory.backfill if backfill else memory.live
        timeline.restore_attempt(policy.action(action), request, reasons, at_ms, counted=counted)
    memory.backfill.advance(start.last_backfill_ms or 0)
