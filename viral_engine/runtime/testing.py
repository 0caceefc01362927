"""For tests of actors: a clock that the test drives, quiescence without sleeping, probes, gates, a supervised start."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.clock import TimerHandle
from viral_engine.runtime.errors import ActorError
from viral_engine.runtime.events import Events
from viral_engine.runtime.spec import ChildSpec, Supervisor
from viral_engine.runtime.system import System
from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from viral_engine.runtime.events import Event
    from viral_engine.runtime.incarnation import Incarnation

PATIENCE_S = 30.0
"""How long a test waits for something that must happen before it fails; never waited when it does happen."""

SETTLE_ROUNDS_MAX = 1_000


class NotSettled(ActorError):
    """The tree did not come to rest: some actors keep each other busy, or one hangs."""


class _ManualTimer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """Time that stands still until the test advances it. Timers fire in the test's thread, in order."""

    def __init__(self, wall_ms: int = 1_700_000_000_000) -> None:
        self._now_s = 0.0
        self._wall_start_ms = wall_ms
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, _ManualTimer]] = []
        self._changed = threading.Condition()

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return self._now_s

    def wall_ms(self) -> int:
        """See `Clock`."""
        return self._wall_start_ms + round(self._now_s * 1_000)

    def call_at(self, when_s: float, callback: Callable[[], None]) -> TimerHandle:
        """See `Clock`."""
        timer = _ManualTimer(callback)
        with self._changed:
            heapq.heappush(self._timers, (when_s, next(self._numbers), timer))
            self._changed.notify_all()
        return timer

    def wait(self, event: threading.Event, timeout_s: float | None) -> bool:
        """See `Clock`."""
        if timeout_s is None:
            return event.wait()
        if timeout_s <= 0:
            return event.is_set()
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            event.set()

        # The caller reads its own result after this, so an event that was set by expiry does no harm.
        timer = self.call_at(self._now_s + timeout_s, expire)
        event.wait()
        timer.cancel()
        return not expired.is_set()

    def advance(self, seconds: float) -> None:
        """Moves time forward and fires every timer that becomes due, those set by earlier ones included."""
        target_s = self._now_s + seconds
        while True:
            with self._changed:
                if not self._timers or self._timers[0][0] > target_s:
                    self._now_s = target_s
                    return
                when_s, _, timer = heapq.heappop(self._timers)
                self._now_s = max(self._now_s, when_s)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()

    def wait_for_timers(self, count: int) -> None:
        """Blocks until at least `count` timers are set: somebody in another thread waits for time now.

        Raises:
            NotSettled: nobody set them in time.
        """

        def live() -> int:
            return sum(timer.callback is not None for _, _, timer in self._timers)

        with self._changed:
            if not self._changed.wait_for(lambda: live() >= count, PATIENCE_S):
                raise NotSettled(f"{live()} timers are set, {count} were expected")


class Gate:
    """A door in a handler: the actor waits at it until the test opens it."""

    def __init__(self) -> None:
        self._arrived = threading.Semaphore(0)
        self._opened = threading.Event()

    def pass_through(self) -> None:
        """For the actor: says that it is here and waits until the gate is open."""
        self._arrived.release()
        self._opened.wait(PATIENCE_S)

    def wait_for_arrival(self) -> None:
        """For the test: waits until one more actor stands at the gate.

        Raises:
            NotSettled: nobody came.
        """
        if not self._arrived.acquire(timeout=PATIENCE_S):
            raise NotSettled("nobody came to the gate")

    def open(self) -> None:
        """For the test: lets everybody through from now on."""
        self._opened.set()


class EventLog:
    """Every event of a system, in order; safe to read while actors run."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        """Appends an event: the log is a listener."""
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def of(self, *kinds: type) -> list[Any]:
        """Returns the events of these types so far."""
        with self._changed:
            return [event for event in self._events if isinstance(event, kinds)]

    def wait_for(self, kind: type, count: int = 1) -> list[Any]:
        """Blocks until there are `count` events of a type and returns them.

        Raises:
            NotSettled: they did not come.
        """
        with self._changed:
            found = self._changed.wait_for(
                lambda: sum(isinstance(event, kind) for event in self._events) >= count, PATIENCE_S
            )
        if not found:
            raise NotSettled(f"{len(self.of(kind))} of {count} {kind.__name__} events came")
        return self.of(kind)


@dataclass(frozen=True, slots=True)
class Received:
    """One message that a probe got."""

    kind: str
    message: Any


class Probe(ThreadActor):
    """An actor that keeps all it gets and answers calls with the message itself.

    Spec args: a `list` that receives a `Received` per message.
    """

    def init(self, received: list[Received]) -> None:
        """See `Actor`."""
        self.received = received

    def handle_call(self, message: Any, reply_to: Any) -> Any:
        """See `Actor`."""
        del reply_to
        self.received.append(Received("call", message))
        return message

    def handle_cast(self, message: Any) -> None:
        """See `Actor`."""
        self.received.append(Received("cast", message))

    def handle_info(self, message: Any) -> None:
        """See `Actor`."""
        self.received.append(Received("info", message))


def settle(system: System) -> None:
    """Waits until nobody works, and every mailbox is empty but those of suspended actors.

    Each round waits until every living actor has found nothing to do. The tree is at rest when nothing was put
    into any mailbox meanwhile and the same actors live: whoever had come to rest then still is.

    Raises:
        NotSettled: an actor hangs, or the tree never comes to rest.
    """
    before = _accepted(system)
    for _ in range(SETTLE_ROUNDS_MAX):
        for actor in before:
            at_rest = threading.Event()
            actor.mailbox.when_at_rest(at_rest.set)
            if not at_rest.wait(PATIENCE_S):
                raise NotSettled(f"{actor.path} is busy for more than {PATIENCE_S:g} s")
        after = _accepted(system)
        if after == before:
            return
        before = after
    raise NotSettled(f"the tree did not come to rest within {SETTLE_ROUNDS_MAX} rounds")


def _accepted(system: System) -> dict[Incarnation, int]:
    return {actor: actor.mailbox.accepted for actor in system.living.copy()}


@contextlib.contextmanager
def start_supervised(
    *children: ChildSpec, clock: ManualClock | None = None, log: EventLog | None = None, **options: Any
) -> Iterator[System]:
    """Runs a tree of its own around the block: a root supervisor with these children.

    Args:
        children: specifications in start order.
        clock: a manual clock; the machine's when absent.
        log: gets every event.
        options: fields of the root `Supervisor`, such as `strategy`.
    """
    events = Events()
    if log is not None:
        events.listen(log)
    system = System(clock=clock, events=events)
    system.start(Supervisor(name="root", children=children, **options))
    try:
        yield system
    finally:
        system.stop()


class NextTurn:
    """`await NextTurn()` gives every other callback of the loop its turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield
