"""Stock `pykka.ThreadingActor`s as supervised children: what is promised for them, and what is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pykka
import pytest
from event_story import Story, kill, phases, worker

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited, CallTimeout, StartFailed
from viral_engine.runtime.events import ActorEnded, MessageDeadLettered
from viral_engine.runtime.exits import KILLED, SHUTDOWN
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import CycleChild, RestartChild, StartChild, StartDynamic, TerminateChild
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.stock import StockHost
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import PATIENCE_S, EventLog, Gate, ManualClock, settle, start_supervised


class StockCrash(Exception):
    """What a stock actor crashes with."""


@dataclass(eq=False)
class Diary:
    """What the stock actors of one test went through."""

    events: list[str] = field(default_factory=list)
    on_starts: list[Any] = field(default_factory=list)


class Greeter(pykka.ThreadingActor):
    """Knows nothing of the runtime; its messages are functions of it."""

    def __init__(self, diary: Diary | None = None, *, fail: bool = False) -> None:
        super().__init__()
        self.diary = diary or Diary()
        self.greeting = "hello"
        if fail:
            raise StockCrash("constructor")

    def on_start(self) -> None:
        self.diary.events.append("start")
        step = self.diary.on_starts.pop(0) if self.diary.on_starts else None
        if isinstance(step, BaseException):
            raise step
        if step is not None:
            step()

    def on_stop(self) -> None:
        self.diary.events.append("stop")

    def on_failure(self, *_exc_info: Any) -> None:
        self.diary.events.append("failure")

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.diary.events.append(str(message))
        return f"{self.greeting} {message}"

    def greet(self, name: str) -> str:
        return f"{self.greeting}, {name}"


def stock_crash(_actor: Any) -> None:
    raise StockCrash("boom")


def greeter(name: str = "a", diary: Diary | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=Greeter, args=(diary or Diary(),), **options)


def host(system: System, path: str = "/a") -> StockHost:
    found = system.registry.actors[path]
    assert isinstance(found, StockHost)
    return found


def ended_stock(system: System, message: Any, path: str = "/a") -> None:
    """Tells the stock actor by its own reference and waits until the tree has dealt with its end."""
    old = host(system, path)
    old.stock_ref.tell(message)
    old.exited.get()
    settle(system)


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    before = pykka.ActorRegistry.get_all()
    yield
    assert pykka.ActorRegistry.get_all() == before


def test_calls_and_casts_reach_a_stock_actor_and_its_answers_come_back() -> None:
    diary = Diary()
    with start_supervised(greeter(diary=diary)) as system:
        assert system.cast("/a", "told") is True
        assert system.call("/a", "asked").get() == "hello asked"
        assert system.registry.actors["/a"].actor_ref.ask("by the host") == "hello by the host"
    assert diary.events == ["start", "told", "asked", "by the host", "stop"]


def test_a_stock_actor_answers_under_its_own_reference_and_by_proxy() -> None:
    diary = Diary()
    with start_supervised(greeter(diary=diary)) as system:
        ref = host(system).stock_ref
        ref.tell("told")
        assert ref.ask("asked") == "hello asked"
        proxy = ref.proxy()
        assert proxy.greet("ann").get() == "hello, ann"
        proxy.greeting = "good day"
        assert proxy.greeting.get() == "good day"
        assert system.call("/a", "ann").get() == "good day ann"
    assert diary.events == ["start", "told", "asked", "ann", "stop"]


def test_the_registry_of_pykka_lists_the_host_and_the_stock_actor() -> None:
    with start_supervised(greeter()) as system:
        assert [ref.actor_class.__name__ for ref in pykka.ActorRegistry.get_all()] == [
            "SupervisorActor",
            "StockHost",
            "Greeter",
        ]
        assert pykka.ActorRegistry.get_by_class(Greeter) == [host(system).stock_ref]


def test_calls_from_an_actor_on_the_loop_are_answered_too() -> None:
    class Asks(LoopActor):
        async def handle_call(self, message: Any, reply_to: Any) -> Any:
            return await self.call("/a", message)

    with start_supervised(greeter(), Worker(name="b", actor_class=Asks)) as system:
        assert system.call("/b", "ann").get() == "hello ann"


@pytest.mark.parametrize("error", [StockCrash("no"), SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_an_on_start_that_raises_fails_the_start_and_leaves_nothing(error: BaseException) -> None:
    diary = Diary(on_starts=[error])
    with start_supervised(worker("b", LoopActor)) as system:
        with pytest.raises(StartFailed, match=type(error).__name__):
            system.call("/", StartChild(greeter(diary=diary))).get()
        assert phases(system) == [("b", "running")]
        assert system.call("/b", 1).get() == 1
    assert diary.events == ["start"]


def test_a_constructor_that_raises_fails_the_start() -> None:
    class Fails(Greeter):
        def __init__(self) -> None:
            super().__init__(fail=True)

    with start_supervised() as system:
        with pytest.raises(StartFailed, match="StockCrash: constructor"):
            system.call("/", StartChild(Worker(name="a", actor_class=Fails))).get()
        assert system.registry.paths() == ["/"]


def test_an_on_start_that_hangs_is_given_up() -> None:
    clock, gate = ManualClock(), Gate()
    diary = Diary(on_starts=[gate.pass_through])
    with start_supervised(clock=clock) as system:
        reply = system.call("/", StartChild(greeter(diary=diary, init_max_s=10.0)), 1e9)
        gate.wait_for_arrival()
        clock.wait_for_timers(1)
        clock.advance(10.0)
        with pytest.raises(StartFailed):
            reply.get()
        assert [ref.actor_class.__name__ for ref in pykka.ActorRegistry.get_all()] == ["SupervisorActor"]
        gate.open()
    assert diary.events == ["start"]


def test_a_crash_by_tell_is_told_and_the_supervisor_brings_it_back() -> None:
    diary, log = Diary(), EventLog()
    with start_supervised(greeter(diary=diary), log=log) as system:
        ended_stock(system, stock_crash)
        assert system.call("/a", "ann").get() == "hello ann"
        assert host(system).incarnation == 2
    assert str(log.of(ActorEnded)[0].exit_reason) == "StockCrash: boom"
    assert diary.events == ["start", "failure", "start", "ann", "stop"]


def test_a_crash_is_noticed_however_often_it_is_the_same() -> None:
    log = EventLog()
    with start_supervised(greeter(), restarts_max=100, log=log) as system:
        for _ in range(6):
            ended_stock(system, stock_crash)
        assert host(system).incarnation == 7
        assert system.call("/a", "ann").get() == "hello ann"
    assert log.of(MessageDeadLettered) == []


def test_a_failing_ask_leaves_a_stock_actor_alive_as_pykka_says() -> None:
    with start_supervised(greeter()) as system:
        with pytest.raises(StockCrash):
            system.call("/a", stock_crash).get()
        with pytest.raises(StockCrash):
            host(system).stock_ref.ask(stock_crash)
        settle(system)
        assert (host(system).incarnation, system.call("/a", "ann").get()) == (1, "hello ann")


def _quit(_actor: Any) -> None:
    raise SystemExit(3)


@pytest.mark.parametrize("verb", ["cast", "call"])
def test_a_base_exception_ends_that_stock_actor_and_nobody_else(placement: type[Actor], verb: str) -> None:
    """Pykka alone would stop every actor of the process."""
    log = EventLog()
    with start_supervised(greeter(), worker("b", placement), greeter("c"), log=log) as system:
        old = host(system)
        reply: Any = getattr(system, verb)("/a", _quit)
        old.exited.get(timeout=PATIENCE_S)
        settle(system)
        assert [system.registry.actors[path].incarnation for path in ("/a", "/b", "/c")] == [2, 1, 1]
        if verb == "call":
            with pytest.raises(ActorExited, match="SystemExit: 3") as ended:
                reply.get()
            assert ended.value.begun
    assert str(log.of(ActorEnded)[0].exit_reason) == "SystemExit: 3"


def test_a_restart_type_and_a_decider_hold_for_stock_actors_too() -> None:
    children = (
        greeter("a", restart="temporary"),
        greeter("b", decider=((StockCrash, "stop"),)),
        greeter("c", restart="transient"),
    )
    with start_supervised(*children) as system:
        for path in ("/a", "/b", "/c"):
            ended_stock(system, stock_crash, path)
        assert phases(system) == [("c", "running"), ("b", "stopped")]


def test_an_escalated_crash_ends_the_supervisor() -> None:
    inner = Supervisor(name="s", children=(greeter(decider=((StockCrash, "escalate"),)), worker("b", LoopActor)))
    with start_supervised(inner) as system:
        ended_stock(system, stock_crash, "/s/a")
        assert [system.registry.actors[path].incarnation for path in ("/s", "/s/a", "/s/b")] == [2, 2, 2]


@pytest.mark.parametrize("which", ["the stock reference", "the host's reference", "itself"])
def test_pykkas_stop_is_by_hand_whoever_calls_it(which: str) -> None:
    diary, log = Diary(), EventLog()
    with start_supervised(greeter(diary=diary), restarts_max=0, log=log) as system:
        old = host(system)
        old.stock_ref.tell("before")
        if which == "the stock reference":
            assert old.stock_ref.stop() is True
        elif which == "the host's reference":
            assert old.actor_ref.stop() is True
        else:
            old.stock_ref.tell(lambda actor: actor.stop())
        assert old.exited.get() == SHUTDOWN
        settle(system)
        assert phases(system) == [("a", "stopped")]
        assert diary.events == ["start", "before", "stop"]
        system.call("/", RestartChild("a")).get()
        assert system.call("/a", "again").get() == "hello again"


def test_a_stock_actor_finishes_what_it_was_given_before_it_is_stopped() -> None:
    diary, gate = Diary(), Gate()
    with start_supervised(greeter(diary=diary)) as system:
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        replies = [system.call("/a", number, 1e9) for number in range(3)]
        settle_host(system)
        stopped = system.call("/", TerminateChild("a"), 1e9)
        gate.open()
        stopped.get()
        assert [reply.get() for reply in replies] == ["hello 0", "hello 1", "hello 2"]
        assert diary.events == ["start", "0", "1", "2", "stop"]


def settle_host(system: System) -> None:
    """Waits until the host has handed everything on."""
    host(system).order("ping").get()
    settle(system)


def test_the_end_waits_for_an_on_stop_that_is_under_way() -> None:
    gate, diary = Gate(), Diary()

    class Slow(Greeter):
        def on_stop(self) -> None:
            gate.pass_through()
            super().on_stop()

    with start_supervised(Worker(name="a", actor_class=Slow, args=(diary,), shutdown_s="infinity")) as system:
        actor = host(system)
        actor.stock_ref.stop(block=False)
        gate.wait_for_arrival()
        stopped = system.call("/", TerminateChild("a"), 1e9)
        settle_root_is_waiting(actor)
        assert actor.end is None
        gate.open()
        stopped.get()
        assert diary.events == ["start", "stop"]


def settle_root_is_waiting(actor: Actor) -> None:
    """Waits until the actor has obeyed the order to stop as far as it can."""
    turned = threading.Event()
    actor.system.loop.post(lambda: actor.system.loop.post(turned.set))
    assert turned.wait(5)


def test_a_kill_of_an_idle_stock_actor_frees_its_name_and_ends_its_thread() -> None:
    diary, story = Diary(), Story()
    with start_supervised(greeter(diary=diary)) as system:
        old_ref = host(system).stock_ref
        system.events.listen(story)
        kill(system, "/a")
        assert story.since() == "-a.1:killed +a.2"
        assert not old_ref.is_alive()
        with pytest.raises(pykka.ActorDeadError):
            old_ref.ask("too late")
        assert system.call("/a", "ann").get() == "hello ann"
    assert diary.events == ["start", "start", "ann", "stop"]


def test_a_hung_stock_actor_loses_its_name_and_its_callers_hear_of_it_by_their_deadline() -> None:
    clock, gate, diary = ManualClock(), Gate(), Diary()
    with start_supervised(greeter(diary=diary, shutdown_s=2.0), clock=clock) as system:
        hung = system.call("/a", lambda _: gate.pass_through(), 5.0)
        gate.wait_for_arrival()
        kill(system, "/a")
        assert system.call("/a", "ann").get() == "hello ann"
        assert [actor.path for actor in system.abandoned()] == ["/a"]
        clock.advance(5.0)
        with pytest.raises(CallTimeout):
            hung.get()
        gate.open()


def test_a_hung_stock_actor_keeps_no_process_alive() -> None:
    with start_supervised(greeter()) as system:
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("Greeter-")]
        assert [thread.daemon for thread in threads] == [True]
        assert system.call("/a", 1).get() == "hello 1"


def test_what_hangs_at_its_stop_is_killed_when_its_time_is_up() -> None:
    clock, gate, log = ManualClock(), Gate(), EventLog()
    with start_supervised(greeter(shutdown_s=2.0), clock=clock, log=log) as system:
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        stopped = system.call("/", TerminateChild("a"), 1e9)
        clock.wait_for_timers(1)
        clock.advance(2.0)
        stopped.get()
        gate.open()
    assert log.of(ActorEnded)[0].exit_reason == KILLED


def test_a_restart_by_hand_makes_a_new_one() -> None:
    diary = Diary()
    with start_supervised(greeter(diary=diary), restarts_max=0) as system:
        first = host(system).stock_ref
        system.call("/", CycleChild("a")).get()
        assert (first.is_alive(), host(system).stock_ref.is_alive()) == (False, True)
    assert diary.events == ["start", "stop", "start", "stop"]


def test_stop_all_stops_the_tree_with_its_stock_actors_and_brings_nobody_back(placement: type[Actor]) -> None:
    diary, log = Diary(), EventLog()
    with start_supervised(worker("x", placement), greeter(diary=diary), worker("y", placement), log=log) as system:
        pykka.ActorRegistry.stop_all()
        settle(system)
        assert system.registry.paths() == []
    assert [end.path for end in log.of(ActorEnded)] == ["/y", "/a", "/x", "/"]
    assert diary.events == ["start", "stop"]


def test_the_kill_of_a_supervisor_lets_an_idle_stock_actor_clean_up() -> None:
    diary = Diary()
    inner = Supervisor(name="s", children=(greeter(diary=diary),))
    with start_supervised(inner) as system:
        old = host(system, "/s/a")
        kill(system, "/s")
        assert old.exited.get() == KILLED
        assert host(system, "/s/a").incarnation == 2
    assert sorted(diary.events) == ["start", "start", "stop", "stop"]


def test_stock_actors_may_be_made_from_a_template() -> None:
    template = Worker(name="t", actor_class=Greeter, args=(Diary(),))
    with start_supervised(DynamicSupervisor(name="d", template=template)) as system:
        started = [system.call("/d", StartDynamic()).get() for _ in range(3)]
        assert [system.call(child.path, number).get() for number, child in enumerate(started)] == [
            "hello 0",
            "hello 1",
            "hello 2",
        ]
        ended_stock(system, stock_crash, "/d/2")
        assert [name for name, _ in phases(system, "/d")] == ["1", "3", "2"]


@pytest.mark.parametrize("patient", [False, True])
def test_a_call_behind_the_stop_of_a_stock_actor_is_failed_at_once(*, patient: bool) -> None:
    gate = Gate()
    with start_supervised(greeter()) as system:
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        old = host(system)
        old.stock_ref.stop(block=False)
        reply = system.call("/a", "behind it", 1e9, patient=patient)
        settle_host(system)
        gate.open()
        if patient:
            old.exited.get()
            settle(system)
            system.call("/", RestartChild("a")).get()
            assert reply.get() == "hello behind it"
        else:
            with pytest.raises(ActorExited) as ended:
                reply.get()
            assert (ended.value.begun, ended.value.exit_reason) == (False, SHUTDOWN)


class Violent(Greeter):
    """Ends by something that is no Exception, in the hook that it is told."""

    def __init__(self, hook: str) -> None:
        super().__init__()
        self.hook = hook

    def on_stop(self) -> None:
        if self.hook == "on_stop":
            raise SystemExit(self.hook)

    def on_failure(self, *_exc_info: Any) -> None:
        if self.hook == "on_failure":
            raise SystemExit(self.hook)


@pytest.mark.parametrize("hook", ["on_stop", "on_failure"])
def test_a_base_exception_in_a_hook_ends_that_stock_actor_and_nobody_else(hook: str) -> None:
    with start_supervised(Worker(name="a", actor_class=Violent, args=(hook,)), worker("b", LoopActor)) as system:
        old = host(system)
        if hook == "on_failure":
            system.cast("/a", stock_crash)
        else:
            old.stock_ref.stop(block=False)
        old.exited.get(timeout=PATIENCE_S)
        settle(system)
        assert [system.registry.actors[path].incarnation for path in ("/a", "/b")] == [2, 1]


def test_a_kill_while_the_constructor_runs_starts_nothing() -> None:
    gate = Gate()

    class Slow(Greeter):
        def __init__(self, diary: Diary) -> None:
            gate.pass_through()
            super().__init__(diary)

    diary = Diary()
    with start_supervised() as system:
        reply = system.call("/", StartChild(Worker(name="a", actor_class=Slow, args=(diary,))), 1e9)
        gate.wait_for_arrival()
        system.registry.actors["/a"].kill()
        gate.open()
        with pytest.raises(StartFailed):
            reply.get()
    assert diary.events == []


def test_a_kill_just_before_a_stock_actor_is_registered_leaves_no_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    diary, register, hosts = Diary(), pykka.ActorRegistry.register, list[StockHost]()

    def killed_before(ref: Any) -> None:
        if ref.actor_class.__name__ == "Greeter":
            hosts.append(host(system))
            hosts[0].kill()
        register(ref)

    with start_supervised() as system:
        with monkeypatch.context() as patch:
            patch.setattr(pykka.ActorRegistry, "register", killed_before)
            reply = system.call("/", StartChild(greeter(diary=diary)), 1e9)
            with pytest.raises(StartFailed):
                reply.get()
        hosts[0]._stock.supervised_down.get(timeout=PATIENCE_S)
    assert diary.events == []


def test_between_its_stop_and_the_end_of_its_host_patient_callers_wait_in_peace() -> None:
    with start_supervised(greeter()) as system:
        actor, root = host(system), system.registry.actors["/"]
        root.order("suspend").get()
        actor.stock_ref.stop()
        actor.order("ping").get()
        reply = system.call("/a", "ann", 1e9, patient=True)
        for _ in range(3):
            actor.order("ping").get()
        assert (actor.state, actor.mailbox.depth) == ("suspended", 1)
        root.order("resume").get()
        actor.exited.get()
        settle(system)
        system.call("/", RestartChild("a")).get()
        assert reply.get() == "hello ann"


def test_two_specifications_of_one_class_share_nothing() -> None:
    with start_supervised(greeter("a"), greeter("b")) as system:
        ended_stock(system, stock_crash)
        assert [system.registry.actors[path].incarnation for path in ("/a", "/b")] == [2, 1]


def test_a_call_that_slips_in_while_a_stock_actor_ends_is_failed_at_once() -> None:
    with start_supervised(greeter(restart="temporary")) as system:
        actor = host(system)
        actor.order("suspend").get()
        # The host hears of the end, and looks at it only after the call.
        reply = system.call("/a", "slips in", 1e9)
        actor.stock_ref.stop()
        actor._stock.supervised_down.get()
        actor.order("resume").get()
        with pytest.raises(ActorExited) as ended:
            reply.get()
        assert (ended.value.begun, ended.value.exit_reason) == (False, SHUTDOWN)


def test_a_stock_class_may_use_any_name_for_what_is_its_own() -> None:
    class Named(Greeter):
        def __init__(self) -> None:
            super().__init__()
            self.down = self.kill = self.attach = self._error = self._ended = self._killed = "mine"

    with start_supervised(Worker(name="a", actor_class=Named)) as system:
        assert system.call("/a", lambda actor: (actor.down, actor._error)).get() == ("mine", "mine")
        ended_stock(system, stock_crash)
        kill(system, "/a")
        assert host(system).incarnation == 3
