"""The supervisor: starts its children in order, brings them back, gives up, stops them in reverse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.actor import NO_REPLY, Actor, ChildEnded, StopRequested
from viral_engine.runtime.children import Child, Parent, Phase
from viral_engine.runtime.errors import (
    ActorError,
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    InvalidSpec,
    StartFailed,
)
from viral_engine.runtime.events import ChildGaveUp, ChildRestarted, SupervisorGaveUp
from viral_engine.runtime.exits import SHUTDOWN, Exit, FailedToStart, Stop
from viral_engine.runtime.intensity import admit_restart
from viral_engine.runtime.spec import ChildSpec, Supervisor
from viral_engine.runtime.strategies import ends_supervisor, needs_restart, plan_restart

if TYPE_CHECKING:
    from viral_engine.runtime.reply import ReplyTo

GIVE_UP_RETRY_S = 300.0
"""How long a child that gave up alone rests before it is tried again."""


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


class SupervisorActor(Parent):
    """Carries out what `strategies` and `intensity` decide, one thing at a time.

    Ends of children and operations by hand share one queue, in the order in which they happened.
    """

    restarts_s: tuple[float, ...] = ()

    def init(self, spec: Supervisor) -> None:
        """Starts the children in order; when one fails, those before it are stopped again and the start fails."""
        self.spec = spec
        self.children = tuple(self._child(child) for child in spec.children)
        for child in self.children:
            try:
                self._start(child)
            except StartFailed as failure:
                self._stop_all()
                raise Stop(Exit("shutdown", FailedToStart(failure.path, failure.exit_reason))) from failure
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
                self._stop_child(self._stopped(name))
                return self._forget(self._find(name))
            case CycleChild(name):
                return self._cycle(self._find(name))
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

    # The end of a child.

    def _child_ended(self, child: Child, actor: Actor, exit_reason: Exit) -> None:
        self._note_exit(child, actor, exit_reason)
        child.actor = None
        if needs_restart(child.spec.restart, exit_reason):
            self._restart(child)
            return
        child.phase = "stopped"
        others_alive = any(
            other.spec.significant and other.phase != "stopped" for other in self.children if other is not child
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
                child.retry_timer = self.send_after(GIVE_UP_RETRY_S, _TryAgain(child.spec.name))
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
        if spec.significant and self.spec.auto_shutdown == "never":
            raise InvalidSpec(f"{spec.name}.significant", "its supervisor never shuts down automatically")
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

    def _cycle(self, child: Child) -> str | None:
        self._stop_child(child)
        try:
            return self._start_by_hand(child)
        except StartFailed:
            if child.spec.restart == "temporary":
                self._forget(child)
            raise

    def _start_by_hand(self, child: Child) -> str | None:
        self._start(child)
        self._drop_ignored_temporary()
        if child.actor is None:
            return None
        self.system.events.emit(ChildRestarted(child.path, child.actor.incarnation, by_hand=True))
        return child.path

    def _drop_ignored_temporary(self) -> None:
        """A temporary child whose init ignored leaves nothing behind (OTP, start of a child)."""
        for child in self.children:
            if child.spec.restart == "temporary" and child.phase == "stopped":
                self._forget(child)

    def _count(self) -> ChildCount:
        supervisors = sum(isinstance(child.spec, Supervisor) for child in self.children)
        return ChildCount(
            specs=len(self.children),
            active=sum(child.actor is not None and child.actor.end is None for child in self.children),
            supervisors=supervisors,
            workers=len(self.children) - supervisors,
        )
