"""A thousand kills in a tree of its own leave nothing behind but rings of a known size."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pykka
import pytest
from scripted_actors import Boom

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.dead_letters import DEATHS_MAX
from viral_engine.runtime.errors import CallError
from viral_engine.runtime.incarnation import Incarnation
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import CycleChild, StartDynamic, TerminateChild
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import ManualClock, settle, start_supervised

KILLS = 1_000
KEPT_PER_NAME = 8
"""Incarnations that a name may still know: the one that runs, the one before, and those that a reply or a thread's last
frame still holds. A leak would leave one a kill: hundreds."""

LAST_LINES_S = 1.0


@dataclass(frozen=True)
class Counts:
    """What there is of everything that an incarnation could leave behind."""

    threads: int
    registered: int
    names: int
    living: int
    slots: int
    timers: int
    orphans: int
    abandoned: int
    deadlines: int


def counts(system: System, clock: ManualClock) -> Counts:
    alive = {getattr(actor, "thread_ident", None) for actor in system.living.copy()}
    for thread in threading.enumerate():
        if thread.name.startswith(("/", "Stock")) and thread.ident not in alive:
            # Its actor has ended, and it is on its last lines; one that stays is counted. A stock one has no number.
            thread.join(LAST_LINES_S)
    return Counts(
        threads=threading.active_count(),
        registered=len(pykka.ActorRegistry.get_all()),
        names=len(system.registry),
        living=len(system.living),
        slots=len(system._slots),
        timers=sum(timer.callback is not None for _, _, timer in clock._timers),
        orphans=len(system._orphans),
        abandoned=len(system.abandoned()),
        deadlines=len(system.deadlines.waiting),
    )


def new_incarnations() -> int:
    """How many incarnations there are in memory of those made since `gc.freeze`."""
    gc.collect()
    return sum(issubclass(type(thing), Incarnation) for thing in gc.get_objects())


@contextmanager
def nothing_is_left(system: System, clock: ManualClock, names: int = 1) -> Iterator[None]:
    """Compares what there is before and after the block."""
    settle(system)
    before = counts(system, clock)
    # What there is by now is not looked at again: only what the kills leave is counted.
    gc.collect()
    gc.freeze()
    try:
        yield
        settle(system)
        assert counts(system, clock) == before
        assert new_incarnations() <= KEPT_PER_NAME * names
    finally:
        gc.unfreeze()


def forgetful(placement: type[Actor], failures: list[Exception] | None = None) -> type[Actor]:
    """An actor that no test keeps; its messages are functions of it, its inits fail while there are failures."""

    class Forgetful(placement):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            if failures:
                raise failures.pop()

        def handle_call(self, message: Any, reply_to: Any) -> Any:
            return message(self)

        def handle_cast(self, message: Any) -> None:
            message(self)

    return Forgetful


def worker(name: str, placement: type[Actor], failures: list[Exception] | None = None) -> Worker:
    return Worker(name=name, actor_class=forgetful(placement, failures))


def test_a_thousand_kills_of_one_actor(placement: type[Actor]) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement), restarts_max=2 * KILLS, clock=clock) as system:
        with nothing_is_left(system, clock):
            for _ in range(KILLS):
                system.registry.actors["/a"].kill()
                settle(system)
        assert system.registry.actors["/a"].incarnation == KILLS + 1


def test_kills_of_actors_that_have_timers_monitors_resources_calls_and_kept_state(placement: type[Actor]) -> None:
    class Resource:
        def abort(self) -> None:
            """Nothing to abort."""

    def settle_in(actor: Any) -> None:
        actor.own(Resource())
        actor.monitor("/b")
        actor.send_after(1e9, "never")
        actor.send_interval(1e9, "never")
        actor.kept.value = actor.incarnation

    clock = ManualClock()
    with start_supervised(worker("a", placement), worker("b", placement), restarts_max=KILLS, clock=clock) as system:
        with nothing_is_left(system, clock):
            for _ in range(KILLS // 10):
                system.call("/a", settle_in).get()
                actor = system.registry.actors["/a"]
                actor.order("suspend").get()
                replies = [system.call("/a", number, 1e9) for number in range(5)]
                actor.kill()
                for reply in replies:
                    with pytest.raises(CallError):
                        reply.get()
                settle(system)
        assert not system.registry.actors["/b"]._watchers


def test_crashes_by_hand_of_every_kind_of_message(placement: type[Actor]) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement), restarts_max=KILLS, clock=clock) as system:
        with nothing_is_left(system, clock):
            for number in range(KILLS // 10):
                with pytest.raises(CallError):
                    system.call("/a", _crash_with(number)).get()
                settle(system)
        assert len(system.registry.actors["/a"]._suspects.letters) == 0


def _crash_with(number: int) -> Any:
    def crash(_actor: Any) -> None:
        # Made anew: an error remembers the frames that it went through.
        raise Boom(number)

    return crash


def test_kills_of_a_supervisor_with_children_by_hand_and_orphans(placement: type[Actor]) -> None:
    class CleansUp(forgetful(placement)):  # type: ignore[misc]
        def terminate(self, exit_reason: Any) -> None:
            """Has something to clean up, so that it outlives its supervisor for a moment."""

    clock = ManualClock()
    dynamic = DynamicSupervisor(name="d", template=Worker(name="t", actor_class=CleansUp))
    inner = Supervisor(name="s", children=(worker("a", placement), dynamic))
    with start_supervised(inner, restarts_max=KILLS, clock=clock) as system:
        with nothing_is_left(system, clock, names=6):
            for _ in range(KILLS // 10):
                ends = [system.call("/s/d", StartDynamic()).get().actor.exited for _ in range(3)]
                system.registry.actors["/s"].kill()
                for end in ends:
                    end.get()
                settle(system)
        assert system.registry.actors["/s"].incarnation == KILLS // 10 + 1


def test_children_of_a_dynamic_supervisor_that_come_and_go(placement: type[Actor]) -> None:
    clock = ManualClock()
    dynamic = DynamicSupervisor(name="d", template=worker("t", placement), restarts_max=KILLS)
    with start_supervised(dynamic, clock=clock) as system, nothing_is_left(system, clock, names=2):
        for _ in range(KILLS // 5):
            started = system.call("/d", StartDynamic()).get()
            started.actor.kill()
            settle(system)
            system.call("/d", TerminateChild(system.registry.actors[started.path])).get()


def test_cycles_by_hand(placement: type[Actor]) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement), clock=clock) as system, nothing_is_left(system, clock):
        for _ in range(KILLS // 5):
            system.call("/", CycleChild("a")).get()


def test_restarts_that_fail(placement: type[Actor]) -> None:
    clock, failures = ManualClock(), list[Exception]()
    with start_supervised(worker("a", placement, failures), restarts_max=KILLS, clock=clock) as system:
        with nothing_is_left(system, clock):
            for _ in range(KILLS // 10):
                failures += [Boom("no"), Boom("no")]
                system.registry.actors["/a"].kill()
                settle(system)
        assert system.registry.actors["/a"].incarnation == 3 * (KILLS // 10) + 1


def test_kills_of_stock_actors() -> None:
    class Stock(pykka.ThreadingActor):
        """Knows nothing of the runtime."""

    clock = ManualClock()
    child = Worker(name="a", actor_class=Stock)
    with start_supervised(child, restarts_max=KILLS, clock=clock) as system, nothing_is_left(system, clock):
        for _ in range(KILLS // 10):
            down = system.registry.actors["/a"]._stock.supervised_down  # type: ignore[attr-defined]  # a host's
            system.registry.actors["/a"].kill()
            down.get()
            settle(system)


def test_patient_callers_of_names_that_never_come_back() -> None:
    clock = ManualClock()
    with start_supervised(worker("a", LoopActor), clock=clock) as system, nothing_is_left(system, clock):
        for _ in range(KILLS // 10):
            reply = system.call("/nobody", 1, 1.0, patient=True)
            clock.advance(1.0)
            with pytest.raises(CallError):
                reply.get()
    assert system.registry._awaiters == {}


def test_dead_letters_are_all_that_a_poisoned_name_keeps(placement: type[Actor]) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement), restarts_max=KILLS, clock=clock) as system:
        with nothing_is_left(system, clock):
            for number in range(KILLS // 30):
                poison = _crash_with(number)
                for _ in range(DEATHS_MAX):
                    system.cast("/a", poison)
                    settle(system)
        assert len(system.registry.actors["/a"]._suspects.letters) == KILLS // 30
