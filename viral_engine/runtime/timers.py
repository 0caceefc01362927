"""The timers of one incarnation: they end with it."""

from __future__ import annotations

import itertools
import math
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.clock import Clock, TimerHandle


class Timers:
    """Timers that can be cancelled one by one or all at once, from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._handles: dict[int, TimerHandle] = {}
        self._lock = threading.Lock()
        self._closed = False

    def send_after(self, delay_s: float, send: Callable[[], object]) -> int:
        """Calls `send` once after `delay_s` seconds; returns the timer's number.

        Raises:
            ValueError: that is no number of seconds.
        """
        if math.isnan(delay_s):
            raise ValueError("a delay must be a number of seconds")
        number = next(self._numbers)

        def fire() -> None:
            if self._forget(number):
                send()

        self._set(number, self._clock.monotonic_s() + delay_s, fire)
        return number

    def send_interval(self, interval_s: float, send: Callable[[], object]) -> int:
        """Calls `send` every `interval_s` seconds, counted from the first due time, so that it does not drift.

        Beats that were missed in a stall are skipped, not sent in a burst.

        Raises:
            ValueError: the interval is no time at all.
        """
        if not 0 < interval_s < math.inf:
            raise ValueError("an interval must be more than 0 seconds")
        number = next(self._numbers)
        due_s = self._clock.monotonic_s() + interval_s

        def fire() -> None:
            nonlocal due_s
            if number not in self._handles:
                return
            send()
            missed = max((self._clock.monotonic_s() - due_s) // interval_s, 0.0)
            due_s += interval_s * (missed + 1)
            # What was sent may have been handled by now, and the timer cancelled: then it stays so.
            self._set(number, due_s, fire, again=True)

        self._set(number, due_s, fire)
        return number

    def cancel(self, number: int) -> None:
        """Cancels one timer; harmless when it has fired."""
        with self._lock:
            handle = self._handles.pop(number, None)
        if handle is not None:
            handle.cancel()

    def cancel_all(self) -> None:
        """Cancels every timer and refuses new ones."""
        with self._lock:
            self._closed = True
            handles, self._handles = list(self._handles.values()), {}
        for handle in handles:
            handle.cancel()

    def _set(self, number: int, when_s: float, fire: Callable[[], None], *, again: bool = False) -> None:
        with self._lock:
            if not self._closed and again == (number in self._handles):
                self._handles[number] = self._clock.call_at(when_s, fire)

    def _forget(self, number: int) -> bool:
        with self._lock:
            return self._handles.pop(number, None) is not None
