"""The ticks: when they are due, that a late one fires once, and that a killed clock fires none."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED

from viral_engine import config
from viral_engine.actors.jobs.clock.actor import Clock
from viral_engine.actors.jobs.clock.timetable import MISFIRE_GRACE_S, timetable
from viral_engine.messages.database import CleanUp, EnsurePartitions, Heartbeat, PurgeIdempotency
from viral_engine.messages.paging import PageWaiting
from viral_engine.runtime.actor import Actor
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import PATIENCE_S, Probe, Received, settle, start_supervised

SETTINGS = config.load().jobs
TICKS = {tick.name: tick for tick in timetable(SETTINGS)}
NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)


def next_due(name: str, previous: datetime | None, now: datetime) -> datetime:
    due: datetime = TICKS[name].trigger.get_next_fire_time(previous, now)
    return due


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("partitions", datetime(2026, 11, 23, 0, 5, tzinfo=UTC)),
        ("idempotency", datetime(2026, 11, 23, 0, 20, tzinfo=UTC)),
    ],
)
def test_ticks_of_the_day_are_due_by_the_clock_of_utc(name: str, due: datetime) -> None:
    assert next_due(name, None, NOW) == due
    after = {"partitions": timedelta(days=1), "idempotency": timedelta(hours=1)}[name]
    assert next_due(name, due, due + timedelta(seconds=1)) == due + after


@pytest.mark.parametrize(
    ("name", "every_s"),
    [
        ("heartbeat", SETTINGS.heartbeat_s),
        ("limits_cleanup", SETTINGS.limits_cleanup_s),
        ("pages", SETTINGS.pages_s),
    ],
)
def test_periodic_ticks_follow_each_other_by_their_setting(name: str, every_s: int) -> None:
    assert next_due(name, NOW, NOW) == NOW + timedelta(seconds=every_s)


def test_each_tick_says_one_thing_to_one_actor() -> None:
    assert {name: (tick.path, type(tick.message)) for name, tick in TICKS.items()} == {
        "limits_cleanup": ("/growth/trust_safety", CleanUp),
        "partitions": ("/database", EnsurePartitions),
        "idempotency": ("/database", PurgeIdempotency),
        "heartbeat": ("/database", Heartbeat),
        "pages": ("/growth/pager", PageWaiting),
    }


def worker(name: str, actor_class: type[Actor], *args: Any) -> Worker:
    return Worker(name=name, actor_class=actor_class, args=args)


def fire_late(clock: Any, name: str, by: timedelta) -> list[datetime]:
    """Makes a tick overdue, waits until it was sent, and returns the times of its firings."""
    fired, done = [], threading.Event()

    def on_submitted(event: Any) -> None:
        fired.extend(event.scheduled_run_times)

    clock._scheduler.add_listener(on_submitted, EVENT_JOB_SUBMITTED)
    clock._scheduler.add_listener(lambda _: done.set(), EVENT_JOB_EXECUTED)
    clock._scheduler.modify_job(name, next_run_time=datetime.now(UTC) - by)
    assert done.wait(PATIENCE_S)
    return fired


def test_a_tick_that_was_missed_many_times_fires_once() -> None:
    received: list[Received] = []
    children = (worker("database", Probe, received), worker("clock", Clock, SETTINGS))
    with start_supervised(*children) as system:
        settle(system)
        clock: Any = system.registry.actors["/clock"]
        assert len(fire_late(clock, "heartbeat", timedelta(seconds=SETTINGS.heartbeat_s * 50))) == 1
        settle(system)
        assert [one.message for one in received] == [Heartbeat()]
        assert list(clock.inspect_state()["last_fired_ms"]) == ["heartbeat"]


def test_a_tick_whose_hour_of_grace_is_over_waits_for_its_next_time() -> None:
    with start_supervised(worker("clock", Clock, SETTINGS)) as system:
        settle(system)
        clock: Any = system.registry.actors["/clock"]
        job = clock._scheduler.get_job("partitions")
        assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (MISFIRE_GRACE_S, True, 1)


def test_a_killed_clock_fires_no_more_and_its_next_incarnation_does() -> None:
    received: list[Received] = []
    children = (worker("database", Probe, received), worker("clock", Clock, SETTINGS))
    with start_supervised(*children) as system:
        settle(system)
        old: Any = system.registry.actors["/clock"]
        old.kill("test")
        assert not old._scheduler.running
        # A tick that was on its way when the kill came says nothing any more.
        old._fire(TICKS["heartbeat"])
        settle(system)
        new: Any = system.registry.actors["/clock"]
        assert new.incarnation == 2
        fire_late(new, "heartbeat", timedelta(seconds=1))
        settle(system)
        assert [one.message for one in received] == [Heartbeat()]
