"""When which tick is sent to whom, and the scheduler that knows the wall clock.

A module of its own: APScheduler takes as long to load as the tree takes to start, and no start waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from viral_engine.messages.database import CleanUp, EnsurePartitions, Heartbeat, PurgeIdempotency
from viral_engine.messages.paging import PageWaiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from apscheduler.triggers.base import BaseTrigger

    from viral_engine.config import Jobs

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
        Tick("pages", _every(settings.pages_s), "/growth/pager", PageWaiting()),
    )


def _every(seconds: int) -> IntervalTrigger:
    # In UTC, so that nobody looks for the machine's own zone, which may be none that is known.
    return IntervalTrigger(seconds=seconds, timezone="UTC")


def scheduler_of(settings: Jobs, fire: Callable[[Tick], None]) -> BackgroundScheduler:
    """Returns a running scheduler that calls `fire` in its own thread for each tick."""
    scheduler = BackgroundScheduler(timezone="UTC", daemon=True)
    for tick in timetable(settings):
        scheduler.add_job(
            fire,
            tick.trigger,
            args=(tick,),
            id=tick.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=MISFIRE_GRACE_S,
        )
    scheduler.start()
    return scheduler
