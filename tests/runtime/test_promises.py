"""Promises of docs/semantics.md that no other test states alone."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pykka
import pytest
from event_story import kill, phases, worker
from scripted_actors import Boom, Script, crash, no_reply, stop

from viral_engine.runtime import snapshot
from viral_engine.runtime.actor import BATCH_MAX, Actor
from viral_engine.runtime.errors import (
    ActorError,
    CallError,
    DeadLetter,
    HandlerFailed,
    NameTaken,
    StartFailed,
    WouldBlockLoop,
)
from viral_engine.runtime.events import ActorEnded, MessageDeadLettered
from viral_engine.runtime.exits import KILLED, SHUTDOWN
from viral_engine.runtime.flight_recorder import HIDDEN, personal
from viral_engine.runtime.heartbeat import Heartbeat
from viral_engine.runtime.intensity import admit_restart
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import (
    CycleChild,
    RestartChild,
    StartChild,
    StartDynamic,
    StartMany,
    TerminateChild,
)
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.testing import PATIENCE_S, EventLog, Gate, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def a_gate() -> Iterator[Gate]:
    """A gate that is open afterwards, so that a test which fails keeps nobody waiting."""
    gate = Gate()
    try:
        yield gate
    finally:
        gate.open()


def told_when(monkeypatch: pytest.MonkeyPatch, actor: Any, *verbs: str) -> threading.Event:
    """Returns an event that is set once somebody used one of these methods of the actor."""
    told = threading.Event()
    for verb in verbs:
        monkeypatch.setattr(actor, verb, _telling(getattr(actor, verb), told))
    return told


def _telling(method: Any, told: threading.Event) -> Any:
    def use(*args: Any, **options: Any) -> Any:
        result = method(*args, **options)
        told.set()
        return result

    return use


# Names and calls.


def test_a_call_while_the_init_runs_waits_and_is_served(placement: type[Actor]) -> None:
    with a_gate() as gate, start_supervised(worker("a", placement, Script(inits=[None, gate.pass_through]))) as system:
        system.cast("/a", crash)
        gate.wait_for_arrival()
        early = system.call("/a", "early")
        waits = not early.is_settled
        gate.open()
        assert waits
        assert early.get() == "early"


def test_a_call_that_was_queued_at_the_crash_is_failed_at_once(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system, a_gate() as gate:

        def crash_later(_actor: Actor) -> None:
            gate.pass_through()
            raise Boom("late")

        system.cast("/a", crash_later)
        gate.wait_for_arrival()
        queued = system.call("/a", 1)
        gate.open()
        settle(system)
        assert queued.is_settled


def test_a_patient_call_is_never_sent_again_once_it_was_begun(placement: type[Actor]) -> None:
    script = Script()

    def count_and_crash(actor: Any) -> None:
        actor.script.events.append("handled")
        raise Boom("late")

    with start_supervised(worker("a", placement, script), restarts_max=1, clock=ManualClock()) as system:
        system.call("/a", count_and_crash, patient=True)
        settle(system)
        assert script.events == ["handled"]


def test_the_first_answer_wins_and_a_late_one_is_dropped() -> None:
    reply: Reply[Any] = Reply()
    reply.set("first")
    reply.set("late")
    reply.set_exception(ValueError("later"))
    assert reply.get() == "first"


def test_a_thread_s_way_of_waiting_is_refused_on_the_loop_at_once(placement: type[Actor]) -> None:
    refused: Reply[Any] = Reply()

    def block() -> None:
        try:
            system.call("/a", no_reply, timeout_s=0.0).get()
        except ActorError as error:
            refused.set(type(error))

    with start_supervised(worker("a", placement)) as system:
        system.loop.post(block)
        assert refused.get() is WouldBlockLoop


def test_a_registered_name_answers_beside_the_path_and_belongs_to_one(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement, registered="clerk")) as system:
        assert system.call("clerk", 1).get() == 1
        with pytest.raises(StartFailed) as failure:
            system.call("/", StartChild(worker("b", placement, registered="clerk"))).get()
        assert isinstance(failure.value.exit_reason.error, NameTaken)


# One message at a time, and orders before them.


def test_a_coroutine_handler_lets_others_run_and_its_own_messages_wait() -> None:
    class Waits(LoopActor):
        def init(self, seen: list[Any], begun: threading.Event) -> None:
            self.seen, self.begun, self.may_go_on = seen, begun, asyncio.Event()

        async def handle_cast(self, message: Any) -> None:
            self.seen.append(message)
            self.begun.set()
            await self.may_go_on.wait()

    seen, begun = list[Any](), threading.Event()
    children = (Worker(name="a", actor_class=Waits, args=(seen, begun)), worker("b", LoopActor))
    with start_supervised(*children) as system:
        actor: Any = system.registry.actors["/a"]
        actor.order("suspend").get()
        for number in range(2):
            system.cast("/a", number)
        actor.order("resume")
        assert begun.wait(5)
        assert system.call("/b", "others run").get() == "others run"
        assert seen == [0]
        system.loop.post(actor.may_go_on.set)
        settle(system)
        assert seen == [0, 1]


def test_an_order_goes_before_the_rest_of_a_batch_that_was_taken(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script, restart="temporary")) as system, a_gate() as gate:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        system.cast("/a", lambda _: gate.pass_through())
        system.cast("/a", "behind")
        actor.order("resume")
        gate.wait_for_arrival()
        actor.order("shut_down")
        gate.open()
        assert (actor.exited.get(), script.events) == (SHUTDOWN, [])


# Starts, restarts and intensity.


def test_an_init_that_takes_too_long_never_becomes_an_actor() -> None:
    clock, script = ManualClock(), Script()
    with a_gate() as gate, start_supervised(clock=clock) as system:
        script.inits = [gate.pass_through]
        reply = system.call("/", StartChild(worker("a", ThreadActor, script, init_max_s=10.0)), timeout_s=60.0)
        gate.wait_for_arrival()
        clock.wait_for_timers(1)
        clock.advance(10.0)
        with pytest.raises(StartFailed):
            reply.get()
        assert script.actors[0].end == KILLED
        assert system.registry.paths() == ["/"]


def test_the_window_slides_with_every_restart() -> None:
    """Restarts at 0, 4, 6 and 7 s: a window that began anew after the first 5 s would allow the last one."""
    clock = ManualClock()
    with start_supervised(worker("a", LoopActor), restarts_max=2, restarts_window_s=5.0, clock=clock) as system:
        root = system.registry.actors["/"]
        ends = []
        for wait_s in (0.0, 4.0, 2.0, 1.0):
            clock.advance(wait_s)
            kill(system, "/a")
            ends.append(root.end)
        assert ends == [None, None, None, SHUTDOWN]


def test_a_restarted_supervisor_has_an_empty_history() -> None:
    inner = Supervisor(name="s", restarts_max=1, children=(worker("a", LoopActor),))
    with start_supervised(inner, restarts_max=9, clock=ManualClock()) as system:
        for _ in range(3):
            kill(system, "/s/a")
        assert system.registry.actors["/s"].incarnation == 2


def test_the_window_knows_fractions_of_a_second() -> None:
    """5.8 s lie between 0.1 and 5.9, though whole seconds are only 5 apart."""
    assert admit_restart((0.1,), 5.9, restarts_max=1, window_s=5.0) == (True, (5.9,))


# Operations by hand.


def test_what_is_done_by_hand_counts_as_no_restart() -> None:
    with start_supervised(worker("a", LoopActor), restarts_max=9) as system:
        for operation in (TerminateChild("a"), RestartChild("a"), CycleChild("a")):
            system.call("/", operation).get()
        tree = snapshot.take(system)
        assert tree is not None
        assert tree.intensity is not None
        assert tree.intensity.restarts_used == 0


def test_what_is_done_by_hand_touches_no_sibling() -> None:
    children = tuple(worker(name, LoopActor) for name in "abc")
    with start_supervised(*children, strategy="one_for_all") as system:
        for operation in (TerminateChild("b"), RestartChild("b"), CycleChild("b"), TerminateChild("b")):
            system.call("/", operation).get()
        siblings = [system.registry.whereis(path) for path in ("/a", "/c")]
        assert [actor.incarnation if actor else None for actor in siblings] == [1, 1]


def test_a_restart_by_hand_keeps_the_place_in_the_order() -> None:
    with start_supervised(*(worker(name, LoopActor) for name in "abc")) as system:
        system.call("/", TerminateChild("a")).get()
        system.call("/", RestartChild("a")).get()
        assert [name for name, _ in phases(system)] == ["c", "b", "a"]


def test_pykka_s_stop_leaves_a_child_down_until_it_is_restarted_by_hand(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        system.registry.actors["/a"].actor_ref.stop()
        settle(system)
        assert phases(system) == [("a", "stopped")]


# Significant children.


def test_a_significant_child_stopped_by_hand_ends_nobody() -> None:
    child = worker("a", LoopActor, restart="transient", significant=True)
    with start_supervised(child, auto_shutdown="any_significant") as system:
        system.call("/", TerminateChild("a"))
        settle(system)
        assert system.registry.paths() == ["/"]


def test_a_significant_child_that_is_restarted_ends_nobody() -> None:
    child = worker("a", LoopActor, restart="transient", significant=True)
    with start_supervised(child, auto_shutdown="any_significant") as system:
        kill(system, "/a")
        assert system.registry.paths() == ["/", "/a"]


def test_the_end_of_an_insignificant_child_ends_nobody() -> None:
    children = (
        worker("a", LoopActor, restart="transient", significant=True),
        worker("b", LoopActor, restart="transient"),
    )
    with start_supervised(*children, auto_shutdown="any_significant") as system:
        system.cast("/b", stop)
        settle(system)
        assert system.registry.paths() == ["/", "/a"]


# Stops, kills, drain.


def test_an_actor_that_is_asked_to_stop_finishes_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    with start_supervised(worker("a", ThreadActor)) as system, a_gate() as gate:
        told = told_when(monkeypatch, system.registry.actors["/a"], "order", "kill")

        def finish(_actor: Actor) -> str:
            gate.pass_through()
            return "finished"

        begun = system.call("/a", finish)
        gate.wait_for_arrival()
        stopped = system.call("/", TerminateChild("a"))
        assert told.wait(5)
        gate.open()
        stopped.get()
        assert _answer(begun) == "finished"


def _answer(reply: Reply[Any]) -> Any:
    """The answer, or the error that came instead."""
    try:
        return reply.get()
    except ActorError as error:
        return error


def _note(script: Script, event: Any) -> None:
    script.events.append(event)


def test_a_killed_supervisor_lets_an_idle_child_clean_up(placement: type[Actor]) -> None:
    script = Script(on_terminate=lambda reason: _note(script, reason))
    inner = Supervisor(name="s", children=(worker("a", placement, script),))
    with start_supervised(inner) as system:
        kill(system, "/s")
        assert script.events == [KILLED]
        assert system.call("/s/a", lambda actor: actor.incarnation).get() == 2


def test_a_killed_supervisor_fences_a_busy_child_at_once() -> None:
    script = Script(on_terminate=lambda reason: _note(script, reason))
    inner = Supervisor(name="s", children=(worker("a", ThreadActor, script),))
    with start_supervised(inner) as system, a_gate() as gate:
        system.cast("/s/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        system.registry.actors["/s"].kill()
        assert script.actors[0].end == KILLED
        assert script.events == []


def test_a_drained_actor_works_off_what_waits_and_takes_no_more(
    placement: type[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script)) as system, a_gate() as gate:
        actor = system.registry.actors["/a"]
        told = told_when(monkeypatch, actor, "order")
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        system.cast("/a", lambda actor: actor.script.events.append(actor.cast("/a", "one more")))
        system.cast("/a", "waited")
        stopping = threading.Thread(target=system.stop, kwargs={"drain_s": 60.0})
        stopping.start()
        assert told.wait(5)
        gate.open()
        stopping.join()
        assert (script.events, actor.end) == ([False, "waited"], SHUTDOWN)


def test_a_drain_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a batch holds may still be handled; of what waits behind it nothing is begun."""
    clock, script = ManualClock(), Script()

    def overrun(actor: Any) -> None:
        clock.advance(60.0)
        actor.script.events.append("overrun")

    child = worker("a", ThreadActor, script, shutdown_s="infinity")
    with start_supervised(child, clock=clock) as system, a_gate() as gate:
        told = told_when(monkeypatch, system.registry.actors["/a"], "order")
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        system.cast("/a", overrun)
        for number in range(BATCH_MAX + 5):
            system.cast("/a", number)
        stopping = threading.Thread(target=system.stop, kwargs={"drain_s": 60.0})
        stopping.start()
        assert told.wait(5)
        gate.open()
        stopping.join()
        assert script.events[0] == "overrun"
        assert len(script.events) <= BATCH_MAX


def test_dynamic_children_are_all_asked_before_the_supervisor_waits_for_one() -> None:
    clock = ManualClock()
    with start_supervised(DynamicSupervisor(name="d"), clock=clock) as system, a_gate() as gate:
        script = Script(on_terminate=lambda _: gate.pass_through())
        for _ in range(2):
            system.call("/d", StartChild(worker("a", ThreadActor, script))).get()
        system.registry.actors["/d"].order("shut_down")
        clock.wait_for_timers(1)
        assert [actor.mailbox.accepted for actor in script.actors] == [1, 1]


def test_children_started_at_once_are_all_there_before_one_is_ready() -> None:
    clock = ManualClock()
    with start_supervised(clock=clock) as system, a_gate() as gate:
        template = worker("t", ThreadActor, Script(inits=[gate.pass_through] * 2))
        system.call("/", StartChild(DynamicSupervisor(name="d", template=template))).get()
        system.call("/d", StartMany((StartDynamic("a"), StartDynamic("b"))))
        clock.wait_for_timers(1)
        assert system.registry.paths() == ["/", "/d", "/d/a", "/d/b"]


# Dead letters and the flight recorder.


def test_a_message_that_ended_three_incarnations_in_a_row_is_refused(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), restarts_max=9, log=log) as system:
        for _ in range(3):
            system.cast("/a", crash)
            settle(system)
        with pytest.raises(CallError) as refused:
            system.call("/a", crash).get()
        assert type(refused.value) is DeadLetter
        assert system.call("/a", lambda actor: actor.incarnation).get() == 4
    assert [letter.path for letter in log.of(MessageDeadLettered)] == ["/a"]


def test_an_end_for_another_reason_clears_a_message_of_suspicion(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), restarts_max=9, log=log) as system:
        for end in (crash, crash, None, crash):
            if end is None:
                kill(system, "/a")
            else:
                system.cast("/a", end)
                settle(system)
    assert log.of(MessageDeadLettered) == []


@personal("email")
@dataclass(frozen=True)
class SignUp:
    email: str
    plan: str

    def __call__(self, _actor: Any) -> None:
        raise Boom("no")


def test_the_message_of_a_crash_is_told_without_anything_personal(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), log=log) as system:
        system.cast("/a", SignUp("kim@example.org", "free"))
        settle(system)
    ended = log.of(ActorEnded)[0]
    assert ended.killer == f"SignUp(email={HIDDEN}, plan='free')"
    assert [seen.message_type for seen in ended.recent] == ["SignUp"]


# Deciders and heartbeats.


@pytest.mark.parametrize("error", [KeyError("no"), LookupError("no")], ids=["subclass", "class"])
def test_a_resumed_error_fails_its_message_and_the_state_lives_on(placement: type[Actor], error: Exception) -> None:
    def fail_with(_actor: Any) -> None:
        raise error

    child = worker("a", placement, decider=((LookupError, "resume"),))
    with start_supervised(child, restarts_max=0) as system:
        with pytest.raises(CallError) as failed:
            system.call("/a", fail_with).get()
        assert type(failed.value) is HandlerFailed
        assert system.call("/a", lambda actor: actor.incarnation).get() == 1


@pytest.mark.parametrize(("directive", "left"), [("stop", ["/", "/b"]), ("escalate", [])], ids=["stop", "escalate"])
def test_a_decider_stops_a_child_or_escalates(directive: Any, left: list[str]) -> None:
    child = worker("a", LoopActor, decider=((Boom, directive),))
    with start_supervised(child, worker("b", LoopActor), restarts_max=9) as system:
        system.cast("/a", crash)
        settle(system)
        assert system.registry.paths() == left


def test_an_incarnation_that_owes_too_many_signs_of_life_is_replaced() -> None:
    clock, script = ManualClock(), Script()
    child = worker("a", ThreadActor, script, heartbeat=Heartbeat(every_s=1.0, missed_max=3))
    with start_supervised(child, clock=clock) as system, a_gate() as gate:
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        hung = script.actors[0]
        ends = []
        for _ in range(4):
            clock.advance(1.0)
            ends.append(hung.end)
        assert ends == [None, None, None, KILLED]


def test_a_sign_of_life_pays_for_all_that_were_missed() -> None:
    clock, script = ManualClock(), Script()
    child = worker("a", ThreadActor, script, heartbeat=Heartbeat(every_s=1.0, missed_max=3))
    with start_supervised(child, clock=clock) as system:
        for _ in range(3):
            with a_gate() as gate:
                system.cast("/a", lambda _, gate=gate: gate.pass_through())
                gate.wait_for_arrival()
                clock.advance(3.0)
            settle(system)
            clock.advance(1.0)
            settle(system)
        assert len(script.actors) == 1


# Stock pykka children.


class Stock(pykka.ThreadingActor):
    """Written for pykka alone; its messages are functions."""

    def __init__(self, seen: list[Any], on_start: list[BaseException | None] | None = None) -> None:
        super().__init__()
        self.seen, self.starts = seen, on_start or []

    def on_start(self) -> None:
        error = self.starts.pop(0) if self.starts else None
        if error is not None:
            raise error

    def on_receive(self, message: Any) -> Any:
        return message(self)


def stock(*args: Any) -> Worker:
    return Worker(name="a", actor_class=Stock, args=args)


def fail(_actor: Any) -> None:
    raise Boom("boom")


def test_a_stock_child_is_called_by_name_and_brought_back_after_a_crash() -> None:
    with start_supervised(stock([])) as system:
        assert system.call("/a", lambda actor: type(actor).__name__).get() == "Stock"
        host = system.registry.actors["/a"]
        system.cast("/a", fail)
        host.exited.get()
        settle(system)
        assert phases(system) == [("a", "running")]
        assert system.registry.actors["/a"].incarnation == 2
        assert system.call("/a", lambda _: "again").get() == "again"


def test_a_stock_child_whose_on_start_raises_does_not_start() -> None:
    with start_supervised() as system, pytest.raises(StartFailed, match="no"):
        system.call("/", StartChild(stock([], [Boom("no")]))).get()


def test_a_stop_of_a_stock_child_is_by_hand() -> None:
    with start_supervised(stock([])) as system:
        host: Any = system.registry.actors["/a"]
        host.stock_ref.stop()
        host.exited.get()
        settle(system)
        assert phases(system) == [("a", "stopped")]


def test_a_stock_child_outlives_a_failing_call() -> None:
    with start_supervised(stock([])) as system:
        with pytest.raises(Boom):
            system.call("/a", fail).get()
        settle(system)
        assert system.registry.actors["/a"].incarnation == 1
        assert system.call("/a", lambda _: "alive").get() == "alive"


def test_a_killed_stock_child_loses_its_name_finishes_its_message_and_handles_no_other() -> None:
    seen, threads = list[str](), list[threading.Thread]()
    with start_supervised(stock(seen)) as system, a_gate() as gate:

        def linger(actor: Any) -> None:
            threads.append(threading.current_thread())
            gate.pass_through()
            actor.seen.append("finished")

        system.cast("/a", linger)
        gate.wait_for_arrival()
        system.cast("/a", lambda actor: actor.seen.append("begun"))
        settle(system)
        system.registry.actors["/a"].kill()
        settle(system)
        assert system.call("/a", lambda _: "the next one").get() == "the next one"
        assert seen == []
        gate.open()
        threads[0].join(PATIENCE_S)
        assert seen == ["finished"]
