"""One child after another: how a supervisor starts an incarnation, stops it, and what it remembers of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.errors import ActorExited, CallTimeout, StartFailed
from viral_engine.runtime.events import ActorIgnored, ActorStarted, ActorStartFailed, KeptStateDropped
from viral_engine.runtime.exits import KILLED, SHUTDOWN, Exit, Ignore, crash
from viral_engine.runtime.operations import Phase, Started
from viral_engine.runtime.spec import ChildSpec, SupervisorSpec, Worker
from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viral_engine.runtime.actor import Actor
    from viral_engine.runtime.incarnation import Incarnation


@dataclass(slots=True, eq=False)
class Child:
    """What a supervisor knows of one child; other threads may read it.

    Attributes:
        args: what its inits get; None for those of the specification.
        last_actor: the incarnation before, which still names a child that is being restarted.
        failures: ends and failed starts in a row, for the backoff.
    """

    spec: ChildSpec
    path: str
    args: tuple[Any, ...] | None = None
    actor: Actor | None = None
    last_actor: Incarnation | None = None
    phase: Phase = "stopped"
    restarts: int = 0
    failures: int = 0
    last_exit: Exit | None = None
    last_exit_wall_ms: int | None = None
    own_restarts_s: tuple[float, ...] = ()
    retry_timer: int | None = None

    @property
    def name(self) -> str:
        """The last segment of its path."""
        return self.path.rpartition("/")[2]


class Parent(ThreadActor):
    """The part of a supervisor that carries out starts and stops; when and why is decided in `guardian`."""

    spec: SupervisorSpec

    @property
    def children(self) -> Sequence[Child]:
        """All children in start order; may be read from any thread."""
        raise NotImplementedError

    def _fence(self) -> None:
        """Takes the children along: nobody would be left to watch them, and the next incarnation needs their names."""
        why = f"its supervisor {self.path} was killed"
        for child in reversed(self.children):
            actor = child.actor
            if actor is None:
                continue
            idle = actor.state == "running" and actor.busy_since_s is None
            if isinstance(child.spec, Worker) and actor.cleans_up and idle:
                self.system.orphan(actor, why, child.spec.shutdown_s)
            else:
                actor.kill(why)
        super()._fence()

    def _may_drain(self) -> bool:
        """Never: what waits at a supervisor are ends and orders, and a stop must bring nobody back."""
        return False

    def _start(self, child: Child) -> Started | None:
        """Starts the next incarnation and waits for its init; None when there is nothing to run.

        Raises:
            StartFailed: the init failed or took too long, the name was taken, or this supervisor was killed.
        """
        return self._await_boot(child) if self._launch(child) else None

    def _launch(self, child: Child) -> bool:
        """Starts the next incarnation; False when its constructor ignored.

        Raises:
            StartFailed: it could not be made.
        """
        self._forget_retry(child)
        child.phase = "starting"
        try:
            self._check_alive()
            child.actor = self.system.incarnate(child.spec, child.path, self, child.args)
        except Ignore:
            child.phase = "stopped"
            self.system.events.emit(ActorIgnored(child.path, self.system.incarnations_of(child.path)))
            return False
        except Exception as error:
            raise self._start_failed(child, error) from error
        return True

    def _await_boot(self, child: Child) -> Started | None:
        """Waits for the init of an incarnation that was launched.

        Raises:
            StartFailed: see `_start`.
        """
        actor = child.actor
        assert actor is not None
        try:
            self._check_alive()
            extra = actor.booted.get(timeout=self._init_left_s(child.spec, actor))
        except Ignore:
            child.actor, child.phase = None, "stopped"
            self.system.events.emit(ActorIgnored(child.path, actor.incarnation))
            return None
        except Exception as error:
            raise self._start_failed(child, error) from error
        child.phase = "running"
        took_ms = (self.system.clock.monotonic_s() - actor.started_s) * 1_000
        self.system.events.emit(ActorStarted(child.path, actor.incarnation, took_ms))
        return Started(child.path, actor, extra)

    def _init_left_s(self, spec: ChildSpec, actor: Actor) -> float | None:
        # From its start on: many that were launched together and hang are given up together.
        if not isinstance(spec, Worker):
            return None
        return max(actor.started_s + spec.init_max_s - self.system.clock.monotonic_s(), 0.0)

    def _start_failed(self, child: Child, error: Exception) -> StartFailed:
        actor = child.actor
        exit_reason = self._start_failure(actor, error)
        child.actor, child.phase = None, "stopped"
        if actor is not None:
            self._note_exit(child, actor, exit_reason)
        incarnation = actor.incarnation if actor is not None else 0
        self.system.events.emit(ActorStartFailed(child.path, incarnation, exit_reason))
        return StartFailed(child.path, exit_reason)

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
                    actor.exited.get(timeout=None if limit == "infinity" else self._drain_left_s() + float(limit))
                self._kill_late(actor, limit)
            self._note_exit(child, actor, actor.exited.get())
            child.last_actor = actor
        # It stays the child's actor until it is down: a kill of this supervisor must find it.
        child.actor, child.phase = None, "stopped"
        self._forget_retry(child)

    def _drain_left_s(self) -> float:
        # The seconds of a specification are for the end, which begins when a drain is over.
        return max(self.system.drain_until_s - self.system.clock.monotonic_s(), 0.0)

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

    def _note_exit(self, child: Child, actor: Incarnation, exit_reason: Exit) -> None:
        """Remembers the end, and throws kept state away that can't be trusted any more."""
        child.last_exit = exit_reason
        child.last_exit_wall_ms = self.system.clock.wall_ms()
        kept = actor.kept
        if actor in self.system.abandoned():
            self._drop_kept(child, "a hung thread may still write to it")
        elif actor.left_at_work:
            self._drop_kept(child, "a handler that was cancelled may still write to it")
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
