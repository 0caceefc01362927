"""What happens in the runtime, as events that other code can attach to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.exits import Exit
    from viral_engine.runtime.flight_recorder import Seen


@dataclass(frozen=True, slots=True)
class ActorStarted:
    """An incarnation passed its init."""

    path: str
    incarnation: int
    start_ms: float


@dataclass(frozen=True, slots=True)
class ActorStartFailed:
    """An init raised, stopped or took too long."""

    path: str
    incarnation: int
    exit_reason: Exit


@dataclass(frozen=True, slots=True)
class ActorEnded:
    """An incarnation ended.

    Attributes:
        message_type: the type of the message that was being handled, None between messages.
        killed_for: the operator's reason, when somebody killed it by hand.
        up_s: seconds since its init.
        killer: after a crash the message that was being handled, in words, personal fields hidden.
        recent: the last messages that it began with, oldest first.
    """

    path: str
    incarnation: int
    exit_reason: Exit
    message_type: str | None
    killed_for: str | None
    up_s: float
    killer: str | None = None
    recent: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class ActorIgnored:
    """An init answered that there is nothing to run."""

    path: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class ChildRestarted:
    """A supervisor brought a child back, by its strategy or by hand."""

    path: str
    incarnation: int
    by_hand: bool


@dataclass(frozen=True, slots=True)
class SupervisorGaveUp:
    """More restarts than the intensity allows."""

    path: str
    child: str
    restarts: int
    window_s: float


@dataclass(frozen=True, slots=True)
class ChildGaveUp:
    """A child that may give up alone did; its supervisor goes on."""

    path: str
    retry_s: float


@dataclass(frozen=True, slots=True)
class RestartDelayed:
    """A child is brought back only after a wait (`Worker.backoff`)."""

    path: str
    failures: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class MessageFailed:
    """A handler raised and its actor lives on (`Worker.decider`: resume)."""

    path: str
    message_type: str
    error: str


@dataclass(frozen=True, slots=True)
class MessageDeadLettered:
    """A message ended three incarnations in a row: no other one will get it.

    Attributes:
        message: in words, personal fields hidden.
        error: what the last one ended with.
    """

    path: str
    message_type: str
    message: str
    error: str


@dataclass(frozen=True, slots=True)
class HandlerSlow:
    """A handler, or a batch of messages, took long.

    Attributes:
        message_type: of the last message.
        messages: how many were handled in that time.
    """

    path: str
    message_type: str
    messages: int
    took_s: float


@dataclass(frozen=True, slots=True)
class HeartbeatMissed:
    """An actor owed too many signs of life and is fenced."""

    path: str
    incarnation: int
    missed: int


@dataclass(frozen=True, slots=True)
class KeptStateDropped:
    """Kept state was thrown away: it took part in two crashes in a row, or a hung thread may still write to it."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class MessageDropped:
    """A message found no mailbox or no room in it."""

    path: str
    message_type: str
    why: str


@dataclass(frozen=True, slots=True)
class ThreadAbandoned:
    """A killed thread actor was still in a handler: its thread can't be stopped, only fenced off."""

    path: str
    incarnation: int
    abandoned_threads: int


@dataclass(frozen=True, slots=True)
class AbortFailed:
    """A killed incarnation owned something that could not be aborted: it may still be using it."""

    path: str
    incarnation: int
    resource: str
    error: str


@dataclass(frozen=True, slots=True)
class CallbackFailed:
    """What a caller had called with its answer raised; `path` is who answered, and goes on."""

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class LoopBlocked:
    """The event loop has not turned for `lag_s` seconds; `stack` is where it was."""

    lag_s: float
    stack: str


@dataclass(frozen=True, slots=True)
class LoopRecovered:
    """The event loop turns again."""

    blocked_s: float


Event = (
    ActorStarted
    | ActorStartFailed
    | ActorEnded
    | ActorIgnored
    | ChildRestarted
    | RestartDelayed
    | MessageFailed
    | MessageDeadLettered
    | HandlerSlow
    | HeartbeatMissed
    | SupervisorGaveUp
    | ChildGaveUp
    | KeptStateDropped
    | MessageDropped
    | ThreadAbandoned
    | AbortFailed
    | CallbackFailed
    | LoopBlocked
    | LoopRecovered
)


class Events:
    """A list of listeners, each called in the thread where the event happens.

    A listener must be quick and must not call actors: it runs inside whatever is happening. One that raises is
    counted in `listener_failures` and does not disturb the others.
    """

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[Event], None], ...] = ()
        self.listener_failures = 0

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Adds a listener for every event from now on."""
        self._listeners = (*self._listeners, listener)

    def forget(self, listener: Callable[[Event], None]) -> None:
        """Removes a listener; harmless when it is not there."""
        self._listeners = tuple(known for known in self._listeners if known != listener)

    def emit(self, event: Event) -> None:
        """Tells every listener."""
        for listener in self._listeners:
            try:
                listener(event)
            except BaseException:  # noqa: BLE001  (watching must not change what is watched)
                self.listener_failures += 1
