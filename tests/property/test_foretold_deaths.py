"""What is foretold of a death is what a real supervisor then does."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from viral_engine.runtime import snapshot
from viral_engine.runtime.events import ActorEnded, ActorStarted, SupervisorGaveUp
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.spec import ChildSpec, Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, ManualClock, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor
from viral_engine.runtime.what_if import WhatIf, what_if

DEPTH_MAX = 3
DOWN = ("ends", "dies", "stops", "gives_up", "shuts_down")


class OnTheLoop(LoopActor):
    """Does nothing."""


class OnAThread(ThreadActor):
    """Does nothing."""


@st.composite
def children(draw: st.DrawFn, depth: int, auto_shutdown: Any) -> tuple[ChildSpec, ...]:
    return tuple(draw(specs(name, depth, auto_shutdown)) for name in "abc"[: draw(st.integers(1, 3))])


@st.composite
def supervisors(draw: st.DrawFn, name: str, depth: int, options: Any) -> Supervisor:
    rule: Any = draw(st.sampled_from(["never", "never", "any_significant", "all_significant"]))
    return Supervisor(
        name=name,
        children=draw(children(depth + 1, rule)),
        strategy=draw(st.sampled_from(["one_for_one", "rest_for_one", "one_for_all"])),
        restarts_max=draw(st.integers(0, 2)),
        auto_shutdown=rule,
        **options,
    )


@st.composite
def specs(draw: st.DrawFn, name: str, depth: int, auto_shutdown: Any) -> ChildSpec:
    restart = draw(st.sampled_from(["permanent", "permanent", "transient", "temporary"]))
    options: dict[str, Any] = {
        "restart": restart,
        "significant": auto_shutdown != "never" and restart != "permanent" and draw(st.booleans()),
        "on_give_up": draw(st.sampled_from(["escalate", "escalate", "suspend"])),
    }
    if depth < DEPTH_MAX and draw(st.booleans()):
        return draw(supervisors(name, depth, options))
    actor_class: Any = OnTheLoop if draw(st.booleans()) else OnAThread
    return Worker(name=name, actor_class=actor_class, **options)


def foretold(answer: WhatIf) -> list[str]:
    ups_and_downs = [step for step in answer.steps if step.verb in (*DOWN, "starts")]
    return [f"{'starts' if step.verb == 'starts' else 'is down'} {step.path}" for step in ups_and_downs]


def happened(log: EventLog) -> list[str]:
    events = log.of(ActorStarted, ActorEnded)
    return [f"{'starts' if isinstance(event, ActorStarted) else 'is down'} {event.path}" for event in events]


def ask(system: System, path: str) -> WhatIf:
    root = snapshot.standing(system)
    assert root is not None
    return what_if(root, path)


def running(system: System) -> dict[str, Any]:
    return {path: actor for path, actor in sorted(system.registry.actors.items()) if path != "/"}


@settings(max_examples=150, deadline=None)
@given(root=supervisors("root", 0, {}), data=st.data())
def test_what_is_foretold_of_a_death_is_what_happens(root: Supervisor, data: st.DataObject) -> None:
    options = {name: getattr(root, name) for name in ("strategy", "restarts_max", "auto_shutdown")}
    log, clock = EventLog(), ManualClock()
    with start_supervised(*root.children, log=log, clock=clock, **options) as system:
        for _ in range(4):
            living = running(system)
            if not living:
                return
            path = data.draw(st.sampled_from(list(living)))
            answer = ask(system, path)
            before = len(happened(log)), len(log.of(SupervisorGaveUp))
            living[path].kill()
            settle(system)
            assert happened(log)[before[0] :] == foretold(answer)
            gave_up = [event.path for event in log.of(SupervisorGaveUp)[before[1] :]]
            assert gave_up == [step.path for step in answer.steps if step.verb == "gives_up"]
            assert (system.root is None or system.root.end is not None) is answer.ends_root
            clock.advance(data.draw(st.sampled_from([0.0, 1.0, 5.0, 5.5])))
            settle(system)
