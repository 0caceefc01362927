"""A stock `pykka.ThreadingActor` as a supervised child: a host on the loop that starts it, feeds it and sees it end.

What the host can't promise for it, because pykka gives no way: a handler that fails an `ask` leaves the actor alive (as
pykka documents); a hung one can't be fenced, it only loses its name, and its callers hear of it by their deadlines; its
mailbox is unbounded, so the limit of the specification counts what waits at the host; a call whose time is up is
executed all the same; an `ask` by its own reference that slips in while it ends may never be answered, as pykka knows;
its constructor runs on the loop and must not block.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pykka
from pykka import messages as stock

from viral_engine.runtime.errors import ActorExited
from viral_engine.runtime.events import ThreadAbandoned
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
        watched = _watched(actor_class)(*args)
        watched.supervised_attach(begun, self._stock_ended)
        self._stock = watched
        if self.end is not None:
            # Killed while the constructor ran: nobody would be left to stop it.
            return
        self.stock_ref = watched.actor_ref
        pykka.ActorRegistry.register(self.stock_ref)
        watched._start_actor_loop()  # noqa: SLF001  (pykka's own name for it)
        await begun

    @property
    def thread_is_alive(self) -> bool:
        """Whether the stock actor's thread still runs, which after a kill means that it hangs in a handler."""
        return self._stock is not None and not self._stock.supervised_down.is_settled

    def handle_call(self, message: Any, reply_to: ReplyTo) -> NoReply:
        """Lets the stock actor answer; its exceptions become the caller's."""
        self._stock.actor_inbox.put(Envelope(message, reply_to))
        if self._stock.supervised_down.is_settled:
            # It slipped in: nobody looks into that inbox any more.
            self._stock.supervised_fail_callers()
        return NO_REPLY

    def handle_cast(self, message: Any) -> None:
        """Passes a message on."""
        self._stock.actor_inbox.put(Envelope(message))

    def handle_info(self, message: Any) -> None:
        """Ends when the stock actor ended."""
        match message:
            case _StockEnded(exit_reason) if exit_reason is SHUTDOWN and self.context.supervisor is not None:
                # Somebody called pykka's `stop()`: a stop by hand, as for the runtime's own actors. What comes until
                # then waits, and is failed or sent again when this host has ended.
                self._state = "suspended"
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
        await self._stock.supervised_down

    def _fence(self) -> None:
        stock_actor = self._stock
        if stock_actor is not None:
            stock_actor.supervised_kill()
            if stock_actor.supervised_is_busy:
                abandoned = self.system.abandon_thread(self)
                self.system.events.emit(ThreadAbandoned(self.path, self.incarnation, abandoned))
        super()._fence()

    def _stock_ended(self, exit_reason: Exit) -> None:
        self.tell_info(_StockEnded(exit_reason))


class _Watched(pykka.Actor):
    """Mixed into a stock class: tells how its `on_start` went and how its loop was left.

    What it adds has names that a stock class will not have. Its thread is a daemon thread, as those of the runtime's
    own actors: a hung one must not keep the process alive.
    """

    use_daemon_thread = True
    supervised_is_busy = False
    supervised_begun: Reply[None]
    supervised_tell_end: Callable[[Exit], None]
    supervised_error: BaseException | None = None
    supervised_ended = NORMAL
    supervised_killed = False
    supervised_down: Reply[None]

    def supervised_attach(self, begun: Reply[None], tell_end: Callable[[Exit], None]) -> None:
        """Says whom to tell."""
        self.supervised_begun = begun
        self.supervised_tell_end = tell_end
        self.supervised_down = Reply(begun.path, surroundings=begun._surroundings)  # noqa: SLF001  (where the host waits)

    def supervised_kill(self) -> None:
        """Ends it before its next message, without `on_stop`."""
        self.supervised_killed = True
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        inbox: Any = self.actor_inbox
        inbox.put(Envelope(stock._ActorStop()))  # noqa: SLF001  (it may be waiting for one)

    def _stop(self) -> None:
        if not self.supervised_killed:
            super()._stop()

    def _handle_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.supervised_error = self.supervised_error or exception_value
        super()._handle_failure(exception_type, exception_value, traceback)

    def _handle_receive(self, message: Any) -> Any:
        self.supervised_is_busy = True
        try:
            return super()._handle_receive(message)
        except Exception:
            raise
        except BaseException as error:
            # Pykka would stop every actor of the process; here it is a crash of this one.
            self._handle_failure(type(error), error, error.__traceback__)
            raise ActorExited(self.supervised_begun.path, crash(error), begun=True) from error
        finally:
            self.supervised_is_busy = False

    def _actor_loop(self) -> None:
        if not self.supervised_killed:
            self.supervised_guard(self._actor_loop_setup)
        if self.supervised_error is not None:
            self.supervised_begun.set_exception(self.supervised_error)
        else:
            self.supervised_begun.set(None)
            self.supervised_guard(self._actor_loop_running)
        # Once more: a kill may have come before it was registered.
        pykka.ActorRegistry.unregister(self.actor_ref)
        asked = self.actor_stopped.is_set() and self.supervised_error is None
        self.supervised_ended = (
            SHUTDOWN if asked else NORMAL if self.supervised_error is None else crash(self.supervised_error)
        )
        # The host hears of it before its callers do: what they send again must not come here.
        self.supervised_tell_end(self.supervised_ended)
        self.supervised_down.set(None)
        self.supervised_fail_callers()

    def supervised_guard(self, step: Callable[[], None]) -> None:
        self.supervised_is_busy = step == self._actor_loop_setup
        try:
            step()
        except BaseException as error:  # noqa: BLE001  (the supervised boundary: no exception may leave it)
            self._handle_failure(type(error), error, error.__traceback__)
        self.supervised_is_busy = False

    def supervised_fail_callers(self) -> None:
        """Does what pykka does at the end of its loop, with the runtime's error, which says why; from any thread."""
        inbox: Any = self.actor_inbox
        with contextlib.suppress(queue.Empty):
            while True:
                self.supervised_fail(inbox.get_nowait())

    def supervised_fail(self, envelope: Any) -> None:
        if envelope.reply_to is None:
            return
        if isinstance(envelope.message, stock._ActorStop):  # noqa: SLF001  (pykka's stop has no public name)
            envelope.reply_to.set(None)
            return
        error = ActorExited(self.supervised_begun.path, self.supervised_ended, begun=False)
        # Pykka's own futures take nothing but a triple.
        envelope.reply_to.set_exception(error if isinstance(envelope, Envelope) else (type(error), error, None))


_classes: dict[type, type] = {}
_classes_lock = threading.Lock()


def _watched(actor_class: type[pykka.Actor]) -> type[Any]:
    """Returns the class with the watching mixed in, made once."""
    with _classes_lock:
        found = _classes.get(actor_class)
        if found is None:
            found = _classes[actor_class] = type(actor_class.__name__, (_Watched, actor_class), {})
    return found
