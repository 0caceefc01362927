"""How actors come up: the handshake, a failing init, ignore, and what callers see meanwhile."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest
from scripted_actors import IGNORE, Boom, Script, crash, scripted

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited, InvalidSpec, NoSuchActor, StartFailed
from viral_engine.runtime.events import ActorEnded, ActorStarted, ActorStartFailed
from viral_engine.runtime.exits import SHUTDOWN, Exit, FailedToStart, Stop
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import StartChild, TerminateChild, WhichChildren
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, Gate, ManualClock, NextTurn, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def worker(name: str, placement: type[Actor], script: Script | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def test_the_tree_is_up_when_start_returns(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script)) as system:
        assert [actor.state for actor in script.actors] == ["running"]
        assert system.call("/a", 7).get() == 7


def test_an_init_may_be_a_coroutine_on_the_loop() -> None:
    class Slow(LoopActor):
        async def init(self) -> None:
            await NextTurn()
            self.answer = 7

        def handle_call(self, message: Any, reply_to: Any) -> int:
            return self.answer

    with start_supervised(Worker(name="a", actor_class=Slow)) as system:
        assert system.call("/a", "?").get() == 7


def test_a_failing_init_stops_the_earlier_children_in_reverse_and_never_retries(placement: type[Actor]) -> None:
    stopped: list[str] = []
    scripts = {name: Script(on_terminate=partial(_note, stopped, name)) for name in "abd"}
    scripts["c"] = Script(inits=[Boom("no")])
    system = System()
    with pytest.raises(StartFailed) as failure:
        system.start(Supervisor(name="root", children=tuple(worker(n, placement, scripts[n]) for n in "abcd")))
    assert stopped == ["b", "a"]
    assert len(scripts["c"].actors) == 1
    assert scripts["d"].actors == []
    assert failure.value.exit_reason == Exit("shutdown", FailedToStart("/c", Exit("crash", "Boom: no")))


def _note(stopped: list[str], name: str, _exit_reason: Exit) -> None:
    stopped.append(name)


def test_a_nested_start_failure_nests_its_reason(placement: type[Actor]) -> None:
    inner = Supervisor(name="inner", children=(worker("b", placement, Script(inits=[Stop(Exit("crash", "bad"))])),))
    with pytest.raises(StartFailed) as failure:
        System().start(Supervisor(name="root", children=(inner,)))
    assert failure.value.exit_reason.detail == FailedToStart(
        "/inner", Exit("shutdown", FailedToStart("/inner/b", Exit("crash", "bad")))
    )
    assert str(failure.value.exit_reason) == ("/inner failed to start: /inner/b failed to start: bad")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_an_init_that_raises_a_base_exception_is_a_failed_start_and_no_more(
    placement: type[Actor], error: BaseException
) -> None:
    script = Script(inits=[None, error])
    with start_supervised(worker("a", placement, script), worker("b", placement)) as system:
        system.cast("/a", crash)
        settle(system)
        assert system.call("/a", 1).get() == 1
        assert system.call("/b", 2).get() == 2
        assert len(script.actors) == 3


def test_ignore_is_success_without_an_actor(placement: type[Actor]) -> None:
    log = EventLog()
    children = (worker("a", placement, Script(inits=[IGNORE])), worker("b", placement))
    with start_supervised(*children, log=log) as system:
        infos = system.call("/", WhichChildren()).get()
        assert [(info.name, info.phase) for info in infos] == [("b", "running"), ("a", "stopped")]
        with pytest.raises(NoSuchActor):
            system.call("/a", 1).get()
        assert log.of(ActorStartFailed, ActorEnded) == []


def test_a_temporary_child_that_ignores_leaves_nothing_behind(placement: type[Actor]) -> None:
    child = worker("a", placement, Script(inits=[IGNORE]), restart="temporary")
    with start_supervised(child) as system:
        assert system.call("/", WhichChildren()).get() == ()


def test_a_call_during_a_slow_restart_waits_and_is_served(placement: type[Actor]) -> None:
    gate = Gate()
    script = Script(inits=[None, gate.pass_through])
    with start_supervised(worker("a", placement, script)) as system:
        system.cast("/a", crash)
        gate.wait_for_arrival()
        reply = system.call("/a", "early")
        assert not reply.is_settled
        gate.open()
        assert reply.get() == "early"


def test_a_call_to_a_start_that_then_fails_gets_its_reason_at_once(placement: type[Actor]) -> None:
    gate = Gate()

    def fail() -> None:
        gate.pass_through()
        raise Boom("bad init")

    with start_supervised(worker("a", placement, Script(inits=[None, fail]))) as system:
        system.cast("/a", crash)
        gate.wait_for_arrival()
        reply = system.call("/a", "early")
        gate.open()
        with pytest.raises(ActorExited) as ended:
            reply.get()
        assert (str(ended.value.exit_reason), ended.value.begun) == ("Boom: bad init", False)
        settle(system)
        assert system.call("/a", "later").get() == "later"


def test_an_init_that_takes_too_long_is_killed_and_counts_as_a_failed_start() -> None:
    clock, gate, log = ManualClock(), Gate(), EventLog()
    script = Script(inits=[gate.pass_through])
    with start_supervised(clock=clock, log=log) as system:
        reply = system.call("/", StartChild(worker("a", ThreadActor, script, init_max_s=10.0)), timeout_s=60.0)
        gate.wait_for_arrival()
        clock.wait_for_timers(1)
        clock.advance(10.0)
        with pytest.raises(StartFailed) as failure:
            reply.get()
        assert failure.value.exit_reason.kind == "killed"
        assert system.abandoned() == script.actors
        gate.open()
    assert log.of(ActorStarted)[1:] == []


def test_a_specification_for_no_actor_is_refused() -> None:
    class Plain:
        pass

    with pytest.raises(InvalidSpec, match=r"a\.actor_class"):
        Worker(name="a", actor_class=Plain)  # type: ignore[arg-type]


def test_a_machine_without_threads_fails_the_start_and_keeps_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with start_supervised() as system:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", _no_thread)
            with pytest.raises(StartFailed, match="no more threads"):
                system.call("/", StartChild(worker("a", ThreadActor))).get()
        assert system.registry.paths() == ["/"]
        assert system.call("/", StartChild(worker("a", ThreadActor))).get().path == "/a"


def _no_thread(_thread: threading.Thread) -> None:
    raise RuntimeError("no more threads")


@pytest.mark.parametrize(
    "options",
    [
        {"restart": "prmanent"},
        {"shutdown_s": -1.0},
        {"shutdown_s": "brutally"},
        {"significant": True},
        {"mailbox_capacity": 0},
        {"name": "a/b"},
    ],
    ids=repr,
)
def test_a_specification_that_contradicts_itself_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec):
        Worker(**{"name": "a", "actor_class": ThreadActor, **options})


def test_a_significant_child_needs_a_supervisor_that_shuts_down_automatically() -> None:
    with start_supervised() as system, pytest.raises(InvalidSpec):
        system.call("/", StartChild(worker("a", ThreadActor, restart="transient", significant=True))).get()


def test_events_tell_each_start_and_each_end_once(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), log=log) as system:
        system.cast("/a", crash)
        settle(system)
        system.call("/", TerminateChild("a")).get()
    ours = [(type(e).__name__, e.incarnation) for e in log.of(ActorStarted, ActorEnded) if e.path == "/a"]
    assert ours == [("ActorStarted", 1), ("ActorEnded", 1), ("ActorStarted", 2), ("ActorEnded", 2)]
    assert [e.exit_reason for e in log.of(ActorEnded) if e.path == "/a"] == [Exit("crash", "Boom: boom"), SHUTDOWN]
