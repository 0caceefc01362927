"""Waits between restarts: how they grow, when they begin anew, and what may happen while one runs."""

from __future__ import annotations

from typing import Any

import pytest
from event_story import Story, kill, phases, worker
from hypothesis import given
from hypothesis import strategies as st
from scripted_actors import Boom, Script, stop

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.backoff import Backoff, delay_s, failures_in_a_row
from viral_engine.runtime.errors import ChildRestarting, InvalidSpec, NoSuchActor
from viral_engine.runtime.events import RestartDelayed
from viral_engine.runtime.exits import SHUTDOWN
from viral_engine.runtime.guardian import GIVE_UP_RETRY_S
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import CycleChild, DeleteChild, RestartChild, StartDynamic, TerminateChild
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, ManualClock, settle, start_supervised

STEADY = Backoff(first_s=1.0, factor=2.0, longest_s=5.0, jitter=0.0, healthy_s=60.0)


def advance(system: System, clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds)
    settle(system)


def delays(log: EventLog) -> list[float]:
    return [told.delay_s for told in log.of(RestartDelayed)]


@given(st.integers(1, 10**9), st.floats(0, 1), st.floats(1, 1_000), st.floats(0, 1))
def test_a_wait_is_never_negative_and_never_longer_than_the_longest_and_its_jitter(
    failures: int, chance: float, factor: float, jitter: float
) -> None:
    option = Backoff(first_s=0.5, factor=factor, longest_s=30.0, jitter=jitter)
    assert 0.0 <= delay_s(option, failures, chance) <= 30.0 * (1 + jitter)
    assert delay_s(option, failures, 0.5) <= delay_s(option, failures + 1, 0.5)


def test_jitter_spreads_the_wait_evenly_to_both_sides() -> None:
    option = Backoff(first_s=10.0, jitter=0.2)
    assert [delay_s(option, 1, chance) for chance in (0.0, 0.5, 1.0)] == [8.0, 10.0, 12.0]


def test_a_healthy_spell_is_one_as_long_as_the_option_says() -> None:
    assert [failures_in_a_row(4, up_s, STEADY) for up_s in (59.9, 60.0)] == [5, 1]


@pytest.mark.parametrize(
    "option",
    [
        Backoff(first_s=-1.0),
        Backoff(factor=0.5),
        Backoff(factor=1e9),
        Backoff(longest_s=-1.0),
        Backoff(jitter=1.5),
        Backoff(jitter=-0.1),
        Backoff(healthy_s=-1.0),
    ],
    ids=repr,
)
def test_a_backoff_that_no_clock_can_carry_out_is_refused(option: Backoff) -> None:
    with pytest.raises(InvalidSpec, match=r"a\.backoff"):
        worker("a", LoopActor, backoff=option)
    with pytest.raises(InvalidSpec, match=r"a\.backoff"):
        Supervisor(name="a", backoff=option)


def test_a_child_comes_back_only_after_its_wait(placement: type[Actor]) -> None:
    clock, log = ManualClock(), EventLog()
    with start_supervised(worker("a", placement, backoff=STEADY), clock=clock, log=log) as system:
        kill(system, "/a")
        assert phases(system) == [("a", "restarting")]
        with pytest.raises(NoSuchActor):
            system.call("/a", 1).get()
        advance(system, clock, 0.9)
        assert phases(system) == [("a", "restarting")]
        advance(system, clock, 0.1)
        assert system.call("/a", 1).get() == 1
    assert delays(log) == [1.0]


def test_waits_grow_to_the_longest_and_begin_anew_after_a_healthy_spell() -> None:
    clock, log = ManualClock(), EventLog()
    child = worker("a", LoopActor, backoff=STEADY)
    with start_supervised(child, restarts_max=100, clock=clock, log=log) as system:
        for _ in range(5):
            kill(system, "/a")
            advance(system, clock, 5.0)
        clock.advance(60.0)
        kill(system, "/a")
    assert delays(log) == [1.0, 2.0, 4.0, 5.0, 5.0, 1.0]


def test_a_restart_that_fails_waits_longer_and_counts_like_any_other() -> None:
    clock, log, story = ManualClock(), EventLog(), Story()
    script = Script(inits=[None, Boom("1"), Boom("2")])
    child = worker("a", LoopActor, script, backoff=STEADY)
    with start_supervised(child, restarts_max=3, restarts_window_s=100.0, clock=clock, log=log) as system:
        system.events.listen(story)
        kill(system, "/a")
        for wait_s in (1.0, 2.0, 4.0):
            advance(system, clock, wait_s)
        assert story.since() == "-a.1:killed !a.2:Boom: 1 !a.3:Boom: 2 +a.4"
        kill(system, "/a")
        assert story.since() == "-a.4:killed -root.1:shutdown"
    assert delays(log) == [1.0, 2.0, 4.0]


def test_a_wait_costs_the_siblings_nothing(placement: type[Actor]) -> None:
    with start_supervised(
        worker("a", placement, backoff=STEADY), worker("b", placement), clock=ManualClock()
    ) as system:
        kill(system, "/a")
        kill(system, "/b")
        assert phases(system) == [("b", "running"), ("a", "restarting")]


@pytest.mark.parametrize("operation", [RestartChild("a"), DeleteChild("a")], ids=repr)
def test_during_a_wait_a_child_can_be_neither_restarted_nor_deleted_by_hand(operation: Any) -> None:
    with start_supervised(worker("a", LoopActor, backoff=STEADY), clock=ManualClock()) as system:
        kill(system, "/a")
        with pytest.raises(ChildRestarting):
            system.call("/", operation).get()


def test_a_child_stopped_by_hand_during_its_wait_stays_down() -> None:
    clock = ManualClock()
    with start_supervised(worker("a", LoopActor, backoff=STEADY), clock=clock) as system:
        kill(system, "/a")
        system.call("/", TerminateChild("a")).get()
        advance(system, clock, 100.0)
        assert phases(system) == [("a", "stopped")]
        system.call("/", RestartChild("a")).get()
        assert phases(system) == [("a", "running")]


def test_a_cycle_by_hand_during_a_wait_starts_the_child_once() -> None:
    clock, script = ManualClock(), Script()
    with start_supervised(worker("a", LoopActor, script, backoff=STEADY), clock=clock) as system:
        kill(system, "/a")
        system.call("/", CycleChild("a")).get()
        advance(system, clock, 100.0)
        assert (phases(system), len(script.actors)) == ([("a", "running")], 2)


def test_a_wait_whose_end_is_queued_when_the_child_is_started_by_hand_starts_nothing_more() -> None:
    clock, script = ManualClock(), Script()
    with start_supervised(worker("a", LoopActor, script, backoff=STEADY), clock=clock) as system:
        kill(system, "/a")
        root = system.registry.actors["/"]
        root.order("suspend").get()
        by_hand = [system.call("/", operation) for operation in (TerminateChild("a"), RestartChild("a"))]
        clock.advance(1.0)
        root.order("resume").get()
        for reply in by_hand:
            reply.get()
        settle(system)
        assert (phases(system), len(script.actors)) == ([("a", "running")], 2)


def test_the_supervisor_can_be_stopped_and_killed_during_a_wait() -> None:
    clock, log = ManualClock(), EventLog()
    inner = Supervisor(name="s", children=(worker("a", LoopActor, backoff=STEADY), worker("b", LoopActor)))
    with start_supervised(inner, clock=clock, log=log) as system:
        kill(system, "/s/a")
        kill(system, "/s")
        assert phases(system, "/s") == [("b", "running"), ("a", "running")]
        kill(system, "/s/a")
        system.registry.actors["/s"].order("shut_down").get()
        settle(system)
        advance(system, clock, 100.0)
        assert system.registry.actors["/s/a"].incarnation == 3
    assert delays(log) == [1.0, 1.0]


def test_a_group_is_down_together_during_the_wait_and_comes_back_together() -> None:
    clock, story = ManualClock(), Story()
    children = (worker("a", LoopActor), worker("b", LoopActor, backoff=STEADY), worker("c", LoopActor))
    with start_supervised(*children, strategy="one_for_all", clock=clock) as system:
        system.events.listen(story)
        kill(system, "/b")
        assert story.since() == "-b.1:killed -c.1:shutdown -a.1:shutdown"
        advance(system, clock, 1.0)
        assert story.since() == "+a.2 +b.2 +c.2"


def test_the_rest_of_a_group_waits_too_and_those_before_it_do_not() -> None:
    clock, story = ManualClock(), Story()
    children = (worker("a", LoopActor), worker("b", LoopActor, backoff=STEADY), worker("c", LoopActor))
    with start_supervised(*children, strategy="rest_for_one", clock=clock) as system:
        system.events.listen(story)
        kill(system, "/b")
        assert phases(system) == [("c", "stopped"), ("b", "restarting"), ("a", "running")]
        advance(system, clock, 1.0)
        assert story.since() == "-b.1:killed -c.1:shutdown +b.2 +c.2"


def test_a_sibling_started_by_hand_during_the_wait_of_its_group_is_restarted_with_it() -> None:
    clock, story = ManualClock(), Story()
    children = (worker("a", LoopActor, backoff=STEADY), worker("b", LoopActor))
    with start_supervised(*children, strategy="one_for_all", clock=clock) as system:
        kill(system, "/a")
        system.call("/", RestartChild("b")).get()
        system.events.listen(story)
        advance(system, clock, 1.0)
        assert story.since() == "-b.2:shutdown +a.2 +b.3"


def test_a_group_restart_for_another_reason_ends_the_wait() -> None:
    clock, story = ManualClock(), Story()
    children = (worker("a", LoopActor), worker("b", LoopActor, backoff=STEADY))
    with start_supervised(*children, strategy="rest_for_one", clock=clock) as system:
        system.events.listen(story)
        kill(system, "/b")
        kill(system, "/a")
        assert story.since() == "-b.1:killed -a.1:killed +a.2 +b.2"
        advance(system, clock, 100.0)
        assert story.since() == ""


def test_a_child_that_finished_needs_no_wait() -> None:
    with start_supervised(worker("a", LoopActor, restart="transient", backoff=STEADY), clock=ManualClock()) as system:
        system.cast("/a", stop)
        settle(system)
        assert phases(system) == [("a", "stopped")]


def test_a_supervisor_as_a_child_waits_too() -> None:
    clock = ManualClock()
    inner = Supervisor(name="s", children=(worker("a", LoopActor),), backoff=STEADY)
    with start_supervised(inner, clock=clock) as system:
        kill(system, "/s")
        assert phases(system) == [("s", "restarting")]
        advance(system, clock, 1.0)
        assert phases(system, "/s") == [("a", "running")]


def test_dynamic_children_wait_each_for_itself() -> None:
    clock = ManualClock()
    template = worker("t", LoopActor, backoff=STEADY)
    with start_supervised(DynamicSupervisor(name="d", template=template), clock=clock) as system:
        from_template(system, "a", "b")
        kill(system, "/d/a")
        advance(system, clock, 0.5)
        kill(system, "/d/b")
        advance(system, clock, 0.5)
        assert phases(system, "/d") == [("b", "restarting"), ("a", "running")]
        advance(system, clock, 0.5)
        assert phases(system, "/d") == [("a", "running"), ("b", "running")]


def from_template(system: System, *names: str) -> None:
    for name in names:
        system.call("/d", StartDynamic(name)).get()


def test_a_child_that_gives_up_alone_rests_longer_than_any_wait() -> None:
    clock = ManualClock()
    child = worker("a", LoopActor, on_give_up="suspend", backoff=STEADY)
    with start_supervised(child, restarts_max=1, clock=clock) as system:
        kill(system, "/a")
        advance(system, clock, 1.0)
        kill(system, "/a")
        advance(system, clock, GIVE_UP_RETRY_S - 1.0)
        assert phases(system) == [("a", "given_up")]
        advance(system, clock, 1.0)
        assert phases(system) == [("a", "restarting")]
        advance(system, clock, 5.0)
        assert phases(system) == [("a", "running")]


def test_too_many_restarts_end_the_supervisor_however_long_they_wait() -> None:
    with start_supervised(worker("a", LoopActor, backoff=STEADY), restarts_max=0, clock=ManualClock()) as system:
        kill(system, "/a")
        assert system.root is not None
        assert system.root.end == SHUTDOWN
