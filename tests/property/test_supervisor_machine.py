"""A supervisor driven at random against a model of what OTP promises."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from viral_engine.runtime.exits import NORMAL, Stop
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import DeleteChild, RestartChild, StartChild, TerminateChild, WhichChildren
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import ManualClock, settle, start_supervised

NAMES = "abcd"
WINDOW_S = 5


@dataclass
class Model:
    """What a supervisor should do: names in start order, who runs, and when restarts were counted."""

    strategy: str
    restarts_max: int
    restart_types: dict[str, str] = field(default_factory=dict)
    running: dict[str, bool] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    restarts_s: list[int] = field(default_factory=list)
    now_s: int = 0
    alive: bool = True

    def start(self, name: str) -> None:
        self.running[name] = True
        self.starts[name] = self.starts.get(name, 0) + 1

    def drop(self, name: str) -> None:
        del self.running[name], self.restart_types[name]
        self.starts.pop(name)

    def stop(self, name: str) -> None:
        self.running[name] = False
        if self.restart_types[name] == "temporary":
            self.drop(name)

    def end(self, name: str, *, crashed: bool) -> None:
        restart = self.restart_types[name]
        if restart == "temporary" or (restart == "transient" and not crashed):
            self.stop(name)
            return
        self.running[name] = False
        self.restarts_s.append(self.now_s)
        if sum(self.now_s - at_s <= WINDOW_S for at_s in self.restarts_s) > self.restarts_max:
            self.alive = False
            return
        order = list(self.running)
        group = {"one_for_one": [name], "rest_for_one": order[order.index(name) :], "one_for_all": order}
        for member in group[self.strategy]:
            self.stop(member)
            if member in self.running:
                self.start(member)


class Obedient(LoopActor):
    """Crashes or finishes when it is told to."""

    def handle_cast(self, message: Any) -> None:
        raise ValueError("boom") if message == "crash" else Stop(NORMAL)


class SupervisorMachine(RuleBasedStateMachine):
    """The real supervisor and the model do the same; after each step the tree is quiet and both are compared."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.clock = ManualClock()

    @initialize(
        strategy=st.sampled_from(["one_for_one", "rest_for_one", "one_for_all"]),
        restarts_max=st.integers(0, 3),
        types=st.lists(st.sampled_from(["permanent", "transient", "temporary"]), min_size=1, max_size=3),
    )
    def start(self, strategy: Any, restarts_max: int, types: list[Any]) -> None:
        self.model = Model(strategy, restarts_max)
        children = [self.specify(name, restart) for name, restart in zip(NAMES, types, strict=False)]
        options = {"strategy": strategy, "restarts_max": restarts_max, "restarts_window_s": float(WINDOW_S)}
        self.system = self.stack.enter_context(start_supervised(*children, clock=self.clock, **options))
        for child in children:
            self.model.start(child.name)

    def specify(self, name: str, restart: Any) -> Worker:
        self.model.restart_types[name] = restart
        return Worker(name=name, actor_class=Obedient, restart=restart)

    def pick(self, data: st.DataObject, *, running: bool) -> str:
        return data.draw(st.sampled_from([name for name, runs in self.model.running.items() if runs is running]))

    def one_runs(self) -> bool:
        return self.model.alive and any(self.model.running.values())

    def one_is_stopped(self) -> bool:
        return self.model.alive and not all(self.model.running.values())

    @precondition(lambda self: self.model.alive and len(self.model.running) < len(NAMES))
    @rule(data=st.data(), restart=st.sampled_from(["permanent", "transient", "temporary"]))
    def start_child(self, data: st.DataObject, restart: Any) -> None:
        name = data.draw(st.sampled_from([name for name in NAMES if name not in self.model.running]))
        self.system.call("/", StartChild(self.specify(name, restart))).get()
        self.model.start(name)

    @precondition(one_runs)
    @rule(data=st.data(), how=st.sampled_from(["crash", "kill", "finish"]))
    def end(self, data: st.DataObject, how: str) -> None:
        name = self.pick(data, running=True)
        if how == "kill":
            self.system.registry.actors[f"/{name}"].kill()
        else:
            self.system.cast(f"/{name}", how)
        settle(self.system)
        self.model.end(name, crashed=how != "finish")

    @precondition(one_runs)
    @rule(data=st.data())
    def stop_by_hand(self, data: st.DataObject) -> None:
        name = self.pick(data, running=True)
        self.system.call("/", TerminateChild(name)).get()
        self.model.stop(name)

    @precondition(one_is_stopped)
    @rule(data=st.data())
    def restart_by_hand(self, data: st.DataObject) -> None:
        name = self.pick(data, running=False)
        self.system.call("/", RestartChild(name)).get()
        self.model.start(name)

    @precondition(one_is_stopped)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = self.pick(data, running=False)
        self.system.call("/", DeleteChild(name)).get()
        self.model.drop(name)

    @rule(seconds=st.integers(1, WINDOW_S + 1))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.model.now_s += seconds

    @invariant()
    def both_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        settle(self.system)
        assert self.system.root is not None
        assert (self.system.root.end is None) is self.model.alive
        if not self.model.alive:
            assert self.system.registry.paths() == []
            return
        infos = self.system.call("/", WhichChildren()).get()
        assert [(info.name, info.phase == "running") for info in reversed(infos)] == list(self.model.running.items())
        for info in infos:
            if info.actor is not None:
                assert info.actor.incarnation == self.model.starts[info.name]

    def teardown(self) -> None:
        self.stack.close()


SupervisorMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestSupervisor = SupervisorMachine.TestCase
