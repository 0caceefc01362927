"""Kills: fenced before anybody hears of it, whatever the actor is doing, and nothing is left behind."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from scripted_actors import Script, crash, scripted

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited
from viral_engine.runtime.events import AbortFailed, ActorEnded, ThreadAbandoned
from viral_engine.runtime.exits import KILLED
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import StartChild, WhichChildren
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.testing import EventLog, Gate, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor


def worker(name: str, placement: type[Actor], script: Script | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


class Resource:
    """Something that a killed incarnation may still be using."""

    def __init__(self, *, fails: bool = False) -> None:
        self.aborted_in: list[threading.Thread] = []
        self._fails = fails

    def abort(self) -> None:
        self.aborted_in.append(threading.current_thread())
        if self._fails:
            raise OSError("no connection")


def test_an_idle_actor_is_killed_and_brought_back(placement: type[Actor]) -> None:
    log, script = EventLog(), Script(on_terminate=lambda _: script.events.append("terminate"))
    with start_supervised(worker("a", placement, script), log=log) as system:
        assert system.registry.actors["/a"].kill("for the test") is True
        settle(system)
        assert script.actors[0].kill() is False
        assert script.events == []
        assert system.call("/a", 1).get() == 1
        assert len(script.actors) == 2
    killed = log.of(ActorEnded)[0]
    assert (killed.exit_reason, killed.killed_for) == (KILLED, "for the test")
    assert log.of(ThreadAbandoned) == []


def test_a_hung_thread_is_fenced_off_and_its_late_answer_dropped() -> None:
    gate, log, script, late = Gate(), EventLog(), Script(), Script()
    resource = Resource()

    def hang(actor: Any) -> str:
        actor.own(resource)
        gate.pass_through()
        late.events.append("the hung handler went on")
        return "late"

    with start_supervised(worker("a", ThreadActor, script), log=log) as system:
        reply = system.call("/a", hang)
        gate.wait_for_arrival()
        script.actors[0].kill()
        with pytest.raises(ActorExited) as ended:
            reply.get()
        assert ended.value.begun
        assert resource.aborted_in == [threading.current_thread()]
        settle(system)
        assert system.call("/a", "next").get() == "next"
        assert system.abandoned() == [script.actors[0]]
        gate.open()
        script.actors[0]._thread.join()  # type: ignore[attr-defined]
        assert system.abandoned() == []
        with pytest.raises(ActorExited):
            reply.get()
    assert late.events == ["the hung handler went on"]
    assert [abandoned.abandoned_threads for abandoned in log.of(ThreadAbandoned)] == [1]


def test_too_many_hung_threads_are_told_as_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viral_engine.runtime.system.ABANDONED_THREADS_MAX", 1)
    fatal: list[str] = []
    gate = Gate()
    with start_supervised(worker("a", ThreadActor), worker("b", ThreadActor)) as system:
        system._on_fatal = fatal.append
        for path in ("/a", "/b"):
            system.cast(path, lambda _: gate.pass_through())
            gate.wait_for_arrival()
            system.registry.actors[path].kill()
        gate.open()
        settle(system)
    assert fatal == ["2 threads hang in killed actors, the last one in /b"]


def test_resources_are_aborted_before_the_supervisor_starts_the_next_incarnation(placement: type[Actor]) -> None:
    seen, script, log = list[Any](), Script(), EventLog()

    class Nosy(Resource):
        def abort(self) -> None:
            seen.append((len(script.actors), log.of(ActorEnded), system.registry.whereis("/a")))

    with start_supervised(worker("a", placement, script), log=log) as system:
        system.call("/a", lambda actor: actor.own(Nosy())).get()
        script.actors[0].kill()
        settle(system)
        assert seen == [(1, [], None)]
        assert len(script.actors) == 2


def test_a_resource_that_cannot_be_aborted_is_told_and_keeps_nothing_from_ending(placement: type[Actor]) -> None:
    log, good = EventLog(), Resource()
    with start_supervised(worker("a", placement), log=log) as system:
        for resource in (Resource(fails=True), good):
            system.call("/a", lambda actor, resource=resource: actor.own(resource)).get()
        system.registry.actors["/a"].kill()
        settle(system)
        assert system.call("/a", 1).get() == 1
    assert [failed.error for failed in log.of(AbortFailed)] == ["OSError: no connection"]
    assert len(good.aborted_in) == 1


def test_what_is_owned_after_the_kill_is_aborted_at_once() -> None:
    gate, resource, script = Gate(), Resource(), Script()

    def hang(actor: Any) -> None:
        gate.pass_through()
        actor.own(resource)

    with start_supervised(worker("a", ThreadActor, script)) as system:
        system.cast("/a", hang)
        gate.wait_for_arrival()
        script.actors[0].kill()
        gate.open()
        script.actors[0]._thread.join()  # type: ignore[attr-defined]
        assert len(resource.aborted_in) == 1


def test_what_was_disowned_is_not_aborted(placement: type[Actor]) -> None:
    resource = Resource()
    with start_supervised(worker("a", placement)) as system:
        system.call("/a", lambda actor: actor.own(resource)).get()
        system.call("/a", lambda actor: actor.disown(resource)).get()
        system.registry.actors["/a"].kill()
        assert resource.aborted_in == []


class Coroutines(LoopActor):
    """Handlers that wait for an event which never comes, and say when they are cancelled."""

    def init(self, seen: list[str], started: threading.Event) -> None:
        self.seen, self.started = seen, started

    async def handle_call(self, message: Any, reply_to: Any) -> Any:
        if message == "echo":
            return message
        try:
            self.started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.seen.append("cancelled")
            if message == "stubborn":
                return "late"
            raise

    async def terminate(self, exit_reason: Any) -> None:
        self.seen.append("terminate")
        self.started.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("message", ["obedient", "stubborn"])
def test_a_hung_coroutine_is_cancelled_and_its_late_answer_dropped(message: str) -> None:
    seen: list[str] = []
    started = threading.Event()
    with start_supervised(
        Worker(name="a", actor_class=Coroutines, args=(seen, started), shutdown_s="brutal")
    ) as system:
        reply = system.call("/a", message)
        assert started.wait(5)
        system.registry.actors["/a"].kill()
        with pytest.raises(ActorExited):
            reply.get()
        settle(system)
        assert system.call("/a", "echo").get() == "echo"
        assert seen == ["cancelled"]


def test_a_coroutine_that_has_not_begun_is_never_begun_after_a_kill() -> None:
    class KillsItself(LoopActor):
        def init(self, seen: list[str]) -> None:
            self.seen = seen

        def handle_cast(self, message: Any) -> Any:
            self.kill()
            return self.work()

        async def work(self) -> None:
            self.seen.append("begun")

    seen: list[str] = []
    with start_supervised(Worker(name="a", actor_class=KillsItself, args=(seen,))) as system:
        system.cast("/a", "at once")
        settle(system)
        assert seen == []


def test_a_coroutine_that_is_cancelled_before_its_first_step_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python warns of a coroutine that nobody ever awaited, and a warning fails this test."""

    class Works(LoopActor):
        def handle_cast(self, message: Any) -> Any:
            return self.work()

        async def work(self) -> None:
            seen.append("begun")

    seen: list[str] = []
    with start_supervised(Worker(name="a", actor_class=Works)) as system:
        actor = system.registry.actors["/a"]
        create_task = system.loop.create_task

        def killed_at_once(coroutine: Any, name: str) -> Any:
            # Posted before the task exists, so that the cancellation overtakes its first step.
            system.loop.post(lambda: None)
            task = create_task(coroutine, name)
            actor.kill()
            return task

        monkeypatch.setattr(system.loop, "create_task", killed_at_once)
        system.cast("/a", "work")
        settle(system)
        assert (seen, actor.end) == ([], KILLED)


def test_a_kill_while_terminate_waits_cancels_it_too() -> None:
    seen: list[str] = []
    started = threading.Event()
    clock = ManualClock()
    child = Worker(name="a", actor_class=Coroutines, args=(seen, started), shutdown_s=2.0)
    with start_supervised(child, clock=clock) as system:
        actor = system.registry.actors["/a"]
        asked = system.root.order("shut_down") if system.root else None
        assert started.wait(5)
        clock.wait_for_timers(1)
        clock.advance(2.0)
        assert actor.exited.get() == KILLED
        assert asked is not None
        asked.get()
        task_gone = threading.Event()
        system.loop.post(lambda: system.loop.post(lambda: system.loop.post(task_gone.set)))
        assert task_gone.wait(5)
        assert actor._task is None  # type: ignore[attr-defined]
    assert seen == ["terminate"]


def test_a_kill_during_an_init_fails_the_start_and_is_retried() -> None:
    gate, script = Gate(), Script()
    script.inits = [None, gate.pass_through]
    with start_supervised(worker("a", ThreadActor, script)) as system:
        system.cast("/a", crash)
        gate.wait_for_arrival()
        script.actors[1].kill()
        gate.open()
        settle(system)
        assert system.call("/a", 1).get() == 1
        assert len(script.actors) == 3


def test_a_kill_during_a_coroutine_init_fails_the_start_and_is_retried() -> None:
    class Waits(LoopActor):
        async def init(self, actors: list[Waits], started: threading.Event) -> None:
            actors.append(self)
            if len(actors) == 2:
                started.set()
                await asyncio.Event().wait()

        def handle_call(self, message: Any, reply_to: Any) -> int:
            return self.incarnation

    actors: list[Waits] = []
    started = threading.Event()
    with start_supervised(Worker(name="a", actor_class=Waits, args=(actors, started))) as system:
        actors[0].kill()
        assert started.wait(5)
        actors[1].kill()
        settle(system)
        assert system.call("/a", "?").get() == 3


def test_the_kill_of_a_supervisor_takes_its_children_along(placement: type[Actor]) -> None:
    scripts = {"a": Script(), "b": Script()}
    inner = Supervisor(name="s", children=tuple(worker(name, placement, script) for name, script in scripts.items()))
    log = EventLog()
    with start_supervised(inner, log=log) as system:
        system.registry.actors["/s"].kill("operator")
        settle(system)
        assert [len(script.actors) for script in scripts.values()] == [2, 2]
        assert system.call("/s/a", 1).get() == 1
    ends = [(end.path, end.exit_reason.kind) for end in log.of(ActorEnded)]
    assert sorted(ends[:3]) == [("/s", "killed"), ("/s/a", "killed"), ("/s/b", "killed")]


def test_a_supervisor_killed_while_it_starts_a_child_leaves_no_orphan() -> None:
    gate, script = Gate(), Script()
    script.inits = [gate.pass_through]
    with start_supervised(Supervisor(name="s")) as system:
        reply = system.call("/s", StartChild(worker("a", ThreadActor, script)))
        gate.wait_for_arrival()
        supervisor: Any = system.registry.actors["/s"]
        supervisor.kill()
        gate.open()
        with pytest.raises(ActorExited):
            reply.get()
        # Its own thread is the last to see the child that it was starting.
        supervisor._thread.join()
        settle(system)
        assert system.registry.paths() == ["/", "/s"]
        assert system.call("/s", WhichChildren()).get() == ()


def test_a_supervisor_killed_while_it_stops_a_child_leaves_no_orphan() -> None:
    gate = Gate()
    script = Script(on_terminate=lambda _: gate.pass_through())
    inner = Supervisor(name="s", children=(worker("a", ThreadActor, script, shutdown_s="infinity"),))
    with start_supervised(inner) as system:
        system.registry.actors["/s"].order("shut_down")
        gate.wait_for_arrival()
        system.registry.actors["/s"].kill()
        settle(system)
        assert [actor.end for actor in script.actors] == [KILLED, None]
        gate.open()


def test_a_kill_that_meets_a_batch_on_its_way_fails_every_call_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment between leaving the mailbox and being visible as the current batch."""
    with start_supervised(worker("a", ThreadActor)) as system:
        actor: Any = system.registry.actors["/a"]
        begin = actor._begin_batch

        def killed_before(batch: Any) -> Any:
            actor.kill()
            return begin(batch)

        monkeypatch.setattr(actor, "_begin_batch", killed_before)
        with pytest.raises(ActorExited) as ended:
            system.call("/a", 1).get()
        assert ended.value.begun is False


def test_what_waits_behind_the_message_of_the_kill_is_never_begun(placement: type[Actor]) -> None:
    gate, script = Gate(), Script()
    with start_supervised(worker("a", placement, script), worker("b", placement)) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        system.cast("/a", lambda _: gate.pass_through())
        behind = system.call("/a", lambda actor: actor.script.events.append("begun"))
        actor.order("resume").get()
        gate.wait_for_arrival()
        actor.kill()
        gate.open()
        with pytest.raises(ActorExited) as ended:
            behind.get()
        assert ended.value.begun is False
        settle(system)
        if isinstance(actor, ThreadActor) and actor._thread is not None:
            actor._thread.join()
        system.call("/b", "the loop has turned").get()
        assert script.events == []


def test_a_kill_between_two_messages_never_tells_the_second_caller_that_it_may_send_again() -> None:
    """Either the handler never sees the message, or its caller is told that it was begun."""
    with start_supervised(worker("a", ThreadActor), restarts_max=1_000) as system:
        for _ in range(200):
            handled: list[int] = []
            actor = system.registry.actors["/a"]
            actor.order("suspend").get()
            replies = [system.call("/a", lambda _, n=n, handled=handled: handled.append(n)) for n in range(50)]
            actor.order("resume")
            actor.kill()
            settle(system)
            begun = set()
            for number, reply in enumerate(replies):
                try:
                    reply.get()
                    begun.add(number)
                except ActorExited as ended:
                    if ended.begun:
                        begun.add(number)
            assert set(handled) <= begun
