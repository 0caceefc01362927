"""What an actor can rely on while it lives: orders first, one message at a time, monitors, timers, batches."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from scripted_actors import Script, crash, scripted

from viral_engine.runtime import snapshot
from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited
from viral_engine.runtime.exits import SHUTDOWN
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import TerminateChild
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import Gate, ManualClock, NextTurn, Probe, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def worker(name: str, placement: type[Actor], script: Script | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def test_an_order_goes_before_the_messages_that_wait(placement: type[Actor]) -> None:
    gate, script = Gate(), Script()
    with start_supervised(worker("a", placement, script, restart="temporary")) as system:
        actor = system.registry.actors["/a"]
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        for number in range(3):
            system.cast("/a", number)
        stopping = actor.order("shut_down")
        gate.open()
        stopping.get()
        assert actor.exited.get() == SHUTDOWN
        assert script.events == []


def test_an_order_goes_before_the_coroutines_of_a_batch_that_was_taken() -> None:
    class Steps(LoopActor):
        def init(self, seen: list[int], proceed: list[asyncio.Event]) -> None:
            self.seen, self.proceed = seen, proceed

        async def handle_cast(self, message: int) -> None:
            self.seen.append(message)
            self.proceed.append(asyncio.Event())
            started.set()
            await self.proceed[-1].wait()

    seen, proceed, started = list[int](), list[asyncio.Event](), threading.Event()
    with start_supervised(Worker(name="a", actor_class=Steps, args=(seen, proceed), restart="temporary")) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        for number in range(5):
            system.cast("/a", number)
        actor.order("resume").get()
        assert started.wait(5)
        actor.order("shut_down")
        system.loop.post(proceed[0].set)
        assert actor.exited.get() == SHUTDOWN
        assert seen == [0]


def test_a_suspended_actor_handles_nothing_until_it_is_resumed(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script)) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        system.cast("/a", "later")
        settle(system)
        assert (actor.state, script.events, actor.mailbox.depth) == ("suspended", [], 1)
        actor.order("ping").get()
        actor.order("resume").get()
        settle(system)
        assert (actor.state, script.events) == ("running", ["later"])


def test_a_suspended_actor_can_be_stopped(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        system.registry.actors["/a"].order("suspend").get()
        system.call("/", TerminateChild("a")).get()
        assert system.registry.whereis("/a") is None


def test_the_state_can_be_looked_at_and_looking_never_ends_it(placement: type[Actor]) -> None:
    class Shy(placement):  # type: ignore[misc, valid-type]
        def inspect_state(self) -> dict[str, Any]:
            raise SystemExit("not for you")

    with start_supervised(worker("a", placement), Worker(name="b", actor_class=Shy)) as system:
        system.cast("/a", "one")
        settle(system)
        assert system.registry.actors["/a"].order("get_state").get() == {"events": 1}
        with pytest.raises(RuntimeError, match="not for you"):
            system.registry.actors["/b"].order("get_state").get()
        system.registry.actors["/b"].order("ping").get()


def test_orders_to_an_actor_that_ends_are_answered(placement: type[Actor]) -> None:
    gate = Gate()

    def crash_later(_actor: Actor) -> None:
        gate.pass_through()
        raise ValueError("late")

    with start_supervised(worker("a", placement)) as system:
        actor = system.registry.actors["/a"]
        system.cast("/a", crash_later)
        gate.wait_for_arrival()
        waiting = actor.order("get_state")
        gate.open()
        with pytest.raises(ActorExited):
            waiting.get()
        with pytest.raises(ActorExited):
            actor.order("ping").get()


def test_an_order_that_hangs_is_answered_by_the_kill() -> None:
    gate = Gate()

    class Hangs(ThreadActor):
        def inspect_state(self) -> dict[str, Any]:
            gate.pass_through()
            return {}

    with start_supervised(Worker(name="a", actor_class=Hangs)) as system:
        actor = system.registry.actors["/a"]
        looking = actor.order("get_state")
        gate.wait_for_arrival()
        actor.kill()
        assert system.abandoned() == [actor]
        with pytest.raises(ActorExited):
            looking.get()
        gate.open()


def test_coroutine_handlers_run_one_at_a_time_and_in_order() -> None:
    class Slow(LoopActor):
        def init(self, seen: list[tuple[str, int]]) -> None:
            self.seen = seen

        async def handle_call(self, message: int, reply_to: Any) -> int:
            self.seen.append(("in", message))
            await NextTurn()
            self.seen.append(("out", message))
            return message

    seen: list[tuple[str, int]] = []
    with start_supervised(Worker(name="a", actor_class=Slow, args=(seen,))) as system:
        replies = [system.call("/a", number) for number in range(20)]
        assert [reply.get() for reply in replies] == list(range(20))
        assert seen == [(side, number) for number in range(20) for side in ("in", "out")]


def test_one_message_at_a_time_whoever_sends_from_wherever(placement: type[Actor]) -> None:
    class Exclusive(placement):  # type: ignore[misc, valid-type]
        inside = 0
        worst = 0

        def handle_cast(self, message: Any) -> None:
            self.inside += 1
            self.worst = max(self.worst, self.inside)
            sum(range(50))
            self.inside -= 1

    with start_supervised(Worker(name="a", actor_class=Exclusive, mailbox_capacity=10**6)) as system:
        threads = [
            threading.Thread(target=lambda: [system.cast("/a", n) for n in range(2_000)] and None) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for _ in range(500):
            system.loop.post(system.cast, "/a", "from the loop")
        for thread in threads:
            thread.join()
        turned = threading.Event()
        system.loop.post(turned.set)
        assert turned.wait(5)
        settle(system)
        actor: Any = system.registry.actors["/a"]
        assert (actor.worst, actor.handled) == (1, 8_500)


class Batches(ThreadActor):
    """Answers whole batches; a message "crash" anywhere in one crashes after the first was answered."""

    def init(self, sizes: list[int]) -> None:
        self.sizes = sizes

    def handle_batch(self, batch: Any) -> None:
        self.sizes.append(len(batch))
        for envelope in batch:
            if envelope.message == "crash":
                raise ValueError("crash")
            if envelope.message == "hand on":
                envelope.handed_on = True
                self.handed = envelope.reply_to
            else:
                envelope.reply_to.set(envelope.message)


class LoopBatches(LoopActor):
    """The same as a coroutine."""

    init = Batches.init

    async def handle_batch(self, batch: Any) -> None:
        await NextTurn()
        Batches.handle_batch(self, batch)  # type: ignore[arg-type]  # it uses nothing of its class


@pytest.mark.parametrize("kind", [Batches, LoopBatches])
def test_all_that_waits_comes_as_one_batch(kind: type[Actor]) -> None:
    sizes: list[int] = []
    with start_supervised(Worker(name="a", actor_class=kind, args=(sizes,))) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        replies = [system.call("/a", number) for number in range(100)]
        actor.order("resume").get()
        assert [reply.get() for reply in replies] == list(range(100))
        assert sizes == [100]


@pytest.mark.parametrize("kind", [Batches, LoopBatches])
def test_a_crash_in_a_batch_fails_all_that_were_not_answered(kind: type[Actor]) -> None:
    with start_supervised(Worker(name="a", actor_class=kind, args=([],))) as system:
        actor: Any = system.registry.actors["/a"]
        actor.order("suspend").get()
        answered, handed, crashing, last = (system.call("/a", m) for m in ("first", "hand on", "crash", "last"))
        actor.order("resume").get()
        assert answered.get() == "first"
        for reply in (crashing, last):
            with pytest.raises(ActorExited) as ended:
                reply.get()
            assert ended.value.begun
        settle(system)
        assert not handed.is_settled
        actor.handed.set("by another")
        assert handed.get() == "by another"


@pytest.mark.parametrize("kind", [Batches, LoopBatches])
def test_an_expired_call_never_reaches_a_batch(kind: type[Actor]) -> None:
    clock, sizes = ManualClock(), list[int]()
    with start_supervised(Worker(name="a", actor_class=kind, args=(sizes,)), clock=clock) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        system.call("/a", 1, timeout_s=1.0)
        in_time = system.call("/a", 2, timeout_s=9.0)
        clock.advance(2.0)
        actor.order("resume").get()
        assert in_time.get() == 2
        system.call("/a", 3, timeout_s=0.0)
        settle(system)
        assert sizes == [1]


def test_a_snapshot_needs_nobody_s_help() -> None:
    gate = Gate()
    with start_supervised(worker("a", ThreadActor), Worker(name="p", actor_class=Probe, args=([],))) as system:
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        system.cast("/a", "waits")
        tree = snapshot.take(system)
        assert tree is not None
        stuck, probe = tree.children
        assert (stuck.state, stuck.current_message, stuck.depth, stuck.recent) == (
            "running",
            "function",
            1,
            ("function",),
        )
        assert stuck.busy_s is not None
        assert (probe.busy_s, probe.depth) == (None, 0)
        where = snapshot.stack(system.registry.actors["/a"])
        assert where is not None
        assert "pass_through" in where
        gate.open()


def test_settle_sees_an_actor_that_is_about_to_tell_its_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the end of an incarnation and its last word the tree is not at rest."""
    gate, script = Gate(), Script()
    with start_supervised(worker("a", ThreadActor, script)) as system:
        actor: Any = system.registry.actors["/a"]
        fail = actor._fail_callers

        def slow(*args: Any) -> None:
            gate.pass_through()
            fail(*args)

        monkeypatch.setattr(actor, "_fail_callers", slow)
        system.cast("/a", crash)
        gate.wait_for_arrival()
        settled = threading.Event()

        def settle_and_say() -> None:
            settle(system)
            settled.set()

        settler = threading.Thread(target=settle_and_say)
        settler.start()
        assert not settled.is_set()
        gate.open()
        settler.join()
        assert len(script.actors) == 2


def test_settle_follows_a_message_through_every_actor(placement: type[Actor]) -> None:
    def hop(count: int) -> Any:
        def message(actor: Any) -> None:
            if count:
                actor.cast("/b" if actor.path == "/a" else "/a", hop(count - 1))
            else:
                actor.script.events.append("arrived")

        return message

    script = Script()
    with start_supervised(worker("a", placement, script), worker("b", placement, script)) as system:
        for journey in range(1, 30):
            system.cast("/a", hop(40))
            settle(system)
            assert len(script.events) == journey


def test_ticks_of_one_kind_in_a_row_take_one_place(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        actor = system.registry.actors["/a"]
        system.call("/a", 1).get()
        for _ in range(50):
            actor.tell_info("tick")
        system.call("/a", 2.0).get()
        settle(system)
        assert [kind for kind, _ in actor.recent] == [int, str, float]
