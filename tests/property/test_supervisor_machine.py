"""Supervisors of every kind driven at random against a model of what OTP promises."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import supervisor_model
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from supervisor_model import WINDOW_S, Model

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import StartFailed
from viral_engine.runtime.exits import NORMAL, Ignore, Stop
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import (
    CountChildren,
    CycleChild,
    DeleteChild,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.testing import ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor

NAMES = "abcd"
MODEL_LINES_MAX = 100

restart_types = st.sampled_from(["permanent", "transient", "temporary"])
placements = st.sampled_from([LoopActor, ThreadActor])
outcomes = st.lists(st.sampled_from(["fail", "ignore", "run"]), min_size=1, max_size=2)


@dataclass(eq=False)
class End:
    """How to end; no two are the same message, or the third death would make it a dead letter."""

    how: str


def obedient(placement: Any) -> type[Actor]:
    """An actor whose inits go as the test says, and that crashes or finishes when it is told to."""

    class Obedient(placement):  # type: ignore[misc]
        def init(self, coming: dict[str, list[str]]) -> None:
            steps = coming.get(self.context.spec.name)
            match steps.pop(0) if steps else "run":
                case "fail":
                    raise ValueError("init")
                case "ignore":
                    raise Ignore

        def handle_cast(self, message: End) -> None:
            raise ValueError("boom") if message.how == "crash" else Stop(NORMAL)

    return Obedient


class SupervisorMachine(RuleBasedStateMachine):
    """The real supervisor and the model do the same; after each step the tree is quiet and both are compared."""

    model: Model

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.clock = ManualClock()
        self.coming: dict[str, list[str]] = {}

    @initialize(
        kind=st.sampled_from(["one_for_one", "rest_for_one", "one_for_all", "dynamic"]),
        restarts_max=st.integers(0, 3),
        types=st.lists(restart_types, min_size=2, max_size=3),
        placement=placements,
    )
    def begin(self, kind: Any, restarts_max: int, types: list[Any], placement: Any) -> None:
        self.actor_class = obedient(placement)
        static = {} if kind == "dynamic" else dict(zip(NAMES, types, strict=False))
        self.model = Model(kind, restarts_max, static)
        self.model.begin()
        options: Any = {"name": "s", "restarts_max": restarts_max, "restarts_window_s": float(WINDOW_S)}
        children = tuple(self.specify(name, restart) for name, restart in static.items())
        spec = (
            DynamicSupervisor(**options)
            if kind == "dynamic"
            else Supervisor(strategy=kind, children=children, **options)
        )
        self.system = self.stack.enter_context(start_supervised(spec, clock=self.clock, restarts_max=10_000))
        if kind == "dynamic":
            for name, restart in zip(NAMES, types, strict=False):
                self.add(name, restart)

    def specify(self, name: str, restart: Any) -> Worker:
        return Worker(name=name, actor_class=self.actor_class, restart=restart, args=(self.coming,))

    def by_hand(self, operation: Any) -> bool:
        """Tells whether it went well."""
        try:
            self.system.call("/s", operation).get()
        except StartFailed:
            return False
        return True

    def some_are(self, phase: str) -> bool:
        return phase in self.model.phases.values()

    def pick(self, data: st.DataObject, phase: str) -> str:
        return data.draw(st.sampled_from([name for name, now in self.model.phases.items() if now == phase]))

    @precondition(lambda self: len(self.model.phases) < len(NAMES))
    @rule(data=st.data(), restart=restart_types)
    def start_child(self, data: st.DataObject, restart: Any) -> None:
        name = data.draw(st.sampled_from([name for name in NAMES if name not in self.model.phases]))
        self.add(name, restart)

    def add(self, name: str, restart: Any) -> None:
        assert self.by_hand(StartChild(self.specify(name, restart))) is self.model.add(name, restart)

    @rule(name=st.sampled_from(NAMES), steps=outcomes)
    def let_coming_inits_fail(self, name: str, steps: list[str]) -> None:
        self.coming[name] = list(steps)
        self.model.outcomes[name] = list(steps)

    @precondition(lambda self: self.some_are("running"))
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        self.end(self.pick(data, "running"), "crash")

    @precondition(lambda self: self.some_are("running"))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        self.end(self.pick(data, "running"), "finish")

    @precondition(lambda self: self.some_are("running"))
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        self.end(self.pick(data, "running"), "kill")

    def end(self, name: str, how: str) -> None:
        if how == "kill":
            self.system.registry.actors[f"/s/{name}"].kill()
        else:
            self.system.cast(f"/s/{name}", End(how))
        self.model.end(name, crashed=how != "finish")
        self.model.settle()

    @precondition(lambda self: self.some_are("running"))
    @rule(data=st.data())
    def kill_several_before_the_supervisor_hears_of_the_first(self, data: st.DataObject) -> None:
        running = [name for name, phase in self.model.phases.items() if phase == "running"]
        names = data.draw(st.permutations(running))[: data.draw(st.integers(1, len(running)))]
        supervisor = self.system.registry.actors["/s"]
        supervisor.order("suspend").get()
        for name in names:
            self.system.registry.actors[f"/s/{name}"].kill()
            self.model.end(name, crashed=True)
        supervisor.order("resume").get()
        self.model.settle()

    @precondition(lambda self: bool(self.model.restarts_s or self.model.added or any(self.model.outcomes.values())))
    @rule()
    def kill_the_supervisor(self) -> None:
        self.system.registry.actors["/s"].kill()
        self.model.begin()

    @precondition(lambda self: self.some_are("running"))
    @rule(data=st.data())
    def stop_by_hand(self, data: st.DataObject) -> None:
        name = self.pick(data, "running")
        dynamic = self.model.kind == "dynamic"
        self.by_hand(TerminateChild(self.system.registry.actors[f"/s/{name}"] if dynamic else name))
        self.model.finish(name)

    @precondition(lambda self: self.some_are("stopped"))
    @rule(data=st.data())
    def restart_by_hand(self, data: st.DataObject) -> None:
        name = self.pick(data, "stopped")
        assert self.by_hand(RestartChild(name)) is self.model.start(name)

    @precondition(lambda self: self.some_are("stopped"))
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = self.pick(data, "stopped")
        self.by_hand(DeleteChild(name))
        self.model.drop(name)

    @precondition(lambda self: bool(self.model.phases))
    @rule(data=st.data())
    def cycle_by_hand(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(list(self.model.phases)))
        assert self.by_hand(CycleChild(name)) is self.model.cycle(name)

    @precondition(lambda self: bool(self.model.restarts_s))
    @rule(seconds=st.sampled_from([1, WINDOW_S - 1, WINDOW_S, WINDOW_S + 1]))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.model.now_s += seconds

    @invariant()
    def both_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        settle(self.system)
        infos = self.system.call("/s", WhichChildren()).get()
        in_order = infos if self.model.kind == "dynamic" else reversed(infos)
        seen = [(info.name, info.phase, info.actor.incarnation if info.actor else None) for info in in_order]
        assert seen == [
            (name, phase, self.model.starts[name] if phase == "running" else None)
            for name, phase in self.model.phases.items()
        ]
        assert self.system.registry.actors["/s"].incarnation == self.model.lives
        counted = self.system.call("/s", CountChildren()).get()
        running = list(self.model.phases.values()).count("running")
        assert (counted.specs, counted.active) == (len(self.model.phases), running)
        assert len(self.system.registry) == running + 2
        assert self.coming == self.model.outcomes

    def teardown(self) -> None:
        self.stack.close()


SupervisorMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
TestSupervisor = SupervisorMachine.TestCase


def test_the_model_is_short_enough_to_be_believed() -> None:
    assert len(Path(supervisor_model.__file__).read_text().splitlines()) <= MODEL_LINES_MAX
