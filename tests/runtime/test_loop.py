"""The event loop's thread, and replies that are awaited on it, elsewhere, or not at all."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
from collections.abc import Awaitable
from typing import Any

import pytest
from scripted_actors import Script, crash, no_reply, scripted

from viral_engine.runtime import loop as loop_module
from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited, CallTimeout, WouldBlockLoop
from viral_engine.runtime.events import LoopBlocked, LoopRecovered
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, Gate, ManualClock, NextTurn, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def worker(name: str, placement: type[Actor], script: Script | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def on_loop(system: System, coroutine: Awaitable[Any]) -> Any:
    """Runs a coroutine on the runtime's own loop and returns its result."""
    return start_on_loop(system, coroutine).get()


def start_on_loop(system: System, coroutine: Awaitable[Any]) -> Reply[Any]:
    result: Reply[Any] = Reply()

    async def run() -> None:
        try:
            result.set(await coroutine)
        except Exception as error:  # noqa: BLE001  (it is raised again in the test's thread)
            result.set_exception(error)

    system.loop.post(lambda: system.loop.create_task(run(), "test"))
    return result


def test_many_replies_are_awaited_at_once_on_the_runtime_s_loop(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:

        async def ask() -> Any:
            return await asyncio.gather(*(system.call("/a", number) for number in range(100)))

        assert on_loop(system, ask()) == list(range(100))
        assert len(system.deadlines.waiting) == 0


def test_replies_are_awaited_on_a_loop_that_is_not_the_runtime_s(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:

        async def ask() -> Any:
            return await asyncio.gather(*(system.call("/a", number) for number in range(100)))

        assert asyncio.run(ask()) == list(range(100))


def test_an_awaited_reply_raises_what_the_actor_ended_with(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:

        async def ask() -> None:
            await system.call("/a", crash)

        with pytest.raises(ActorExited):
            on_loop(system, ask())
        settle(system)
        with pytest.raises(ActorExited):
            asyncio.run(ask())


def test_a_loop_that_is_closed_meanwhile_does_not_hurt_the_actor_that_answers(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script)) as system:

        async def give_up() -> None:
            task = asyncio.ensure_future(_awaited(system.call("/a", no_reply)))
            await NextTurn()
            task.cancel()

        asyncio.run(give_up())
        settle(system)
        system.cast("/a", lambda actor: actor.reply_to.set("nobody is there"))
        settle(system)
        assert len(script.actors) == 1


async def _awaited(reply: Reply[Any]) -> Any:
    return await reply


@pytest.mark.parametrize("answer", ["late", ValueError("late")], ids=["an answer", "an error"])
def test_an_answer_after_its_caller_was_cancelled_disturbs_nobody(placement: type[Actor], answer: Any) -> None:
    told: list[dict[str, Any]] = []
    with start_supervised(worker("a", placement)) as system:
        system.loop.event_loop.set_exception_handler(lambda _loop, context: told.append(context))

        async def give_up() -> Reply[Any]:
            reply = system.call("/a", no_reply)
            task = asyncio.ensure_future(_awaited(reply))
            await NextTurn()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return reply

        reply: Reply[Any] = on_loop(system, _wrapped(give_up()))[0]
        settle(system)
        if isinstance(answer, Exception):
            system.cast("/a", lambda actor: actor.reply_to.set_exception(answer))
        else:
            system.cast("/a", lambda actor: actor.reply_to.set(answer))
        settle(system)
        assert reply.is_settled
        assert len(system.deadlines.waiting) == 0
        del reply
        gc.collect()
        settle(system)
    assert told == []


@pytest.mark.parametrize("who_leaves", [0, 1])
def test_of_two_who_wait_for_one_reply_each_is_told_in_time_whoever_of_them_leaves(
    placement: type[Actor], who_leaves: int
) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement), clock=clock) as system:

        async def ask() -> Any:
            reply = system.call("/a", no_reply, timeout_s=2.0)
            tasks = []
            for _ in range(2):
                tasks.append(asyncio.ensure_future(_awaited(reply)))
                await NextTurn()
            tasks[who_leaves].cancel()
            with pytest.raises(asyncio.CancelledError):
                await tasks[who_leaves]
            return await tasks[1 - who_leaves]

        waiting = start_on_loop(system, ask())
        clock.wait_for_timers(1)
        settle(system)
        clock.advance(2.0)
        with pytest.raises(CallTimeout):
            waiting.get()
        assert len(system.deadlines.waiting) == 0


def test_whoever_leaves_a_call_that_has_no_end_leaves_nothing_behind(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:

        async def give_up() -> int:
            task = asyncio.ensure_future(_awaited(system.call("/a", no_reply, timeout_s=math.inf)))
            await NextTurn()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return len(system.deadlines.waiting)

        assert on_loop(system, give_up()) == 0


async def _wrapped(coroutine: Awaitable[Any]) -> tuple[Any]:
    """What is awaitable itself would be awaited on its way back."""
    return (await coroutine,)


@pytest.mark.parametrize("error", [StopIteration(7), KeyboardInterrupt(7), SystemExit(7)], ids=repr)
def test_an_error_that_no_coroutine_may_raise_reaches_who_awaits_it_all_the_same(
    placement: type[Actor], error: BaseException
) -> None:
    with start_supervised(worker("a", placement)) as system:
        waiting = start_on_loop(system, _awaited(system.call("/a", no_reply)))
        settle(system)
        system.cast("/a", lambda actor: actor.reply_to.set_exception(error))
        with pytest.raises(RuntimeError, match=type(error).__name__):
            waiting.get()
        assert system.loop.is_running


@pytest.mark.parametrize("elsewhere", [False, True], ids=["runtime's loop", "another loop"])
def test_an_awaited_call_times_out_at_its_deadline(placement: type[Actor], *, elsewhere: bool) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement), clock=clock) as system:

        async def ask() -> None:
            await system.call("/a", no_reply, timeout_s=2.0)

        if elsewhere:
            result: Reply[Any] = Reply()

            def run() -> None:
                try:
                    asyncio.run(ask())
                except CallTimeout as late:
                    result.set_exception(late)

            thread = threading.Thread(target=run)
            thread.start()
        else:
            result = start_on_loop(system, ask())
        clock.wait_for_timers(1)
        clock.advance(1.9)
        assert not result.is_settled
        clock.advance(0.1)
        with pytest.raises(CallTimeout):
            result.get()


def test_deadlines_need_one_timer_however_many_wait() -> None:
    clock = ManualClock()
    with start_supervised(worker("a", ThreadActor), clock=clock) as system:

        async def ask() -> int:
            replies = [system.call("/a", no_reply, timeout_s=1.0 + number) for number in range(50)]
            outcomes = await asyncio.gather(*replies, return_exceptions=True)
            return sum(isinstance(outcome, CallTimeout) for outcome in outcomes)

        late = start_on_loop(system, ask())
        clock.wait_for_timers(1)
        settle(system)
        assert sum(timer.callback is not None for _, _, timer in clock._timers) == 1
        clock.advance(60.0)
        assert late.get() == 50
        assert len(system.deadlines.waiting) == 0


def test_a_shorter_deadline_than_the_ones_that_wait_is_kept() -> None:
    clock = ManualClock()
    with start_supervised(worker("a", ThreadActor), clock=clock) as system:
        long = start_on_loop(system, _awaited(system.call("/a", no_reply, timeout_s=50.0)))
        clock.wait_for_timers(1)
        short = start_on_loop(system, _awaited(system.call("/a", no_reply, timeout_s=2.0)))
        on_loop(system, NextTurn())
        clock.advance(2.0)
        with pytest.raises(CallTimeout):
            short.get()
        assert not long.is_settled
        clock.advance(48.0)
        with pytest.raises(CallTimeout):
            long.get()


def test_getting_a_reply_in_a_thread_times_out_at_the_call_s_deadline_or_its_own(placement: type[Actor]) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement), clock=clock) as system:
        reply = system.call("/a", no_reply, timeout_s=5.0)
        with pytest.raises(CallTimeout):
            reply.get(timeout=0.0)
        assert not reply.is_settled
        clock.advance(5.0)
        with pytest.raises(CallTimeout):
            reply.get()
        assert reply.is_settled


@pytest.mark.parametrize("how", ["call", "ask"])
def test_waiting_on_the_loop_is_refused(placement: type[Actor], how: str) -> None:
    with start_supervised(worker("a", placement)) as system:
        ref = system.registry.actors["/a"].actor_ref

        async def block() -> None:
            if how == "call":
                system.call("/a", no_reply).get()
            else:
                ref.ask(no_reply)

        with pytest.raises(WouldBlockLoop):
            on_loop(system, block())


def test_a_blocked_loop_is_told_with_its_stack_and_so_is_its_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "CHECK_INTERVAL_S", 0.01)
    monkeypatch.setattr(loop_module, "BLOCKED_AFTER_S", 0.05)
    gate, log = Gate(), EventLog()
    with start_supervised(worker("a", LoopActor), log=log) as system:
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        (blocked,) = log.wait_for(LoopBlocked)[:1]
        assert "pass_through" in blocked.stack
        gate.open()
        log.wait_for(LoopRecovered)


def test_a_posted_callback_that_raises_does_not_eat_the_others() -> None:
    with start_supervised() as system:
        raised, ran = threading.Event(), threading.Event()
        system.loop._loop.set_exception_handler(lambda *_: raised.set())
        held = Gate()
        system.loop.post(held.pass_through)
        held.wait_for_arrival()
        system.loop.post(_crash)
        system.loop.post(ran.set)
        held.open()
        assert ran.wait(5)
        assert raised.is_set()


def _crash() -> None:
    raise ValueError("a posted callback")


def test_posting_to_a_loop_that_is_down_is_harmless() -> None:
    with start_supervised() as system:
        pass
    for _ in range(3):
        system.loop.post(lambda: None)
    assert len(system.loop._posted) == 0


def test_the_first_of_many_answers_wins_and_every_callback_is_called_once() -> None:
    for _ in range(100):
        called, answer = _race()
        assert sorted(called) == [0, 1]
        assert answer in (0, 1)


def _race() -> tuple[list[int], int]:
    reply: Reply[int] = Reply()
    called: list[int] = []
    ready = threading.Barrier(4)

    def settle_it(number: int) -> None:
        ready.wait()
        reply.set(number)

    def listen(number: int) -> None:
        ready.wait()
        reply.on_settled(lambda: called.append(number))

    threads = [threading.Thread(target=target, args=(n,)) for n in range(2) for target in (settle_it, listen)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return called, reply.get()
