"""The supervisor: starts its children in order, brings them back, gives up, stops them in reverse."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from viral_engine.runtime.actor import NO_REPLY, Actor, ChildEnded, StopRequested
from viral_engine.runtime.errors import (
    ActorError,
    CallTimeout,
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    StartFailed,
)
from viral_engine.runtime.events import (
    ActorStarted,
    ActorStartFailed,
    ChildGaveUp,
    ChildRestarted,
    KeptStateDropped,
    SupervisorGaveUp,
)
from viral_engine.runtime.exits import KILLED, SHUTDOWN, Exit, Ignore, Stop, crash
from viral_engine.runtime.intensity import admit_restart
from viral_engine.runtime.spec import ChildSpec, Supervisor, Worker
from viral_engine.runtime.strategies import ends_supervisor, needs_restart, plan_restart
from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from viral_engine.runtime.reply import ReplyTo

GIVE_UP_RETRY_S = 300.0
"""How long a child that gave up alone rests before it is tried again."""

Phase = Literal["stopped", "starting", "running", "restarting", "given_up"]


@dataclass(slots=True)
class Child:
    """What a supervisor knows of one child; other threads may read it."""

    spec: ChildSpec
    path: str
    actor: Actor | None = None
    phase: Phase = "stopped"
    restarts: int = 0
    last_exit: Exit | None = None
    last_exit_wall_ms: int | None = None
    own_restarts_s: tuple[float, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class StartChild:
    """Adds a child at the end of the order and starts it; answers its path, or None when its init ignored."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Stops a child by hand; its specification stays unless it is temporary."""

    name: str


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Starts a stopped child by hand."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Forgets a stopped child."""

    name: str


@dataclass(frozen=True, slots=True)
class CycleChild:
    """Stops a child and starts it again by hand, in one step; never counted."""

    name: str


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """Answers a tuple of `ChildInfo`, newest first."""


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Answers a `ChildCount`."""


@dataclass(frozen=True, slots=True)
class GetChildSpec:
    """Answers the specification of a child."""

    name: str


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One line of `WhichChildren`; `actor` is None for a stopped and for a restarting child."""

    name: str
    actor: Actor | None
    phase: Phase
    is_supervisor: bool


@dataclass(frozen=True, slots=True)
class ChildCount:
    """How many children there are; stopped ones count as specs and by their kind."""

    specs: int
    active: int
    supervisors: int
    workers: int


@dataclass(frozen=True, slots=True)
class _TryAgain:
    """To itself, behind what is queued: a restart failed and is to be tried again."""

    name: str


class SupervisorActor(ThreadActor):
    """Carries out what `strategies` and `intensity` decide, one thing at a time.

    Ends of children and operations by hand share one queue, in the order in which they happened.
    """

    # A snapshot may look before the init has run.
    children: tuple[Child, ...] = ()
    restarts_s: tuple[float, ...] = ()

    def init(self, spec: Supervisor) -> None:
        """Starts the children in order; when one fails, those before it are stopped again and the start fails."""
        self.spec = spec
        self.restarts_s = ()
        self.children = tuple(self._child(child) for child in spec.children)
        for child in self.children:
            try:
                self._start(child)
            except StartFailed as failure:
                self._stop_all()
                raise Stop(Exit("shutdown", f"{failure.path} failed to start: {failure.exit_reason}")) from failure
        self._drop_ignored_temporary()

    def handle_call(self, message: Any, reply_to: ReplyTo) -> Any:
        """Carries out an operation by hand: it never counts, never retries, never touches siblings."""
        try:
            return self._by_hand(message)
        except ActorError as error:
            reply_to.set_exception(error)
            return NO_REPLY

    def _by_hand(self, message: Any) -> Any:
        match message:
            case StartChild(spec):
                return self._add(spec)
            case TerminateChild(name):
                return self._terminate(self._find(name))
            case RestartChild(name):
                return self._start_by_hand(self._stopped(name))
            case DeleteChild(name):
                return self._delete(self._stopped(name))
            case CycleChild(name):
                child = self._find(name)
                self._terminate(child)
                return self._start_by_hand(child)
            case WhichChildren():
                return tuple(
                    ChildInfo(child.spec.name, child.actor, child.phase, isinstance(child.spec, Supervisor))
                    for child in reversed(self.children)
                )
            case CountChildren():
                return self._count()
            case GetChildSpec(name):
                return self._find(name).spec
            case _:
                return super().handle_call(message, None)  # type: ignore[arg-type]  # it only raises

    def handle_info(self, message: Any) -> None:
        """Reacts to the end of a child, or tries a failed restart again."""
        match message:
            case ChildEnded(actor, exit_reason):
                for child in self.children:
                    if child.actor is actor:
                        self._child_ended(child, actor, exit_reason)
                        break
            case _TryAgain(name):
                for child in self.children:
                    if child.spec.name == name and child.phase in ("restarting", "given_up"):
                        self._restart(child)
            case StopRequested(actor):
                for child in self.children:
                    if child.actor is actor:
                        self._terminate(child)
                        break
            case _:
                super().handle_info(message)

    def terminate(self, _exit_reason: Exit) -> None:
        """Stops the children in reverse start order."""
        self._stop_all()

    def kill(self, reason: str | None = None) -> bool:
        """Kills the children too: nobody would be left to watch them."""
        killed = super().kill(reason)
        if killed:
            for child in reversed(self.children):
                if child.actor is not None:
                    child.actor.kill(f"its supervisor {self.path} was killed")
        return killed

    # Starting and stopping one child.

    def _child(self, spec: ChildSpec) -> Child:
        return Child(spec, f"{self.path.rstrip('/')}/{spec.name}")

    def _start(self, child: Child) -> None:
        """Starts the next incarnation and waits for its init.

        Raises:
            StartFailed: the init failed, took too long, or the name was taken.
        """
        child.phase = "starting"
        began_s = time.monotonic()
        actor: Actor | None = None
        try:
            actor = self.system.incarnate(child.spec, child.path, self)
            child.actor = actor
            if self.end is not None:
                actor.kill()
            actor.booted.get(timeout=child.spec.init_max_s if isinstance(child.spec, Worker) else None)
        except Ignore:
            child.actor, child.phase = None, "stopped"
            return
        except Exception as error:
            child.actor, child.phase = None, "stopped"
            exit_reason = self._start_failure(actor, error)
            incarnation = actor.incarnation if actor is not None else 0
            self.system.events.emit(ActorStartFailed(child.path, incarnation, exit_reason))
            raise StartFailed(child.path, exit_reason) from error
        child.phase = "running"
        self.system.events.emit(ActorStarted(child.path, actor.incarnation, (time.monotonic() - began_s) * 1_000))

    @staticmethod
    def _start_failure(actor: Actor | None, error: Exception) -> Exit:
        if isinstance(error, CallTimeout) and actor is not None:
            actor.kill("its init took too long")
            return KILLED
        return error.exit_reason if isinstance(error, Stop) else crash(error)

    def _stop_child(self, child: Child) -> None:
        """Stops the running incarnation: asked first, killed when its time is up."""
        actor, child.actor = child.actor, None
        child.phase = "stopped"
        if actor is None:
            return
        limit = child.spec.shutdown_s
        if limit == "brutal":
            actor.kill("stopped brutally by its supervisor")
        else:
            actor.order("shut_down", SHUTDOWN)
            try:
                actor.exited.get(timeout=None if limit == "infinity" else float(limit))
            except CallTimeout:
                actor.kill(f"did not stop within {limit} s")
        self._note_exit(child, actor, actor.exited.get())

    def _stop_all(self) -> None:
        for child in reversed(self.children):
            self._stop_child(child)

    def _note_exit(self, child: Child, actor: Actor, exit_reason: Exit) -> None:
        """Remembers the end, and throws kept state away that can't be trusted any more."""
        child.last_exit = exit_reason
        child.last_exit_wall_ms = self.system.clock.wall_ms()
        kept = actor.kept
        if actor in self.system.abandoned():
            self._drop_kept(child, "a hung thread may still write to it")
        elif exit_reason.kind == "crash":
            healthy = time.monotonic() - actor.started_s > self.spec.restarts_window_s
            kept.crashes_in_a_row = 1 if healthy else kept.crashes_in_a_row + 1
            if kept.crashes_in_a_row > 1 and kept.value is not None:
                self._drop_kept(child, "it took part in two crashes in a row")

    def _drop_kept(self, child: Child, why: str) -> None:
        self.system.drop_kept(child.path)
        self.system.events.emit(KeptStateDropped(child.path, why))

    # The end of a child.

    def _child_ended(self, child: Child, actor: Actor, exit_reason: Exit) -> None:
        self._note_exit(child, actor, exit_reason)
        child.actor = None
        if needs_restart(child.spec.restart, exit_reason):
            self._restart(child)
            return
        child.phase = "stopped"
        others_alive = any(
            other.spec.significant and other.actor is not None for other in self.children if other is not child
        )
        if child.spec.restart == "temporary":
            self._forget(child)
        if ends_supervisor(
            self.spec.auto_shutdown, significant=child.spec.significant, other_significant_alive=others_alive
        ):
            raise Stop(SHUTDOWN)

    def _restart(self, child: Child) -> None:
        """Counts a restart and carries it out, or gives up."""
        child.phase = "restarting"
        if not self._admit(child):
            return
        plan = plan_restart(self.spec.strategy, [known.spec.name for known in self.children], child.spec.name)
        for name in plan.stop:
            sibling = self._find(name)
            self._stop_child(sibling)
            if sibling.spec.restart == "temporary":
                self._forget(sibling)
        remaining = {known.spec.name for known in self.children}
        for name in plan.start:
            if name not in remaining:
                continue
            member = self._find(name)
            try:
                self._start(member)
            except StartFailed:
                if self.end is not None:
                    return
                member.phase = "restarting"
                # Behind what is queued, so that operations by hand and a shutdown get through a restart loop.
                self.tell_info(_TryAgain(name))
                return
            member.restarts += 1
            if member.actor is not None:
                self.system.events.emit(ChildRestarted(member.path, member.actor.incarnation, by_hand=False))
        self._drop_ignored_temporary()

    def _admit(self, child: Child) -> bool:
        """Counts a restart; False when the child gave up alone.

        Raises:
            Stop: the supervisor gives up.
        """
        now_s = self.system.clock.monotonic_s()
        admit = partial(admit_restart, restarts_max=self.spec.restarts_max, window_s=self.spec.restarts_window_s)
        if child.spec.on_give_up == "suspend":
            admitted, child.own_restarts_s = admit(child.own_restarts_s, now_s)
            if not admitted:
                child.phase = "given_up"
                child.own_restarts_s = ()
                self.send_after(GIVE_UP_RETRY_S, _TryAgain(child.spec.name))
                self.system.events.emit(ChildGaveUp(child.path, GIVE_UP_RETRY_S))
            return admitted
        admitted, self.restarts_s = admit(self.restarts_s, now_s)
        if not admitted:
            self.system.events.emit(
                SupervisorGaveUp(self.path, child.path, self.spec.restarts_max, self.spec.restarts_window_s)
            )
            raise Stop(SHUTDOWN)
        return True

    # Operations by hand.

    def _find(self, name: str) -> Child:
        for child in self.children:
            if child.spec.name == name:
                return child
        raise ChildNotFound(f"{self.path.rstrip('/')}/{name}")

    def _stopped(self, name: str) -> Child:
        child = self._find(name)
        match child.phase:
            case "running" | "starting":
                raise ChildRunning(child.path)
            case "restarting":
                raise ChildRestarting(child.path)
            case "stopped" | "given_up":
                return child

    def _add(self, spec: ChildSpec) -> str | None:
        for known in self.children:
            if known.spec.name == spec.name:
                raise ChildAlreadyPresent(known.path) if known.actor is None else ChildAlreadyStarted(known.path)
        child = self._child(spec)
        self.children = (*self.children, child)
        try:
            self._start(child)
        except StartFailed:
            self._forget(child)
            raise
        self._drop_ignored_temporary()
        return child.path if child.actor is not None else None

    def _terminate(self, child: Child) -> None:
        self._stop_child(child)
        if child.spec.restart == "temporary":
            self._forget(child)

    def _start_by_hand(self, child: Child) -> str | None:
        self._start(child)
        if child.actor is None:
            return None
        self.system.events.emit(ChildRestarted(child.path, child.actor.incarnation, by_hand=True))
        return child.path

    def _delete(self, child: Child) -> None:
        self._forget(child)

    def _forget(self, child: Child) -> None:
        self.children = tuple(known for known in self.children if known is not child)
        self.system.forget(child.path)

    def _drop_ignored_temporary(self) -> None:
        """A temporary child whose init ignored leaves nothing behind (OTP, start of a child)."""
        for child in self.children:
            if child.spec.restart == "temporary" and child.phase == "stopped":
                self._forget(child)

    def _count(self) -> ChildCount:
        supervisors = sum(isinstance(child.spec, Supervisor) for child in self.children)
        return ChildCount(
            specs=len(self.children),
            active=sum(child.actor is not None for child in self.children),
            supervisors=supervisors,
            workers=len(self.children) - supervisors,
        )
