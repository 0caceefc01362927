"""How an incarnation works off what it takes from its mailbox, and which exceptions it survives."""

from __future__ import annotations

from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pykka import messages as stock

from viral_engine.runtime.decider import directive_for
from viral_engine.runtime.errors import DeadLetter, HandlerFailed
from viral_engine.runtime.events import CallbackFailed, HandlerSlow, MessageDropped, MessageFailed
from viral_engine.runtime.exits import Exit, Stop, crash
from viral_engine.runtime.flight_recorder import FLIGHT_RECORDER_SIZE, remember
from viral_engine.runtime.hooks import BATCH_MAX, Hooks
from viral_engine.runtime.protocol import NO_REPLY, Context, NoReply, Order
from viral_engine.runtime.spec import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viral_engine.runtime.dead_letters import Suspects
    from viral_engine.runtime.mailbox import Envelope, Mailbox
    from viral_engine.runtime.reply import Reply
    from viral_engine.runtime.system import System

HANDLER_SLOW_S = 0.5
"""A batch of messages that takes as long is told of; on the loop everybody else waits for it."""


class Work(Hooks):
    """The batch that is being handled, and how each of its messages reaches its handler."""

    context: Context
    system: System
    mailbox: Mailbox
    exited: Reply[Exit]
    _suspects: Suspects

    # What most incarnations never change lives in the class: ten thousand idle ones are cheap.
    handled = 0
    slow_after_s: Mapping[type, float] = MappingProxyType({})
    busy_since_s: float | None = None
    recent: deque[tuple[type, float]] | tuple[()] = ()
    _ended: Exit | None
    _batch: Sequence[Envelope] = ()
    _position = 0
    _batch_begun_whole = False
    _draining: Order | None = None
    _take_max = BATCH_MAX

    @property
    def current_message(self) -> str | None:
        """The type of the message that is being handled, readable from any thread."""
        batch, position = self._batch, self._position
        return type(batch[position].message).__name__ if position < len(batch) else None

    @property
    def _takes_batches(self) -> bool:
        return type(self).handle_batch is not Hooks.handle_batch

    def _begin_batch(self, batch: list[Envelope]) -> bool:
        """Makes a batch the current one; False when there is nothing to do for it."""
        now_s = self.system.clock.monotonic_s()
        if self._draining is not None and now_s >= self.system.drain_until_s:
            for envelope in batch:
                envelope.fail(self.path, self._draining.exit_reason, begun=False)
            return False
        if not self.recent:
            self.recent = deque(maxlen=FLIGHT_RECORDER_SIZE)
        if self._takes_batches:
            for waiting in batch:
                if waiting.kind == "info":
                    waiting.handed_on = True
            batch = [waiting for waiting in batch if not waiting.expires(now_s)]
            if self._suspects.letters:
                batch = [waiting for waiting in batch if not self._refuse_dead_letter(waiting)]
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
        self.mailbox.put_back(list(self._batch[position:]))
        self._batch = self._batch[:position]

    def _end_batch(self) -> None:
        if self._ended is not None:
            # Killed while a handler ran: whoever ended it still tells the callers of this batch.
            return
        batch = self._batch
        self.handled += len(batch)
        if self.busy_since_s is not None and batch:
            took_s = self.system.clock.monotonic_s() - self.busy_since_s
            if took_s >= HANDLER_SLOW_S:
                kind = type(batch[-1].message)
                if took_s >= self.slow_after_s.get(kind, HANDLER_SLOW_S):
                    self.system.events.emit(HandlerSlow(self.path, kind.__name__, len(batch), took_s))
        self._batch = ()
        self._position = 0
        self.busy_since_s = None

    def _lives_on(self, error: BaseException) -> bool:
        """Tells whether the actor goes on after this exception; whoever waits for the message gets its name."""
        spec = self.context.spec
        if not isinstance(spec, Worker) or not spec.decider or isinstance(error, Stop) or self._ended is not None:
            return False
        if directive_for(spec.decider, error) != "resume":
            return False
        failed = self._batch if self._batch_begun_whole else self._batch[self._position : self._position + 1]
        for envelope in failed:
            if envelope.reply_to is not None and not envelope.handed_on:
                envelope.reply_to.set_exception(HandlerFailed(self.path, error))
        self.system.events.emit(MessageFailed(self.path, self.current_message or "", str(crash(error))))
        return True

    def _refuse_dead_letter(self, envelope: Envelope) -> bool:
        """Refuses a message that ended three incarnations in a row; False for any other one."""
        message = envelope.message
        if not self._suspects.is_dead_letter(self._identity_of(message)):
            return False
        if envelope.reply_to is None:
            why = "it ended three incarnations in a row"
            self.system.events.emit(MessageDropped(self.path, type(message).__name__, why))
        elif not envelope.handed_on:
            envelope.handed_on = True
            envelope.reply_to.set_exception(DeadLetter(self.path, message))
        return True

    def _identity_of(self, message: Any) -> Any:
        try:
            return self.identity_of(message)
        except BaseException:  # noqa: BLE001  (an incarnation must end whatever its author's code does)
            # Like no other one.
            return object()

    def _handle(self, envelope: Envelope, now_s: float) -> Any:
        """Calls the handler for one message; returns its result, an awaitable included."""
        message, kind = envelope.message, envelope.kind
        if kind == "info":
            envelope.handed_on = True
            remember(self.recent, (envelope,))
        else:
            self.recent.append((type(message), envelope.sent_s))  # type: ignore[union-attr]  # `_begin_batch` made it
        if self._suspects.letters and self._refuse_dead_letter(envelope):
            return NO_REPLY
        if kind == "call":
            deadline_s = envelope.deadline_s
            # Spelled so that a deadline that is no number is looked at closely too.
            if deadline_s is not None and not deadline_s > now_s and envelope.expires(now_s):
                return NO_REPLY
            return self.handle_call(message, envelope.reply_to)  # type: ignore[arg-type]  # a call has one
        if kind == "cast":
            return self.handle_cast(message)
        return self.handle_info(message) if kind == "info" else self._handle_stock(envelope)

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
        """Does what pykka's `stop()` asks for."""
        raise NotImplementedError

    def _answer(self, envelope: Envelope, result: Any) -> None:
        if result is NO_REPLY:
            envelope.handed_on = True
        elif envelope.reply_to is not None and self._ended is None:
            try:
                envelope.reply_to.set(result)
            except Exception as error:  # noqa: BLE001  (a caller's own mistake must not end whoever answers it)
                self._caller_failed(error)

    def _caller_failed(self, error: Exception) -> None:
        """Tells of a caller that could not take its answer."""
        self.system.events.emit(CallbackFailed(self.path, str(crash(error))))
