"""Notices an incarnation that hangs, and fences it so that its supervisor brings up the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viral_engine.runtime.events import HeartbeatMissed

if TYPE_CHECKING:
    from viral_engine.runtime.incarnation import Incarnation
    from viral_engine.runtime.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """How often an actor is asked for a sign of life, and how many it may owe.

    A sign is given between two messages, so no handler may take as long as `every_s` times `missed_max`.
    """

    every_s: float = 1.0
    missed_max: int = 5


class Pulse:
    """The beats of one incarnation: at most one question is under way, however long it hangs."""

    def __init__(self, actor: Incarnation, heartbeat: Heartbeat) -> None:
        self._actor = actor
        self._missed_max = heartbeat.missed_max
        self._missed = 0
        self._asked: Reply[None] | None = None

    def beat(self) -> None:
        """Looks whether the last question was answered, and asks the next one."""
        if self._asked is not None and not self._asked.is_settled:
            self._missed += 1
            if self._missed >= self._missed_max:
                actor = self._actor
                actor.system.events.emit(HeartbeatMissed(actor.path, actor.incarnation, self._missed))
                actor.kill(f"it gave no sign of life for {self._missed} heartbeats")
            return
        self._missed = 0
        self._asked = self._actor.order("ping")
