"""A further name beside the path, what an init hands out, and starts that ignore."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from event_story import kill, phases, worker
from scripted_actors import IGNORE, Boom, Script, crash

from viral_engine.runtime.actor import Actor, Context
from viral_engine.runtime.errors import ActorExited, CallTimeout, InvalidSpec, NoSuchActor, StartFailed
from viral_engine.runtime.events import ActorEnded, ActorIgnored, ActorStartFailed
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import CycleChild, DeleteChild, RestartChild, StartChild, TerminateChild
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.testing import PATIENCE_S, EventLog, Gate, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def test_an_actor_answers_under_its_registered_name_and_its_path(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement, registered="store")) as system:
        assert system.registry.whereis("store") is system.registry.whereis("/a")
        assert [system.call(name, 1).get() for name in ("store", "/a")] == [1, 1]


def test_the_next_incarnation_has_the_registered_name_too(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement, registered="store")) as system:
        system.cast("store", crash)
        settle(system)
        assert system.call("store", lambda actor: actor.incarnation).get() == 2


def test_a_registered_name_is_free_when_its_actor_is_down(placement: type[Actor]) -> None:
    children = (worker("a", placement, registered="store"), worker("b", placement))
    with start_supervised(*children) as system:
        system.call("/", TerminateChild("a")).get()
        with pytest.raises(NoSuchActor):
            system.call("store", 1).get()
        system.call("/", StartChild(worker("c", placement, registered="store"))).get()
        assert system.call("store", lambda actor: actor.path).get() == "/c"


def test_a_supervisor_may_be_registered() -> None:
    children = (
        Supervisor(name="s", registered="static", children=(worker("a", LoopActor),)),
        DynamicSupervisor(name="d", registered="dynamic"),
    )
    with start_supervised(*children) as system:
        assert phases(system, "static") == [("a", "running")]
        assert phases(system, "dynamic") == []


def test_a_registered_name_that_is_taken_fails_the_start_and_leaves_nothing(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement, registered="store")) as system:
        with pytest.raises(StartFailed, match="store is already running"):
            system.call("/", StartChild(worker("b", placement, registered="store"))).get()
        assert system.registry.paths() == ["/", "/a", "store"]
        assert len(system.living) == 2
        assert phases(system) == [("a", "running")]


def test_a_restart_waits_for_its_registered_name_by_trying_again(placement: type[Actor]) -> None:
    script = Script()
    child = worker("a", placement, script, registered="store")
    with start_supervised(child, restarts_max=10) as system:
        script.inits = [lambda: None]
        thief = worker("b", placement, registered="store")
        system.call("/", TerminateChild("a")).get()
        system.call("/", StartChild(thief)).get()
        with pytest.raises(StartFailed):
            system.call("/", RestartChild("a")).get()
        system.call("/", TerminateChild("b")).get()
        system.call("/", RestartChild("a")).get()
        assert system.call("store", lambda actor: actor.path).get() == "/a"


def test_a_call_that_came_in_while_a_name_turned_out_to_be_taken_is_failed_at_once(
    placement: type[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two registrations the path is there for a moment."""
    with start_supervised(worker("a", placement, registered="store")) as system:
        register, replies = system.registry.register, list[Any]()

        def call_between(path: str, actor: Any) -> None:
            register(path, actor)
            if path == "/b":
                replies.append(system.call("/b", 1, 1e9))

        monkeypatch.setattr(system.registry, "register", call_between)
        with pytest.raises(StartFailed):
            system.call("/", StartChild(worker("b", placement, registered="store"))).get()
        assert [reply.is_settled for reply in replies] == [True]
        with pytest.raises(ActorExited):
            replies[0].get()


@pytest.mark.parametrize("name", ["", "a/b", "/a"])
def test_a_registered_name_is_no_path(name: str) -> None:
    with pytest.raises(InvalidSpec, match=r"a\.registered"):
        worker("a", LoopActor, registered=name)


def test_a_patient_call_to_a_registered_name_waits_for_the_next_incarnation(placement: type[Actor]) -> None:
    gate = Gate()

    def crash_late(_actor: Actor) -> None:
        gate.pass_through()
        raise Boom("late")

    with start_supervised(worker("a", placement, registered="store")) as system:
        system.cast("store", crash_late)
        gate.wait_for_arrival()
        reply = system.call("store", lambda actor: actor.incarnation, patient=True)
        gate.open()
        assert reply.get() == 2


def test_what_an_init_returns_is_handed_to_who_started_it(placement: type[Actor]) -> None:
    class Says(placement):  # type: ignore[misc, valid-type]
        def init(self) -> str:
            return f"port {self.incarnation}"

    child = Worker(name="a", actor_class=Says)
    with start_supervised() as system:
        assert system.call("/", StartChild(child)).get().extra == "port 1"
        assert system.call("/", CycleChild("a")).get().extra == "port 2"
        kill(system, "/a")
        system.call("/", TerminateChild("a")).get()
        assert system.call("/", RestartChild("a")).get().extra == "port 4"


def test_what_a_coroutine_init_returns_is_handed_out_too() -> None:
    class Says(LoopActor):
        async def init(self) -> str:
            return "port"

    with start_supervised() as system:
        assert system.call("/", StartChild(Worker(name="a", actor_class=Says))).get().extra == "port"


def ignoring(placement: type[Actor]) -> type[Actor]:
    """An actor whose constructor ignores unless the list is empty."""

    class Ignores(placement):  # type: ignore[misc, valid-type]
        def __init__(self, context: Context) -> None:
            super().__init__(context)
            if context.args[0]:
                raise context.args[0].pop()

        def init(self, _errors: list[BaseException]) -> None:
            """Starts."""

    return Ignores


def test_a_constructor_may_ignore(placement: type[Actor]) -> None:
    log = EventLog()
    child = Worker(name="a", actor_class=ignoring(placement), args=([IGNORE],))
    with start_supervised(child, worker("b", placement), log=log) as system:
        assert phases(system) == [("b", "running"), ("a", "stopped")]
        with pytest.raises(NoSuchActor):
            system.call("/a", 1).get()
        assert system.call("/", RestartChild("a")).get().actor.incarnation == 2
    assert [(told.path, told.incarnation) for told in log.of(ActorIgnored)] == [("/a", 1)]
    assert log.of(ActorStartFailed) == []


@pytest.mark.parametrize("how", ["constructor", "init"])
def test_a_restart_that_ignores_is_no_failure_and_counts_once(placement: type[Actor], how: str) -> None:
    errors: list[BaseException] = []
    script = Script(inits=[None, IGNORE])
    child = Worker(name="a", actor_class=ignoring(placement), args=(errors,))
    with start_supervised(worker("a", placement, script) if how == "init" else child, restarts_max=1) as system:
        errors.append(IGNORE)
        kill(system, "/a")
        assert phases(system) == [("a", "stopped")]
        system.call("/", DeleteChild("a")).get()
        assert sorted(system._slots) == ["/"]


def test_a_constructor_that_raises_fails_the_start_and_keeps_no_name(placement: type[Actor]) -> None:
    child = Worker(name="a", actor_class=ignoring(placement), args=([Boom("constructor")],), registered="store")
    with start_supervised() as system:
        with pytest.raises(StartFailed, match="Boom: constructor"):
            system.call("/", StartChild(child)).get()
        assert system.registry.paths() == ["/"]
        system.call("/", StartChild(child)).get()
        assert system.registry.paths() == ["/", "/a", "store"]


def test_an_ignored_start_has_no_end_to_tell(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement, Script(inits=[IGNORE]), registered="store"), log=log) as system:
        assert system.registry.paths() == ["/"]
    assert [end.path for end in log.of(ActorEnded)] == ["/"]


def test_a_kill_before_the_first_moment_of_an_actor_ends_it_before_its_init(
    placement: type[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is there before it runs, so somebody may find and kill it."""
    script = Script()
    with start_supervised(clock=ManualClock()) as system:
        register = system.registry.register

        def kill_at_once(path: str, actor: Any) -> None:
            register(path, actor)
            killer = threading.Thread(target=actor.kill)
            killer.start()
            killer.join()

        with monkeypatch.context() as patch:
            patch.setattr(system.registry, "register", kill_at_once)
            reply = system.call("/", StartChild(worker("a", placement, script)), 60.0)
            with pytest.raises(StartFailed, match="killed"):
                reply.get()
        turned = threading.Event()
        system.loop.post(turned.set)
        assert turned.wait(PATIENCE_S)
        settle(system)
        assert (script.actors, system.registry.paths(), len(system.living)) == ([], ["/"], 1)
        system.call("/", StartChild(worker("a", placement, script))).get()


def test_a_call_to_an_actor_that_never_starts_has_its_time_limit() -> None:
    clock, gate = ManualClock(), Gate()
    with start_supervised(clock=clock) as system:
        started = system.call("/", StartChild(worker("a", ThreadActor, Script(inits=[gate.pass_through]))), 1e9)
        gate.wait_for_arrival()
        reply = system.call("/a", 1, 5.0)
        clock.advance(5.0)
        with pytest.raises(CallTimeout):
            reply.get()
        gate.open()
        started.get()
