"""Monitors and timers: told once, in time, and never after the end."""

from __future__ import annotations

import itertools
import threading
from typing import Any

from scripted_actors import Script, crash, scripted

from viral_engine.runtime.actor import Actor, Down
from viral_engine.runtime.clock import TimerHandle
from viral_engine.runtime.exits import KILLED
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import ManualClock, settle, start_supervised
from viral_engine.runtime.timers import Timers


def worker(name: str, placement: type[Actor], script: Script | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def test_a_monitor_tells_the_end_once_and_of_that_incarnation_only(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement), worker("b", placement, script)) as system:
        number = system.call("/b", lambda actor: actor.monitor("/a")).get()
        for _ in range(2):
            system.registry.actors["/a"].kill()
            settle(system)
        assert script.events == [Down(number, "/a", KILLED)]


def test_a_monitor_of_nobody_is_told_at_once(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("b", placement, script)) as system:
        number = system.call("/b", lambda actor: actor.monitor("/nobody")).get()
        settle(system)
        assert script.events == [Down(number, "/nobody", None)]


def test_who_stops_monitoring_hears_nothing(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement), worker("b", placement, script)) as system:
        system.call("/b", lambda actor: actor.demonitor(actor.monitor("/a"))).get()
        system.registry.actors["/a"].kill()
        settle(system)
        assert script.events == []


def test_a_watcher_that_ends_is_forgotten_by_whom_it_watched(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement), worker("b", placement), restarts_max=100) as system:
        for _ in range(20):
            system.call("/b", lambda actor: actor.monitor("/a")).get()
            system.registry.actors["/b"].kill()
            settle(system)
        assert system.registry.actors["/a"]._watchers == {}


def test_a_message_sent_after_a_delay_arrives_when_it_is_due(placement: type[Actor]) -> None:
    clock, script = ManualClock(), Script()
    with start_supervised(worker("a", placement, script), clock=clock) as system:
        system.call("/a", lambda actor: actor.send_after(2.0, "due")).get()
        clock.advance(1.9)
        settle(system)
        assert script.events == []
        clock.advance(0.1)
        settle(system)
        assert script.events == ["due"]


def test_timers_end_with_their_incarnation(placement: type[Actor]) -> None:
    clock, script = ManualClock(), Script()
    with start_supervised(worker("a", placement, script), clock=clock) as system:
        system.call("/a", lambda actor: (actor.send_after(1.0, "once"), actor.send_interval(1.0, "beat"))).get()
        system.cast("/a", crash)
        settle(system)
        clock.advance(10.0)
        settle(system)
        assert script.events == []


def test_an_interval_beats_until_it_is_cancelled(placement: type[Actor]) -> None:
    clock, script = ManualClock(), Script()
    with start_supervised(worker("a", placement, script), clock=clock) as system:
        timer = system.call("/a", lambda actor: actor.send_interval(1.0, "beat")).get()
        for _ in range(3):
            clock.advance(1.0)
            settle(system)
        assert script.events == ["beat"] * 3
        system.call("/a", lambda actor: actor.cancel_timer(timer)).get()
        clock.advance(3.0)
        settle(system)
        assert script.events == ["beat"] * 3


class HandClock:
    """A clock whose timers the test fires by hand, late if it likes."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.due_s: list[float] = []
        self.fire: Any = None

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_ms(self) -> int:
        return 0

    def call_at(self, when_s: float, callback: Any) -> TimerHandle:
        self.due_s.append(when_s)
        self.fire = callback
        return self

    def wait(self, event: threading.Event, timeout_s: float | None) -> bool:
        return event.wait(timeout_s)

    def cancel(self) -> None:
        self.fire = None


def test_an_interval_does_not_drift_and_skips_what_it_missed_in_a_stall() -> None:
    clock = HandClock()
    beats = itertools.count(1)
    sent: list[int] = []
    Timers(clock).send_interval(1.0, lambda: sent.append(next(beats)))
    for now_s in (1.3, 2.0, 6.2, 7.0):
        clock.now_s = now_s
        clock.fire()
    assert clock.due_s == [1.0, 2.0, 3.0, 7.0, 8.0]
    assert sent == [1, 2, 3, 4]


def test_an_interval_cancelled_by_who_hears_its_beat_stays_cancelled() -> None:
    clock = HandClock()
    timers = Timers(clock)
    sent: list[int] = []

    def send() -> None:
        sent.append(1)
        timers.cancel(number)

    number = timers.send_interval(1.0, send)
    clock.now_s = 1.0
    fire = clock.fire
    fire()
    assert (clock.due_s, clock.fire) == ([1.0], None)
