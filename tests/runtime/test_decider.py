"""What an exception means for its actor is decided by its class: restart, resume, stop or escalate."""

from __future__ import annotations

from typing import Any

import pytest
from event_story import phases, worker
from scripted_actors import Boom, Script, crash, stop

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.decider import directive_for, directive_of_exit
from viral_engine.runtime.errors import ActorExited, HandlerFailed, InvalidSpec
from viral_engine.runtime.events import ActorEnded, MessageFailed, SupervisorGaveUp
from viral_engine.runtime.exits import KILLED, NORMAL, SHUTDOWN, Exit
from viral_engine.runtime.exits import crash as exit_of
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import RestartChild, StartDynamic
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, Gate, NextTurn, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor

RESUME: Any = ((Boom, "resume"),)


def failing_call(system: System, path: str, message: Any = crash) -> BaseException:
    with pytest.raises(HandlerFailed) as failed:
        system.call(path, message).get()
    assert failed.value.begun
    return failed.value.error


def test_the_first_class_that_fits_decides_and_none_means_restart() -> None:
    decider: Any = ((KeyError, "resume"), (LookupError, "stop"), (Exception, "escalate"))
    errors = (KeyError(), IndexError(), OSError(), SystemExit(), None)
    assert [directive_for(decider, error) for error in errors] == ["resume", "stop", "escalate", "restart", "restart"]
    assert directive_for((), KeyError()) == "restart"


def test_only_a_crash_is_decided() -> None:
    decider: Any = ((Exception, "stop"),)
    ends = (NORMAL, SHUTDOWN, KILLED, Exit("shutdown", "while handling an error", Boom()))
    assert [directive_of_exit(decider, end) for end in ends] == ["restart"] * 4
    assert directive_of_exit(decider, exit_of(Boom())) == "stop"


def test_a_directive_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"a\.decider"):
        worker("a", LoopActor, decider=((Boom, "ignore"),))


def test_a_call_that_fails_by_a_resumed_error_tells_its_caller_and_the_state_lives_on(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement, decider=RESUME), restarts_max=0, log=log) as system:
        system.call("/a", lambda actor: setattr(actor, "status", "kept")).get()
        assert isinstance(failing_call(system, "/a"), Boom)
        assert system.call("/a", lambda actor: (actor.status, actor.incarnation)).get() == ("kept", 1)
    assert [(failed.message_type, failed.error) for failed in log.of(MessageFailed)] == [("function", "Boom: boom")]


def test_a_cast_that_fails_by_a_resumed_error_costs_no_other_message(placement: type[Actor]) -> None:
    script, log = Script(), EventLog()
    with start_supervised(worker("a", placement, script, decider=RESUME), restarts_max=0, log=log) as system:
        system.registry.actors["/a"].order("suspend").get()
        for message in ("before", crash, "between", crash, "after"):
            system.cast("/a", message)
        system.registry.actors["/a"].order("resume").get()
        settle(system)
        assert script.events == ["before", "between", "after"]
    assert len(log.of(MessageFailed)) == 2


def test_an_error_of_another_class_ends_the_actor_all_the_same(placement: type[Actor]) -> None:
    def fail(_actor: Actor) -> None:
        raise OSError("disk")

    with start_supervised(worker("a", placement, decider=RESUME)) as system:
        with pytest.raises(ActorExited, match="OSError: disk"):
            system.call("/a", fail).get()
        settle(system)
        assert system.call("/a", lambda actor: actor.incarnation).get() == 2


def test_an_actor_that_ends_itself_is_never_resumed(placement: type[Actor]) -> None:
    child = worker("a", placement, restart="transient", decider=((Exception, "resume"),))
    with start_supervised(child) as system:
        system.cast("/a", stop)
        settle(system)
        assert phases(system) == [("a", "stopped")]


def test_a_reply_that_was_handed_on_is_not_failed_by_a_resumed_error(placement: type[Actor]) -> None:
    gate = Gate()

    def answer(_actor: Actor) -> str:
        gate.pass_through()
        return "from b"

    def hand_on_and_fail(actor: Any) -> None:
        actor.forward("/b", answer, actor.reply_to)
        raise Boom("after it was forwarded")

    with start_supervised(worker("a", placement, decider=RESUME), worker("b", ThreadActor)) as system:
        reply = system.call("/a", hand_on_and_fail)
        gate.wait_for_arrival()
        assert system.call("/a", "lives on").get() == "lives on"
        gate.open()
        assert reply.get() == "from b"


class Coroutines(LoopActor):
    async def handle_call(self, message: Any, reply_to: Any) -> Any:
        await NextTurn()
        if message == "fail":
            raise Boom("after a wait")
        return message


def test_a_coroutine_that_fails_by_a_resumed_error_lets_the_rest_of_its_batch_go_on() -> None:
    with start_supervised(Worker(name="a", actor_class=Coroutines, decider=RESUME), restarts_max=0) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        replies = [system.call("/a", message) for message in (1, "fail", 2, "fail", 3)]
        actor.order("resume").get()
        answers = [reply.get() for reply in replies[::2]]
        assert answers == [1, 2, 3]
        for reply in replies[1::2]:
            with pytest.raises(HandlerFailed):
                reply.get()


class Batches(ThreadActor):
    """Answers the first of a batch, hands the second on, and fails at the third."""

    handed: Any = None

    def handle_batch(self, batch: Any) -> None:
        batch[0].reply_to.set("first")
        if len(batch) > 1:
            batch[1].handed_on = True
            self.handed = batch[1].reply_to
            raise Boom("in the batch")


class LoopBatches(LoopActor):
    handle_batch = Batches.handle_batch


class CoroutineBatches(LoopActor):
    async def handle_batch(self, batch: Any) -> None:
        await NextTurn()
        Batches.handle_batch(self, batch)  # type: ignore[arg-type]  # it uses nothing of its class


@pytest.mark.parametrize("kind", [Batches, LoopBatches, CoroutineBatches])
def test_a_batch_that_fails_by_a_resumed_error_fails_all_that_were_not_answered(kind: type[Actor]) -> None:
    with start_supervised(Worker(name="a", actor_class=kind, decider=RESUME), restarts_max=0) as system:
        actor: Any = system.registry.actors["/a"]
        actor.order("suspend").get()
        first, handed, *others = (system.call("/a", number) for number in range(5))
        actor.order("resume").get()
        for reply in others:
            with pytest.raises(HandlerFailed) as failed:
                reply.get()
            assert failed.value.begun
        assert first.get() == "first"
        assert not handed.is_settled
        actor.handed.set("by another")
        assert handed.get() == "by another"
        assert system.call("/a", "next batch").get() == "first"


def test_a_stopped_child_is_not_brought_back_and_can_be_started_by_hand(placement: type[Actor]) -> None:
    child = worker("a", placement, decider=((Boom, "stop"),))
    with start_supervised(child, worker("b", placement), strategy="one_for_all", restarts_max=0) as system:
        system.cast("/a", crash)
        settle(system)
        assert phases(system) == [("b", "running"), ("a", "stopped")]
        assert system.registry.actors["/b"].incarnation == 1
        system.call("/", RestartChild("a")).get()
        assert system.call("/a", 1).get() == 1


def test_a_stopped_child_of_a_dynamic_supervisor_is_forgotten(placement: type[Actor]) -> None:
    template = worker("t", placement, decider=((Boom, "stop"),))
    with start_supervised(DynamicSupervisor(name="d", template=template), restarts_max=0) as system:
        system.call("/d", StartDynamic("a")).get()
        system.cast("/d/a", crash)
        settle(system)
        assert phases(system, "/d") == []


def test_the_stop_of_a_significant_child_ends_its_supervisor() -> None:
    child = worker("a", LoopActor, decider=((Boom, "stop"),), restart="transient", significant=True)
    inner = Supervisor(name="s", children=(child,), auto_shutdown="any_significant", restart="transient")
    with start_supervised(inner) as system:
        system.cast("/s/a", crash)
        settle(system)
        assert phases(system) == [("s", "stopped")]


@pytest.mark.parametrize("restart", ["permanent", "temporary"])
def test_an_escalated_error_ends_the_supervisor_at_once_whatever_its_intensity_allows(
    placement: type[Actor], restart: Any
) -> None:
    log = EventLog()
    child = worker("a", placement, decider=((Boom, "escalate"),), restart=restart)
    inner = Supervisor(name="s", children=(child, worker("b", placement)), restarts_max=100)
    with start_supervised(inner, log=log) as system:
        system.cast("/s/a", crash)
        settle(system)
        assert system.registry.actors["/s/a"].incarnation == 2
        assert system.registry.actors["/s/b"].incarnation == 2
    assert [(gave_up.path, gave_up.child) for gave_up in log.of(SupervisorGaveUp)] == [("/s", "/s/a")]
    assert [end.exit_reason for end in log.of(ActorEnded) if end.path == "/s"] == [SHUTDOWN, SHUTDOWN]


def test_restart_goes_by_the_restart_type_as_if_nothing_was_decided(placement: type[Actor]) -> None:
    child = worker("a", placement, decider=((Boom, "restart"), (Exception, "stop")), restart="transient")
    with start_supervised(child) as system:
        system.cast("/a", crash)
        settle(system)
        assert system.call("/a", lambda actor: actor.incarnation).get() == 2


def test_a_resumed_message_is_no_suspect_and_leaves_nothing_busy(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement, decider=RESUME), restarts_max=0) as system:
        for _ in range(5):
            failing_call(system, "/a")
        settle(system)
        actor = system.registry.actors["/a"]
        assert (actor.busy_since_s, actor.current_message, actor.handled) == (None, None, 5)
