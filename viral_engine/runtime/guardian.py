"""What every supervisor does when a child ends: bring it back, wait, give up alone, or end itself."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from viral_engine.runtime import backoff
from viral_engine.runtime.actor import NO_REPLY, ChildEnded, StopRequested
from viral_engine.runtime.children import Child, Parent
from viral_engine.runtime.decider import directive_of_exit
from viral_engine.runtime.errors import ChildNotFound, StartFailed
from viral_engine.runtime.events import ChildGaveUp, ChildRestarted, MessageDropped, RestartDelayed, SupervisorGaveUp
from viral_engine.runtime.exits import SHUTDOWN, Exit, Stop
from viral_engine.runtime.flight_recorder import name_of
from viral_engine.runtime.intensity import admit_restart
from viral_engine.runtime.operations import ChildInfo, CountChildren, CycleChild, Started, WhichChildren
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.strategies import ends_supervisor, needs_restart

if TYPE_CHECKING:
    from viral_engine.runtime.incarnation import Incarnation
    from viral_engine.runtime.reply import ReplyTo

GIVE_UP_RETRY_S = 300.0
"""How long a child that gave up alone rests before it is tried again."""


@dataclass(frozen=True, slots=True)
class _TryAgain:
    """To itself, behind what is queued: a restart failed, or a child rested long enough; counts."""

    child: Child


@dataclass(frozen=True, slots=True)
class _WaitIsOver:
    """To itself: the backoff of a restart that was counted is over."""

    child: Child


class Guardian(Parent):
    """Carries out what `strategies`, `intensity`, `backoff` and `decider` decide, one thing at a time.

    Ends of children and operations by hand share one queue, in the order in which they happened.
    """

    restarts_s: tuple[float, ...] = ()

    def handle_call(self, message: Any, reply_to: ReplyTo) -> Any:
        """Carries out an operation by hand: it never counts, never retries, never touches siblings.

        Whatever is wrong with it is the answer, and no crash: whoever asks badly must not end the siblings.
        """
        try:
            return self._by_hand(message)
        except Stop:
            raise
        except Exception as error:  # noqa: BLE001  (see above)
            reply_to.set_exception(error)
            return NO_REPLY

    def handle_cast(self, message: Any) -> None:
        """Drops it, and says so: operations are calls."""
        self._drop(message)

    def handle_info(self, message: Any) -> None:
        """Reacts to the end of a child, or goes on with a restart."""
        match message:
            case ChildEnded(actor, exit_reason):
                child = self._child_of(actor)
                if child is not None and child.actor is actor:
                    self._child_ended(child, actor, exit_reason)
            case _TryAgain(child):
                if self._knows(child) and child.phase in ("restarting", "given_up"):
                    self._restart(child)
            case _WaitIsOver(child):
                if self._knows(child) and child.phase == "restarting":
                    self._bring_back(child)
            case StopRequested(actor):
                child = self._child_of(actor)
                if child is not None and child.actor is actor:
                    self._terminate(child)
            case _:
                self._drop(message)

    def terminate(self, _exit_reason: Exit) -> None:
        """Stops the children; whatever keeps it from doing so in order, none is left behind."""
        try:
            self._stop_all()
        except BaseException:
            for child in reversed(self.children):
                if child.actor is not None:
                    child.actor.kill(f"its supervisor {self.path} could not stop it")
            raise

    def _drop(self, message: Any) -> None:
        self.system.events.emit(MessageDropped(self.path, name_of(type(message)), "a supervisor takes calls alone"))

    def _fence(self) -> None:
        """Forgets the children that the next incarnation will not have."""
        super()._fence()
        for child in self.children:
            if not self._is_static(child):
                self._forget_name(child)

    # What the kinds of supervisors differ in.

    def _child_of(self, actor: Incarnation) -> Child | None:
        """Returns the child that this incarnation belongs or last belonged to."""
        raise NotImplementedError

    def _knows(self, child: Child) -> bool:
        """Tells whether a child was not forgotten meanwhile."""
        raise NotImplementedError

    def _find(self, name: str) -> Child:
        """Returns a child by name, or raises `ChildNotFound`."""
        raise NotImplementedError

    def _terminate(self, child: Child) -> None:
        """Stops a child by hand."""
        raise NotImplementedError

    def _finished(self, child: Child) -> None:
        """Keeps or forgets a child that ended and is not brought back."""
        raise NotImplementedError

    def _clear_the_way(self, child: Child) -> None:
        """Stops the siblings that restart with this child."""

    def _bring_back(self, child: Child) -> None:
        """Starts a child, and those that restart with it."""
        raise NotImplementedError

    def _stop_all(self) -> None:
        """Stops every child."""
        raise NotImplementedError

    def _is_static(self, child: Child) -> bool:
        """Tells whether a restarted supervisor has this child again."""
        raise NotImplementedError

    # The end of a child.

    def _child_ended(self, child: Child, actor: Incarnation, exit_reason: Exit) -> None:
        self._note_exit(child, actor, exit_reason)
        child.actor, child.last_actor = None, actor
        directive = directive_of_exit(child.spec.decider, exit_reason) if isinstance(child.spec, Worker) else "restart"
        if directive == "escalate":
            self._give_up(child)
        if directive != "stop" and needs_restart(child.spec.restart, exit_reason):
            if child.spec.backoff is not None:
                up_s = self.system.clock.monotonic_s() - actor.started_s
                child.failures = backoff.failures_in_a_row(child.failures, up_s, child.spec.backoff)
            self._restart(child)
            return
        child.phase = "stopped"
        significant = child.spec.significant
        others_alive = significant and any(
            other.spec.significant and other.phase != "stopped" for other in self.children if other is not child
        )
        self._finished(child)
        if ends_supervisor(self.spec.auto_shutdown, significant=significant, other_significant_alive=others_alive):
            raise Stop(SHUTDOWN)

    def _restart(self, child: Child) -> None:
        """Counts a restart and carries it out, now or after its wait, or gives up."""
        child.phase = "restarting"
        if not self._admit(child):
            return
        self._clear_the_way(child)
        if child.spec.backoff is None:
            self._bring_back(child)
            return
        wait_s = backoff.delay_s(child.spec.backoff, max(child.failures, 1), random.random())  # noqa: S311  (jitter)
        self.system.events.emit(RestartDelayed(child.path, child.failures, wait_s))
        child.retry_timer = self.send_after(wait_s, _WaitIsOver(child))

    def _start_again(self, child: Child) -> bool:
        """Starts one child of a restart; False when that failed, and the rest of the group has to wait for it."""
        try:
            started = self._start(child)
        except StartFailed:
            if self.end is None:
                child.phase = "restarting"
                child.failures += 1
                # Behind what is queued, so that operations by hand and a shutdown get through a restart loop.
                self.tell_info(_TryAgain(child))
            return False
        child.restarts += 1
        if started is not None:
            self.system.events.emit(ChildRestarted(child.path, started.actor.incarnation, by_hand=False))
        return True

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
                child.retry_timer = self.send_after(GIVE_UP_RETRY_S, _TryAgain(child))
                self.system.events.emit(ChildGaveUp(child.path, GIVE_UP_RETRY_S))
            return admitted
        admitted, self.restarts_s = admit(self.restarts_s, now_s)
        if not admitted:
            self._give_up(child)
        return True

    def _give_up(self, child: Child) -> None:
        spec = self.spec
        self.system.events.emit(SupervisorGaveUp(self.path, child.path, spec.restarts_max, spec.restarts_window_s))
        raise Stop(SHUTDOWN)

    # Operations by hand that all supervisors know.

    def _by_hand(self, message: Any) -> Any:
        match message:
            case CycleChild(name):
                return self._cycle(self._find(name))
            case WhichChildren():
                return tuple(map(_info_of, self._in_order_of_display()))
            case CountChildren():
                return self._count()
            case _:
                return super().handle_call(message, None)  # type: ignore[arg-type]  # it only raises

    def _in_order_of_display(self) -> Any:
        return reversed(self.children)

    def _count(self) -> Any:
        raise NotImplementedError

    def _cycle(self, child: Child) -> Started | None:
        self._stop_child(child)
        try:
            return self._start_by_hand(child)
        except StartFailed:
            if child.spec.restart == "temporary":
                self._finished(child)
            raise

    def _start_by_hand(self, child: Child) -> Started | None:
        started = self._start(child)
        if started is None:
            self._ignored(child)
        else:
            self.system.events.emit(ChildRestarted(child.path, started.actor.incarnation, by_hand=True))
        return started

    def _ignored(self, child: Child) -> None:
        """A temporary child whose init ignored leaves nothing behind (OTP, start of a child)."""
        if child.spec.restart == "temporary":
            self._finished(child)

    def _forget_name(self, child: Child) -> None:
        self.system.forget(child.path, is_subtree=not isinstance(child.spec, Worker))

    def _child_path(self, name: str) -> str:
        return f"{self.path.rstrip('/')}/{name}"

    def _no_child(self, name: str) -> ChildNotFound:
        return ChildNotFound(self._child_path(name))


def _info_of(child: Child) -> ChildInfo:
    return ChildInfo(child.name, child.actor, child.phase, not isinstance(child.spec, Worker))
