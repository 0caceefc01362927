"""Code of others misbehaves where the runtime calls it: everybody is told all the same, and nobody else suffers."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from scripted_actors import Boom, Script, scripted

from viral_engine.runtime.actor import NO_REPLY, Actor, NoReply
from viral_engine.runtime.errors import ActorExited, CallError, CallTimeout, InvalidSpec, NoSuchActor
from viral_engine.runtime.events import CallbackFailed, MessageDropped
from viral_engine.runtime.exits import Exit, Stop
from viral_engine.runtime.operations import StartDynamic, StartMany, TerminateChild
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor

GIVEN_UP_S = 20.0
SHORT_S = 3.0
"""For what a wrong rule would leave waiting: it must still have time to fail."""


class Mute(Exception):
    """An error with a mistake in its own words."""

    def __str__(self) -> str:
        raise LookupError("no words")


class Odd:
    """A message that nothing can be asked of."""

    def __eq__(self, other: object) -> bool:
        raise SystemExit(1)

    __hash__ = None  # type: ignore[assignment]


def worker(name: str, placement: type[Actor], script: Script | None = None, **more: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **more)


def raises(error: BaseException) -> Any:
    def message(_actor: Any) -> None:
        raise error

    return message


def fails(*_anything: Any) -> None:
    raise LookupError("a caller's own mistake")


def told_by(reply: Any) -> Any:
    try:
        return reply.get()
    except Exception as error:  # noqa: BLE001  (the error is what the test looks at)
        return error


# Ends.


@pytest.mark.parametrize("error", [Mute(), Stop(Exit("shutdown", Mute()))], ids=["error", "reason"])
def test_an_error_without_words_is_a_crash_like_any_other(placement: type[Actor], error: BaseException) -> None:
    with start_supervised(worker("a", placement)) as system:
        told = told_by(system.call("/a", raises(error), SHORT_S))
        assert isinstance(told, ActorExited)
        settle(system)
        assert system.call("/a", 1).get() == 1
        assert system.registry.actors["/a"].incarnation == 2


@pytest.mark.parametrize("reason", ["the disk is full", None, 7])
def test_a_stop_with_no_exit_reason_is_a_mistake_and_a_crash_that_says_so(placement: type[Actor], reason: Any) -> None:
    def stop(_actor: Any) -> None:
        raise Stop(reason)

    with start_supervised(worker("a", placement)) as system:
        with pytest.raises(ActorExited, match="TypeError: an Exit is needed"):
            system.call("/a", stop, GIVEN_UP_S).get()
        settle(system)
        assert system.call("/a", 1).get() == 1
        with pytest.raises(TypeError):
            system.registry.actors["/a"].kill(exit_reason=reason)


def test_an_exit_of_no_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="nomral"):
        Exit("nomral")  # type: ignore[arg-type]


def test_a_listener_that_ends_the_world_ends_nothing(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), log=log) as system:
        system.events.listen(raises(SystemExit(1)))
        with pytest.raises(ActorExited):
            system.call("/a", raises(LookupError()), GIVEN_UP_S).get()
        settle(system)
        assert system.call("/a", 1).get() == 1


def test_a_message_that_can_t_be_compared_ends_its_actors_and_nothing_else(placement: type[Actor]) -> None:
    class Fussy(scripted(placement)):  # type: ignore[misc]
        def handle_call(self, message: Any, reply_to: Any) -> Any:
            if isinstance(message, Odd):
                raise Boom("odd")
            return super().handle_call(message, reply_to)

    child = Worker(name="a", actor_class=Fussy, args=(Script(),))
    with start_supervised(child, restarts_max=10) as system:
        for _ in range(4):
            with pytest.raises(ActorExited):
                system.call("/a", Odd(), GIVEN_UP_S).get()
            settle(system)
        assert system.call("/a", 1).get() == 1


def test_a_resource_that_can_t_be_aborted_keeps_nobody_waiting(placement: type[Actor]) -> None:
    class Stubborn:
        def abort(self) -> None:
            raise SystemExit(1)

    with start_supervised(worker("a", placement)) as system:
        system.call("/a", lambda actor: actor.own(Stubborn())).get()
        assert system.registry.actors["/a"].kill("test")
        settle(system)
        assert system.call("/a", 1).get() == 1


def test_a_kill_tells_the_caller_of_a_handler_that_returns_before_the_kill_is_done() -> None:
    inside, closed = threading.Event(), threading.Event()

    class Connection:
        def abort(self) -> None:
            # The handler that waited for it goes on, and ends, while the kill is still under way.
            closed.set()
            left.wait(GIVEN_UP_S)

    class Waits(ThreadActor):
        def init(self) -> None:
            self.own(Connection())

        def handle_call(self, message: Any, reply_to: Any) -> Any:
            if message == "wait":
                inside.set()
                closed.wait(GIVEN_UP_S)
            return message

        def _run(self) -> None:
            super()._run()
            if closed.is_set():
                self._end_batch()
                left.set()

    left = threading.Event()
    with start_supervised(Worker(name="a", actor_class=Waits)) as system:
        replies = [system.call("/a", message, 1e6) for message in ("wait", "behind")]
        inside.wait(GIVEN_UP_S)
        system.registry.actors["/a"].kill("test")
        assert all(reply.is_settled for reply in replies)
        for reply in replies:
            with pytest.raises(ActorExited):
                reply.get()


def test_a_patient_call_that_two_threads_call_unbegun_is_sent_again_once(placement: type[Actor]) -> None:
    """The killer of an incarnation and its own thread may both hand a message back."""
    script = Script()

    def keep(actor: Any) -> NoReply:
        script.events.append(actor.incarnation)
        return NO_REPLY

    with start_supervised(worker("a", placement, script)) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        system.call("/a", keep, 1e6, patient=True)
        attempt = actor.mailbox._messages[0]
        actor.kill("test")
        settle(system)
        attempt.fail("/a", Exit("killed"), begun=False)
        settle(system)
        assert script.events == [2]


# Callers.


def test_a_caller_s_callback_that_raises_disturbs_neither_who_answers_nor_who_waits(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), log=log) as system:
        system.registry.actors["/a"].order("suspend").get()
        reply = system.call("/a", 1, GIVEN_UP_S)
        heard: list[int] = []
        reply.on_settled(fails)
        reply.on_settled(lambda: heard.append(1))
        system.registry.actors["/a"].order("resume").get()
        assert reply.get() == 1
        settle(system)
        assert (heard, system.registry.actors["/a"].incarnation) == ([1], 1)
        assert log.of(CallbackFailed) == [CallbackFailed("/a", "LookupError: a caller's own mistake")]


def test_a_caller_of_its_own_kind_that_can_t_be_answered_ends_nobody(placement: type[Actor]) -> None:
    class Broken:
        set = set_exception = fails

    log = EventLog()
    with start_supervised(worker("a", placement), log=log) as system:
        system.ask("/a", 1, Broken())
        settle(system)
        assert system.registry.actors["/a"].incarnation == 1
        assert len(log.of(CallbackFailed)) == 1


def test_a_call_that_expired_while_it_waited_is_settled_though_nobody_watched_its_deadline(
    placement: type[Actor],
) -> None:
    clock = ManualClock()
    with start_supervised(worker("a", placement), clock=clock) as system:
        system.registry.actors["/a"].order("suspend").get()
        reply, heard = system.call("/a", 1, 1.0), list[int]()
        reply.on_settled(lambda: heard.append(1))
        clock.advance(2.0)
        system.registry.actors["/a"].order("resume").get()
        settle(system)
        assert heard == [1]
        with pytest.raises(CallTimeout):
            reply.get()


def test_whoever_waits_on_a_loop_of_their_own_when_the_system_stops_is_told(placement: type[Actor]) -> None:
    system = System()
    system.start(Supervisor(name="root", children=(worker("a", placement),)))

    async def wait() -> list[Any]:
        replies = [
            system.call("/a", lambda actor: actor.order("suspend"), 1e6), system.call("/a", 1, 1e6),
            system.call("/nobody", 1, 1e6, patient=True),
        ]  # fmt: skip
        waiting = [asyncio.ensure_future(_told(reply)) for reply in replies]
        await asyncio.to_thread(system.stop)
        late = asyncio.ensure_future(_told(system.call("/a", 1, 1e6, patient=True)))
        return await asyncio.wait_for(asyncio.gather(*waiting[1:], late), GIVEN_UP_S)

    told = asyncio.run(wait())
    assert isinstance(told[0], CallError)
    assert [type(one) for one in told[1:]] == [NoSuchActor, NoSuchActor]


async def _told(reply: Any) -> Any:
    try:
        return await reply
    except CallError as error:
        return error


# Supervisors.


BAD_OPERATIONS: list[Any] = [
    TerminateChild(None), TerminateChild(5), StartDynamic("x", 5),  # type: ignore[arg-type]  # that is the point
    StartMany(None), StartMany(("a",)), Odd(),  # type: ignore[arg-type]  # see above
]  # fmt: skip


@pytest.mark.parametrize("operation", BAD_OPERATIONS, ids=range(len(BAD_OPERATIONS)))
def test_a_bad_operation_by_hand_is_answered_and_touches_no_child(placement: type[Actor], operation: Any) -> None:
    dynamic = DynamicSupervisor(name="d", template=worker("t", placement))
    static = Supervisor(name="s", children=(worker("a", placement),))
    with start_supervised(dynamic, static) as system:
        system.call("/d", StartDynamic("c")).get()
        before = {path: actor.incarnation for path, actor in system.registry.actors.items()}
        for path in ("/d", "/s", "/"):
            told = told_by(system.call(path, operation, SHORT_S))
            answers = told if isinstance(told, tuple) else (told,)
            assert all(isinstance(one, Exception) and not isinstance(one, CallError) for one in answers)
        settle(system)
        assert {path: actor.incarnation for path, actor in system.registry.actors.items()} == before


def test_a_cast_to_a_supervisor_is_dropped_and_told(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), log=log) as system:
        for path, message in (("/", "x"), ("/", StartDynamic("m"))):
            assert system.cast(path, message)
        settle(system)
        assert {path: actor.incarnation for path, actor in system.registry.actors.items()} == {"/": 1, "/a": 1}
        assert [event.message_type for event in log.of(MessageDropped)] == ["str", "StartDynamic"]


def test_a_child_whose_class_looks_empty_is_brought_back(placement: type[Actor]) -> None:
    class Empty(scripted(placement)):  # type: ignore[misc]
        def __len__(self) -> int:
            return 0

    dynamic = DynamicSupervisor(name="d", template=Worker(name="t", actor_class=Empty, args=(Script(),)))
    with start_supervised(dynamic) as system:
        system.call("/d", StartDynamic("c")).get()
        system.registry.actors["/d/c"].kill("test")
        settle(system)
        assert system.registry.actors["/d/c"].incarnation == 2


# Timers.


def test_a_busy_actor_finds_one_beat_of_an_interval_not_all_it_missed(placement: type[Actor]) -> None:
    clock, script = ManualClock(), Script()
    with start_supervised(worker("a", placement, script, mailbox_capacity=5), clock=clock) as system:
        system.call("/a", lambda actor: actor.send_interval(1.0, "beat")).get()
        system.registry.actors["/a"].order("suspend").get()
        for _ in range(50):
            clock.advance(1.0)
        assert system.registry.actors["/a"].mailbox.depth == 1
        system.registry.actors["/a"].order("resume").get()
        settle(system)
        clock.advance(1.0)
        settle(system)
        assert script.events == ["beat", "beat"]


@pytest.mark.parametrize("interval_s", [0, -1.0, float("nan"), float("inf")])
def test_an_interval_of_no_time_is_refused(placement: type[Actor], interval_s: float) -> None:
    with start_supervised(worker("a", placement)) as system, pytest.raises(ActorExited, match="an interval must be"):
        system.call("/a", lambda actor: actor.send_interval(interval_s, "beat")).get()


# Classes and specifications.


def test_a_thread_actor_with_a_coroutine_and_an_actor_with_pykka_s_hooks_are_refused() -> None:
    with pytest.raises(TypeError, match="which only a LoopActor runs"):
        type("Later", (ThreadActor,), {"handle_call": _told})
    with pytest.raises(TypeError, match="write handle_call and handle_cast"):
        type("Stock", (ThreadActor,), {"on_receive": fails})
    with pytest.raises(TypeError, match="a supervisor starts a ThreadActor"):
        ThreadActor.start()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shutdown_s", float("inf")), ("shutdown_s", 1e10), ("shutdown_s", None), ("shutdown_s", True),
        ("init_max_s", float("nan")), ("init_max_s", -1), ("init_max_s", None), ("mailbox_capacity", 2.5),
        ("mailbox_capacity", float("nan")), ("args", "hello"), ("args", None), ("decider", (("ValueError", "resume"),)),
        ("decider", {ValueError: "resume"}), ("decider", (ValueError,)), ("backoff", 1.0), ("heartbeat", 1.0),
        ("on_give_up", "suspended"), ("name", 3), ("name", " "), ("name", "a\nb"), ("registered", 5),
        ("actor_class", "Till"), ("actor_class", Script()),
    ],
)  # fmt: skip
def test_a_worker_that_can_t_be_is_refused_where_it_is_written(
    placement: type[Actor], field: str, value: object
) -> None:
    with pytest.raises(InvalidSpec):
        Worker(**{"name": "a", "actor_class": scripted(placement), "args": (Script(),), field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("children", "ab"), ("children", 5), ("children", (Script,)), ("restarts_max", 2.5),
        ("restarts_max", float("inf")), ("restarts_window_s", float("nan")), ("on_give_up", "suspended"),
    ],
)  # fmt: skip
def test_a_supervisor_that_can_t_be_is_refused_where_it_is_written(field: str, value: object) -> None:
    with pytest.raises(InvalidSpec):
        Supervisor(**{"name": "s", field: value})  # type: ignore[arg-type]


def test_children_that_come_from_a_generator_or_share_a_registered_name_are_refused(placement: type[Actor]) -> None:
    with pytest.raises(InvalidSpec, match="must be a tuple"):
        Supervisor(name="s", children=(worker(str(n), placement) for n in range(2)))  # type: ignore[arg-type]
    pair = tuple(worker(name, placement, registered="one") for name in "ab")
    with pytest.raises(InvalidSpec, match="two children are registered as one"):
        Supervisor(name="s", children=pair)
    with pytest.raises(InvalidSpec, match="a registered name is for one child"):
        DynamicSupervisor(name="d", template=pair[0])


def test_a_call_that_may_take_for_ever_and_more_is_answered(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        assert system.call("/a", 1, 1e12).get() == 1
        assert system.call("/a", 1, float("inf")).get() == 1
