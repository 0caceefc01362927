"""The life of one incarnation: its mailbox, the orders it obeys, and its end, of which everybody is told once."""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import pykka

from viral_engine.runtime.errors import ActorExited, CallTimeout
from viral_engine.runtime.events import AbortFailed, ActorEnded, MessageDeadLettered
from viral_engine.runtime.exits import KILLED, NORMAL, SHUTDOWN, Exit, Ignore, Stop, an_exit, crash
from viral_engine.runtime.flight_recorder import describe, name_of, seen
from viral_engine.runtime.heartbeat import Pulse
from viral_engine.runtime.hooks import Hooks
from viral_engine.runtime.mailbox import Envelope, Mailbox
from viral_engine.runtime.protocol import (
    NO_REPLY,
    Abortable,
    ChildEnded,
    Context,
    Down,
    NoReply,
    Order,
    StopRequested,
    Verb,
)
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.spec import MAILBOX_CAPACITY, Worker
from viral_engine.runtime.timers import Timers
from viral_engine.runtime.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

ActorState = Literal["starting", "running", "suspended", "ended"]


class _Stopped:
    """Stands where pykka keeps an Event; ten thousand idle actors would pay half a kilobyte each for theirs."""

    __slots__ = ("_exited",)

    def __init__(self, exited: Reply[Exit]) -> None:
        self._exited = exited

    def is_set(self) -> bool:
        """Tells whether the actor has ended."""
        return self._exited.is_settled

    def set(self) -> None:
        """Nothing: an incarnation ends in `_finish` alone."""

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it has ended; False when the time was up before."""
        with contextlib.suppress(CallTimeout):
            self._exited.get(timeout=timeout)
        return self.is_set()


class Incarnation(Work):
    """What the runtime needs of an actor; `Actor` adds what its author uses."""

    _state: ActorState = "starting"
    _order: Order | None = None
    _timers: Timers | None = None
    _owned: list[Abortable] | tuple[()] = ()
    _watchers: dict[int, Incarnation] | None = None
    _watched: dict[int, Incarnation] | None = None
    left_at_work = False
    """Whether it was killed in the middle of a handler that may go on nevertheless."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.path = context.path
        self.incarnation = context.incarnation
        self.system = context.system
        self.kept = context.kept
        self.started_s = context.system.clock.monotonic_s()
        self.booted: Reply[Any] = Reply(context.path, surroundings=context.system)
        self.exited: Reply[Exit] = Reply(context.path, surroundings=context.system)
        # Not in the class like the others: it is read with every message, and CPython 3.11 is slow to find it there.
        self._ended = None
        self._life = threading.Lock()
        self._suspects = context.suspects
        # What pykka's own constructor sets, but for an Event and a random number: they would cost as much as the rest.
        self.actor_urn = f"{context.system.urn}{context.path}#{context.incarnation}"
        self.mailbox = self._create_actor_inbox()
        self.actor_inbox: Any = self.mailbox
        self._actor_ref = pykka.ActorRef(self)

    @property
    def actor_stopped(self) -> Any:  # type: ignore[override]  # pykka keeps an Event
        """What pykka asks whether the actor has ended."""
        return _Stopped(self.exited)

    @property
    def timers(self) -> Timers:
        """The timers of this incarnation, made when the first one is set."""
        if self._timers is None:
            with self._life:
                if self._timers is None:
                    self._timers = Timers(self.system.clock)
                    if self._ended is not None:
                        self._timers.cancel_all()
        return self._timers

    @property
    def state(self) -> ActorState:
        """Where the incarnation is in its life, readable from any thread."""
        return "ended" if self._ended is not None else self._state

    @property
    def end(self) -> Exit | None:
        """What this incarnation ended with; None while it lives."""
        return self._ended

    @property
    def cleans_up(self) -> bool:
        """Whether it has a `terminate` of its own."""
        return type(self).terminate is not Hooks.terminate

    def tell_info(self, message: Any) -> Envelope:
        """Puts a message of the runtime's making into the mailbox; it is never refused for lack of room."""
        envelope = Envelope(message, kind="info")
        with contextlib.suppress(ActorExited):
            self.mailbox.put(envelope, force=True)
        return envelope

    def tell_down(self, down: Down) -> None:
        """Tells this actor that one it monitors ended."""
        if self._watched is not None:
            self._watched.pop(down.monitor, None)
        self.tell_info(down)

    def order(self, verb: Verb, reason: Exit = SHUTDOWN) -> Reply[Any]:
        """Gives this incarnation an order of the runtime."""
        reply: Reply[Any] = Reply(self.path, surroundings=self.system)
        if not self.mailbox.put_order(Order(verb, reply, reason)):
            reply.set_exception(ActorExited(self.path, self._ended or NORMAL, begun=False))
        return reply

    def kill(self, reason: str | None = None, exit_reason: Exit = KILLED) -> bool:
        """Ends this incarnation at once, from any thread, without `terminate`.

        It is fenced before anybody hears of it: its mailbox is closed, what it owns is aborted, and whatever it
        still answers is dropped.

        Args:
            reason: why, when an operator did it.
            exit_reason: what it ends with.

        Returns:
            False when it had ended already.
        """
        return self._finish(an_exit(exit_reason), killed=True, killed_for=reason)

    def add_watcher(self, monitor: int, watcher: Incarnation) -> bool:
        """Registers somebody who wants a `Down`; False when this incarnation has ended."""
        with self._life:
            if self._ended is not None:
                return False
            if self._watchers is None:
                self._watchers = {}
            self._watchers[monitor] = watcher
        return True

    def drop_watcher(self, monitor: int) -> None:
        """Forgets somebody who wanted a `Down`."""
        with self._life:
            if self._watchers is not None:
                self._watchers.pop(monitor, None)

    def _create_actor_inbox(self) -> Mailbox:  # type: ignore[override]  # pykka's is static: ours needs its owner
        spec = self.context.spec
        capacity = spec.mailbox_capacity if isinstance(spec, Worker) else MAILBOX_CAPACITY
        return Mailbox(self.path, capacity, self._wake)

    @staticmethod
    def _create_future() -> Reply[Any]:
        return Reply()

    def _wake(self) -> None:
        raise NotImplementedError

    def _fence(self) -> None:
        """Gets a killed incarnation out of the way, before its supervisor hears of the end."""
        raise NotImplementedError

    def _mark_running(self, extra: Any) -> bool:
        """Passes from init to handling; False when this incarnation was killed meanwhile."""
        with self._life:
            if self._ended is not None:
                return False
            self._state = "running"
            self.booted.set(extra)
        spec = self.context.spec
        if isinstance(spec, Worker) and spec.heartbeat is not None:
            self.timers.send_interval(spec.heartbeat.every_s, Pulse(self, spec.heartbeat).beat)
        return True

    def _has_drained(self) -> bool:
        """Tells, when nothing waits any more, whether that is what a shutdown waited for."""
        return self._draining is not None and self._ended is None

    def _may_drain(self) -> bool:
        """Tells whether a shutdown lets this actor work off what waits first."""
        in_time = self.system.clock.monotonic_s() < self.system.drain_until_s
        return in_time and self.mailbox.depth > 0 and self._state != "suspended"

    def _stop_by_pykka(self, envelope: Envelope) -> NoReply:
        """Stops by hand, through the supervisor: it would bring back a child that merely ended."""
        reply_to = envelope.reply_to
        if reply_to is not None:
            envelope.handed_on = True
            self.exited.on_settled(lambda: reply_to.set(None))
        if self.context.supervisor is None:
            raise Stop(SHUTDOWN)
        self.context.supervisor.tell_info(StopRequested(self))
        return NO_REPLY

    def _obey(self, order: Order) -> None:
        """Carries out an order of the runtime; raises `Stop` for a shutdown."""
        self._order = order
        if self._ended is not None:
            order.reply.set_exception(ActorExited(self.path, self._ended, begun=False))
            return
        match order.verb:
            case "shut_down" if self._draining is not None:
                self.exited.on_settled(partial(order.reply.set, None))
                return
            case "shut_down":
                if not self._may_drain():
                    raise Stop(order.exit_reason)
                self.mailbox.refuse_more(order.exit_reason)
                self._draining = order
                if not self._takes_batches:
                    # Between any two messages the time may be up.
                    self._take_max = 1
                return
            case "suspend" if self._draining is not None:
                raise Stop(self._draining.exit_reason)
            case "suspend":
                self._state = "suspended"
            case "resume":
                self._state = "running"
            case "get_state":
                self.busy_since_s = self.system.clock.monotonic_s()
                try:
                    order.reply.set(self.inspect_state())
                except BaseException as error:  # noqa: BLE001  (looking must not end what is looked at)
                    order.reply.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
                self.busy_since_s = None
            case "ping":
                pass
        order.reply.set(None)
        self._order = None

    @staticmethod
    def _end_with(error: BaseException) -> Exit:
        """Tells what an exception in a handler means for the incarnation."""
        if isinstance(error, Ignore):
            return NORMAL
        return error.exit_reason if isinstance(error, Stop) else crash(error)

    def _finish(
        self, exit_reason: Exit, *, killed: bool = False, killed_for: str | None = None, ignored: bool = False
    ) -> bool:
        """Ends the incarnation exactly once, for every party that has to know; False when it had ended."""
        with self._life:
            if self._ended is not None:
                return False
            self._ended = exit_reason
        started = self._state != "starting"
        try:
            self._take_leave(exit_reason, started=started, killed=killed, killed_for=killed_for)
        finally:
            # Whatever code of others raised on the way: everybody is told, and nobody waits for ever.
            self.exited.set(exit_reason)
            self.booted.set_exception(Ignore() if ignored else ActorExited(self.path, exit_reason, begun=False))
            if started and self.context.supervisor is not None:
                self.context.supervisor.tell_info(ChildEnded(self, exit_reason))
            self.system.bury(self)
        return True

    def _take_leave(self, exit_reason: Exit, *, started: bool, killed: bool, killed_for: str | None) -> None:
        """Frees the name, closes the mailbox, fences it off, and tells callers and monitors."""
        ended = self._describe_end(exit_reason, killed_for) if started else None
        if self._timers is not None:
            self._timers.cancel_all()
        # The name is free before anybody hears of the end: who asks again finds the next incarnation or nobody.
        self.system.registry.unregister(self.path, self)
        if self.context.spec.registered is not None:
            self.system.registry.unregister(self.context.spec.registered, self)
        pykka.ActorRegistry.unregister(self.actor_ref)
        waiting, orders = self.mailbox.close(exit_reason)
        if killed:
            self._abort_owned()
            self._fence()
        self._fail_callers(exit_reason, waiting, orders)
        self._tell_monitors(exit_reason)
        if ended is not None:
            self.system.events.emit(ended)

    def _describe_end(self, exit_reason: Exit, killed_for: str | None) -> ActorEnded:
        """Puts the end into words while what led to it is at hand, and finds out whether one message did it again."""
        batch, position = self._batch, self._position
        killer = batch[position].message if position < len(batch) else None
        crashed = exit_reason.kind == "crash" and killer is not None
        words = describe(killer) if crashed else None
        # What the runtime sends, such as a timer's message, is the same each time: deaf to it, the actor does nothing.
        sent = crashed and batch[position].kind != "info"
        if sent and (len(batch) == 1 or not self._batch_begun_whole):
            if self._suspects.blame(self._identity_of(killer)):
                letter = MessageDeadLettered(self.path, name_of(type(killer)), words or "", str(exit_reason))
                self.system.events.emit(letter)
        else:
            self._suspects.acquit()
        return ActorEnded(
            self.path,
            self.incarnation,
            exit_reason,
            None if killer is None else name_of(type(killer)),
            killed_for,
            self.system.clock.monotonic_s() - self.started_s,
            words,
            seen(self.recent, self.system.clock.wall_ms()),
        )

    def _tell_monitors(self, exit_reason: Exit) -> None:
        for monitor, watched in tuple((self._watched or {}).items()):
            watched.drop_watcher(monitor)
        for monitor, watcher in tuple((self._watchers or {}).items()):
            watcher.tell_down(Down(monitor, self.path, exit_reason))

    def _fail_callers(self, exit_reason: Exit, waiting: Sequence[Envelope], orders: Sequence[Order]) -> None:
        batch, position = tuple(self._batch), self._position
        for index, envelope in enumerate(batch):
            envelope.fail(self.path, exit_reason, begun=self._batch_begun_whole or index <= position)
        for envelope in waiting:
            envelope.fail(self.path, exit_reason, begun=False)
        if self._draining is not None:
            self._draining.reply.set(None)
        if self._order is not None and self._order.verb == "shut_down":
            self._order.reply.set(None)
        elif self._order is not None:
            self._order.reply.set_exception(ActorExited(self.path, exit_reason, begun=True))
        for order in orders:
            order.reply.set_exception(ActorExited(self.path, exit_reason, begun=False))

    def _abort_owned(self) -> None:
        for resource in tuple(self._owned):
            try:
                resource.abort()
            except BaseException as error:  # noqa: BLE001  (one resource must not keep the others from being aborted)
                name = type(resource).__name__
                self.system.events.emit(AbortFailed(self.path, self.incarnation, name, str(crash(error))))
