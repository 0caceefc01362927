"""The ticks: APScheduler knows the wall clock, others do the work.

A tick sends one message and is done. Tests drive the triggers, which are pure; the scheduler class reads the wall
clock by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apscheduler.schedulers.background import BackgroundScheduler

    from viral_engine.actors.jobs.clock.timetable import Tick
    from viral_engine.config import Jobs
    from viral_engine.runtime.exits import Exit


@dataclass(frozen=True, slots=True)
class _Begin:
    """To itself, once everybody else may start: load the scheduler."""


class Clock(ThreadActor):
    """Sends the timetable's messages at their times."""

    _scheduler: BackgroundScheduler | None = None

    def init(self, settings: Jobs) -> None:
        """Leaves the scheduler, which has a thread of its own and ends with this incarnation, for the first message."""
        self._settings = settings
        self._fired: dict[str, int] = {}
        self.own(self)
        self.tell_info(_Begin())

    def handle_info(self, message: Any) -> None:
        """Starts the scheduler."""
        if not isinstance(message, _Begin):
            super().handle_info(message)
            return
        from viral_engine.actors.jobs.clock.timetable import scheduler_of  # noqa: PLC0415  (the start waits for nothing)

        self._scheduler = scheduler_of(self._settings, self._fire)
        if self.end is not None:
            self.abort()

    def abort(self) -> None:
        """Ends the scheduler of a killed incarnation, so that no tick fires twice."""
        if self._scheduler is not None and self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def terminate(self, exit_reason: Exit) -> None:
        """Ends the scheduler."""
        self.abort()

    def inspect_state(self) -> Mapping[str, Any]:
        """See `Actor`."""
        jobs = self._scheduler.get_jobs() if self._scheduler is not None else []
        return {
            "next": {job.id: job.next_run_time.isoformat() for job in jobs},
            "last_fired_ms": dict(self._fired),
        }

    def _fire(self, tick: Tick) -> None:
        """Runs in the scheduler's thread."""
        if self.end is None and self.cast(tick.path, tick.message):
            self._fired[tick.name] = self.system.clock.wall_ms()
