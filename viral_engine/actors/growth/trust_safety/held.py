"""What trust_safety holds and leaves to its next incarnation, with whatever is still under way."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from viral_engine.actors.growth.trust_safety.lists import Lists
from viral_engine.actors.growth.trust_safety.memory import CLEAN_UP_BUDGET, Timeline
from viral_engine.actors.growth.trust_safety.policies import Policies, policy_at
from viral_engine.actors.growth.trust_safety.profiles import Profiles
from viral_engine.messages.checks import CheckAction
from viral_engine.messages.refusals import untimely
from viral_engine.runtime.flight_recorder import personal

if TYPE_CHECKING:
    from viral_engine.actors.growth.trust_safety.change import Change
    from viral_engine.config import TrustSafety as TrustSafetySettings
    from viral_engine.messages.access import ListName
    from viral_engine.messages.policies import PolicyMode
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


@personal("user_id")
@dataclass(frozen=True, slots=True)
class ProfileRead:
    """To itself: the reader answered."""

    user_id: str


@dataclass(frozen=True, slots=True)
class Committed:
    """To itself: the journal answered."""

    number: int


@dataclass(frozen=True, slots=True)
class Load:
    """To itself: read everything that is held in memory."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """To itself: the reader answered the load."""

    reply: Reply[Any]


@dataclass(slots=True)
class Memory:
    """What outlives an incarnation.

    Attributes:
        loaded: whether the database has been read since the process began.
        waiting: how many checks wait in `reading`.
        imported: events with a past time, in the order in which they came: none overtakes another.
        applied_while_loading: changes committed while lists were being read, to be made once more.
    """

    policies: Policies
    lists: Lists
    profiles: Profiles
    live: Timeline
    backfill: Timeline
    loaded: bool = False
    reading: dict[str, Reading] = field(default_factory=dict)
    waiting: int = 0
    committing: dict[int, Committing] = field(default_factory=dict)
    imported: deque[Waiting] = field(default_factory=deque)
    applied_while_loading: list[tuple[Change, Any]] = field(default_factory=list)

    def has_room(self, name: ListName) -> bool:
        """Tells whether a list takes one more row, those on their way to the database counted."""
        coming = sum(committing.change.adds_to == name for committing in self.committing.values())
        return self.lists.has_room(name, coming)

    def stand(self, mode: PolicyMode, version: int | None, body: str | None) -> None:
        """Lets a policy stand from the next check on; no version ends a shadow."""
        self.policies.stand(mode, None if version is None else policy_at(version, body))
        self.adopt_limits()

    def clean_up(self, now_ms: int) -> None:
        """Drops some of what has ended."""
        self.live.clean_up(self.live.advance(now_ms))
        self.backfill.clean_up(self.backfill.last_ms)
        self.lists.clean_up(now_ms, CLEAN_UP_BUDGET)

    def adopt_limits(self) -> None:
        """Gives the windows the lengths of the policy that decides."""
        limits = tuple(self.policies.limits())
        for timeline in (self.live, self.backfill):
            timeline.adopt(limits)

    def drop_profiles(self, *user_ids: str) -> None:
        """Forgets users and their households, and what is being read of them."""
        for outdated in (member for user_id in user_ids for member in self.profiles.drop(user_id)):
            reading = self.reading.get(outdated)
            if reading is not None:
                reading.outdated = True

    def forget_profiles(self) -> None:
        """Forgets everybody, and what is being read of them."""
        self.profiles.clear()
        for reading in self.reading.values():
            reading.outdated = True

    def drop_imported(self, user_id: str) -> list[Waiting]:
        """Takes those imported events out of the queue that need a user's profile, and returns them."""
        kept: deque[Waiting] = deque()
        dropped: list[Waiting] = []
        for one in self.imported:
            (dropped if user_id in (one.request.user_id, one.request.subject_id) else kept).append(one)
        self.imported = kept
        return dropped

    def timeline_of(self, request: CheckAction, wall_ms: int) -> tuple[Timeline, int]:
        """Tells which timeline a request belongs to, and its instant there.

        Raises:
            Refused: an imported event lies before the last one.
        """
        if request.occurred_ms is None:
            return self.live, self.live.advance(wall_ms)
        if request.occurred_ms < self.backfill.last_ms:
            reached = datetime.fromtimestamp(self.backfill.last_ms / 1_000, UTC).isoformat(timespec="milliseconds")
            raise untimely(
                "occurred_at", f"goes backwards: imported events have reached {reached.replace('+00:00', 'Z')}"
            )
        return self.backfill, self.backfill.advance(request.occurred_ms)


def empty_memory(settings: TrustSafetySettings, policies: Policies) -> Memory:
    """Returns what a first start holds: nothing, and `loaded` False."""
    return Memory(
        policies=policies,
        lists=Lists(settings.entries_max),
        profiles=Profiles(settings.users_cached_max),
        live=Timeline(settings),
        backfill=Timeline(settings),
    )


def restore(memory: Memory, start: WarmStart) -> None:
    """Counts the recorded past again, so that a restart frees nobody."""
    policy = memory.policies.enforced
    for at_ms, user, device, ip, backfill, referrer in start.signups:
        (memory.backfill if backfill else memory.live).restore_signup(user, device, ip, at_ms, referrer)
    for at_ms, user, action, device, ip, _decision, reasons, counted, backfill in start.attempts:
        request = CheckAction(
            user_id=user, action_type=action, device_id=device, ip_address=ip, api_key_id="", received_s=0.0
        )
        timeline = memory.backfill if backfill else memory.live
        timeline.restore_attempt(policy.action(action), request, reasons, at_ms, counted=counted)
    memory.backfill.advance(start.last_backfill_ms or 0)
