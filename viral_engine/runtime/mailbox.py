"""A bounded mailbox that closes atomically: nothing put into it can be forgotten."""

from __future__ import annotations

import threading
import time
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Any

import pykka

from viral_engine.runtime.errors import ActorExited, MailboxFull
from viral_engine.runtime.exits import NORMAL, Exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.reply import ReplyTo


class Kind(Enum):
    """How a message came, which decides the handler that gets it."""

    CALL = "call"
    CAST = "cast"
    INFO = "info"
    STOCK = "stock"
    """From pykka's own `ask`, `tell` or proxy."""
    MARKER = "marker"
    """Answered by the runtime when its turn comes: all that was queued before it has been handled."""


class Envelope:
    """A message with what the runtime must know about it."""

    __slots__ = ("deadline_s", "handed_on", "kind", "message", "reply_to", "sent_s")

    def __init__(
        self, message: Any, reply_to: ReplyTo | None = None, kind: Kind = Kind.CAST, deadline_s: float | None = None
    ) -> None:
        self.message = message
        self.reply_to = reply_to
        self.kind = kind
        self.deadline_s = deadline_s
        self.handed_on = False
        self.sent_s = time.monotonic()

    def fail(self, path: str, exit_reason: Exit, *, begun: bool) -> None:
        """Tells whoever waits for this message that the actor ended, unless another actor has the reply now."""
        if self.reply_to is not None and not self.handed_on:
            self.reply_to.set_exception(ActorExited(path, exit_reason, begun=begun))


class Mailbox:
    """Two queues under one lock: what the runtime says goes before what users say.

    Args:
        path: the actor's path, for errors.
        capacity: messages that may wait. Messages of the runtime and those put with `force` are not counted:
            they are bounded by the number of actors.
        wake: called after the mailbox became non-empty, in the sender's thread.
    """

    def __init__(self, path: str, capacity: int, wake: Callable[[], None]) -> None:
        self.path = path
        self.capacity = capacity
        self.refused = 0
        self._wake = wake
        self._lock = threading.Lock()
        self._messages: deque[Envelope] = deque()
        self._system: deque[Any] = deque()
        # Born awake: the actor looks into its mailbox by itself once its init is done.
        self._awake = True
        self._closed: Exit | None = None

    def put(self, envelope: Any, *, force: bool = False) -> None:
        """Appends a message.

        Raises:
            ActorExited: the mailbox is closed, and nobody waits for an answer to this message.
            MailboxFull: the same for a full one.
        """
        if type(envelope) is not Envelope:
            envelope = Envelope(envelope.message, envelope.reply_to, Kind.STOCK)
        with self._lock:
            if self._closed is None and (force or len(self._messages) < self.capacity):
                self._messages.append(envelope)
                if self._awake:
                    return
                self._awake = True
                refusal: ActorExited | MailboxFull | None = None
            elif self._closed is not None:
                refusal = ActorExited(self.path, self._closed, begun=False)
            else:
                self.refused += 1
                refusal = MailboxFull(self.path, self.capacity)
        if refusal is None:
            self._wake()
        elif envelope.reply_to is not None:
            envelope.reply_to.set_exception(refusal)
        else:
            raise refusal

    def put_system(self, message: Any) -> bool:
        """Queues a message of the runtime ahead of all others; False when the mailbox is closed."""
        with self._lock:
            if self._closed is not None:
                return False
            self._system.append(message)
            wake = not self._awake
            self._awake = True
        if wake:
            self._wake()
        return True

    def take_system(self) -> Any | None:
        """Returns the next message of the runtime, or None."""
        return self._system.popleft() if self._system else None

    def take(self, count_max: int) -> list[Envelope] | None:
        """Returns up to `count_max` messages in order.

        Returns:
            An empty list when only messages of the runtime wait; None when nothing does: the mailbox is then
            asleep, and the next `put` calls `wake`.
        """
        with self._lock:
            messages = self._messages
            if not messages:
                self._awake = bool(self._system)
                return [] if self._awake else None
            if len(messages) <= count_max:
                self._messages = deque()
                return list(messages)
            return [messages.popleft() for _ in range(count_max)]

    def sleep(self) -> bool:
        """Lets the next put wake the actor although messages wait (it is suspended); False when an order waits."""
        with self._lock:
            self._awake = bool(self._system)
            return not self._awake

    def put_back(self, envelopes: list[Envelope]) -> None:
        """Returns messages that were taken but not begun to the head of the queue."""
        with self._lock:
            if self._closed is None:
                self._messages.extendleft(reversed(envelopes))
                return
            reason = self._closed
        for envelope in envelopes:
            envelope.fail(self.path, reason, begun=False)

    def close(self, reason: Exit = NORMAL) -> tuple[list[Envelope], list[Any]]:
        """Closes for ever and returns what was waiting: messages, and messages of the runtime."""
        with self._lock:
            if self._closed is None:
                self._closed = reason
            messages, self._messages = self._messages, deque()
            system, self._system = self._system, deque()
        return list(messages), list(system)

    @property
    def has_orders(self) -> bool:
        """Whether a message of the runtime waits."""
        return bool(self._system)

    @property
    def is_closed(self) -> bool:
        """Whether the mailbox takes no message any more."""
        return self._closed is not None

    @property
    def depth(self) -> int:
        """Messages waiting now."""
        return len(self._messages)

    @property
    def oldest_age_s(self) -> float | None:
        """Seconds the oldest message has waited; None when none waits."""
        try:
            return time.monotonic() - self._messages[0].sent_s
        except IndexError:
            return None

    def empty(self) -> bool:
        """Tells whether nothing waits (pykka's inbox protocol)."""
        return not self._messages

    def get(self) -> Any:
        """Returns the next message (pykka's inbox protocol; the runtime takes batches instead).

        Raises:
            pykka.ActorDeadError: nothing waits.
        """
        taken = self.take(1)
        if not taken:  # asleep, or only orders wait
            raise pykka.ActorDeadError(f"nothing waits in the mailbox of {self.path}")
        return taken[0]
