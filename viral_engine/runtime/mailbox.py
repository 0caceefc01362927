"""A bounded mailbox that closes atomically: nothing put into it can be forgotten."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import pykka

from viral_engine.runtime.errors import ActorExited, MailboxFull
from viral_engine.runtime.exits import NORMAL, Exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.reply import ReplyTo

Kind = Literal["call", "cast", "info", "stock"]
"""How a message came, which decides the handler that gets it; `stock` is pykka's own `ask`, `tell` or proxy."""


class Envelope:
    """A message with what the runtime must know about it.

    Attributes:
        deadline_s: when the caller stops waiting, on the clock's monotonic seconds; it is not handled later.
        handed_on: somebody else answers now. A `handle_batch` that gives a `reply_to` away sets it, so that its
            own crash does not fail that caller. Of what the runtime sent: its handler has begun.
        sent_s: when it was put into the mailbox, in `time.monotonic()` seconds.
    """

    __slots__ = ("deadline_s", "handed_on", "kind", "message", "reply_to", "sent_s")

    def __init__(
        self, message: Any, reply_to: ReplyTo | None = None, kind: Kind = "cast", deadline_s: float | None = None
    ) -> None:
        self.message = message
        self.reply_to = reply_to
        self.kind = kind
        self.deadline_s = deadline_s
        self.handed_on = False
        self.sent_s = monotonic()

    def fail(self, path: str, exit_reason: Exit, *, begun: bool) -> None:
        """Tells whoever waits for this message that the actor ended, unless another actor has the reply now."""
        if self.reply_to is not None and not self.handed_on:
            # An actor's end goes on whatever becomes of one caller: its event loop may be closed by now.
            with contextlib.suppress(BaseException):
                self.reply_to.set_exception(ActorExited(path, exit_reason, begun=begun))

    def expires(self, now_s: float) -> bool:
        """Tells whether the caller's time is up, and the caller, who may wait in a way that sees no deadline."""
        if self.deadline_s is None or self.deadline_s > now_s:
            return False
        expire = getattr(self.reply_to, "expire", None)
        if expire is not None:
            expire()
        return True


class Mailbox:
    """Two queues: what the runtime says goes before what users say.

    A message is put without taking the lock, which is for those who look at both queues or close them. A put
    appends first and looks afterwards; who falls asleep or closes says so first and looks at the queue afterwards.
    One of the two sees the other, whichever came first. This rests on CPython's global lock: appending to a list,
    slicing it and deleting a slice are each one step there.

    Args:
        path: the actor's path, for errors.
        capacity: messages that may wait; threads that find the last place free in the same moment may exceed it
            by one each. Messages put with `force` are never refused: there are at most one of each timer and some
            of each other actor.
        wake: called after the mailbox became non-empty, in the sender's thread.

    Attributes:
        orders: messages of the runtime that wait; read it freely, change it through the methods.
        refused: messages that found it full.
    """

    def __init__(self, path: str, capacity: int, wake: Callable[[], None]) -> None:
        self.path = path
        self.capacity = capacity
        self.refused = 0
        self.orders: deque[Any] = deque()
        self._wake = wake
        self._lock = threading.Lock()
        # Never another list: a put may hold it.
        self._messages: list[Envelope] = []
        self._taken = 0
        # Born awake: the actor looks into its mailbox by itself once its init is done.
        self._awake = True
        self._needs_nobody = True
        """Whether a message that is in the queue will be found without its sender's doing."""
        self._closed: Exit | None = None
        self._refuses: Exit | None = None
        self._rest_watchers: list[Callable[[], None]] = []

    def put(self, envelope: Any, *, force: bool = False) -> None:
        """Appends a message.

        Raises:
            ActorExited: the mailbox is closed, and nobody waits for an answer to this message.
            MailboxFull: the same for a full one.
        """
        if type(envelope) is not Envelope:
            envelope = Envelope(envelope.message, envelope.reply_to, "stock")
        messages = self._messages
        if len(messages) < self.capacity or force:
            messages.append(envelope)
            if not self._needs_nobody:
                self._attend_to(envelope)
        else:
            self._refuse(envelope)

    def _attend_to(self, envelope: Envelope) -> None:
        """Wakes the owner for a message that is in the queue, or takes it out again when there is no owner."""
        with self._lock:
            wake = self._closed is None and not self._awake
            if wake:
                self._awake = self._needs_nobody = True
        if wake:
            self._wake()
        elif self._closed is not None:
            try:
                self._messages.remove(envelope)
            except ValueError:
                # Whoever closed it found the message, and tells its caller.
                return
            self._refuse(envelope)

    def _refuse(self, envelope: Envelope) -> None:
        reason = self._closed or self._refuses
        refusal: ActorExited | MailboxFull
        if reason is not None:
            refusal = ActorExited(self.path, reason, begun=False)
        else:
            self.refused += 1
            refusal = MailboxFull(self.path, self.capacity)
        if envelope.reply_to is None:
            raise refusal
        envelope.reply_to.set_exception(refusal)

    def put_order(self, order: Any) -> bool:
        """Queues a message of the runtime ahead of all others; False when the mailbox is closed."""
        with self._lock:
            if self._closed is not None:
                return False
            self.orders.append(order)
            wake = not self._awake
            self._awake = self._needs_nobody = True
        if wake:
            self._wake()
        return True

    def take_order(self) -> Any | None:
        """Returns the next message of the runtime, or None."""
        if not self.orders:
            return None
        with self._lock:
            if not self.orders:
                return None
            self._taken += 1
            return self.orders.popleft()

    def take(self, count_max: int) -> list[Envelope] | None:
        """Returns up to `count_max` messages in order.

        Returns:
            An empty list when only messages of the runtime wait; None when nothing does: the mailbox is then
            asleep, and the next `put` calls `wake`.
        """
        with self._lock:
            if self._closed is None and (taken := self._messages[:count_max]):
                del self._messages[: len(taken)]
                self._taken += len(taken)
                return taken
        return None if self.fall_asleep() else []

    def fall_asleep(self, *, suspended: bool = False) -> bool:
        """Lets the next put wake the actor; False when something waits that it must look at first.

        Args:
            suspended: only orders count: the messages stay where they are.
        """
        with self._lock:
            if self._closed is not None:
                return True
            self._needs_nobody = False
            if self.orders or (self._messages and not suspended):
                self._needs_nobody = True
                return False
            self._awake = False
            watchers, self._rest_watchers = self._rest_watchers, []
        for watcher in watchers:
            watcher()
        return True

    def put_back(self, envelopes: list[Envelope]) -> None:
        """Returns messages that were taken but not begun to the head of the queue."""
        with self._lock:
            if self._closed is None:
                self._messages[:0] = envelopes
                self._taken -= len(envelopes)
                return
            reason = self._closed
        for envelope in envelopes:
            envelope.fail(self.path, reason, begun=False)

    def refuse_more(self, reason: Exit) -> None:
        """Takes no more of what users say, while what waits is still handled."""
        with self._lock:
            self._refuses = reason
            self.capacity = 0

    def close(self, reason: Exit = NORMAL) -> tuple[list[Envelope], list[Any]]:
        """Closes for ever and returns what was waiting: messages, and messages of the runtime."""
        with self._lock:
            if self._closed is None:
                self._closed = reason
            self.capacity = 0
            self._needs_nobody = False
            messages = self._messages[:]
            del self._messages[: len(messages)]
            orders = list(self.orders)
            self.orders.clear()
            self._taken += len(messages) + len(orders)
        return messages, orders

    def retire(self) -> None:
        """Says that the owner of a closed mailbox has nothing left to do, its last words included."""
        with self._lock:
            self._awake = False
            # The owner and its mailbox know each other: without this only the collector would find them.
            self._wake = _nobody
            watchers, self._rest_watchers = self._rest_watchers, []
        for watcher in watchers:
            watcher()

    def when_at_rest(self, callback: Callable[[], None]) -> None:
        """Calls `callback` once the owner found nothing to do, at once if it has nothing to do now."""
        with self._lock:
            if self._awake:
                self._rest_watchers.append(callback)
                return
        callback()

    @property
    def is_closed(self) -> bool:
        """Whether the mailbox takes no message any more."""
        return self._closed is not None

    @property
    def accepted(self) -> int:
        """Everything that was ever put into it."""
        with self._lock:
            return self._taken + len(self._messages) + len(self.orders)

    @property
    def depth(self) -> int:
        """Messages waiting now."""
        return len(self._messages)

    @property
    def oldest_age_s(self) -> float | None:
        """Seconds the oldest message has waited; None when none waits."""
        try:
            return monotonic() - self._messages[0].sent_s
        except IndexError:
            return None

    def empty(self) -> bool:
        """Tells whether nothing waits (pykka's inbox protocol)."""
        return not self._messages

    def get(self) -> Any:
        """Refuses: the runtime takes batches (pykka's inbox protocol).

        Raises:
            pykka.ActorDeadError: always.
        """
        raise pykka.ActorDeadError(f"only {self.path} itself takes from its mailbox")


def _nobody() -> None:
    """Wakes nobody."""
