"""Dynamic supervisors: children that come and go, each for itself, in any number up to the limit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from event_story import Story, kill, phases, worker
from scripted_actors import IGNORE, Boom, Script, crash, stop

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.backoff import Backoff
from viral_engine.runtime.errors import (
    AddressedByIncarnation,
    ChildAlreadyStarted,
    ChildLimitReached,
    ChildNotFound,
    InvalidSpec,
    StartFailed,
)
from viral_engine.runtime.exits import KILLED, SHUTDOWN
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import (
    CountChildren,
    CycleChild,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    StartDynamic,
    Started,
    StartMany,
    TerminateChild,
    WhichChildren,
)
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import Gate, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def pool(placement: type[Actor] = LoopActor, script: Script | None = None, **options: Any) -> DynamicSupervisor:
    """A dynamic supervisor `/d` whose children are all alike."""
    return DynamicSupervisor(name="d", template=worker("t", placement, script), **options)


def ask(system: System, operation: Any) -> Any:
    return system.call("/d", operation, 1e9).get()


def start(system: System, *names: str) -> list[Started]:
    return [ask(system, StartDynamic(name)) for name in names]


def hanging(placement: type[Actor], gate: Gate, **options: Any) -> Worker:
    """A child that does not end before the gate is open."""
    return worker("x", placement, Script(on_terminate=lambda _: gate.pass_through()), **options)


def test_a_child_gets_the_extra_arguments_those_of_the_template_and_its_own_at_every_start(
    placement: type[Actor],
) -> None:
    class Noted(placement):  # type: ignore[misc, valid-type]
        def init(self, *args: str) -> tuple[str, ...]:
            self.args = args
            return args

        def handle_call(self, message: Any, reply_to: Any) -> Any:
            return self.args

    template = Worker(name="t", actor_class=Noted, args=("template",))
    with start_supervised(DynamicSupervisor(name="d", template=template, extra_args=("extra",))) as system:
        assert ask(system, StartDynamic("a", ("own",))).extra == ("extra", "template", "own")
        kill(system, "/d/a")
        assert system.call("/d/a", "?").get() == ("extra", "template", "own")


def test_a_child_without_a_name_gets_a_number_that_nobody_has() -> None:
    with start_supervised(pool()) as system:
        start(system, "1", "3")
        assert [ask(system, StartDynamic()).path for _ in range(3)] == ["/d/2", "/d/4", "/d/5"]


def test_a_name_is_taken_while_its_child_lives_and_begins_anew_afterwards(placement: type[Actor]) -> None:
    with start_supervised(pool(placement)) as system:
        start(system, "a")
        kill(system, "/d/a")
        with pytest.raises(ChildAlreadyStarted):
            start(system, "a")
        ask(system, TerminateChild(system.registry.actors["/d/a"]))
        assert start(system, "a")[0].actor.incarnation == 1


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_name_that_is_no_segment_of_a_path_is_refused(name: str) -> None:
    with start_supervised(pool()) as system, pytest.raises(InvalidSpec):
        start(system, name)


def test_a_template_takes_no_other_specification_and_without_one_each_child_brings_its_own() -> None:
    with start_supervised(pool(), DynamicSupervisor(name="e")) as system:
        with pytest.raises(InvalidSpec, match="template"):
            ask(system, StartChild(worker("a", LoopActor)))
        with pytest.raises(InvalidSpec, match="template"):
            system.call("/e", StartDynamic("a")).get()
        assert [system.call("/e", StartChild(worker("a", LoopActor))).get().path for _ in range(3)] == [
            "/e/a",
            "/e/a-1",
            "/e/a-2",
        ]


@pytest.mark.parametrize("supervisor", ["/", "/d"])
def test_what_is_no_specification_is_refused_and_harms_nobody(supervisor: str) -> None:
    with start_supervised(DynamicSupervisor(name="d"), restarts_max=0) as system:
        with pytest.raises(InvalidSpec):
            system.call(supervisor, StartChild("a")).get()  # type: ignore[arg-type]  # somebody's mistake
        assert system.registry.paths() == ["/", "/d"]


def test_one_child_more_than_the_limit_is_refused_and_a_restarting_one_holds_its_place() -> None:
    template = worker("t", LoopActor, backoff=Backoff())
    with start_supervised(
        DynamicSupervisor(name="d", template=template, children_max=2), clock=ManualClock()
    ) as system:
        start(system, "a", "b")
        kill(system, "/d/a")
        assert phases(system, "/d") == [("a", "restarting"), ("b", "running")]
        with pytest.raises(ChildLimitReached) as refused:
            start(system, "c")
        assert refused.value.children_max == 2
        ask(system, TerminateChild(system.registry.actors["/d/b"]))
        start(system, "c")


def test_a_failed_start_leaves_no_child_no_name_and_no_memory(placement: type[Actor]) -> None:
    script = Script(inits=[Boom("no"), IGNORE])
    with start_supervised(pool(placement, script)) as system:
        with pytest.raises(StartFailed, match="Boom: no"):
            start(system, "a")
        assert ask(system, StartDynamic("a")) is None
        assert (ask(system, WhichChildren()), system.registry.paths()) == ((), ["/", "/d"])
        assert sorted(system._slots) == ["/", "/d"]


def test_the_threads_of_many_children_start_side_by_side() -> None:
    gate = Gate()
    with start_supervised(pool(ThreadActor, Script(inits=[gate.pass_through] * 3))) as system:
        reply = system.call("/d", StartMany((StartDynamic(),) * 3))
        for _ in range(3):
            gate.wait_for_arrival()
        gate.open()
        assert [started.path for started in reply.get()] == ["/d/1", "/d/2", "/d/3"]


def test_the_coroutines_of_many_children_start_side_by_side() -> None:
    class Meets(LoopActor):
        async def init(self, there: list[Meets], everybody: asyncio.Event) -> None:
            there.append(self)
            if len(there) == 3:
                everybody.set()
            await everybody.wait()

    template = Worker(name="t", actor_class=Meets, args=([], asyncio.Event()))
    with start_supervised(DynamicSupervisor(name="d", template=template)) as system:
        assert len(ask(system, StartMany((StartDynamic(),) * 3))) == 3


def test_of_many_children_each_answers_for_itself_in_the_order_asked(placement: type[Actor]) -> None:
    script = Script(inits=[None, Boom("no"), IGNORE, None])
    wanted = (StartDynamic("old"), StartDynamic("a/b"), *map(StartDynamic, "cdefg"))
    with start_supervised(pool(placement, script, children_max=5)) as system:
        start(system, "old")
        answers = ask(system, StartMany(wanted))
        assert [type(answer) for answer in answers] == [
            *(ChildAlreadyStarted, InvalidSpec, StartFailed, type(None), Started, Started, ChildLimitReached),
        ]
        settle(system)
        assert phases(system, "/d") == [("old", "running"), ("e", "running"), ("f", "running")]
        assert sorted(system._slots) == ["/", "/d", "/d/e", "/d/f", "/d/old"]


def test_inits_that_hang_side_by_side_are_given_up_side_by_side() -> None:
    clock, gate = ManualClock(), Gate()
    template = worker("t", ThreadActor, Script(inits=[gate.pass_through] * 4), init_max_s=10.0)
    with start_supervised(DynamicSupervisor(name="d", template=template), clock=clock) as system:
        reply = system.call("/d", StartMany((StartDynamic(),) * 4), 1e9)
        for _ in range(4):
            gate.wait_for_arrival()
        clock.wait_for_timers(1)
        clock.advance(10.0)
        assert [type(answer) for answer in reply.get()] == [StartFailed] * 4
        assert clock.monotonic_s() == 10.0
        gate.open()


def test_a_child_is_stopped_by_incarnation_and_never_by_name(placement: type[Actor]) -> None:
    with start_supervised(pool(placement)) as system:
        started = start(system, "a", "b")
        for operation in (TerminateChild, RestartChild, DeleteChild, GetChildSpec):
            with pytest.raises(AddressedByIncarnation):
                ask(system, operation("a"))
        ask(system, TerminateChild(started[0].actor))
        assert started[0].actor.end == SHUTDOWN
        assert phases(system, "/d") == [("b", "running")]


@pytest.mark.parametrize("has_template", [True, False])
def test_an_incarnation_that_is_gone_is_stopped_already_where_there_is_a_template(*, has_template: bool) -> None:
    supervisor = pool() if has_template else DynamicSupervisor(name="d")
    operation: Any = StartDynamic("a") if has_template else StartChild(worker("a", LoopActor))
    with start_supervised(supervisor) as system:
        old = ask(system, operation).actor
        kill(system, "/d/a")
        reply = system.call("/d", TerminateChild(old))
        if has_template:
            assert reply.get() is None
        else:
            with pytest.raises(ChildNotFound):
                reply.get()
        assert phases(system, "/d") == [("a", "running")]


def test_an_actor_of_somebody_else_is_no_child(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement), pool(placement)) as system:
        start(system, "a")
        with pytest.raises(ChildNotFound):
            ask(system, TerminateChild(system.registry.actors["/a"]))
        assert system.registry.paths() == ["/", "/a", "/d", "/d/a"]


def test_a_child_that_waits_for_its_restart_is_stopped_by_its_last_incarnation() -> None:
    clock = ManualClock()
    template = worker("t", LoopActor, backoff=Backoff())
    with start_supervised(DynamicSupervisor(name="d", template=template), clock=clock) as system:
        old = start(system, "a")[0].actor
        kill(system, "/d/a")
        ask(system, TerminateChild(old))
        clock.advance(100.0)
        settle(system)
        assert phases(system, "/d") == []
        assert "/d/a" not in system._slots


def test_all_children_are_asked_to_stop_at_once_and_each_has_its_own_time() -> None:
    clock, gate = ManualClock(), Gate()
    limits: tuple[Any, ...] = (5.0, "infinity", 2.0)
    with start_supervised(DynamicSupervisor(name="d"), clock=clock) as system:
        slow, endless, quick = (
            ask(system, StartChild(hanging(ThreadActor, gate, shutdown_s=limit))).actor for limit in limits
        )
        stopping = system.registry.actors["/d"].order("shut_down")
        for _ in limits:
            gate.wait_for_arrival()
        for actor, now_s in ((quick, 2.0), (slow, 5.0)):
            clock.wait_for_timers(1)
            clock.advance(now_s - clock.monotonic_s())
            assert (actor.exited.get(), clock.monotonic_s()) == (KILLED, now_s)
        assert endless.end is None
        gate.open()
        stopping.get()
        assert endless.end == SHUTDOWN


def test_a_brutal_child_is_not_asked() -> None:
    script = Script(on_terminate=lambda _: script.events.append("asked"))
    template = worker("t", LoopActor, script, shutdown_s="brutal")
    with start_supervised(DynamicSupervisor(name="d", template=template)) as system:
        actor = start(system, "a")[0].actor
        system.registry.actors["/d"].order("shut_down").get()
        assert (actor.end, script.events) == (KILLED, [])


@pytest.mark.parametrize(
    ("restart", "message", "comes_back"),
    [
        ("permanent", stop, True),
        ("transient", stop, False),
        ("transient", crash, True),
        ("temporary", crash, False),
    ],
)
def test_a_child_that_ends_for_good_is_forgotten_whatever_its_restart_type(
    placement: type[Actor], restart: Any, message: Any, *, comes_back: bool
) -> None:
    template = worker("t", placement, restart=restart)
    with start_supervised(DynamicSupervisor(name="d", template=template)) as system:
        start(system, "a")
        system.cast("/d/a", message)
        settle(system)
        assert phases(system, "/d") == ([("a", "running")] if comes_back else [])
        assert ("/d/a" in system._slots) is comes_back


def test_children_are_listed_oldest_first_and_a_restart_makes_one_the_youngest(placement: type[Actor]) -> None:
    with start_supervised(pool(placement)) as system:
        start(system, "a", "b", "c")
        kill(system, "/d/a")
        assert [name for name, _ in phases(system, "/d")] == ["b", "c", "a"]


def test_a_restart_touches_no_other_child_and_the_restarts_of_all_count_together(placement: type[Actor]) -> None:
    story = Story()
    with start_supervised(pool(placement, restarts_max=2), restarts_max=0, clock=ManualClock()) as system:
        start(system, "a", "b", "c")
        system.events.listen(story)
        kill(system, "/d/a")
        kill(system, "/d/b")
        assert story.since() == "-a.1:killed +a.2 -b.1:killed +b.2"
        kill(system, "/d/c")
        assert sorted(story.since().split()) == sorted(
            ["-c.1:killed", "-a.2:shutdown", "-b.2:shutdown", "-d.1:shutdown", "-root.1:shutdown"]
        )


def test_a_restart_that_fails_is_tried_again_and_every_try_counts() -> None:
    script = Script(inits=[None, Boom("1"), Boom("2")])
    story = Story()
    with start_supervised(pool(LoopActor, script, restarts_max=3), restarts_max=0, clock=ManualClock()) as system:
        start(system, "a")
        system.events.listen(story)
        kill(system, "/d/a")
        assert story.since() == "-a.1:killed !a.2:Boom: 1 !a.3:Boom: 2 +a.4"
        kill(system, "/d/a")
        assert story.since() == "-a.4:killed -d.1:shutdown -root.1:shutdown"


def test_a_restart_that_ignores_leaves_no_ghost(placement: type[Actor]) -> None:
    with start_supervised(pool(placement, Script(inits=[None, IGNORE]))) as system:
        start(system, "a")
        kill(system, "/d/a")
        assert ask(system, WhichChildren()) == ()
        assert ask(system, CountChildren()).workers == 0
        start(system, "a")


def test_children_are_counted_by_kind_and_a_template_is_the_only_specification() -> None:
    inner = Supervisor(name="s", children=(worker("x", LoopActor),))
    with start_supervised(pool(), DynamicSupervisor(name="e")) as system:
        start(system, "a", "b")
        counted = ask(system, CountChildren())
        assert (counted.specs, counted.active, counted.supervisors, counted.workers) == (1, 2, 0, 2)
        for spec in (inner, worker("a", LoopActor)):
            system.call("/e", StartChild(spec)).get()
        counted = system.call("/e", CountChildren()).get()
        assert (counted.specs, counted.active, counted.supervisors, counted.workers) == (2, 2, 1, 1)


@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
def test_the_ends_of_significant_children_end_a_dynamic_supervisor_too(mode: Any) -> None:
    template = worker("t", LoopActor, restart="transient", significant=True)
    supervisor = DynamicSupervisor(name="d", template=template, auto_shutdown=mode, restart="temporary")
    with start_supervised(supervisor) as system:
        start(system, "a", "b")
        system.cast("/d/a", stop)
        settle(system)
        assert (system.registry.whereis("/d") is None) is (mode == "any_significant")
        system.cast("/d/b", stop)
        settle(system)
        assert system.registry.paths() == ["/"]


def test_a_cycle_by_hand_never_counts_and_one_that_fails_forgets_the_child() -> None:
    with start_supervised(pool(LoopActor, Script(inits=[None, None, Boom("no")]), restarts_max=0)) as system:
        start(system, "a")
        assert ask(system, CycleChild("a")).actor.incarnation == 2
        with pytest.raises(StartFailed):
            ask(system, CycleChild("a"))
        with pytest.raises(ChildNotFound):
            ask(system, CycleChild("a"))
        assert sorted(system._slots) == ["/", "/d"]


@pytest.mark.parametrize(("placement", "count"), [(LoopActor, 1_500), (ThreadActor, 150)], ids=["loop", "thread"])
def test_very_many_children_come_crash_come_back_and_go(placement: type[Actor], count: int) -> None:
    with start_supervised(pool(placement, restarts_max=count)) as system:
        answers = ask(system, StartMany((StartDynamic(),) * count))
        assert {type(answer) for answer in answers} == {Started}
        for started in answers:
            system.cast(started.path, crash)
        settle(system)
        children = ask(system, WhichChildren())
        assert [child.actor.incarnation for child in children] == [2] * count
        system.registry.actors["/d"].order("shut_down").get()
        assert {child.actor.end for child in children} == {SHUTDOWN}
        settle(system)
        assert system.registry.paths() == ["/", "/d"]
        assert sorted(system._slots) == ["/", "/d"]


def test_the_kill_of_a_dynamic_supervisor_takes_its_children_along_and_the_next_one_begins_empty(
    placement: type[Actor],
) -> None:
    with start_supervised(pool(placement)) as system:
        actors = [started.actor for started in start(system, "a", "b")]
        kill(system, "/d")
        for actor in actors:
            actor.exited.get()
        assert [actor.end for actor in actors] == [KILLED] * 2
        assert phases(system, "/d") == []
        assert sorted(system._slots) == ["/", "/d"]
        start(system, "a", "b")


def test_what_was_added_by_hand_to_a_killed_supervisor_is_forgotten_and_its_static_children_are_not() -> None:
    with start_supervised(Supervisor(name="d", children=(worker("a", LoopActor),))) as system:
        ask(system, StartChild(Supervisor(name="s", children=(worker("x", LoopActor),))))
        kill(system, "/d")
        assert sorted(system._slots) == ["/", "/d", "/d/a"]
        assert system.registry.actors["/d/a"].incarnation == 2


def test_a_template_may_be_a_tree_and_nothing_of_it_stays_behind(placement: type[Actor]) -> None:
    template = Supervisor(name="t", children=(worker("x", placement), worker("y", placement)))
    with start_supervised(DynamicSupervisor(name="d", template=template)) as system:
        started = start(system, "one", "two")
        assert system.call("/d/one/x", 1).get() == 1
        assert ask(system, CountChildren()).supervisors == 2
        ask(system, TerminateChild(started[0].actor))
        assert sorted(system._slots) == ["/", "/d", "/d/two", "/d/two/x", "/d/two/y"]
