"""The life of one incarnation: its mailbox, the orders it obeys, and its end, of which everybody is told once."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

import pykka
from pykka import messages as stock

from viral_engine.runtime.errors import ActorExited
from viral_engine.runtime.events import AbortFailed, ActorEnded
from viral_engine.runtime.exits import KILLED, NORMAL, SHUTDOWN, Exit, Ignore, Stop, crash
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
from viral_engine.runtime.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Sequence

FLIGHT_RECORDER_SIZE = 20
"""Message types remembered for whoever asks what an actor did last."""

ActorState = Literal["starting", "running", "suspended", "ended"]


class Incarnation(Hooks):
    """What the runtime needs of an actor; `Actor` adds what its author uses."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.path = context.path
        self.incarnation = context.incarnation
        self.system = context.system
        self.kept = context.kept
        self.started_s = context.system.clock.monotonic_s()
        self.handled = 0
        self.busy_since_s: float | None = None
        self.recent: deque[type] = deque(maxlen=FLIGHT_RECORDER_SIZE)
        self.booted: Reply[None] = Reply(context.path, surroundings=context.system)
        self.exited: Reply[Exit] = Reply(context.path, surroundings=context.system)
        self._life = threading.Lock()
        self._state: ActorState = "starting"
        self._ended: Exit | None = None
        self._batch: list[Envelope] = []
        self._position = 0
        self._batch_begun_whole = False
        self._order: Order | None = None
        self._timers = Timers(context.system.clock)
        self._owned: list[Abortable] = []
        self._watchers: dict[int, Incarnation] = {}
        self._watched: dict[int, Incarnation] = {}
        super().__init__()
        self.mailbox: Mailbox = self.actor_inbox  # type: ignore[assignment]  # pykka types it as its own protocol
        self._takes_batches = type(self).handle_batch is not Hooks.handle_batch

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

    @property
    def current_message(self) -> str | None:
        """The type of the message that is being handled, readable from any thread."""
        batch, position = self._batch, self._position
        return type(batch[position].message).__name__ if position < len(batch) else None

    def tell_info(self, message: Any) -> None:
        """Puts a message of the runtime's making into the mailbox; it is never refused for lack of room."""
        try:
            self.mailbox.put(Envelope(message, kind="info"), force=True)
        except ActorExited:
            return

    def tell_down(self, down: Down) -> None:
        """Tells this actor that one it monitors ended."""
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
        return self._finish(exit_reason, killed=True, killed_for=reason)

    def add_watcher(self, monitor: int, watcher: Incarnation) -> bool:
        """Registers somebody who wants a `Down`; False when this incarnation has ended."""
        with self._life:
            if self._ended is not None:
                return False
            self._watchers[monitor] = watcher
        return True

    def drop_watcher(self, monitor: int) -> None:
        """Forgets somebody who wanted a `Down`."""
        with self._life:
            self._watchers.pop(monitor, None)

    def _create_actor_inbox(self) -> Mailbox:  # type: ignore[override]  # pykka's is static: ours needs its owner
        return Mailbox(self.path, self.context.mailbox_capacity, self._wake)

    @staticmethod
    def _create_future() -> Reply[Any]:
        return Reply()

    def _wake(self) -> None:
        raise NotImplementedError

    def _fence(self) -> None:
        """Gets a killed incarnation out of the way, before its supervisor hears of the end."""
        raise NotImplementedError

    def _mark_running(self) -> bool:
        """Passes from init to handling; False when this incarnation was killed meanwhile."""
        with self._life:
            if self._ended is not None:
                return False
            self._state = "running"
            self.booted.set(None)
        return True

    def _begin_batch(self, batch: list[Envelope]) -> bool:
        """Makes a batch the current one; False when there is nothing to do for it."""
        now_s = self.system.clock.monotonic_s()
        if self._takes_batches:
            batch = [waiting for waiting in batch if waiting.deadline_s is None or waiting.deadline_s > now_s]
        self.busy_since_s = now_s
        self._position = 0
        self._batch_begun_whole = self._takes_batches
        self._batch = batch
        if self._ended is not None:
            # Killed after the batch left the mailbox and, it may be, before anybody could see it here.
            for envelope in batch:
                envelope.fail(self.path, self._ended, begun=False)
            return False
        return bool(batch)

    def _hold_back(self, position: int) -> None:
        """Returns the rest of the batch to the mailbox: an order goes first."""
        self.mailbox.put_back(self._batch[position:])
        del self._batch[position:]

    def _end_batch(self) -> None:
        self.handled += len(self._batch)
        self._batch = []
        self._position = 0
        self.busy_since_s = None

    def _handle(self, envelope: Envelope, now_s: float) -> Any:
        """Calls the handler for one message; returns its result, an awaitable included."""
        message = envelope.message
        self.recent.append(type(message))
        match envelope.kind:
            case "call":
                if envelope.deadline_s is not None and envelope.deadline_s <= now_s:
                    return NO_REPLY
                assert envelope.reply_to is not None
                return self.handle_call(message, envelope.reply_to)
            case "cast":
                return self.handle_cast(message)
            case "info":
                return self.handle_info(message)
            case "stock":
                return self._handle_stock(envelope)

    def _handle_stock(self, envelope: Envelope) -> Any:
        match envelope.message:
            case stock._ActorStop():  # noqa: SLF001  (pykka's stop has no public name)
                return self._stop_by_pykka(envelope)
            case stock.ProxyCall() | stock.ProxyGetAttr() | stock.ProxySetAttr():
                return self._handle_receive(envelope.message)
            case message if envelope.reply_to is not None:
                return self.handle_call(message, envelope.reply_to)
            case message:
                return self.handle_cast(message)

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

    def _answer(self, envelope: Envelope, result: Any) -> None:
        if result is NO_REPLY:
            envelope.handed_on = True
        elif envelope.reply_to is not None and self._ended is None:
            envelope.reply_to.set(result)

    def _obey(self, order: Order) -> None:
        """Carries out an order of the runtime; raises `Stop` for a shutdown."""
        self._order = order
        if self._ended is not None:
            order.reply.set_exception(ActorExited(self.path, self._ended, begun=False))
            return
        match order.verb:
            case "shut_down":
                raise Stop(order.exit_reason)
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
        message_type = self.current_message
        self._timers.cancel_all()
        # The name is free before anybody hears of the end: who asks again finds the next incarnation or nobody.
        self.system.registry.unregister(self.path, self)
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        waiting, orders = self.mailbox.close(exit_reason)
        if killed:
            self._abort_owned()
            self._fence()
        self._fail_callers(exit_reason, waiting, orders)
        for monitor, watched in tuple(self._watched.items()):
            watched.drop_watcher(monitor)
        for monitor, watcher in tuple(self._watchers.items()):
            watcher.tell_down(Down(monitor, self.path, exit_reason))
        if started:
            up_s = self.system.clock.monotonic_s() - self.started_s
            self.system.events.emit(
                ActorEnded(self.path, self.incarnation, exit_reason, message_type, killed_for, up_s)
            )
        self.exited.set(exit_reason)
        self.booted.set_exception(Ignore() if ignored else ActorExited(self.path, exit_reason, begun=False))
        if started and self.context.supervisor is not None:
            self.context.supervisor.tell_info(ChildEnded(self, exit_reason))
        self.system.bury(self)
        return True

    def _fail_callers(self, exit_reason: Exit, waiting: Sequence[Envelope], orders: Sequence[Order]) -> None:
        batch, position = tuple(self._batch), self._position
        for index, envelope in enumerate(batch):
            envelope.fail(self.path, exit_reason, begun=self._batch_begun_whole or index <= position)
        for envelope in waiting:
            envelope.fail(self.path, exit_reason, begun=False)
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
            except Exception as error:  # noqa: BLE001  (one resource must not keep the others from being aborted)
                name = type(resource).__name__
                self.system.events.emit(AbortFailed(self.path, self.incarnation, name, str(crash(error))))
