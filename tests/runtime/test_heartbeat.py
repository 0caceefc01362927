"""An incarnation that hangs is noticed, fenced and replaced; one that is merely busy is left alone."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from event_story import phases, worker
from scripted_actors import Script

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited, InvalidSpec
from viral_engine.runtime.events import ActorEnded, HeartbeatMissed, ThreadAbandoned
from viral_engine.runtime.exits import KILLED
from viral_engine.runtime.heartbeat import Heartbeat
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import TerminateChild
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import EventLog, Gate, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor

BEAT = Heartbeat(every_s=1.0, missed_max=3)


def beat(clock: ManualClock, times: int) -> None:
    for _ in range(times):
        clock.advance(BEAT.every_s)


@pytest.mark.parametrize("heartbeat", [Heartbeat(every_s=0.0), Heartbeat(every_s=-1.0), Heartbeat(missed_max=0)])
def test_a_heartbeat_without_time_or_patience_is_refused(heartbeat: Heartbeat) -> None:
    with pytest.raises(InvalidSpec, match=r"a\.heartbeat"):
        worker("a", LoopActor, heartbeat=heartbeat)


def test_a_hung_thread_is_fenced_and_replaced_after_as_many_beats_as_it_may_owe() -> None:
    clock, log, gate = ManualClock(), EventLog(), Gate()
    with start_supervised(worker("a", ThreadActor, heartbeat=BEAT), clock=clock, log=log) as system:
        hung: Any = system.registry.actors["/a"]
        reply = system.call("/a", lambda _: gate.pass_through(), 1e9)
        gate.wait_for_arrival()
        beat(clock, 3)
        assert (hung.end, log.of(HeartbeatMissed)) == (None, [])
        beat(clock, 1)
        with pytest.raises(ActorExited):
            reply.get()
        settle(system)
        assert system.call("/a", lambda actor: actor.incarnation).get() == 2
        assert system.abandoned() == [hung]
        gate.open()
        hung._thread.join()
        assert system.abandoned() == []
    assert [(told.path, told.incarnation, told.missed) for told in log.of(HeartbeatMissed)] == [("/a", 1, 3)]
    assert [told.abandoned_threads for told in log.of(ThreadAbandoned)] == [1]
    ended = log.of(ActorEnded)[0]
    assert (ended.exit_reason, ended.killed_for) == (KILLED, "it gave no sign of life for 3 heartbeats")


def test_a_thread_that_hangs_again_and_again_is_counted_until_the_process_has_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("viral_engine.runtime.system.ABANDONED_THREADS_MAX", 2)
    clock, gate, fatal, log = ManualClock(), Gate(), list[str](), EventLog()
    with start_supervised(worker("a", ThreadActor, heartbeat=BEAT), clock=clock, log=log) as system:
        system._on_fatal = fatal.append
        for _ in range(3):
            system.cast("/a", lambda _: gate.pass_through())
            gate.wait_for_arrival()
            beat(clock, 4)
            settle(system)
        assert len(system.abandoned()) == 3
        gate.open()
    assert fatal == ["3 threads hang in killed actors, the last one in /a"]
    assert [told.abandoned_threads for told in log.of(ThreadAbandoned)] == [1, 2, 3]


class Hangs(LoopActor):
    """Waits for ever in a coroutine when it is told to."""

    def init(self, hanging: threading.Event) -> None:
        self.hanging = hanging

    async def handle_cast(self, message: Any) -> None:
        self.hanging.set()
        await asyncio.Event().wait()

    def handle_call(self, message: Any, reply_to: Any) -> int:
        return self.incarnation


def test_a_hung_coroutine_is_cancelled_and_its_actor_replaced() -> None:
    clock, log, hanging = ManualClock(), EventLog(), threading.Event()
    child = Worker(name="a", actor_class=Hangs, args=(hanging,), heartbeat=BEAT)
    with start_supervised(child, clock=clock, log=log) as system:
        system.cast("/a", "hang")
        assert hanging.wait(5)
        waiting = system.call("/a", "?", 1e9)
        beat(clock, 4)
        with pytest.raises(ActorExited) as ended:
            waiting.get()
        assert ended.value.begun is False
        settle(system)
        assert system.call("/a", "?").get() == 2
    assert len(log.of(HeartbeatMissed)) == 1
    assert log.of(ThreadAbandoned) == []


def test_an_actor_with_a_long_backlog_gives_its_signs_between_two_messages() -> None:
    clock, log, gates = ManualClock(), EventLog(), [Gate() for _ in range(20)]
    with start_supervised(worker("a", ThreadActor, heartbeat=BEAT), clock=clock, log=log) as system:
        for gate in gates:
            system.cast("/a", lambda _, gate=gate: gate.pass_through())
        for gate in gates:
            gate.wait_for_arrival()
            beat(clock, 2)
            gate.open()
        settle(system)
        assert system.registry.actors["/a"].incarnation == 1
    assert log.of(HeartbeatMissed) == []


class Steps(LoopActor):
    """Every message is a coroutine that waits until the test lets it go on."""

    def init(self, steps: list[asyncio.Event], begun: threading.Semaphore) -> None:
        self.steps, self.begun = steps, begun

    async def handle_cast(self, message: int) -> None:
        self.begun.release()
        await self.steps[message].wait()


def test_a_coroutine_actor_with_a_long_backlog_gives_its_signs_between_two_messages() -> None:
    clock, log, begun = ManualClock(), EventLog(), threading.Semaphore(0)
    steps = [asyncio.Event() for _ in range(10)]
    child = Worker(name="a", actor_class=Steps, args=(steps, begun), heartbeat=BEAT)
    with start_supervised(child, clock=clock, log=log) as system:
        for number in range(10):
            system.cast("/a", number)
        for step in steps:
            assert begun.acquire(timeout=5)
            beat(clock, 2)
            system.loop.post(step.set)
        settle(system)
        assert system.registry.actors["/a"].incarnation == 1
    assert log.of(HeartbeatMissed) == []


def test_an_idle_actor_and_a_suspended_one_give_their_signs(placement: type[Actor]) -> None:
    clock, log = ManualClock(), EventLog()
    children = (worker("a", placement, heartbeat=BEAT), worker("b", placement, heartbeat=BEAT))
    with start_supervised(*children, clock=clock, log=log) as system:
        system.registry.actors["/b"].order("suspend").get()
        system.cast("/b", "waits")
        for _ in range(20):
            beat(clock, 1)
            settle(system)
        assert [actor.incarnation for actor in (system.registry.actors["/a"], system.registry.actors["/b"])] == [1, 1]
    assert log.of(HeartbeatMissed) == []


def test_a_sign_pays_all_that_was_owed() -> None:
    clock, log = ManualClock(), EventLog()
    with start_supervised(worker("a", ThreadActor, heartbeat=BEAT), clock=clock, log=log) as system:
        for _ in range(3):
            gate = Gate()
            system.cast("/a", lambda _, gate=gate: gate.pass_through())
            gate.wait_for_arrival()
            beat(clock, 3)
            gate.open()
            settle(system)
            beat(clock, 1)
            settle(system)
        assert system.registry.actors["/a"].incarnation == 1
    assert log.of(HeartbeatMissed) == []


def test_a_slow_init_owes_nothing() -> None:
    clock, gate, log = ManualClock(), Gate(), EventLog()
    script = Script(inits=[None, gate.pass_through])
    with start_supervised(worker("a", ThreadActor, script, heartbeat=BEAT), clock=clock, log=log) as system:
        system.registry.actors["/a"].kill()
        gate.wait_for_arrival()
        beat(clock, 10)
        gate.open()
        settle(system)
        assert system.registry.actors["/a"].incarnation == 2
    assert log.of(HeartbeatMissed) == []


def test_the_beats_of_an_incarnation_end_with_it(placement: type[Actor]) -> None:
    clock, log = ManualClock(), EventLog()
    with start_supervised(worker("a", placement, heartbeat=BEAT), clock=clock, log=log) as system:
        system.call("/", TerminateChild("a")).get()
        assert [timer for _, _, timer in clock._timers if timer.callback is not None] == []
        beat(clock, 20)
        settle(system)
        assert phases(system) == [("a", "stopped")]
    assert log.of(HeartbeatMissed) == []


def test_a_terminate_that_hangs_longer_than_the_beats_allow_is_given_up() -> None:
    clock, gate = ManualClock(), Gate()
    script = Script(on_terminate=lambda _: gate.pass_through())
    child = worker("a", ThreadActor, script, shutdown_s="infinity", heartbeat=BEAT)
    with start_supervised(child, clock=clock) as system:
        reply = system.call("/", TerminateChild("a"), 1e9)
        gate.wait_for_arrival()
        beat(clock, 5)
        reply.get()
        assert script.actors[0].end == KILLED
        gate.open()
