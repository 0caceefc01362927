"""No call ever hangs: whatever crashes, is killed, suspended or full, each ends with an answer or a named error."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viral_engine.runtime.actor import NO_REPLY, Actor
from viral_engine.runtime.errors import ActorError, CallError, CallTimeout
from viral_engine.runtime.exits import NORMAL, Stop
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import CycleChild, RestartChild, TerminateChild
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor

NAMES = "abcd"
LATEST_S = 1_000.0
"""After so long every deadline is over."""


class Boom(Exception):
    """What an actor of this test crashes with."""


class LatchedClock(ManualClock):
    """Knows what each thread read last: by that the runtime decided whether a call is still in time."""

    def __init__(self) -> None:
        super().__init__()
        self._read = threading.local()

    def monotonic_s(self) -> float:
        self._read.last_s = super().monotonic_s()
        return float(self._read.last_s)

    @property
    def last_s(self) -> float:
        return float(self._read.last_s)


@dataclass(frozen=True)
class Message:
    """What a handler is to do; `steps` are done hop by hop, each by another actor."""

    number: int
    deadline_s: float
    steps: tuple[tuple[str, str], ...]
    hop: int = 0

    @property
    def may_wait(self) -> bool:
        """Whether somebody keeps the reply, or drops it: only the deadline ends the call."""
        return any(what in ("drop", "later") for what, _ in self.steps)

    def onward(self) -> Message:
        return replace(self, steps=self.steps[1:] or (("answer", ""),), hop=self.hop + 1)


@dataclass
class Stage:
    """What the actors of one example share."""

    clock: LatchedClock
    handled: list[tuple[int, int]] = field(default_factory=list)
    late: list[Message] = field(default_factory=list)
    failing_inits: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in NAMES})
    failing_ends: set[str] = field(default_factory=set)

    def enter(self, message: Message) -> None:
        self.handled.append((message.number, message.hop))
        if message.deadline_s <= self.clock.last_s:
            self.late.append(message)


class Player(Actor):
    """Does what messages say; `ask` is how its placement waits for another actor."""

    def init(self, stage: Stage) -> None:
        self.stage = stage
        failing = stage.failing_inits[self.context.spec.name]
        if failing:
            how = failing.pop()
            if how == "kill":
                self.kill()
            else:
                raise Boom("init") if how == "crash" else Stop(NORMAL)

    def play(self, message: Message, reply_to: Any) -> Any:
        self.stage.enter(message)
        what, target = message.steps[0]
        if target <= self.context.spec.name and what.startswith("forward"):
            # Nobody passes a call up: in a circle "not begun" would only be said of its last part.
            return message.number
        match what:
            case "crash":
                raise Boom("handler")
            case "exit":
                raise SystemExit("handler")
            case "stop":
                raise Stop(NORMAL)
            case "kill itself":
                self.kill()
            case "forward":
                return self.forward(path_of(target), message.onward(), reply_to)
            case "forward and crash":
                self.forward(path_of(target), message.onward(), reply_to)
                raise Boom("after the reply was handed on")
            case "later":
                self.cast(self.path, reply_to)
                return NO_REPLY
            case "drop":
                return NO_REPLY
        return message.number

    def handle_cast(self, reply_to: Any) -> None:
        reply_to.set("later")

    def terminate(self, exit_reason: Any) -> None:
        if self.context.spec.name in self.stage.failing_ends:
            raise Boom("terminate")

    def asked(self, message: Message) -> Reply[Any]:
        left_s = message.deadline_s - self.system.clock.monotonic_s()
        return self.call(path_of(message.steps[0][1]), message.onward(), left_s)


class ThreadPlayer(Player, ThreadActor):
    def handle_call(self, message: Message, reply_to: Any) -> Any:
        if message.steps[0][0] == "ask" and message.steps[0][1] > self.context.spec.name:
            self.stage.enter(message)
            with suppress(CallError):
                self.asked(message).get()
            return message.number
        return self.play(message, reply_to)


class LoopPlayer(Player, LoopActor):
    def handle_call(self, message: Message, reply_to: Any) -> Any:
        if message.steps[0][0] == "ask" and message.steps[0][1] > self.context.spec.name:
            self.stage.enter(message)
            return self.wait(message)
        return self.play(message, reply_to)

    async def wait(self, message: Message) -> Any:
        with suppress(CallError):
            await self.asked(message)
        return message.number


def path_of(name: str) -> str:
    """`c` and `d` live under a supervisor of their own."""
    return f"/{name}" if name in "ab" else f"/s/{name}"


@dataclass(frozen=True)
class Ordeal:
    """One example: what runs, what is done to it at once, and how it ends."""

    placements: tuple[type[Player], ...]
    capacities: tuple[int, ...]
    strategy: Any
    restarts_max: int
    bursts: tuple[tuple[tuple[str, str, Any], ...], ...]
    ending: str


def without_endless_waits(plan: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Who asks waits for the answer, for ever while time stands still: whoever is asked must not keep it."""
    asked = [position for position, (what, _) in enumerate(plan) if what == "ask"]
    first = min(asked, default=len(plan))
    kept = ("drop", "later")
    return tuple(("answer", to) if at > first and what in kept else (what, to) for at, (what, to) in enumerate(plan))


names = st.sampled_from(NAMES)
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["answer", "crash", "exit", "stop", "kill itself", "forward", "forward and crash", "later", "drop", "ask"]
        ),
        names,
    ),
    min_size=1,
    max_size=3,
).map(without_endless_waits)
calls = st.tuples(st.sampled_from(["call", "patient"]), names, st.tuples(st.integers(1, 5), steps))
harms = st.tuples(
    st.sampled_from(
        ["kill", "suspend", "resume", "stop", "start", "cycle", "fail inits", "fail end", "kill supervisor", "advance"]
    ),
    names,
    st.lists(st.sampled_from(["crash", "stop", "kill"]), min_size=1, max_size=3),
)
# Calls first, so that they are what is shuffled among the harms and not the other way round.
bursts = st.builds(list.__add__, st.lists(calls, min_size=3, max_size=10), st.lists(harms, max_size=5))
ordeals = st.builds(
    Ordeal,
    placements=st.tuples(*[st.sampled_from([LoopPlayer, ThreadPlayer])] * len(NAMES)),
    capacities=st.tuples(*[st.sampled_from([1_000, 2, 1])] * len(NAMES)),
    strategy=st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    restarts_max=st.sampled_from([1_000, 2]),
    bursts=st.lists(bursts.flatmap(st.permutations).map(tuple), min_size=1, max_size=3).map(tuple),
    ending=st.sampled_from(["resume", "advance", "stop"]),
)


class Run:
    """One ordeal as it is carried out, and what its calls came to."""

    def __init__(self, ordeal: Ordeal, system: System, stage: Stage) -> None:
        self.ordeal, self.system, self.stage = ordeal, system, stage
        self.calls: list[tuple[Message, Reply[Any]]] = []

    def play(self) -> None:
        for burst in self.ordeal.bursts:
            # Every second one is done by somebody else, in the same moment.
            others = threading.Thread(target=self.do_all, args=(burst[1::2],))
            others.start()
            self.do_all(burst[::2])
            others.join()

    def do_all(self, acts: Any) -> None:
        for act in acts:
            self.do(*act)

    def do(self, what: str, name: str, details: Any) -> None:
        actor = self.system.registry.whereis(path_of(name) if what != "kill supervisor" else "/s")
        by_hand: Any = {"stop": TerminateChild, "start": RestartChild, "cycle": CycleChild}
        match what:
            case "call" | "patient":
                self.call(name, *details, patient=what == "patient")
            case "kill" | "kill supervisor" if actor is not None:
                actor.kill()
            case "suspend" | "resume" if actor is not None:
                actor.order(what)
            case "stop" | "start" | "cycle":
                self.system.call("/" if name in "ab" else "/s", by_hand[what](name), LATEST_S)
            case "fail inits":
                self.stage.failing_inits[name] = list(details)
            case "fail end":
                self.stage.failing_ends.add(name)
            case "advance":
                self.stage.clock.advance(len(details))

    def call(self, name: str, timeout_s: int, plan: Any, *, patient: bool) -> None:
        number = self.system.next_number()
        message = Message(number, self.stage.clock.monotonic_s() + timeout_s, plan)
        reply = self.system.call(path_of(name), message, timeout_s, patient=patient)
        self.calls.append((replace(message, deadline_s=reply.deadline_s), reply))

    def finish(self) -> None:
        match self.ordeal.ending:
            case "resume":
                self.resume()
                settle(self.system)
                assert [message for message, reply in self.calls if not reply.is_settled and self.is_due(message)] == []
            case "advance":
                self.stage.clock.advance(LATEST_S)
                self.resume()
                settle(self.system)
            case "stop":
                self.system.stop()
        self.stage.clock.advance(LATEST_S)

    def is_due(self, message: Message) -> bool:
        """Whether nothing is left that the answer could wait for: not for its deadline, nor for a name to come back."""
        if message.may_wait or message.deadline_s <= self.stage.clock.monotonic_s():
            return False
        return all(self.system.registry.whereis(path_of(name)) is not None for name in NAMES)

    def resume(self) -> None:
        for actor in self.system.living.copy():
            actor.order("resume")

    def judge(self) -> None:
        for message, reply in self.calls:
            try:
                assert reply.get() in (message.number, "later")
            except ActorError as error:
                begun = getattr(error, "begun", True)
                if not begun and not message.steps[0][0].startswith("forward"):
                    assert (message.number, 0) not in self.stage.handled
        assert [times for times in Counter(self.stage.handled).values() if times > 1] == []
        assert self.stage.late == []


def tree(ordeal: Ordeal, stage: Stage) -> tuple[Any, ...]:
    a, b, c, d = (
        Worker(name=name, actor_class=placement, args=(stage,), mailbox_capacity=capacity, shutdown_s="infinity")
        for name, placement, capacity in zip(NAMES, ordeal.placements, ordeal.capacities, strict=True)
    )
    inner = Supervisor(name="s", strategy=ordeal.strategy, children=(c, d), restarts_max=ordeal.restarts_max)
    return (a, b, inner)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(ordeals)
def test_every_call_ends_with_an_answer_or_a_named_error_and_nothing_is_done_twice_or_too_late(ordeal: Ordeal) -> None:
    stage = Stage(LatchedClock())
    with start_supervised(*tree(ordeal, stage), clock=stage.clock, restarts_max=ordeal.restarts_max) as system:
        run = Run(ordeal, system, stage)
        run.play()
        run.finish()
        run.judge()


@pytest.mark.parametrize("placement", [LoopActor, ThreadActor])
def test_a_call_that_expires_while_those_before_it_are_handled_is_not_executed(placement: Any) -> None:
    class Slow(placement):  # type: ignore[misc]
        def init(self, clock: ManualClock, handled: list[int]) -> None:
            self.clock, self.seen = clock, handled

        def handle_call(self, message: int, reply_to: Any) -> int:
            self.seen.append(message)
            self.clock.advance(1.0)
            return message

    clock, handled = ManualClock(), list[int]()
    with start_supervised(Worker(name="a", actor_class=Slow, args=(clock, handled)), clock=clock) as system:
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        replies = [system.call("/a", number, 2.5) for number in range(5)]
        actor.order("resume").get()
        settle(system)
        assert handled == [0, 1, 2]
        assert [isinstance(reply._error, CallTimeout) for reply in replies] == [False] * 3 + [True] * 2
        for reply in replies[3:]:
            with pytest.raises(ActorError):
                reply.get()
