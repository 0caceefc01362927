"""The actor as its author sees it; subclass `LoopActor` or `ThreadActor`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from viral_engine.runtime.flight_recorder import FLIGHT_RECORDER_SIZE
from viral_engine.runtime.hooks import BATCH_MAX
from viral_engine.runtime.incarnation import ActorState, Incarnation
from viral_engine.runtime.mailbox import Envelope
from viral_engine.runtime.protocol import (
    NO_REPLY,
    Abortable,
    ChildEnded,
    Context,
    Down,
    Kept,
    NoReply,
    Order,
    StopRequested,
)

if TYPE_CHECKING:
    from viral_engine.runtime.reply import Reply, ReplyTo

__all__ = [
    "BATCH_MAX",
    "FLIGHT_RECORDER_SIZE",
    "NO_REPLY",
    "Abortable",
    "Actor",
    "ActorState",
    "ChildEnded",
    "Context",
    "Down",
    "Kept",
    "NoReply",
    "Order",
    "StopRequested",
]


_OF_PYKKA = {
    "on_start": "init", "on_stop": "terminate", "on_failure": "terminate", "on_receive": "handle_call and handle_cast",
}  # fmt: skip
"""Hooks of a stock pykka actor, and what does their work here."""


class Actor(Incarnation):
    """One incarnation: a pykka actor that a supervisor can start, watch, stop and kill.

    Subclass `LoopActor` or `ThreadActor` and override the handlers. A handler that raises ends the incarnation,
    under call and cast alike; `raise Stop(Exit("shutdown", "why"))` ends it with a reason of your own.

    Attributes:
        path: the actor's name in the tree, such as `/growth/trust_safety`.
        incarnation: 1 for the first start of this name, one more for each later one.
        system: the tree it lives in: other actors by name, the clock, the events.
        kept: state that outlives this incarnation.
        status: a word for operators beside the state, such as `warming`; None when all is ordinary.
        slow_after_s: of the class: how long messages of a type may take before they are told of as slow, where that
            is known to be more than `HANDLER_SLOW_S` and nobody waits for it.
    """

    status: str | None = None

    def __init_subclass__(cls, **more: Any) -> None:
        """Refuses what pykka's own actors have and nobody here would call."""
        super().__init_subclass__(**more)
        for name, instead in _OF_PYKKA.items():
            if name in cls.__dict__:
                raise TypeError(f"{cls.__name__}.{name} would never be called: write {instead}")

    @classmethod
    def start(cls, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuses pykka's way of starting an actor.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"a supervisor starts a {cls.__name__}: System().start(Supervisor(name=..., children=(...)))")

    def call(self, path: str, message: Any, timeout_s: float = 5.0) -> Reply[Any]:
        """Asks another actor; `.get()` the reply in a thread, never await it on the path of a check."""
        return self.system.call(path, message, timeout_s)

    def cast(self, path: str, message: Any) -> bool:
        """Tells another actor; False when it was not there or its mailbox was full."""
        return self.system.cast(path, message)

    def forward(self, path: str, message: Any, reply_to: ReplyTo, deadline_s: float | None = None) -> NoReply:
        """Lets another actor answer the call: `return self.forward(...)` in `handle_call`.

        The deadline of the call goes with it unless another one is given.
        """
        if self._position < len(self._batch) and self._batch[self._position].reply_to is reply_to:
            handled = self._batch[self._position]
            # Marked before it is sent: from then on the other one answers, whatever becomes of this handler.
            handled.handed_on = True
            deadline_s = handled.deadline_s if deadline_s is None else deadline_s
        self.system.ask(path, message, reply_to, deadline_s)
        return NO_REPLY

    def send_after(self, delay_s: float, message: Any) -> int:
        """Sends `message` to this actor's `handle_info` after a delay; returns a handle for `cancel_timer`.

        Raises:
            ValueError: the delay is no number of seconds.
        """
        return self.timers.send_after(delay_s, partial(self.tell_info, message))

    def send_interval(self, interval_s: float, message: Any) -> int:
        """Sends `message` to `handle_info` every interval until the incarnation ends.

        While one still waits in the mailbox no other is sent: a busy or suspended actor finds one, not hundreds.

        Raises:
            ValueError: the interval is no time at all.
        """
        last = Envelope(message)
        last.handed_on = True

        def send() -> None:
            nonlocal last
            if last.handed_on:
                last = self.tell_info(message)

        return self.timers.send_interval(interval_s, send)

    def cancel_timer(self, timer: int) -> None:
        """Cancels a timer; harmless when it has fired."""
        self.timers.cancel(timer)

    def monitor(self, path: str) -> int:
        """Asks for a `Down` in `handle_info` when the incarnation that is at `path` now ends."""
        monitor = self.system.next_number()
        target = self.system.registry.whereis(path)
        if target is not None:
            if self._watched is None:
                self._watched = {}
            self._watched[monitor] = target
        if target is None or not target.add_watcher(monitor, self):
            self.tell_down(Down(monitor, path, None))
        return monitor

    def demonitor(self, monitor: int) -> None:
        """Asks for no `Down` any more; one may be in the mailbox already."""
        target = self._watched.pop(monitor, None) if self._watched is not None else None
        if target is not None:
            target.drop_watcher(monitor)

    def own(self, resource: Abortable) -> None:
        """Has `resource.abort()` called when this incarnation is killed, at once when it was killed before."""
        self._owned = [*self._owned, resource]
        if self._ended is not None:
            resource.abort()

    def disown(self, resource: Abortable) -> None:
        """Forgets a resource that was closed in an orderly way."""
        self._owned = [owned for owned in self._owned if owned is not resource]
