"""When awaited replies are overdue: one timer for all of them, because a timer per call costs as much as the call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from viral_engine.runtime.clock import Clock, TimerHandle

COALESCE_S = 0.01
"""Replies that fall due so close to each other may share a look: nobody is told more than this too late."""


class Awaited(Protocol):
    """Something with a deadline: a reply, or whatever a caller of `System.ask` waits with."""

    @property
    def deadline_s(self) -> float:
        """On the clock's monotonic seconds; infinite for ever."""

    def expire(self) -> None:
        """Tells whoever waits that the time is up."""


class Deadlines:
    """The replies that somebody awaits now.

    Almost every reply comes long before its deadline, so nothing is kept in order: when the earliest deadline
    that was known is reached, those that still wait are looked through, and the timer is set for the next one.
    Any thread may add; sets of CPython change atomically.

    Attributes:
        waiting: those replies; whoever no longer awaits one discards it here. A method for that would be a frame
            more for each call.
        due_s: the earliest deadline that is known; a reply that is due before it goes to `look_at`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.waiting: set[Awaited] = set()
        self.due_s = math.inf
        self._closed = False
        self._timer: TimerHandle | None = None

    def add(self, reply: Awaited) -> None:
        """Has the reply expire at its deadline unless it is discarded before."""
        self.waiting.add(reply)
        # Spelled so that a deadline that is no number is due at once.
        if not reply.deadline_s >= self.due_s:
            self.look_at(reply)

    def close(self) -> None:
        """Tells all who wait that their time is up: nothing will be timed any more, and nobody answers."""
        self.due_s = -math.inf
        self._closed = True
        for reply in self.waiting.copy():
            self.waiting.discard(reply)
            reply.expire()

    def look_at(self, reply: Awaited) -> None:
        """Has the timer set for a reply that is due before all others."""
        if self._closed or reply.deadline_s != reply.deadline_s:
            self.waiting.discard(reply)
            reply.expire()
        else:
            self._set_timer(reply.deadline_s)

    def _set_timer(self, when_s: float) -> None:
        self.due_s = when_s
        superseded = self._timer
        self._timer = self._clock.call_at(when_s, self._expire)
        if superseded is not None:
            superseded.cancel()

    def _expire(self) -> None:
        now_s = self._clock.monotonic_s()
        self.due_s = next_s = math.inf
        for reply in self.waiting.copy():
            if reply.deadline_s <= now_s:
                self.waiting.discard(reply)
                reply.expire()
            else:
                next_s = min(next_s, reply.deadline_s)
        if next_s < self.due_s:
            self._set_timer(max(next_s, now_s + COALESCE_S))
