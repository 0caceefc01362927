"""Children of a killed supervisor: who may still clean up, for how long, and what it can't hold up."""

from __future__ import annotations

from typing import Any

import pytest
from event_story import kill, worker
from scripted_actors import Script

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited, NoSuchActor
from viral_engine.runtime.events import ActorEnded, ActorStartFailed, KeptStateDropped
from viral_engine.runtime.exits import KILLED, Exit
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import StartDynamic
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.testing import EventLog, Gate, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def cleaning(gate: Gate | None = None) -> Script:
    """A script whose `terminate` says its reason; the first one that ends has to pass the gate, if there is one."""
    script = Script()
    gates = [gate] if gate is not None else []

    def terminate(exit_reason: Exit) -> None:
        if gates:
            gates.pop().pass_through()
        script.events.append(exit_reason)

    script.on_terminate = terminate
    return script


def supervised(placement: type[Actor], script: Script, **options: Any) -> Supervisor:
    return Supervisor(name="s", children=(worker("a", placement, script, **options),))


def test_an_idle_child_that_cleans_up_may_do_so(placement: type[Actor]) -> None:
    script = cleaning()
    with start_supervised(supervised(placement, script)) as system:
        kill(system, "/s")
        assert script.actors[0].exited.get() == KILLED
        assert script.events == [KILLED]
        assert system.registry.actors["/s/a"].incarnation == 2


def test_a_child_without_anything_to_clean_up_is_killed(placement: type[Actor]) -> None:
    class Plain(placement):  # type: ignore[misc, valid-type]
        pass

    log = EventLog()
    inner = Supervisor(name="s", children=(Worker(name="a", actor_class=Plain),))
    with start_supervised(inner, log=log) as system:
        kill(system, "/s")
    ended = next(end for end in log.of(ActorEnded) if end.path == "/s/a")
    assert (ended.exit_reason, ended.killed_for) == (KILLED, "its supervisor /s was killed")


def test_a_busy_child_is_killed_without_cleaning_up() -> None:
    gate, script = Gate(), cleaning()
    with start_supervised(supervised(ThreadActor, script), clock=ManualClock()) as system:
        system.cast("/s/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        system.registry.actors["/s"].kill()
        assert (script.actors[0].end, script.events) == (KILLED, [])
        gate.open()
        settle(system)


def test_the_path_of_an_orphan_is_free_at_once_and_the_next_one_takes_it() -> None:
    gate = Gate()
    script = cleaning(gate)
    with start_supervised(supervised(ThreadActor, script), clock=ManualClock()) as system:
        system.registry.actors["/s"].kill()
        gate.wait_for_arrival()
        assert system.call("/s/a", lambda actor: actor.incarnation, patient=True).get() == 2
        assert script.actors[0].end is None
        gate.open()
        assert script.actors[0].exited.get() == KILLED
        assert system.call("/s/a", lambda actor: actor.incarnation).get() == 2


def test_what_waited_in_an_orphans_mailbox_is_failed_unbegun() -> None:
    gate = Gate()
    script = cleaning(gate)
    with start_supervised(supervised(ThreadActor, script), clock=ManualClock()) as system:
        old = system.registry.actors["/s/a"]
        system.registry.actors["/s"].kill()
        gate.wait_for_arrival()
        waiting = old.actor_ref.ask("too late", block=False)
        gate.open()
        with pytest.raises(ActorExited) as ended:
            waiting.get()
        assert ended.value.begun is False
        settle(system)


def test_an_orphan_that_takes_too_long_is_killed_when_its_own_time_is_up() -> None:
    clock, gate, log = ManualClock(), Gate(), EventLog()
    script = cleaning(gate)
    with start_supervised(supervised(ThreadActor, script, shutdown_s=2.0), clock=clock, log=log) as system:
        system.registry.actors["/s"].kill()
        gate.wait_for_arrival()
        clock.advance(1.9)
        assert script.actors[0].end is None
        clock.advance(0.1)
        assert script.actors[0].end == KILLED
        assert system.abandoned() == script.actors[:1]
        gate.open()
    ended = next(end for end in log.of(ActorEnded) if end.path == "/s/a")
    assert (ended.killed_for, ended.up_s) == ("its supervisor /s was killed", 2.0)


def test_a_brutal_orphan_gets_no_time(placement: type[Actor]) -> None:
    script = cleaning()
    with start_supervised(supervised(placement, script, shutdown_s="brutal")) as system:
        system.registry.actors["/s"].kill()
        assert (script.actors[0].end, script.events) == (KILLED, [])


def test_an_orphan_without_a_limit_ends_with_the_system_at_the_latest() -> None:
    clock, gate = ManualClock(), Gate()
    script = cleaning(gate)
    with start_supervised(supervised(ThreadActor, script, shutdown_s="infinity"), clock=clock) as system:
        system.registry.actors["/s"].kill()
        gate.wait_for_arrival()
        clock.advance(1e6)
        assert script.actors[0].end is None
        system.stop()
        assert script.actors[0].end == KILLED
        gate.open()


def test_an_orphan_that_ended_leaves_no_timer_that_remembers_it(placement: type[Actor]) -> None:
    clock, script = ManualClock(), cleaning()
    with start_supervised(supervised(placement, script), restarts_max=100, clock=clock) as system:
        for _ in range(5):
            kill(system, "/s")
        for actor in script.actors[:-1]:
            actor.exited.get()
        settle(system)
        assert system._orphans == set()
        assert [timer.callback for _, _, timer in clock._timers if timer.callback is not None] == []


def test_an_orphan_takes_its_kept_state_with_it(placement: type[Actor]) -> None:
    log, script = EventLog(), cleaning()
    with start_supervised(supervised(placement, script), log=log) as system:
        system.call("/s/a", lambda actor: setattr(actor.kept, "value", "half written")).get()
        kill(system, "/s")
        assert system.call("/s/a", lambda actor: actor.kept.value).get() is None
    assert [dropped.path for dropped in log.of(KeptStateDropped)] == ["/s/a"]


def test_an_orphan_holds_its_registered_name_until_it_is_down() -> None:
    clock, gate, log = ManualClock(), Gate(), EventLog()
    script = cleaning(gate)
    inner = supervised(ThreadActor, script, registered="store")
    with start_supervised(inner, restarts_max=1, clock=clock, log=log) as system:
        orphan = system.registry.actors["store"]
        system.registry.actors["/s"].kill()
        gate.wait_for_arrival()
        failed = log.wait_for(ActorStartFailed)[0]
        assert "store is already running" in str(failed.exit_reason)
        assert system.registry.whereis("store") in (orphan, None)
        gate.open()
        settle(system)


def test_the_orphans_of_a_dynamic_supervisor_clean_up_too(placement: type[Actor]) -> None:
    script = cleaning()
    with start_supervised(DynamicSupervisor(name="d", template=worker("t", placement, script))) as system:
        old = [system.call("/d", StartDynamic()).get().actor for _ in range(3)]
        kill(system, "/d")
        assert [actor.exited.get() for actor in old] == [KILLED] * 3
        settle(system)
        assert script.events == [KILLED] * 3
        with pytest.raises(NoSuchActor):
            system.call("/d/1", 1).get()


def test_a_nested_supervisor_dies_with_its_own_children(placement: type[Actor]) -> None:
    script = cleaning()
    inner = Supervisor(name="o", children=(supervised(placement, script), worker("b", LoopActor)))
    with start_supervised(inner) as system:
        kill(system, "/o")
        assert script.actors[0].exited.get() == KILLED
        paths = ("/o", "/o/s", "/o/s/a", "/o/b")
        assert [system.registry.actors[path].incarnation for path in paths] == [2] * 4
