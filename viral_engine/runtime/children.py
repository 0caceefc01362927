"""One child after another: how a supervisor starts an incarnation, stops it, and what it remembers of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from viral_engine.runtime.errors import ActorExited, CallTimeout, StartFailed
from viral_engine.runtime.events import ActorStarted, ActorStartFailed, KeptStateDropped
from viral_engine.runtime.exits import KILLED, SHUTDOWN, Exit, Ignore, crash
from viral_engine.runtime.spec import ChildSpec, Supervisor, Worker
from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from viral_engine.runtime.actor import Actor

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
    retry_timer: int | None = None


class Parent(ThreadActor):
    """The part of a supervisor that carries out starts and stops; when and why is decided in `supervision`."""

    spec: Supervisor
    # A snapshot may look before the init has run.
    children: tuple[Child, ...] = ()

    def _fence(self) -> None:
        """Takes the children along: nobody would be left to watch them, and the next incarnation needs their names."""
        for child in reversed(self.children):
            actor = child.actor
            if actor is not None:
                actor.kill(f"its supervisor {self.path} was killed")
        super()._fence()

    def _child(self, spec: ChildSpec) -> Child:
        return Child(spec, f"{self.path.rstrip('/')}/{spec.name}")

    def _start(self, child: Child) -> None:
        """Starts the next incarnation and waits for its init.

        Raises:
            StartFailed: the init failed or took too long, the name was taken, or this supervisor was killed.
        """
        self._forget_retry(child)
        child.phase = "starting"
        clock = self.system.clock
        began_s = clock.monotonic_s()
        actor: Actor | None = None
        try:
            self._check_alive()
            actor = child.actor = self.system.incarnate(child.spec, child.path, self)
            self._check_alive()
            actor.booted.get(timeout=child.spec.init_max_s if isinstance(child.spec, Worker) else None)
        except Ignore:
            child.actor, child.phase = None, "stopped"
        except Exception as error:
            exit_reason = self._start_failure(actor, error)
            child.actor, child.phase = None, "stopped"
            if actor is not None:
                self._note_exit(child, actor, exit_reason)
            incarnation = actor.incarnation if actor is not None else 0
            self.system.events.emit(ActorStartFailed(child.path, incarnation, exit_reason))
            raise StartFailed(child.path, exit_reason) from error
        else:
            child.phase = "running"
            took_ms = (clock.monotonic_s() - began_s) * 1_000
            self.system.events.emit(ActorStarted(child.path, actor.incarnation, took_ms))

    def _check_alive(self) -> None:
        if self.end is not None:
            raise ActorExited(self.path, self.end, begun=True)

    def _start_failure(self, actor: Actor | None, error: Exception) -> Exit:
        if actor is None:
            return crash(error)
        if actor.end is None:
            late = isinstance(error, CallTimeout)
            actor.kill("its init took too long" if late else f"its supervisor {self.path} was killed")
        return actor.end or KILLED

    def _stop_child(self, child: Child) -> None:
        """Stops the running incarnation: asked first, killed when its time is up."""
        actor = child.actor
        if actor is not None:
            limit = child.spec.shutdown_s
            if limit == "brutal":
                actor.kill("stopped brutally by its supervisor")
            else:
                actor.order("shut_down", SHUTDOWN)
                with suppress(CallTimeout):
                    actor.exited.get(timeout=None if limit == "infinity" else float(limit))
                self._kill_late(actor, limit)
            self._note_exit(child, actor, actor.exited.get())
        # It stays the child's actor until it is down: a kill of this supervisor must find it.
        child.actor, child.phase = None, "stopped"
        self._forget_retry(child)

    def _forget_retry(self, child: Child) -> None:
        """Whoever starts or stops a child that gave up leaves nothing for its timer to do."""
        if child.retry_timer is not None:
            self.cancel_timer(child.retry_timer)
            child.retry_timer = None

    @staticmethod
    def _kill_late(actor: Actor, limit_s: float | str) -> None:
        # Who is idle and has nothing to clean up would have stopped by itself: OTP's process that traps no exits.
        obedient = actor.busy_since_s is None and not actor.cleans_up
        actor.kill(f"did not stop within {limit_s} s", SHUTDOWN if obedient else KILLED)

    def _stop_all(self) -> None:
        for child in reversed(self.children):
            self._stop_child(child)
            if all(child.spec is not static for static in self.spec.children):
                # Added by hand: a restarted supervisor has its static children only.
                self.system.forget(child.path)

    def _note_exit(self, child: Child, actor: Actor, exit_reason: Exit) -> None:
        """Remembers the end, and throws kept state away that can't be trusted any more."""
        child.last_exit = exit_reason
        child.last_exit_wall_ms = self.system.clock.wall_ms()
        kept = actor.kept
        if actor in self.system.abandoned():
            self._drop_kept(child, "a hung thread may still write to it")
        elif exit_reason.kind == "crash":
            healthy = self.system.clock.monotonic_s() - actor.started_s > self.spec.restarts_window_s
            kept.crashes_in_a_row = 1 if healthy else kept.crashes_in_a_row + 1
            if kept.crashes_in_a_row > 1 and kept.value is not None:
                self._drop_kept(child, "it took part in two crashes in a row")
        elif exit_reason.is_clean:
            kept.crashes_in_a_row = 0

    def _drop_kept(self, child: Child, why: str) -> None:
        self.system.drop_kept(child.path)
        self.system.events.emit(KeptStateDropped(child.path, why))

    def _forget(self, child: Child) -> None:
        self.children = tuple(known for known in self.children if known is not child)
        self.system.forget(child.path)
