"""The order of stopping, its time limits, and supervisors that shut themselves down."""

from __future__ import annotations

from typing import Any

import pytest
from event_story import Story
from scripted_actors import Boom, Script, scripted, stop

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorError
from viral_engine.runtime.exits import SHUTDOWN, Exit
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import TerminateChild
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import Gate, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def worker(name: str, script: Script | None = None, placement: type[Actor] = LoopActor, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def started(story: Story) -> System:
    system = System(clock=ManualClock())
    system.events.listen(story)
    return system


def test_children_stop_one_at_a_time_in_reverse_start_order(placement: type[Actor]) -> None:
    story = Story()
    system = started(story)
    inner = Supervisor(name="s", children=(worker("x"), worker("y", placement=ThreadActor)))
    system.start(Supervisor(name="root", children=(worker("a", placement=placement), inner, worker("b"))))
    story.since()
    system.stop()
    assert story.since() == "-b.1:shutdown -y.1:shutdown -x.1:shutdown -s.1:shutdown -a.1:shutdown -root.1:shutdown"


def test_a_child_that_does_not_stop_in_time_is_killed() -> None:
    clock, gate, story = ManualClock(), Gate(), Story()
    script = Script(on_terminate=lambda _: gate.pass_through())
    with start_supervised(worker("a"), worker("b", script, ThreadActor, shutdown_s=2.0), clock=clock) as system:
        system.events.listen(story)
        assert system.root is not None
        stopping = system.root.order("shut_down")
        gate.wait_for_arrival()
        clock.wait_for_timers(1)
        clock.advance(2.0)
        stopping.get()
        assert system.abandoned() == script.actors
        gate.open()
    assert story.since() == "-b.1:killed -a.1:shutdown -root.1:shutdown"


def test_a_brutal_stop_asks_nobody(placement: type[Actor]) -> None:
    script = Script(on_terminate=lambda _: script.events.append("terminate"))
    with start_supervised(worker("a", script, placement, shutdown_s="brutal")) as system:
        system.call("/", TerminateChild("a")).get()
        assert script.events == []
        assert script.actors[0].end is not None
        assert script.actors[0].end.kind == "killed"


def test_an_infinite_stop_waits_however_long_it_takes() -> None:
    clock, gate = ManualClock(), Gate()
    script = Script(on_terminate=lambda _: gate.pass_through())
    with start_supervised(worker("a", script, ThreadActor, shutdown_s="infinity"), clock=clock) as system:
        reply = system.call("/", TerminateChild("a"), timeout_s=1e9)
        gate.wait_for_arrival()
        clock.advance(1e6)
        assert not reply.is_settled
        gate.open()
        reply.get()
        assert script.actors[0].end == SHUTDOWN


def test_no_time_at_all_is_enough_for_who_has_nothing_to_clean_up() -> None:
    class Plain(ThreadActor):
        pass

    gate, story = Gate(), Story()
    script = Script(on_terminate=lambda _: gate.pass_through())
    children = (
        Worker(name="a", actor_class=Plain, shutdown_s=0.0),
        worker("b", script, ThreadActor, shutdown_s=0.0),
    )
    with start_supervised(*children, clock=ManualClock()) as system:
        system.events.listen(story)
        assert system.root is not None
        system.root.order("shut_down").get()
        gate.open()
    assert story.since() == "-b.1:killed -a.1:shutdown -root.1:shutdown"


def test_a_terminate_that_raises_says_why_and_stops_all_the_same(placement: type[Actor]) -> None:
    def fail(_reason: Exit) -> None:
        raise Boom("while cleaning up")

    script = Script(on_terminate=fail)
    with start_supervised(worker("a", script, placement)) as system:
        system.call("/", TerminateChild("a")).get()
        assert str(script.actors[0].end) == "Boom: while cleaning up"


@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
def test_significant_ends_shut_the_supervisor_down(mode: Any) -> None:
    children = tuple(worker(name, restart="transient", significant=True) for name in "ab")
    with start_supervised(*children, worker("x"), auto_shutdown=mode) as system:
        assert system.root is not None
        system.cast("/a", stop)
        settle(system)
        assert (system.root.end == SHUTDOWN) is (mode == "any_significant")
        system.cast("/b", stop)
        settle(system)
        assert system.root.end == SHUTDOWN


def test_a_significant_child_that_is_being_restarted_still_counts_as_there() -> None:
    gate = Gate()

    def fail() -> None:
        gate.pass_through()
        raise Boom("again")

    children = (
        worker("a", Script(inits=[None, fail]), ThreadActor, restart="transient", significant=True),
        worker("b", restart="transient", significant=True),
    )
    with start_supervised(*children, auto_shutdown="all_significant") as system:
        system.registry.actors["/a"].kill()
        gate.wait_for_arrival()
        finished = system.registry.actors["/b"].exited
        system.cast("/b", stop)
        finished.get()
        gate.open()
        settle(system)
        assert system.root is not None
        assert system.root.end is None


@pytest.mark.parametrize("order", ["abc", "cab", "bca"])
def test_while_another_significant_child_is_alive_the_end_of_one_ends_nobody(
    placement: type[Actor], order: str
) -> None:
    children = tuple(worker(name, placement=placement, restart="transient", significant=True) for name in "abc")
    with start_supervised(*children, auto_shutdown="all_significant") as system:
        ends = []
        for name in order:
            system.cast(f"/{name}", stop)
            settle(system)
            ends.append(system.root.end if system.root else None)
        assert ends == [None, None, SHUTDOWN]


@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
def test_the_end_of_an_insignificant_child_ends_nobody_even_when_it_is_the_last(
    placement: type[Actor], mode: Any
) -> None:
    children = tuple(worker(name, placement=placement, restart="temporary") for name in "ab")
    with start_supervised(*children, auto_shutdown=mode) as system:
        for name in "ab":
            system.cast(f"/{name}", stop)
            settle(system)
        assert system.root is not None
        assert system.root.end is None


def test_a_significant_child_that_was_stopped_by_hand_is_not_waited_for_and_ends_nobody() -> None:
    children = tuple(worker(name, restart="transient", significant=True) for name in "ab")
    with start_supervised(*children, auto_shutdown="all_significant") as system:
        assert system.root is not None
        system.call("/", TerminateChild("a")).get()
        assert system.root.end is None
        system.cast("/b", stop)
        settle(system)
        assert system.root.end == SHUTDOWN


def test_a_system_in_a_with_block_is_down_behind_it_whatever_ended_the_block() -> None:
    system = System()

    def fail_inside() -> None:
        with system:
            system.start(Supervisor(name="root", children=(worker("a"),)))
            raise Boom

    with pytest.raises(Boom):
        fail_inside()
    assert (system.registry.paths(), system.loop.is_running) == ([], False)


def test_a_system_is_started_once() -> None:
    with System() as system:
        system.start(Supervisor(name="root"))
        with pytest.raises(ActorError, match="started once"):
            system.start(Supervisor(name="root"))
        assert system.registry.paths() == ["/"]
