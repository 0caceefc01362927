"""The time of a case: it stands still while anybody works, and moves only when the runner says so.

So a case that waits for seconds takes milliseconds, and nothing happens earlier or later because a machine is busy.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class _Timer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class CaseClock:
    """A `Clock` of the runtime.

    Args:
        whole_seconds: reads as OTP's supervisor reads its clock, in whole seconds, for cases about just that.

    Attributes:
        now_s: seconds since the case began.
        blocked: threads that wait for an event on this clock now.
        wakes: how often a wait ended; whoever looks for activity sees it change.
    """

    def __init__(self, *, whole_seconds: bool = False) -> None:
        self.now_s = 0.0
        self.blocked: dict[int, threading.Event] = {}
        self.wakes = 0
        self._whole_seconds = whole_seconds
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return float(math.floor(self.now_s)) if self._whole_seconds else self.now_s

    def wall_ms(self) -> int:
        """See `Clock`."""
        return round(self.now_s * 1_000)

    def call_at(self, when_s: float, callback: Callable[[], None]) -> _Timer:
        """See `Clock`; the callback runs in the runner's thread."""
        return self.call_after(when_s - self.monotonic_s(), callback)

    def call_after(self, delay_s: float, callback: Callable[[], object]) -> _Timer:
        """Calls `callback` in the runner's thread once the case is `delay_s` seconds older."""
        timer = _Timer(callback)
        with self._lock:
            heapq.heappush(self._timers, (self.now_s + delay_s, next(self._numbers), timer))
        return timer

    def wait(self, event: threading.Event, timeout_s: float | None) -> bool:
        """See `Clock`."""
        if timeout_s is not None and timeout_s <= 0:
            return event.is_set()
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            event.set()

        timer = None if timeout_s is None else self.call_after(timeout_s, expire)
        # Only now: whoever sees a thread here may move the time, and its timer must be set by then.
        self.blocked[threading.get_ident()] = event
        event.wait()
        self.wakes += 1
        del self.blocked[threading.get_ident()]
        if timer is not None:
            timer.cancel()
        return not expired.is_set()

    def fire_next(self, until_s: float = math.inf) -> bool:
        """Moves on to the next timer and fires it; without one before `until_s` moves there and returns False."""
        with self._lock:
            while self._timers and self._timers[0][2].callback is None:
                heapq.heappop(self._timers)
            if not self._timers or self._timers[0][0] > until_s:
                if until_s < math.inf:
                    self.now_s = max(self.now_s, until_s)
                return False
            when_s, _, timer = heapq.heappop(self._timers)
            self.now_s = max(self.now_s, when_s)
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()
        return True
