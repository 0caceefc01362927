"""A stop that drains: what waits is worked off within one deadline, nothing new is taken, then all stops in order."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from event_story import Story, worker
from scripted_actors import Script, crash

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited, CallTimeout
from viral_engine.runtime.events import ActorEnded, MessageDropped
from viral_engine.runtime.exits import KILLED, SHUTDOWN
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import StartDynamic, StartMany
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import PATIENCE_S, EventLog, Gate, ManualClock, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor

DRAIN_S = 10.0


def when_asked(system: System, path: str) -> threading.Event:
    """Returns what is set when the runtime gives an actor its next order."""
    told, mailbox = threading.Event(), system.registry.actors[path].mailbox
    put_order = mailbox.put_order

    def put_and_tell(order: Any) -> bool:
        accepted = put_order(order)
        told.set()
        return accepted

    mailbox.put_order = put_and_tell  # type: ignore[method-assign]  # of this mailbox alone
    return told


def stopping(system: System, *asked: str, drain_s: float = DRAIN_S) -> threading.Thread:
    """Stops the system in a thread of its own; returns when these actors have been asked to stop."""
    told = [when_asked(system, path) for path in asked]
    thread = threading.Thread(target=system.stop, kwargs={"drain_s": drain_s}, name="stopper")
    thread.start()
    assert all(event.wait(PATIENCE_S) for event in told)
    return thread


def busy(system: System, path: str, gate: Gate, *backlog: Any) -> list[Any]:
    """Keeps an actor at a gate and puts calls behind it."""
    system.cast(path, lambda _: gate.pass_through())
    gate.wait_for_arrival()
    return [system.call(path, message, 1e9) for message in backlog]


def test_what_waits_is_answered_before_the_actor_ends(placement: type[Actor]) -> None:
    gate, log = Gate(), EventLog()
    script = Script(on_terminate=lambda _: script.events.append("terminate"))
    with start_supervised(worker("a", placement, script), clock=ManualClock(), log=log) as system:
        replies = busy(system, "/a", gate, *range(5))
        system.cast("/a", "cast")
        stopper = stopping(system, "/a")
        gate.open()
        stopper.join()
        assert [reply.get() for reply in replies] == list(range(5))
        assert script.events == ["cast", "terminate"]
    assert [end.exit_reason for end in log.of(ActorEnded)] == [SHUTDOWN, SHUTDOWN]


def test_without_a_drain_nothing_that_waits_is_begun(placement: type[Actor]) -> None:
    gate, script = Gate(), Script()
    with start_supervised(worker("a", placement, script), clock=ManualClock()) as system:
        reply = busy(system, "/a", gate, "waits")[0]
        stopper = stopping(system, "/a", drain_s=0.0)
        gate.open()
        stopper.join()
        with pytest.raises(ActorExited) as ended:
            reply.get()
        assert ended.value.begun is False


def slow_drain(system: System, gates: list[Gate], path: str = "/a") -> None:
    """Puts one message per gate into the mailbox: the actor stands at each until the test opens it."""
    for gate in gates:
        system.cast(path, lambda _, gate=gate: gate.pass_through())


@pytest.mark.parametrize("patient", [False, True])
def test_who_asks_a_draining_actor_is_refused_at_once(placement: type[Actor], *, patient: bool) -> None:
    first, second, log = Gate(), Gate(), EventLog()
    with start_supervised(worker("a", placement), clock=ManualClock(), log=log) as system:
        slow_drain(system, [first, second])
        first.wait_for_arrival()
        stopper = stopping(system, "/a")
        first.open()
        second.wait_for_arrival()
        with pytest.raises(ActorExited) as refused:
            system.call("/a", 1, patient=patient).get()
        assert refused.value.begun is False
        assert system.cast("/a", 1) is False
        second.open()
        stopper.join()
    assert [dropped.path for dropped in log.of(MessageDropped)] == ["/a"]


def test_orders_and_timers_still_reach_a_draining_actor(placement: type[Actor]) -> None:
    clock, script, gates = ManualClock(), Script(), [Gate(), Gate()]
    with start_supervised(worker("a", placement, script), clock=clock) as system:
        actor = system.registry.actors["/a"]
        system.call("/a", lambda actor: actor.send_after(1.0, "timer")).get()
        slow_drain(system, gates)
        gates[0].wait_for_arrival()
        stopper = stopping(system, "/a")
        gates[0].open()
        gates[1].wait_for_arrival()
        clock.advance(1.0)
        ping = actor.order("ping")
        gates[1].open()
        stopper.join()
        assert ping.get() is None
        assert script.events == ["timer"]


def test_when_the_time_is_up_what_still_waits_is_failed_and_the_actor_ends_in_order() -> None:
    clock, gates = ManualClock(), [Gate(), Gate()]
    script = Script(on_terminate=lambda _: script.events.append("terminate"))
    with start_supervised(worker("a", ThreadActor, script), clock=clock) as system:
        slow_drain(system, gates)
        replies = [system.call("/a", number, 1e9) for number in range(1_500)]
        system.cast("/a", "cast")
        gates[0].wait_for_arrival()
        stopper = stopping(system, "/a")
        gates[0].open()
        gates[1].wait_for_arrival()
        clock.advance(DRAIN_S)
        gates[1].open()
        stopper.join()
        for reply in replies:
            with pytest.raises(ActorExited) as ended:
                reply.get()
            assert ended.value.begun is False
        assert script.events == ["terminate"]
        assert script.actors[0].end == SHUTDOWN


def test_a_drain_may_take_longer_than_the_actors_own_time_to_stop(placement: type[Actor]) -> None:
    """The seconds of its specification are for its end, and that begins when the drain is over."""
    clock, gates, log = ManualClock(), [Gate(), Gate()], EventLog()
    with start_supervised(worker("a", placement, shutdown_s=1.0), clock=clock, log=log) as system:
        slow_drain(system, gates)
        reply = system.call("/a", "last", 1e9)
        gates[0].wait_for_arrival()
        stopper = stopping(system, "/a")
        clock.wait_for_timers(1)
        clock.advance(DRAIN_S - 1.0)
        for gate in gates:
            gate.open()
        stopper.join()
        assert reply.get() == "last"
    assert log.of(ActorEnded)[0].exit_reason == SHUTDOWN


def test_an_actor_that_hangs_is_killed_when_the_drain_and_its_own_time_are_over() -> None:
    clock, gate, log = ManualClock(), Gate(), EventLog()
    with start_supervised(worker("a", ThreadActor, shutdown_s=1.0), clock=clock, log=log) as system:
        reply = busy(system, "/a", gate, "waits")[0]
        stopper = stopping(system, "/a")
        clock.wait_for_timers(1)
        clock.advance(DRAIN_S)
        clock.advance(1.0)
        stopper.join()
        with pytest.raises(ActorExited):
            reply.get()
        ended = log.of(ActorEnded)[0]
        assert (ended.exit_reason, ended.up_s) == (KILLED, DRAIN_S + 1.0)
        gate.open()


def test_one_deadline_holds_for_all_actors_together() -> None:
    clock, gates, scripts = ManualClock(), [Gate(), Gate(), Gate()], {"a": Script(), "b": Script()}
    children = (worker("a", ThreadActor, scripts["a"]), worker("b", ThreadActor, scripts["b"]))
    with start_supervised(*children, clock=clock) as system:
        slow_drain(system, gates[:2], "/b")
        slow_drain(system, gates[2:], "/a")
        late = system.call("/a", "too late", 1e9)
        gates[0].wait_for_arrival()
        gates[2].wait_for_arrival()
        a_is_asked = when_asked(system, "/a")
        stopper = stopping(system, "/b")
        gates[0].open()
        gates[1].wait_for_arrival()
        clock.advance(DRAIN_S)
        gates[1].open()
        assert a_is_asked.wait(PATIENCE_S)
        gates[2].open()
        stopper.join()
        with pytest.raises(ActorExited):
            late.get()


def test_the_tree_drains_in_the_order_in_which_it_stops() -> None:
    """Who is fed by others is asked after them: what they still send arrives."""
    story, gate, script = Story(), Gate(), Script()
    feeder = worker("feeder", ThreadActor)
    inner = Supervisor(name="s", children=(worker("sink", LoopActor, script), feeder))
    with start_supervised(inner, clock=ManualClock()) as system:
        system.events.listen(story)
        system.cast("/s/feeder", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        for number in range(3):
            system.cast("/s/feeder", lambda actor, number=number: actor.cast("/s/sink", number))
        stopper = stopping(system, "/s/feeder")
        gate.open()
        stopper.join()
    assert story.since() == "-feeder.1:shutdown -sink.1:shutdown -s.1:shutdown -root.1:shutdown"
    assert script.events == [0, 1, 2]


def test_dynamic_children_drain_side_by_side(placement: type[Actor]) -> None:
    script = Script()
    template = worker("t", placement, script)
    with start_supervised(DynamicSupervisor(name="d", template=template), clock=ManualClock()) as system:
        started = system.call("/d", StartMany((StartDynamic(),) * 3)).get()
        gates = [Gate() for _ in started] if placement is ThreadActor else [Gate()]
        for child, gate in zip(started, gates, strict=False):
            busy(system, child.path, gate)
        for child in started:
            system.cast(child.path, child.path)
        stopper = stopping(system, *(child.path for child in started))
        for gate in gates:
            gate.open()
        stopper.join()
    assert sorted(script.events) == ["/d/1", "/d/2", "/d/3"]


def test_a_suspended_actor_is_stopped_without_a_drain(placement: type[Actor]) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement, shutdown_s="infinity"), clock=clock) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        reply = system.call("/a", 1, 1e9)
        stopping(system).join()
        with pytest.raises(ActorExited):
            reply.get()
        assert actor.end == SHUTDOWN


def test_an_actor_that_is_suspended_while_it_drains_ends_at_once(placement: type[Actor]) -> None:
    clock, gates = ManualClock(), [Gate(), Gate()]
    with start_supervised(worker("a", placement, shutdown_s="infinity"), clock=clock) as system:
        actor = system.registry.actors["/a"]
        slow_drain(system, gates)
        reply = system.call("/a", 1, 1e9)
        gates[0].wait_for_arrival()
        stopper = stopping(system, "/a")
        gates[0].open()
        gates[1].wait_for_arrival()
        suspended = actor.order("suspend")
        gates[1].open()
        stopper.join()
        assert suspended.is_settled
        with pytest.raises(ActorExited):
            reply.get()


def test_a_crash_while_draining_fails_the_rest_and_brings_nobody_back(placement: type[Actor]) -> None:
    gate, script = Gate(), Script()
    with start_supervised(worker("a", placement, script), clock=ManualClock()) as system:
        replies = busy(system, "/a", gate, "before", crash, "after")
        stopper = stopping(system, "/a")
        gate.open()
        stopper.join()
        assert replies[0].get() == "before"
        for reply in replies[1:]:
            with pytest.raises(ActorExited):
                reply.get()
        assert len(script.actors) == 1


def test_every_order_to_stop_is_answered_however_many_there_are(placement: type[Actor]) -> None:
    gates = [Gate(), Gate()]
    with start_supervised(worker("a", placement, restart="temporary"), clock=ManualClock()) as system:
        actor = system.registry.actors["/a"]
        system.drain_until_s = DRAIN_S
        slow_drain(system, gates)
        gates[0].wait_for_arrival()
        orders = [actor.order("shut_down")]
        gates[0].open()
        gates[1].wait_for_arrival()
        orders += [actor.order("shut_down"), actor.order("shut_down"), actor.order("ping")]
        gates[1].open()
        assert [order.get() for order in orders] == [None] * 4
        assert actor.exited.get() == SHUTDOWN


def test_the_drain_of_dynamic_children_may_take_longer_than_their_own_time_too() -> None:
    clock, gates, log = ManualClock(), [Gate(), Gate()], EventLog()
    template = worker("t", ThreadActor, shutdown_s=1.0)
    with start_supervised(DynamicSupervisor(name="d", template=template), clock=clock, log=log) as system:
        system.call("/d", StartDynamic("a")).get()
        slow_drain(system, gates, "/d/a")
        gates[0].wait_for_arrival()
        stopper = stopping(system, "/d/a")
        clock.wait_for_timers(1)
        clock.advance(DRAIN_S - 1.0)
        for gate in gates:
            gate.open()
        stopper.join()
    assert log.of(ActorEnded)[0].exit_reason == SHUTDOWN


class Batches(ThreadActor):
    """Takes whole batches and says how large they were."""

    def init(self, sizes: list[int], gate: Gate) -> None:
        self.sizes, self.gate = sizes, gate

    def handle_batch(self, batch: Any) -> None:
        self.sizes.append(len(batch))
        if len(self.sizes) == 1:
            self.gate.pass_through()
        for envelope in batch:
            if envelope.reply_to is not None:
                envelope.reply_to.set(envelope.message)


def test_an_actor_that_takes_batches_drains_in_batches() -> None:
    sizes, gate = list[int](), Gate()
    child = Worker(name="a", actor_class=Batches, args=(sizes, gate))
    with start_supervised(child, clock=ManualClock()) as system:
        system.cast("/a", "first")
        gate.wait_for_arrival()
        replies = [system.call("/a", number, 1e9) for number in range(50)]
        stopper = stopping(system, "/a")
        gate.open()
        stopper.join()
        assert [reply.get() for reply in replies] == list(range(50))
        assert sizes == [1, 50]


def test_callers_who_gave_up_during_the_drain_cost_it_nothing(placement: type[Actor]) -> None:
    clock, gates, script = ManualClock(), [Gate(), Gate()], Script()
    with start_supervised(worker("a", placement, script), clock=clock) as system:
        slow_drain(system, gates)
        reply = system.call("/a", lambda actor: actor.script.events.append("late"), 1.0)
        gates[0].wait_for_arrival()
        stopper = stopping(system, "/a")
        gates[0].open()
        gates[1].wait_for_arrival()
        clock.advance(2.0)
        gates[1].open()
        stopper.join()
        assert script.events == []
        with pytest.raises((CallTimeout, ActorExited)):
            reply.get()


def test_a_supervisor_brings_nobody_back_while_it_stops() -> None:
    gate, other = Gate(), Script()
    slow = Script(inits=[None, gate.pass_through])
    with start_supervised(worker("a", ThreadActor, slow), worker("b", LoopActor, other)) as system:
        system.cast("/a", crash)
        gate.wait_for_arrival()
        # The supervisor waits for the init of /a, so this end waits behind it, and the stop goes before both.
        system.registry.actors["/b"].kill()
        assert system.root is not None
        system.drain_until_s = system.clock.monotonic_s() + DRAIN_S
        system.root.order("shut_down")
        gate.open()
        system.root.exited.get()
    assert len(other.actors) == 1
