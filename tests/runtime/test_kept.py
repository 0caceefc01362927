"""State that outlives incarnations: adopted, and thrown away when it can no longer be trusted."""

from __future__ import annotations

from typing import Any

from scripted_actors import Script, crash, scripted

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.events import KeptStateDropped
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import EventLog, Gate, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def worker(name: str, placement: type[Actor], script: Script | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def test_kept_state_is_adopted_by_the_next_incarnation(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        system.call("/a", lambda actor: setattr(actor.kept, "value", {"limits": 3})).get()
        system.cast("/a", crash)
        settle(system)
        assert system.call("/a", lambda actor: actor.kept.value).get() == {"limits": 3}


def test_kept_state_is_dropped_after_two_crashes_in_a_row(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), clock=ManualClock(), log=log) as system:
        system.call("/a", lambda actor: setattr(actor.kept, "value", "poison")).get()
        for _ in range(2):
            system.cast("/a", crash)
            settle(system)
        assert system.call("/a", lambda actor: actor.kept.value).get() is None
    assert [dropped.path for dropped in log.of(KeptStateDropped)] == ["/a"]


def test_kept_state_that_makes_the_init_crash_is_dropped_too(placement: type[Actor]) -> None:
    log = EventLog()

    class Poisoned(placement):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            if self.kept.value == "poison":
                raise ValueError(self.kept.value)

        def handle_call(self, message: Any, reply_to: Any) -> Any:
            self.kept.value = message
            raise ValueError("crash")

    with start_supervised(Worker(name="a", actor_class=Poisoned), clock=ManualClock(), log=log) as system:
        system.call("/a", "poison")
        settle(system)
        assert system.registry.actors["/a"].kept.value is None
    assert len(log.of(KeptStateDropped)) == 1


def test_a_healthy_spell_between_two_crashes_saves_the_kept_state(placement: type[Actor]) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement), clock=clock, restarts_window_s=5.0) as system:
        system.call("/a", lambda actor: setattr(actor.kept, "value", "good")).get()
        for _ in range(3):
            clock.advance(6.0)
            system.cast("/a", crash)
            settle(system)
        assert system.call("/a", lambda actor: actor.kept.value).get() == "good"


def test_kept_state_that_a_hung_thread_may_still_write_to_is_dropped() -> None:
    gate, log = Gate(), EventLog()

    def hang(actor: Any) -> None:
        gate.pass_through()
        actor.kept.value = "written by the dead"

    with start_supervised(worker("a", ThreadActor), log=log) as system:
        system.call("/a", lambda actor: setattr(actor.kept, "value", "good")).get()
        system.cast("/a", hang)
        gate.wait_for_arrival()
        old: Any = system.registry.actors["/a"]
        old.kill()
        settle(system)
        gate.open()
        old._thread.join()
        assert system.call("/a", lambda actor: actor.kept.value).get() is None
    assert [dropped.why for dropped in log.of(KeptStateDropped)] == ["a hung thread may still write to it"]
