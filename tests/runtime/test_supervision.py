"""Restarts: strategies, restart types, intensity, retries, escalation, giving up, and the order of stopping."""

from __future__ import annotations

from typing import Any

import pytest
from event_story import Story
from scripted_actors import Boom, Script, crash, scripted, stop

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.events import (
    ActorEnded,
    ChildGaveUp,
    ChildRestarted,
    SupervisorGaveUp,
)
from viral_engine.runtime.exits import NORMAL, SHUTDOWN, Exit, Stop
from viral_engine.runtime.guardian import GIVE_UP_RETRY_S
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import CountChildren, RestartChild, StartChild, TerminateChild, WhichChildren
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, Gate, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def worker(name: str, script: Script | None = None, placement: type[Actor] = LoopActor, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def kill(system: System, *paths: str) -> None:
    actors = [system.registry.actors[path] for path in paths]
    for actor in actors:
        actor.kill()
    settle(system)


def started(story: Story) -> System:
    system = System(clock=ManualClock())
    system.events.listen(story)
    return system


def phases(system: System) -> list[tuple[str, str]]:
    return [(info.name, info.phase) for info in system.call("/", WhichChildren()).get()]


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        ("one_for_one", "-b.1:killed +b.2"),
        ("rest_for_one", "-b.1:killed -c.1:shutdown +b.2 +c.2"),
        ("one_for_all", "-b.1:killed -c.1:shutdown -a.1:shutdown +a.2 +b.2 +c.2"),
    ],
)
def test_a_strategy_restarts_its_group_in_order(placement: type[Actor], strategy: Any, told: str) -> None:
    story = Story()
    children = tuple(worker(name, placement=placement) for name in "abc")
    with start_supervised(*children, strategy=strategy) as system:
        system.events.listen(story)
        kill(system, "/b")
        assert story.since() == told
        assert [name for name, _ in phases(system)] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("restart", "message", "comes_back"),
    [
        ("permanent", stop, True),
        ("permanent", crash, True),
        ("transient", stop, False),
        ("transient", lambda _: _shut_down("detail"), False),
        ("transient", crash, True),
        ("temporary", crash, False),
    ],
)
def test_a_restart_type_decides_who_comes_back(
    placement: type[Actor], restart: Any, message: Any, *, comes_back: bool
) -> None:
    with start_supervised(worker("a", placement=placement, restart=restart)) as system:
        system.cast("/a", message)
        settle(system)
        assert (system.registry.whereis("/a") is not None) is comes_back
        assert len(phases(system)) == (0 if restart == "temporary" else 1)


def _shut_down(detail: str) -> None:
    raise Stop(Exit("shutdown", detail))


@pytest.mark.parametrize("restarts_max", [0, 1, 3])
def test_one_restart_more_than_allowed_ends_the_supervisor(restarts_max: int) -> None:
    log = EventLog()
    children = (worker("a"), worker("b"))
    with start_supervised(*children, restarts_max=restarts_max, log=log, clock=ManualClock()) as system:
        for _ in range(restarts_max):
            kill(system, "/a")
        assert system.root is not None
        assert system.root.end is None
        kill(system, "/a")
        assert system.root.end == SHUTDOWN
        assert system.registry.paths() == []
    assert [gave_up.child for gave_up in log.of(SupervisorGaveUp)] == ["/a"]
    assert log.of(ActorEnded)[-1].path == "/"


def test_restarts_of_all_children_count_together() -> None:
    with start_supervised(worker("a"), worker("b"), restarts_max=1, clock=ManualClock()) as system:
        kill(system, "/a")
        kill(system, "/b")
        assert system.registry.paths() == []


def test_the_window_slides() -> None:
    clock = ManualClock()
    with start_supervised(worker("a"), restarts_max=1, restarts_window_s=5.0, clock=clock) as system:
        for _ in range(10):
            kill(system, "/a")
            clock.advance(5.1)
        kill(system, "/a")
        clock.advance(5.0)
        kill(system, "/a")
        assert system.registry.paths() == []


def test_a_group_restart_counts_once_even_when_two_die_together() -> None:
    gate, story = Gate(), Story()
    children = (worker("a"), worker("b"), worker("c"))
    with start_supervised(*children, strategy="one_for_all", restarts_max=1, clock=ManualClock()) as system:
        system.call("/", StartChild(worker("x", placement=ThreadActor, script=Script(inits=[None])))).get()
        reply = system.call("/", StartChild(worker("slow", Script(inits=[gate.pass_through]), ThreadActor)))
        gate.wait_for_arrival()
        system.events.listen(story)
        for path in ("/c", "/a"):
            system.registry.actors[path].kill()
        gate.open()
        reply.get()
        settle(system)
        assert story.since() == (
            "-c.1:killed -a.1:killed +slow.1 -slow.1:shutdown -x.1:shutdown -b.1:shutdown +a.2 +b.2 +c.2 +x.2 +slow.2"
        )


def test_a_restart_that_fails_is_tried_again_at_once_and_every_try_counts() -> None:
    story = Story()
    script = Script(inits=[None, Boom("1"), Boom("2")])
    with start_supervised(worker("a", script), worker("b"), restarts_max=3, clock=ManualClock()) as system:
        system.events.listen(story)
        kill(system, "/a")
        assert story.since() == "-a.1:killed !a.2:Boom: 1 !a.3:Boom: 2 +a.4"
        kill(system, "/b")
        assert story.since() == "-b.1:killed -a.4:shutdown -root.1:shutdown"


def test_a_failed_restart_is_tried_again_behind_what_is_queued() -> None:
    gate = Gate()

    def fail() -> None:
        gate.pass_through()
        raise Boom("again")

    script = Script(inits=[None, fail])
    with start_supervised(worker("a", script, ThreadActor)) as system:
        system.registry.actors["/a"].kill()
        gate.wait_for_arrival()
        seen = system.call("/", WhichChildren())
        counted = system.call("/", CountChildren())
        stopped = system.call("/", TerminateChild("a"))
        gate.open()
        assert [(info.phase, info.actor) for info in seen.get()] == [("restarting", None)]
        assert (counted.get().active, counted.get().workers) == (0, 1)
        stopped.get()
        settle(system)
        assert phases(system) == [("a", "stopped")]
        assert len(script.actors) == 2


def test_after_a_failed_group_restart_one_for_all_redoes_the_group() -> None:
    story = Story()
    scripts = {"b": Script(inits=[None, Boom("e")])}
    children = tuple(worker(name, scripts.get(name)) for name in "abc")
    with start_supervised(*children, strategy="one_for_all", clock=ManualClock()) as system:
        system.events.listen(story)
        kill(system, "/a")
    assert story.since().startswith(
        "-a.1:killed -c.1:shutdown -b.1:shutdown +a.2 !b.2:Boom: e -a.2:shutdown +a.3 +b.3 +c.2 "
    )


def test_after_a_failed_group_restart_rest_for_one_resumes_at_the_child_that_failed() -> None:
    story = Story()
    scripts = {"b": Script(inits=[None, Boom("e")])}
    children = tuple(worker(name, scripts.get(name)) for name in "abc")
    with start_supervised(*children, strategy="rest_for_one", clock=ManualClock()) as system:
        system.events.listen(story)
        kill(system, "/a")
    assert story.since().startswith("-a.1:killed -c.1:shutdown -b.1:shutdown +a.2 !b.2:Boom: e +b.3 +c.2 ")


def test_a_group_restart_starts_finished_and_hand_stopped_members_and_drops_temporary_ones() -> None:
    story = Story()
    children = (worker("t", restart="transient"), worker("m", restart="temporary"), worker("h"), worker("a"))
    with start_supervised(*children, strategy="one_for_all") as system:
        system.cast("/t", stop)
        system.call("/", TerminateChild("h")).get()
        settle(system)
        system.events.listen(story)
        kill(system, "/a")
        assert story.since() == "-a.1:killed -m.1:shutdown +t.2 +h.2 +a.2"
        assert [name for name, _ in phases(system)] == ["a", "h", "t"]


def test_giving_up_climbs_through_two_levels(placement: type[Actor]) -> None:
    story = Story()
    inner = Supervisor(name="s", restarts_max=1, children=(worker("a", placement=placement),))
    with start_supervised(inner, restarts_max=1, clock=ManualClock()) as system:
        system.events.listen(story)
        for _ in range(4):
            kill(system, "/s/a")
        assert system.root is not None
        assert system.root.end == SHUTDOWN
    assert story.since() == (
        "-a.1:killed +a.2 -a.2:killed -s.1:shutdown +a.3 +s.2 -a.3:killed +a.4 -a.4:killed -s.2:shutdown "
        "-root.1:shutdown"
    )


def test_a_transient_supervisor_that_gives_up_is_not_restarted_for_it_ends_with_shutdown() -> None:
    inner = Supervisor(name="s", restarts_max=0, restart="transient", children=(worker("a"),))
    with start_supervised(inner) as system:
        kill(system, "/s/a")
        assert phases(system) == [("s", "stopped")]


def test_a_restarted_supervisor_has_its_static_children_only() -> None:
    inner = Supervisor(name="s", restarts_max=0, children=(worker("a"),))
    with start_supervised(inner) as system:
        system.call("/s", StartChild(worker("d"))).get()
        kill(system, "/s/a")
        assert [info.name for info in system.call("/s", WhichChildren()).get()] == ["a"]
        assert "/s/d" not in system._slots


def test_a_child_that_gives_up_alone_is_tried_again_later_and_costs_its_siblings_nothing() -> None:
    clock, log, script = ManualClock(), EventLog(), Script()
    children = (worker("a", script, on_give_up="suspend"), worker("b"))
    with start_supervised(*children, restarts_max=1, clock=clock, log=log) as system:
        kill(system, "/a")
        kill(system, "/a")
        assert phases(system) == [("b", "running"), ("a", "given_up")]
        kill(system, "/b")
        clock.advance(GIVE_UP_RETRY_S - 1)
        settle(system)
        assert len(script.actors) == 2
        clock.advance(1)
        settle(system)
        assert len(script.actors) == 3
        assert phases(system) == [("b", "running"), ("a", "running")]
    assert [gave_up.path for gave_up in log.of(ChildGaveUp)] == ["/a"]


def test_a_child_that_gave_up_and_was_restarted_by_hand_has_no_retry_left_over() -> None:
    clock, script = ManualClock(), Script()
    with start_supervised(worker("a", script, on_give_up="suspend"), restarts_max=1, clock=clock) as system:
        kill(system, "/a")
        kill(system, "/a")
        system.call("/", RestartChild("a")).get()
        clock.advance(GIVE_UP_RETRY_S - 1)
        kill(system, "/a")
        kill(system, "/a")
        clock.advance(2)
        settle(system)
        assert phases(system) == [("a", "given_up")]


def test_restarts_are_told_with_who_asked_for_them() -> None:
    log = EventLog()
    with start_supervised(worker("a"), log=log) as system:
        kill(system, "/a")
        system.call("/", TerminateChild("a")).get()
        system.call("/", RestartChild("a")).get()
    assert [(told.incarnation, told.by_hand) for told in log.of(ChildRestarted)] == [(2, False), (3, True)]


def test_the_tree_stops_with_the_reason_it_is_given() -> None:
    system = System()
    root = system.start(Supervisor(name="root", children=(worker("a"),)))
    actor = system.registry.actors["/a"]
    system.stop(NORMAL)
    assert (root.end, actor.end) == (NORMAL, SHUTDOWN)
