"""Time as the runtime sees it: a clock that can be waited on, so that tests can drive it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from viral_engine.runtime.loop import LoopThread


class TimerHandle(Protocol):
    """A timer that has been set."""

    def cancel(self) -> None:
        """Prevents the timer from firing; harmless when it has fired."""


class Clock(Protocol):
    """Everything in the runtime that depends on time asks one of these."""

    def monotonic_s(self) -> float:
        """Returns seconds that never go back, from an arbitrary start."""

    def wall_ms(self) -> int:
        """Returns milliseconds since 1970 in UTC; it may jump when somebody sets the machine's clock."""

    def call_at(self, when_s: float, callback: Callable[[], None]) -> TimerHandle:
        """Calls `callback` once `monotonic_s()` has reached `when_s`, in a thread of the clock's choice."""

    def wait(self, event: threading.Event, timeout_s: float | None) -> bool:
        """Blocks this thread until `event` is set or the time is up; tells whether it was set."""


class _LoopTimer:
    """A timer of the loop thread that any thread may set and cancel."""

    __slots__ = ("_callback", "_handle", "_loop")

    def __init__(self, loop: LoopThread, when_s: float, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback: Callable[[], None] | None = callback
        self._handle: asyncio.TimerHandle | None = None
        if loop.is_current:
            self._set(when_s)
        else:
            loop.post(self._set, when_s)

    def _set(self, when_s: float) -> None:
        if self._callback is not None:
            self._handle = self._loop.call_later(when_s - time.monotonic(), self._fire)

    def _fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    def cancel(self) -> None:
        self._callback = None
        if self._handle is not None:
            self._loop.run(self._handle.cancel)


class SystemClock:
    """The machine's clocks; timers fire on the loop thread."""

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop

    monotonic_s = staticmethod(time.monotonic)

    def wall_ms(self) -> int:
        """See `Clock`."""
        return time.time_ns() // 1_000_000

    def call_at(self, when_s: float, callback: Callable[[], None]) -> TimerHandle:
        """See `Clock`."""
        return _LoopTimer(self._loop, when_s, callback)

    def wait(self, event: threading.Event, timeout_s: float | None) -> bool:
        """See `Clock`."""
        # Longer than a lock can wait is for ever.
        return event.wait(None if timeout_s is None or timeout_s > threading.TIMEOUT_MAX else timeout_s)
