"""The ticks: APScheduler knows the wall clock, others do the work.

A tick sends one message and is done. Tests drive the triggers, which are pure; the scheduler class reads the wall
clock by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from viral_engine.messages.database import CleanUp, EnsurePartitions, Heartbeat, PurgeIdempotency
from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apscheduler.triggers.base import BaseTrigger

    from viral_engine.config import Jobs
    from viral_engine.runtime.exits import Exit

MISFIRE_GRACE_S = 3_600
"""A tick that could not fire in time (the machine slept) still does when it is at most this late."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One line of the timetable: when, to whom, what."""

    name: str
    trigger: BaseTrigger
    path: str
    message: Any


def timetable(settings: Jobs) -> tuple[Tick, ...]:
    """Returns every tick of the daemon; times of day are UTC."""
    return (
        Tick("limits_cleanup", _every(settings.limits_cleanup_s), "/growth/trust_safety", CleanUp()),
        Tick("partitions", CronTrigger(hour=0, minute=5, timezone="UTC"), "/database", EnsurePartitions()),
        Tick("idempotency", CronTrigger(minute=20, timezone="UTC"), "/database", PurgeIdempotency()),
        Tick("heartbeat", _every(settings.heartbeat_s), "/database", Heartbeat()),
    )


def _every(seconds: int) -> IntervalTrigger:
    # In UTC, so that nobody looks for the machine's own zone, which may be none that is known.
    return IntervalTrigger(seconds=seconds, timezone="UTC")


class Clock(ThreadActor):
    """Sends the timetable's messages at their times."""

    def init(self, settings: Jobs) -> None:
        """Starts the scheduler; it has a thread of its own and ends with this incarnation."""
        self._fired: dict[str, int] = {}
        self._scheduler = BackgroundScheduler(timezone="UTC", daemon=True)
        for tick in timetable(settings):
            self._scheduler.add_job(
                self._fire,
                tick.trigger,
                args=(tick,),
                id=tick.name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=MISFIRE_GRACE_S,
            )
        self._scheduler.start()
        self.own(self)

    def abort(self) -> None:
        """Ends the scheduler of a killed incarnation, so that no tick fires twice."""
        self._scheduler.shutdown(wait=False)

    def terminate(self, exit_reason: Exit) -> None:
        """Ends the scheduler."""
        self._scheduler.shutdown(wait=False)

    def inspect_state(self) -> Mapping[str, Any]:
        """See `Actor`."""
        jobs = self._scheduler.get_jobs()
        return {
            "next": {job.id: job.next_run_time.isoformat() for job in jobs},
            "last_fired_ms": dict(self._fired),
        }

    def _fire(self, tick: Tick) -> None:
        """Runs in the scheduler's thread."""
        if self.end is None and self.cast(tick.path, tick.message):
            self._fired[tick.name] = self.system.clock.wall_ms()
