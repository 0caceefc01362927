"""What operators do by hand: it never counts, never retries and never touches siblings."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_actors import IGNORE, Boom, Script, crash, scripted

from viral_engine.runtime.errors import (
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    StartFailed,
)
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import (
    CountChildren,
    CycleChild,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    Started,
    TerminateChild,
    WhichChildren,
)
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import Gate, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def worker(name: str, script: Script | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(LoopActor), args=(script or Script(),), **options)


def by_hand(system: System, operation: Any) -> Any:
    answer = system.call("/", operation).get()
    return answer.path if isinstance(answer, Started) else answer


def names(system: System) -> list[str]:
    return [info.name for info in by_hand(system, WhichChildren())]


def test_a_child_added_by_hand_goes_last_and_its_name_is_unique() -> None:
    with start_supervised(worker("a")) as system:
        assert by_hand(system, StartChild(worker("b"))) == "/b"
        with pytest.raises(ChildAlreadyStarted):
            by_hand(system, StartChild(worker("b")))
        by_hand(system, TerminateChild("b"))
        with pytest.raises(ChildAlreadyPresent):
            by_hand(system, StartChild(worker("b")))
        assert names(system) == ["b", "a"]


def test_a_failed_start_by_hand_leaves_nothing() -> None:
    with start_supervised() as system:
        with pytest.raises(StartFailed):
            by_hand(system, StartChild(worker("a", Script(inits=[Boom("no")]))))
        assert names(system) == []
        assert by_hand(system, StartChild(worker("a"))) == "/a"


def test_a_start_that_ignores_keeps_the_specification_unless_it_is_temporary() -> None:
    with start_supervised() as system:
        assert by_hand(system, StartChild(worker("a", Script(inits=[IGNORE])))) is None
        assert by_hand(system, StartChild(worker("b", Script(inits=[IGNORE]), restart="temporary"))) is None
        assert names(system) == ["a"]


def test_terminate_keeps_the_specification_and_touches_no_sibling() -> None:
    script = Script()
    with start_supervised(worker("a"), worker("b", script), strategy="one_for_all", restarts_max=0) as system:
        by_hand(system, TerminateChild("a"))
        by_hand(system, TerminateChild("a"))
        assert names(system) == ["b", "a"]
        assert len(script.actors) == 1
        assert by_hand(system, RestartChild("a")) == "/a"
        assert system.call("/a", 1).get() == 1


def test_terminate_drops_a_temporary_child() -> None:
    with start_supervised(worker("a", restart="temporary")) as system:
        by_hand(system, TerminateChild("a"))
        assert names(system) == []


@pytest.mark.parametrize("operation", [TerminateChild, RestartChild, DeleteChild, CycleChild, GetChildSpec])
def test_an_unknown_child_is_an_error(operation: Any) -> None:
    with start_supervised() as system, pytest.raises(ChildNotFound):
        by_hand(system, operation("zz"))


@pytest.mark.parametrize("operation", [RestartChild, DeleteChild])
def test_only_a_stopped_child_can_be_restarted_or_deleted(operation: Any) -> None:
    with start_supervised(worker("a")) as system, pytest.raises(ChildRunning):
        by_hand(system, operation("a"))


def test_a_restart_by_hand_that_fails_is_not_retried() -> None:
    script = Script(inits=[None, Boom("no")])
    with start_supervised(worker("a", script), restarts_max=0) as system:
        by_hand(system, TerminateChild("a"))
        with pytest.raises(StartFailed):
            by_hand(system, RestartChild("a"))
        settle(system)
        assert [(info.name, info.phase) for info in by_hand(system, WhichChildren())] == [("a", "stopped")]
        assert len(script.actors) == 2


def test_delete_and_start_move_a_child_to_the_end() -> None:
    with start_supervised(worker("a"), worker("b")) as system:
        by_hand(system, TerminateChild("a"))
        by_hand(system, DeleteChild("a"))
        by_hand(system, StartChild(worker("a")))
        assert names(system) == ["a", "b"]


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_a_cycle_restarts_any_child_in_its_place_and_never_counts(restart: Any) -> None:
    script = Script()
    with start_supervised(worker("a", script, restart=restart), worker("b"), restarts_max=0) as system:
        for incarnation in (2, 3, 4):
            assert by_hand(system, CycleChild("a")) == "/a"
            assert system.call("/a", lambda actor: actor.incarnation).get() == incarnation
        assert names(system) == ["b", "a"]


def test_a_temporary_child_whose_cycle_fails_is_gone() -> None:
    with start_supervised(worker("a", Script(inits=[None, Boom("no")]), restart="temporary")) as system:
        with pytest.raises(StartFailed):
            by_hand(system, CycleChild("a"))
        assert names(system) == []


def test_while_a_child_is_being_restarted_only_terminate_gets_through() -> None:
    gate = Gate()

    def fail() -> None:
        gate.pass_through()
        raise Boom("again")

    child = Worker(name="a", actor_class=scripted(ThreadActor), args=(Script(inits=[None, *[fail] * 9]),))
    with start_supervised(child, restarts_max=1_000) as system:
        system.cast("/a", crash)
        gate.wait_for_arrival()
        refused = [system.call("/", operation) for operation in (RestartChild("a"), DeleteChild("a"))]
        present = system.call("/", StartChild(child))
        terminated = system.call("/", TerminateChild("a"))
        gate.open()
        for reply in refused:
            with pytest.raises(ChildRestarting):
                reply.get()
        with pytest.raises(ChildAlreadyPresent):
            present.get()
        assert terminated.get() is None


def test_children_are_counted_by_kind_and_stopped_ones_too() -> None:
    children = (worker("a"), worker("b"), Supervisor(name="s", children=(worker("x"),)))
    with start_supervised(*children) as system:
        by_hand(system, TerminateChild("b"))
        count = by_hand(system, CountChildren())
        assert (count.specs, count.active, count.supervisors, count.workers) == (3, 2, 1, 2)


def test_the_specification_can_be_asked_for() -> None:
    child = worker("a")
    with start_supervised(child) as system:
        assert by_hand(system, GetChildSpec("a")) is child


def test_what_a_forgotten_name_kept_is_forgotten_with_everything_below_it() -> None:
    with start_supervised() as system:
        by_hand(system, StartChild(Supervisor(name="s", children=(worker("a"),))))
        by_hand(system, TerminateChild("s"))
        by_hand(system, DeleteChild("s"))
        assert list(system._slots) == ["/"]
