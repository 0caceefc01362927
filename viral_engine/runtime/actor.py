"""What both kinds of actors share: the life of one incarnation, from its init to its end."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import pykka
from pykka import messages as stock

from viral_engine.runtime.errors import ActorExited, UnhandledMessage
from viral_engine.runtime.events import ActorEnded
from viral_engine.runtime.exits import KILLED, NORMAL, SHUTDOWN, Exit, Stop, crash
from viral_engine.runtime.mailbox import Envelope, Kind, Mailbox
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viral_engine.runtime.reply import ReplyTo
    from viral_engine.runtime.system import System

BATCH_MAX = 1_024
"""Messages taken from a mailbox at once."""

FLIGHT_RECORDER_SIZE = 20
"""Message types remembered for whoever asks what an actor did last."""

ActorState = Literal["starting", "running", "suspended", "ended"]


class NoReply:
    """The type of `NO_REPLY`, the one value of it that is ever used."""

    __slots__ = ()


NO_REPLY: Final = NoReply()
"""Returned by `handle_call` when somebody else answers, now or later."""


class Abortable(Protocol):
    """A resource that a killed incarnation may still be using."""

    def abort(self) -> None:
        """Makes every use of the resource fail; called from the killer's thread."""


class Kept:
    """State that outlives incarnations of the same name.

    `value` is None until an incarnation sets it. The supervisor throws it away after two crashes in a row and
    when a hung thread may still write to it.
    """

    __slots__ = ("crashes_in_a_row", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.crashes_in_a_row = 0


@dataclass(frozen=True, slots=True)
class Down:
    """A monitored actor ended, or was not there (`exit_reason` None, Erlang's `noproc`)."""

    monitor: int
    path: str
    exit_reason: Exit | None


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """For a supervisor: this incarnation of a child ended by itself."""

    actor: Actor
    exit_reason: Exit


@dataclass(frozen=True, slots=True)
class StopRequested:
    """For a supervisor: pykka's `stop()` was called on this incarnation of a child."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class Order:
    """A message of the runtime to one incarnation, handled before all that users sent."""

    verb: Literal["shut_down", "suspend", "resume", "get_state", "ping"]
    reply: Reply[Any]
    exit_reason: Exit = SHUTDOWN


@dataclass(frozen=True, slots=True)
class Context:
    """What an incarnation is born with."""

    system: System
    path: str
    incarnation: int
    mailbox_capacity: int
    args: tuple[Any, ...]
    kept: Kept
    supervisor: Actor | None


class Actor(pykka.Actor):
    """One incarnation: a pykka actor that a supervisor can start, watch, stop and kill.

    Subclass `LoopActor` or `ThreadActor` and override the handlers. A handler that raises ends the incarnation,
    under call and cast alike; `raise Stop(reason)` ends it with a reason of your own.

    Attributes:
        path: the actor's name in the tree, such as `/growth/trust_safety`.
        incarnation: 1 for the first start of this name, one more for each later one.
        system: the tree it lives in: other actors by name, the clock, the events.
        kept: state that outlives this incarnation.
        status: a word for operators beside the state, such as `warming`; None when all is ordinary.
    """

    status: str | None = None

    def __init__(self, context: Context) -> None:
        self.context = context
        self.path = context.path
        self.incarnation = context.incarnation
        self.system = context.system
        self.kept = context.kept
        self.state: ActorState = "starting"
        self.started_s = time.monotonic()
        self.handled = 0
        self.busy_since_s: float | None = None
        self.recent: deque[str] = deque(maxlen=FLIGHT_RECORDER_SIZE)
        self.booted: Reply[None] = Reply(context.path, clock=context.system.clock, loop=context.system.loop)
        self.exited: Reply[Exit] = Reply(context.path, clock=context.system.clock, loop=context.system.loop)
        self._life = threading.Lock()
        self._ended: Exit | None = None
        self._killed_for: str | None = None
        self._boot_error: BaseException | None = None
        self._batch: list[Envelope] = []
        self._position = 0
        self._batch_begun_whole = False
        self._timers = Timers(context.system.clock)
        self._owned: list[Abortable] = []
        self._monitors: dict[int, Actor] = {}
        super().__init__()
        self._takes_batches = type(self).handle_batch is not Actor.handle_batch

    # What a subclass overrides.

    def init(self, *args: Any) -> Any:
        """Prepares the incarnation; raise `Stop` or `Ignore` to end it here. A LoopActor's may be a coroutine."""

    def handle_call(self, message: Any, reply_to: ReplyTo) -> Any:
        """Returns the answer to a call, or NO_REPLY when `reply_to` was handed on or kept for later."""
        raise UnhandledMessage(self.path, message)

    def handle_cast(self, message: Any) -> Any:
        """Handles a message that nobody waits for."""
        raise UnhandledMessage(self.path, message)

    def handle_info(self, message: Any) -> Any:
        """Handles timers, `Down` and everything else that is not a call or a cast."""
        raise UnhandledMessage(self.path, message)

    def handle_batch(self, batch: Sequence[Envelope]) -> Any:
        """Handles all that was waiting, at most `BATCH_MAX`, for instance in one transaction.

        Overriding this replaces the other handlers. Whoever overrides it answers each call's `reply_to` itself.
        """
        raise UnhandledMessage(self.path, batch)

    def terminate(self, exit_reason: Exit) -> Any:
        """Cleans up before the incarnation ends; not called when it was killed."""

    def inspect_state(self) -> Mapping[str, Any]:
        """Returns what an operator may see of the state: plain data, nothing personal."""
        return {}

    # What a subclass uses.

    def call(self, path: str, message: Any, timeout_s: float = 5.0) -> Reply[Any]:
        """Asks another actor; `.get()` the reply in a thread, never await it on the path of a check."""
        return self.system.call(path, message, timeout_s)

    def cast(self, path: str, message: Any) -> bool:
        """Tells another actor; False when it was not there or its mailbox was full."""
        return self.system.cast(path, message)

    def forward(self, path: str, message: Any, reply_to: ReplyTo, deadline_s: float | None = None) -> NoReply:
        """Lets another actor answer the call: `return self.forward(...)` in `handle_call`."""
        self.system.ask(path, message, reply_to, deadline_s)
        return NO_REPLY

    def send_after(self, delay_s: float, message: Any) -> int:
        """Sends `message` to this actor's `handle_info` after a delay; returns a handle for `cancel_timer`."""
        return self._timers.send_after(delay_s, lambda: self.tell_info(message))

    def send_interval(self, interval_s: float, message: Any) -> int:
        """Sends `message` to `handle_info` every interval until the incarnation ends."""
        return self._timers.send_interval(interval_s, lambda: self.tell_info(message))

    def cancel_timer(self, timer: int) -> None:
        """Cancels a timer; harmless when it has fired."""
        self._timers.cancel(timer)

    def monitor(self, path: str) -> int:
        """Asks for a `Down` in `handle_info` when the incarnation that is at `path` now ends."""
        monitor = self.system.next_number()
        target = self.system.registry.whereis(path)
        if target is None or not target.add_monitor(monitor, self):
            self.tell_info(Down(monitor, path, None))
        return monitor

    def own(self, resource: Abortable) -> None:
        """Has `resource.abort()` called when this incarnation is killed."""
        self._owned.append(resource)

    def disown(self, resource: Abortable) -> None:
        """Forgets a resource that was closed in an orderly way."""
        self._owned.remove(resource)

    # What the runtime uses.

    @property
    def mailbox(self) -> Mailbox:
        """The mailbox, under the name pykka gives it."""
        return self.actor_inbox  # type: ignore[return-value]  # pykka types it as its own protocol

    @property
    def end(self) -> Exit | None:
        """What this incarnation ended with; None while it lives."""
        return self._ended

    @property
    def current_message(self) -> str | None:
        """The type of the message that is being handled, readable from any thread."""
        batch, position = self._batch, self._position
        return type(batch[position].message).__name__ if position < len(batch) else None

    def tell_info(self, message: Any) -> None:
        """Puts a message of the runtime's making into the mailbox; it is never refused for lack of room."""
        try:
            self.mailbox.put(Envelope(message, kind=Kind.INFO), force=True)
        except ActorExited:
            return

    def order(
        self, verb: Literal["shut_down", "suspend", "resume", "get_state", "ping"], reason: Exit = SHUTDOWN
    ) -> Reply[Any]:
        """Gives this incarnation an order of the runtime."""
        reply: Reply[Any] = Reply(self.path, clock=self.system.clock, loop=self.system.loop)
        if not self.mailbox.put_system(Order(verb, reply, reason)):
            reply.set_exception(ActorExited(self.path, self._ended or NORMAL, begun=False))
        return reply

    def kill(self, reason: str | None = None) -> bool:
        """Ends this incarnation at once, from any thread, without `terminate`.

        It is fenced: its mailbox is closed, what it owns is aborted, and whatever it still answers is dropped.

        Args:
            reason: why, when an operator did it.

        Returns:
            False when it had ended already.
        """
        self._killed_for = reason
        if not self._finish(KILLED):
            return False
        for resource in self._owned:
            resource.abort()
        self._fence()
        return True

    def add_monitor(self, monitor: int, watcher: Actor) -> bool:
        """Registers somebody who wants a `Down`; False when this incarnation has ended."""
        with self._life:
            if self._ended is not None:
                return False
            self._monitors[monitor] = watcher
        return True

    def _create_actor_inbox(self) -> Mailbox:  # type: ignore[override]  # pykka's is static: ours needs its owner
        return Mailbox(self.path, self.context.mailbox_capacity, self._wake)

    @staticmethod
    def _create_future() -> Reply[Any]:
        return Reply()

    def _wake(self) -> None:
        raise NotImplementedError

    def _fence(self) -> None:
        """Gets a killed incarnation out of the way."""
        raise NotImplementedError

    def _begin_batch(self, batch: list[Envelope]) -> None:
        self._batch = batch
        self._position = 0
        self._batch_begun_whole = False
        self.busy_since_s = time.monotonic()

    def _end_batch(self) -> None:
        self.handled += len(self._batch)
        self._batch = []
        self._position = 0
        self.busy_since_s = None

    def _handle(self, envelope: Envelope, now_s: float) -> Any:
        """Calls the handler for one message; returns its result, an awaitable included."""
        message = envelope.message
        self.recent.append(type(message).__name__)
        match envelope.kind:
            case Kind.CALL:
                if envelope.deadline_s is not None and envelope.deadline_s <= now_s:
                    return NO_REPLY
                assert envelope.reply_to is not None
                return self.handle_call(message, envelope.reply_to)
            case Kind.CAST:
                return self.handle_cast(message)
            case Kind.INFO:
                return self.handle_info(message)
            case Kind.MARKER:
                return None
            case Kind.STOCK:
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
            self.exited.on_settled(lambda: reply_to.set(None))
        if self.context.supervisor is None:
            raise Stop(SHUTDOWN)
        self.context.supervisor.tell_info(StopRequested(self))
        return NO_REPLY

    @staticmethod
    def _answer(envelope: Envelope, result: Any) -> None:
        if envelope.reply_to is None:
            return
        if result is NO_REPLY:
            envelope.handed_on = True
        else:
            envelope.reply_to.set(result)

    def _obey(self, order: Order) -> Any:
        """Carries out an order of the runtime; raises `Stop` for a shutdown."""
        match order.verb:
            case "shut_down":
                raise Stop(order.exit_reason)
            case "suspend":
                self.state = "suspended"
                order.reply.set(None)
            case "resume":
                self.state = "running"
                order.reply.set(None)
            case "get_state":
                try:
                    order.reply.set(self.inspect_state())
                except Exception as error:  # noqa: BLE001  (looking must not end what is looked at)
                    order.reply.set_exception(error)
            case "ping":
                order.reply.set(None)

    def _end_with(self, error: BaseException) -> Exit:
        """Tells what an exception in a handler means for the incarnation."""
        return error.exit_reason if isinstance(error, Stop) else crash(error)

    def _finish(self, exit_reason: Exit) -> bool:
        """Ends the incarnation exactly once, for every party that has to know; False when it had ended."""
        with self._life:
            if self._ended is not None:
                return False
            self._ended = exit_reason
            monitors, self._monitors = self._monitors, {}
        started = self.state != "starting"
        message_type = self.current_message
        self.state = "ended"
        self._timers.cancel_all()
        waiting, orders = self.mailbox.close(exit_reason)
        # The name is free before anybody hears of the end: who asks again finds the next incarnation or nobody.
        self.system.registry.unregister(self.path, self)
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        for position, envelope in enumerate(self._batch):
            envelope.fail(self.path, exit_reason, begun=self._batch_begun_whole or position <= self._position)
        for envelope in waiting:
            envelope.fail(self.path, exit_reason, begun=False)
        for order in orders:
            order.reply.set_exception(ActorExited(self.path, exit_reason, begun=False))
        for monitor, watcher in monitors.items():
            watcher.tell_info(Down(monitor, self.path, exit_reason))
        if started:
            up_s = time.monotonic() - self.started_s
            self.system.events.emit(
                ActorEnded(self.path, self.incarnation, exit_reason, message_type, self._killed_for, up_s)
            )
        self.exited.set(exit_reason)
        self.booted.set_exception(self._boot_error or ActorExited(self.path, exit_reason, begun=False))
        if started and self.context.supervisor is not None:
            self.context.supervisor.tell_info(ChildEnded(self, exit_reason))
        return True
