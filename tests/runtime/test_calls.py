"""Calls: who hears what when an actor ends, hand-overs, patience and deadlines."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from scripted_actors import Script, crash, no_reply, scripted, stop

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited, CallTimeout, MailboxFull, NoSuchActor
from viral_engine.runtime.events import MessageDropped
from viral_engine.runtime.operations import RestartChild, TerminateChild
from viral_engine.runtime.registry import AWAITERS_MAX
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import EventLog, Gate, ManualClock, settle, start_supervised


def worker(name: str, placement: type[Actor], script: Script | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def answer_late(gate: Gate) -> Any:
    """Returns a message that is answered once the gate is open."""

    def message(_actor: Actor) -> str:
        gate.pass_through()
        return "from b"

    return message


class Answers:
    """A `reply_to` as small as it may be; counts what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def set(self, value: Any | None = None) -> None:
        self.told.append(value)

    def set_exception(self, exc_info: Any = None) -> None:
        self.told.append(exc_info)


@pytest.mark.parametrize("verb", ["call", "cast"])
def test_a_handler_that_raises_ends_its_incarnation(placement: type[Actor], verb: str) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script)) as system:
        getattr(system, verb)("/a", crash)
        settle(system)
        assert [actor.end.kind if actor.end else None for actor in script.actors] == ["crash", None]
        assert system.call("/a", 1).get() == 1


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_a_base_exception_in_a_handler_is_a_crash_of_that_actor_only(
    placement: type[Actor], error: BaseException
) -> None:
    def fail(_actor: Actor) -> None:
        raise error

    scripts = {"a": Script(), "b": Script()}
    with start_supervised(*(worker(name, placement, script) for name, script in scripts.items())) as system:
        with pytest.raises(ActorExited):
            system.call("/a", fail).get()
        settle(system)
        assert system.call("/a", 1).get() == 1
        assert len(scripts["b"].actors) == 1


def test_queued_calls_were_not_begun_and_the_one_in_the_handler_was(placement: type[Actor]) -> None:
    gate = Gate()

    def crash_later(_actor: Actor) -> None:
        gate.pass_through()
        raise ValueError("late")

    with start_supervised(worker("a", placement)) as system:
        replies = [system.call("/a", crash_later)]
        gate.wait_for_arrival()
        replies += [system.call("/a", number) for number in range(3)]
        gate.open()
        ends = []
        for reply in replies:
            with pytest.raises(ActorExited) as ended:
                reply.get()
            ends.append((ended.value.begun, str(ended.value.exit_reason)))
        assert ends == [(True, "ValueError: late")] + [(False, "ValueError: late")] * 3


def test_callers_of_an_actor_that_is_done_hear_its_reason(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement, restart="transient")) as system:
        with pytest.raises(ActorExited, match="normal"):
            system.call("/a", stop).get()
        settle(system)
        with pytest.raises(NoSuchActor):
            system.call("/a", 1).get()


def test_a_reply_that_was_handed_on_survives_the_crash_of_who_handed_it_on(placement: type[Actor]) -> None:
    gate = Gate()

    def hand_on(actor: Any) -> Any:
        return actor.forward("/b", answer_late(gate), actor.reply_to)

    with start_supervised(worker("a", placement), worker("b", placement)) as system:
        reply = system.call("/a", hand_on)
        gate.wait_for_arrival()
        system.registry.actors["/a"].kill()
        gate.open()
        assert reply.get() == "from b"


def test_a_reply_survives_even_a_crash_in_the_handler_that_forwards_it(placement: type[Actor]) -> None:
    gate = Gate()

    def hand_on_and_crash(actor: Any) -> None:
        actor.forward("/b", answer_late(gate), actor.reply_to)
        raise ValueError("after it was forwarded")

    with start_supervised(worker("a", placement), worker("b", placement), restarts_max=1) as system:
        ended = threading.Event()
        system.registry.actors["/a"].exited.on_settled(ended.set)
        reply = system.call("/a", hand_on_and_crash)
        if placement.__name__ == "ThreadActor":
            gate.wait_for_arrival()
            assert ended.wait(5)
        gate.open()
        assert reply.get() == "from b"


def test_a_forwarded_call_keeps_its_deadline(placement: type[Actor]) -> None:
    clock, gate, log = ManualClock(), Gate(), Script()
    with start_supervised(worker("a", placement), worker("b", placement, log), clock=clock) as system:
        system.registry.actors["/b"].order("suspend").get()
        answers = Answers()
        system.ask("/a", lambda actor: actor.forward("/b", crash, actor.reply_to), answers, deadline_s=2.0)
        settle(system)
        clock.advance(3.0)
        system.registry.actors["/b"].order("resume").get()
        settle(system)
        assert (len(log.actors), answers.told) == (1, [])
    gate.open()


def test_a_reply_may_be_given_later(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        reply = system.call("/a", no_reply)
        settle(system)
        assert not reply.is_settled
        system.cast("/a", lambda actor: actor.reply_to.set("later"))
        assert reply.get() == "later"


def test_the_name_is_free_before_callers_hear_of_the_end(placement: type[Actor]) -> None:
    seen: list[Any] = []
    with start_supervised(worker("a", placement, restart="temporary")) as system:
        answers = Reply[Any]()
        answers.on_settled(lambda: seen.append(system.registry.whereis("/a")))
        system.ask("/a", crash, answers)
        settle(system)
        assert seen == [None]


def test_a_caller_that_raises_does_not_keep_the_others_from_hearing(placement: type[Actor]) -> None:
    class Broken(Answers):
        def set_exception(self, exc_info: Any = None) -> None:
            raise RuntimeError("the caller's loop is closed")

    gate = Gate()
    with start_supervised(worker("a", placement)) as system:
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        system.ask("/a", 1, Broken())
        reply = system.call("/a", 2)
        actor = system.registry.actors["/a"]
        actor.kill()
        gate.open()
        with pytest.raises(ActorExited):
            reply.get()
        settle(system)
        assert system.call("/a", 3).get() == 3


def test_a_patient_call_waits_for_the_next_incarnation(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        system.call("/", TerminateChild("a")).get()
        reply = system.call("/a", "patient", patient=True)
        assert not reply.is_settled
        system.call("/", RestartChild("a")).get()
        assert reply.get() == "patient"


def test_a_patient_call_is_handled_at_most_once(placement: type[Actor]) -> None:
    script = Script()

    def count_and_crash(actor: Any) -> None:
        actor.script.events.append("handled")
        raise ValueError("late")

    with start_supervised(worker("a", placement, script)) as system:
        with pytest.raises(ActorExited) as ended:
            system.call("/a", count_and_crash, patient=True).get()
        settle(system)
        assert (ended.value.begun, script.events) == (True, ["handled"])


def test_patient_calls_that_were_queued_at_a_crash_are_all_served_once(placement: type[Actor]) -> None:
    gate, script = Gate(), Script()

    def crash_later(_actor: Actor) -> None:
        gate.pass_through()
        raise ValueError("late")

    def count(actor: Any) -> int:
        actor.script.events.append("handled")
        return actor.incarnation  # type: ignore[no-any-return]

    with start_supervised(worker("a", placement, script)) as system:
        system.cast("/a", crash_later)
        gate.wait_for_arrival()
        replies = [system.call("/a", count, patient=True) for _ in range(5)]
        gate.open()
        assert [reply.get() for reply in replies] == [2] * 5
        assert len(script.events) == 5


def test_a_patient_call_does_not_wait_for_room_in_a_full_mailbox(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement, mailbox_capacity=1)) as system:
        system.registry.actors["/a"].order("suspend").get()
        system.cast("/a", "fills it")
        with pytest.raises(MailboxFull):
            system.call("/a", 1, patient=True).get()


def test_patient_callers_who_gave_up_are_forgotten() -> None:
    clock = ManualClock()
    with start_supervised(clock=clock) as system:
        for _ in range(AWAITERS_MAX + 1):
            reply = system.call("/nobody", 1, timeout_s=1.0, patient=True)
            reply.expire()
        reply = system.call("/nobody", 1, timeout_s=1.0, patient=True)
        assert not reply.is_settled


def test_an_expired_queued_call_is_not_executed(placement: type[Actor]) -> None:
    clock, script = ManualClock(), Script()
    with start_supervised(worker("a", placement, script), clock=clock) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        late = system.call("/a", lambda a: a.script.events.append("late"), timeout_s=1.0)
        in_time = system.call("/a", lambda a: a.script.events.append("in time"), timeout_s=9.0)
        clock.advance(1.0)
        actor.order("resume").get()
        in_time.get()
        with pytest.raises(CallTimeout):
            late.get()
        assert script.events == ["in time"]


def test_a_full_mailbox_refuses_calls_and_drops_and_counts_casts(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement, mailbox_capacity=2), log=log) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        assert [system.cast("/a", number) for number in range(3)] == [True, True, False]
        with pytest.raises(MailboxFull) as full:
            system.call("/a", 3).get()
        assert (full.value.begun, full.value.capacity, actor.mailbox.refused) == (False, 2, 2)
        assert [dropped.message_type for dropped in log.of(MessageDropped)] == ["int"]
        actor.order("resume").get()
        settle(system)
        assert system.call("/a", 4).get() == 4


def test_a_cast_to_nobody_is_told_and_harmless() -> None:
    log = EventLog()
    with start_supervised(log=log) as system:
        assert system.cast("/nobody", 1) is False
        assert [dropped.path for dropped in log.of(MessageDropped)] == ["/nobody"]


def test_a_call_to_nobody_fails_at_once() -> None:
    with start_supervised() as system, pytest.raises(NoSuchActor) as nobody:
        system.call("/nobody", 1).get()
    assert nobody.value.begun is False


def test_an_old_ref_stays_dead(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        old = system.registry.actors["/a"]
        old.kill()
        settle(system)
        with pytest.raises(ActorExited):
            old.order("ping").get()
        assert system.call("/a", 1).get() == 1


def test_no_call_is_swallowed_while_its_actor_is_killed_again_and_again(placement: type[Actor]) -> None:
    """Patient callers hammer from four threads: each call is served, or was in the handler of the kill."""
    ends: list[str] = []

    def caller(system: Any, count: int) -> None:
        for number in range(count):
            try:
                assert system.call("/a", number, patient=True).get() == number
                ends.append("served")
            except ActorExited as error:
                ends.append("killed in its handler" if error.begun else "given up")

    with start_supervised(worker("a", placement), restarts_max=10_000) as system:
        threads = [threading.Thread(target=caller, args=(system, 200)) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            actor = system.registry.whereis("/a")
            if actor is not None and len(ends) % 5 == 0:
                actor.kill()
                settle(system)
        for thread in threads:
            thread.join()
        assert len(ends) == 800
        assert set(ends) <= {"served", "killed in its handler"}
        assert "served" in ends
