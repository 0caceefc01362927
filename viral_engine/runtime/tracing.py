"""The messages that one name handles, live, for whoever wants to watch for a while.

A tracer puts handlers of its own on the incarnation, before those of its class: an actor that nobody traces has none
and pays nothing. It goes on with the next incarnation of the name.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from viral_engine.runtime.errors import ActorError
from viral_engine.runtime.events import ActorEnded, ActorStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viral_engine.runtime.events import Event
    from viral_engine.runtime.incarnation import Incarnation
    from viral_engine.runtime.mailbox import Envelope, Kind
    from viral_engine.runtime.system import System

BUFFER_MAX = 1_000
"""Messages that may wait for whoever watches; one more is lost and counted: watching never holds up the actor."""

Outcome = Literal["handled", "raised", "ended"]

_attaching = threading.Lock()


class AlreadyTraced(ActorError):
    """Somebody else traces this name."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is being traced by somebody else")


@dataclass(frozen=True, slots=True)
class Traced:
    """One message that the actor began with.

    Attributes:
        message: itself; put it into words with `flight_recorder.describe`.
        waited_s: in the mailbox.
        took_s: in its handler, or in that of its whole batch.
        batch: how many messages the handler was given at once; 1 when it takes one by one.
        outcome: `raised` when its handler did, `ended` when the incarnation was ended meanwhile.
    """

    message: Any
    kind: Kind
    incarnation: int
    at_ms: int
    waited_s: float
    took_s: float
    batch: int
    outcome: Outcome


class Tracer:
    """Collects what is traced, from `start` to `stop`.

    Args:
        system: the tree.
        path: whose messages.
        wants: tells by its type whether a message counts.
        rate: messages and seconds: with more in so short a time the trace is over; None for any rate.
        buffer_max: see `BUFFER_MAX`.

    Attributes:
        lost: messages that found the buffer full.
        is_over: whether the rate was exceeded.
    """

    def __init__(
        self,
        system: System,
        path: str,
        wants: Callable[[type], bool],
        rate: tuple[int, float] | None = None,
        buffer_max: int = BUFFER_MAX,
    ) -> None:
        self._system = system
        self._path = path
        self._wants = wants
        self._rate = rate
        self._buffer_max = buffer_max
        self._buffer: deque[Traced] = deque()
        self._changed = threading.Condition()
        self._window_s = float("-inf")
        self._in_window = 0
        self._eye: _Eye | None = None
        self._is_stopped = False
        self.lost = 0
        self.is_over = False

    def start(self) -> None:
        """Begins with the incarnation that is there now, and with each later one.

        Raises:
            AlreadyTraced: nothing was begun.
        """
        actor = self._system.registry.whereis(self._path)
        if actor is not None:
            self._look_at(actor)
        self._system.events.listen(self._on_event)

    def stop(self) -> None:
        """Ends: the actor is as it was."""
        self._is_stopped = True
        self._system.events.forget(self._on_event)
        if self._eye is not None:
            self._eye.close()

    def take(self, timeout_s: float) -> list[Traced]:
        """Returns what was collected since the last call; waits until there is something or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self.is_over, timeout_s)
            taken = list(self._buffer)
            self._buffer.clear()
        return taken

    def add(self, traced: Traced) -> None:
        """Takes a message from the actor's thread."""
        if not self._wants(type(traced.message)):
            return
        with self._changed:
            if self.is_over:
                return
            if self._exceeds_rate():
                self.is_over = True
            elif len(self._buffer) >= self._buffer_max:
                self.lost += 1
            else:
                self._buffer.append(traced)
            self._changed.notify_all()

    def _exceeds_rate(self) -> bool:
        if self._rate is None:
            return False
        messages_max, window_s = self._rate
        now_s = time.monotonic()
        if now_s - self._window_s >= window_s:
            self._window_s, self._in_window = now_s, 0
        self._in_window += 1
        return self._in_window > messages_max

    def _look_at(self, actor: Incarnation) -> None:
        self._eye = eye = _Eye(actor, self.add)
        if self._is_stopped:
            # In this very moment, by another thread.
            eye.close()

    def _on_event(self, event: Event) -> None:
        eye = self._eye
        match event:
            case ActorEnded(path, incarnation) if path == self._path and eye is not None:
                if eye.incarnation == incarnation:
                    eye.settle("ended")
            case ActorStarted(path, incarnation) if path == self._path:
                actor = self._system.registry.whereis(path)
                if actor is not None and (eye is None or eye.incarnation != actor.incarnation):
                    with contextlib.suppress(AlreadyTraced):
                        self._look_at(actor)


class _Eye:
    """Stands before the handlers of one incarnation."""

    def __init__(self, actor: Incarnation, tell: Callable[[Traced], None]) -> None:
        self.incarnation = actor.incarnation
        self._actor = actor
        self._tell = tell
        self._wall_ms = actor.system.clock.wall_ms
        self._begun: tuple[Sequence[Envelope], float, int] | None = None
        with _attaching:
            if "_handle" in vars(actor):
                raise AlreadyTraced(actor.path)
            self._handle, self._handle_batch, self._end_batch = actor._handle, actor.handle_batch, actor._end_batch  # noqa: SLF001
            vars(actor).update(_handle=self.handle, handle_batch=self.handle_batch, _end_batch=self.end_batch)

    def close(self) -> None:
        """Leaves the incarnation as its class made it."""
        for name in ("_handle", "handle_batch", "_end_batch"):
            vars(self._actor).pop(name, None)

    def handle(self, envelope: Envelope, now_s: float) -> Any:
        """Stands before `Work._handle`."""
        return self._watch([envelope], lambda: self._handle(envelope, now_s))

    def handle_batch(self, batch: Sequence[Envelope]) -> Any:
        """Stands before `Hooks.handle_batch`."""
        return self._watch(batch, lambda: self._handle_batch(batch))

    def end_batch(self) -> None:
        """Stands before `Work._end_batch`."""
        self.settle("handled")
        self._end_batch()

    def settle(self, outcome: Outcome) -> None:
        """Tells of what was begun last, unless that was told already."""
        begun, self._begun = self._begun, None
        if begun is None:
            return
        envelopes, at_s, at_ms = begun
        took_s = time.monotonic() - at_s
        for one in envelopes:
            waited_s = max(at_s - one.sent_s, 0.0)
            self._tell(
                Traced(
                    one.message, one.kind, self.incarnation, at_ms, waited_s, took_s, len(envelopes), outcome
                )
            )  # fmt: skip

    def _watch(self, envelopes: Sequence[Envelope], handler: Callable[[], Any]) -> Any:
        # A coroutine of the message before ended unseen: one message is handled at a time.
        self.settle("handled")
        self._begun = envelopes, time.monotonic(), self._wall_ms()
        try:
            result = handler()
        except BaseException:
            self.settle("raised")
            raise
        if not hasattr(result, "__await__"):
            self.settle("handled")
        return result
