"""What the tree looks like right now, as frozen data: read from outside, without any actor's help."""

from __future__ import annotations

import sys
import threading
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from viral_engine.runtime.backoff import failures_in_a_row
from viral_engine.runtime.discretion import words_of
from viral_engine.runtime.guardian import Guardian
from viral_engine.runtime.intensity import restarts_in_window
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.standing import Standing
from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from viral_engine.runtime.actor import Actor
    from viral_engine.runtime.children import Child
    from viral_engine.runtime.system import System

NodeKind = Literal["supervisor", "worker"]
Placement = Literal["loop", "thread"]


@dataclass(frozen=True, slots=True)
class Intensity:
    """How far a supervisor is from giving up."""

    strategy: str
    restarts_used: int
    restarts_max: int
    window_s: float


@dataclass(frozen=True, slots=True)
class LastExit:
    """Why the incarnation before this one ended, and when (milliseconds since 1970)."""

    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Node:
    """One name in the tree.

    Attributes:
        state: starting, running, suspended, restarting, stopped, given_up or ended.
        status: the actor's own word beside its state, such as `warming`.
        busy_s: seconds in the current handler; None when it is idle.
        recent: the types of the last messages, oldest first.
    """

    path: str
    kind: NodeKind
    actor_class: str
    placement: Placement
    state: str
    status: str | None
    incarnation: int
    depth: int
    capacity: int
    oldest_age_s: float | None
    refused: int
    handled: int
    current_message: str | None
    busy_s: float | None
    recent: tuple[str, ...]
    restarts: int
    last_exit: LastExit | None
    up_s: float | None
    intensity: Intensity | None
    children: tuple[Node, ...]


def take(system: System) -> Node | None:
    """Returns the whole tree; None before the root is there."""
    root = system.root
    if root is None:
        return None
    return _node("/", root, None, system.clock.monotonic_s())


def standing(system: System) -> Standing | None:
    """Returns what the supervisors know of their children, for `what_if`; None before the root is there."""
    root = system.root
    if root is None:
        return None
    now_s = system.clock.monotonic_s()
    below = tuple(_standing(child, now_s) for child in root.children)
    return Standing("/", root.spec, restarts_s=_before(root.restarts_s, now_s), children=below)


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A killed incarnation whose thread still hangs in a handler.

    Attributes:
        message: the type of what it handles, None for the runtime's own or a batch.
        stack: where it is, None when it just ended.
    """

    path: str
    incarnation: int
    message: str | None
    busy_s: float | None
    stack: str | None


def abandoned(system: System) -> tuple[Abandoned, ...]:
    """Returns what hangs, the oldest first."""
    now_s = system.clock.monotonic_s()
    return tuple(
        Abandoned(
            path=actor.path,
            incarnation=actor.incarnation,
            message=actor.current_message,
            busy_s=None if actor.busy_since_s is None else max(now_s - actor.busy_since_s, 0.0),
            stack=stack(actor),
        )
        for actor in system.abandoned()
    )


def stack(actor: Actor) -> str | None:
    """Returns where the actor's thread is now; None for an actor on the loop, whose stack is the loop's."""
    if not isinstance(actor, ThreadActor) or actor.thread_ident is None:
        return None
    frame = sys._current_frames().get(actor.thread_ident)  # noqa: SLF001  (there is no other way to see it)
    return "".join(traceback.format_stack(frame)) if frame is not None else None


def thread_count() -> int:
    """Returns how many threads the process has, for the totals of `tree`."""
    return threading.active_count()


def _node(path: str, actor: Actor | None, child: Child | None, now_s: float) -> Node:
    spec = child.spec if child is not None else getattr(actor, "spec", None)
    actor_class = type(actor) if actor is not None else getattr(spec, "actor_class", Guardian)
    busy_since_s = actor.busy_since_s if actor is not None else None
    return Node(
        path=path,
        kind="worker" if isinstance(spec, Worker) else "supervisor",
        actor_class=actor_class.__name__,
        placement="loop" if issubclass(actor_class, LoopActor) else "thread",
        state=_state(actor, child),
        status=actor.status if actor is not None else None,
        incarnation=actor.incarnation if actor is not None else 0,
        depth=actor.mailbox.depth if actor is not None else 0,
        capacity=actor.mailbox.capacity if actor is not None else 0,
        oldest_age_s=actor.mailbox.oldest_age_s if actor is not None else None,
        refused=actor.mailbox.refused if actor is not None else 0,
        handled=actor.handled if actor is not None else 0,
        current_message=actor.current_message if actor is not None else None,
        busy_s=None if busy_since_s is None else max(now_s - busy_since_s, 0.0),
        recent=tuple(kind.__name__ for kind, _ in tuple(actor.recent)) if actor is not None else (),
        restarts=child.restarts if child is not None else 0,
        last_exit=_last_exit(child),
        up_s=now_s - actor.started_s if actor is not None and actor.end is None else None,
        intensity=_intensity(actor, spec, now_s),
        children=_children(actor, now_s),
    )


def _standing(child: Child, now_s: float) -> Standing:
    actor, failures = child.actor, child.failures + 1
    if actor is not None and child.spec.backoff is not None:
        failures = failures_in_a_row(child.failures, now_s - actor.started_s, child.spec.backoff)
    supervisor = actor if isinstance(actor, Guardian) else None
    return Standing(
        path=child.path,
        spec=child.spec,
        phase=child.phase,
        failures=failures,
        restarts_s=_before(supervisor.restarts_s, now_s) if supervisor is not None else (),
        own_restarts_s=_before(child.own_restarts_s, now_s),
        children=tuple(_standing(below, now_s) for below in supervisor.children) if supervisor is not None else (),
    )


def _before(moments_s: tuple[float, ...], now_s: float) -> tuple[float, ...]:
    return tuple(moment_s - now_s for moment_s in moments_s)


def _state(actor: Actor | None, child: Child | None) -> str:
    if child is not None and child.phase in ("restarting", "given_up", "stopped"):
        return child.phase
    return actor.state if actor is not None else "stopped"


def _last_exit(child: Child | None) -> LastExit | None:
    if child is None or child.last_exit is None or child.last_exit_wall_ms is None:
        return None
    return LastExit(words_of(child.last_exit), child.last_exit_wall_ms)


def _intensity(actor: Actor | None, spec: object, now_s: float) -> Intensity | None:
    if not isinstance(spec, Supervisor | DynamicSupervisor):
        return None
    used = 0
    if isinstance(actor, Guardian):
        used = restarts_in_window(actor.restarts_s, now_s, spec.restarts_window_s)
    strategy = spec.strategy if isinstance(spec, Supervisor) else "dynamic"
    return Intensity(strategy, used, spec.restarts_max, spec.restarts_window_s)


def _children(actor: Actor | None, now_s: float) -> tuple[Node, ...]:
    if not isinstance(actor, Guardian):
        return ()
    return tuple(_node(child.path, child.actor, child, now_s) for child in actor.children)
