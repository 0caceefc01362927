"""A stock `pykka.ThreadingActor` as a supervised child: a host on the loop that starts it, feeds it and sees it end.

What the host can't promise for it, because pykka gives no way: a handler that fails an `ask` leaves the actor alive (as
pykka documents); a call that slips in while it ends is answered by its deadline, not at once; a hung one can't be
fenced, it only loses its name; its mailbox is unbounded, so the limit of the specification counts what waits at the
host; a call whose time is up is executed all the same.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pykka
from pykka import messages as stock

from viral_engine.runtime.exits import NORMAL, SHUTDOWN, Exit, Stop, crash
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.mailbox import Envelope
from viral_engine.runtime.protocol import NO_REPLY, NoReply, StopRequested
from viral_engine.runtime.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.reply import ReplyTo


@dataclass(frozen=True, slots=True)
class _StockEnded:
    """To the host: the stock actor's thread left its loop."""

    exit_reason: Exit


class StockHost(LoopActor):
    """Stands in the tree for a stock actor of the specification's class.

    Attributes:
        stock_ref: pykka's own reference to it, for proxies.
    """

    stock_ref: pykka.ActorRef[Any]
    _stock: Any = None

    async def init(self, *args: Any) -> None:
        """Makes the actor and waits until its `on_start` ran; one that raises fails the start."""
        spec = self.context.spec
        actor_class = spec.actor_class  # type: ignore[union-attr]  # only a Worker has a host
        begun: Reply[None] = Reply(self.path, surroundings=self.system)
        self._stock = watched = _watched(actor_class)(*args)
        watched.attach(begun, self._stock_ended)
        self.stock_ref = watched.actor_ref
        pykka.ActorRegistry.register(self.stock_ref)
        watched._start_actor_loop()  # noqa: SLF001  (pykka's own name for it)
        await begun

    def handle_call(self, message: Any, reply_to: ReplyTo) -> NoReply:
        """Lets the stock actor answer; its exceptions become the caller's."""
        self._stock.actor_inbox.put(Envelope(message, reply_to))
        return NO_REPLY

    def handle_cast(self, message: Any) -> None:
        """Passes a message on."""
        self._stock.actor_inbox.put(Envelope(message))

    def handle_info(self, message: Any) -> None:
        """Ends when the stock actor ended."""
        match message:
            case _StockEnded(exit_reason) if exit_reason is SHUTDOWN and self.context.supervisor is not None:
                # Somebody called pykka's `stop()`: a stop by hand, as for the runtime's own actors.
                self.context.supervisor.tell_info(StopRequested(self))
            case _StockEnded(exit_reason):
                raise Stop(exit_reason)
            case _:
                self.handle_cast(message)

    async def terminate(self, exit_reason: Exit) -> None:
        """Has the stock actor stop after what it was given, and waits for its `on_stop`."""
        del exit_reason
        if not self._stock.actor_stopped.is_set():
            self._stock.actor_inbox.put(Envelope(stock._ActorStop()))  # noqa: SLF001  (pykka's stop has no public name)
            await self._stock.down

    def _fence(self) -> None:
        stock_actor = self._stock
        if stock_actor is not None:
            stock_actor.kill()
        super()._fence()

    def _stock_ended(self, exit_reason: Exit) -> None:
        self.tell_info(_StockEnded(exit_reason))


class _Watched(pykka.Actor):
    """Mixed into a stock class: tells how its `on_start` went and how its loop was left."""

    _begun: Reply[None]
    _tell_end: Callable[[Exit], None]
    _error: BaseException | None = None
    _killed = False
    down: Reply[None]

    def attach(self, begun: Reply[None], tell_end: Callable[[Exit], None]) -> None:
        """Says whom to tell."""
        self._begun = begun
        self._tell_end = tell_end
        self.down = Reply(begun.path, surroundings=begun._surroundings)  # noqa: SLF001  (where the host waits)

    def kill(self) -> None:
        """Ends it before its next message, without `on_stop`."""
        self._killed = True
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        inbox: Any = self.actor_inbox
        inbox.put(Envelope(stock._ActorStop()))  # noqa: SLF001  (it may be waiting for one)

    def _stop(self) -> None:
        if not self._killed:
            super()._stop()

    def _handle_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self._error = exception_value
        super()._handle_failure(exception_type, exception_value, traceback)

    def _actor_loop(self) -> None:
        try:
            self._actor_loop_setup()
            if self._error is not None:
                self._begun.set_exception(self._error)
                return
            self._begun.set(None)
            self._actor_loop_running()
            self._actor_loop_teardown()
        finally:
            asked = self.actor_stopped.is_set() and self._error is None
            self.down.set(None)
            self._tell_end(SHUTDOWN if asked else NORMAL if self._error is None else crash(self._error))


_classes: dict[type, type] = {}
_classes_lock = threading.Lock()


def _watched(actor_class: type[pykka.Actor]) -> type[Any]:
    """Returns the class with the watching mixed in, made once."""
    with _classes_lock:
        found = _classes.get(actor_class)
        if found is None:
            found = _classes[actor_class] = type(actor_class.__name__, (_Watched, actor_class), {})
    return found
