"""The last resort: a process whose event loop hangs ends by itself, so that whoever started it starts it again."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.loop import LoopThread

EXIT_CODE = 70
"""EX_SOFTWARE: systemd's Restart=on-failure brings the daemon back."""

BLOCKED_MAX_S = 30.0
CHECK_INTERVAL_S = 1.0


def end_process(why: str) -> None:
    """Says one sentence and ends at once: nothing orderly can be expected of a process that hangs."""
    sys.stderr.write(f"viral-engine: {why}; ending with exit {EXIT_CODE}\n")
    sys.stderr.flush()
    os._exit(EXIT_CODE)


class LoopWatch:
    """Calls `on_stuck` once when the loop has been blocked for too long.

    Args:
        loop: the runtime's loop.
        on_stuck: gets one sentence; flush logs and history in it, then `end_process`.
        blocked_max_s: how long it may be blocked.
        interval_s: how often it looks.
    """

    def __init__(
        self,
        loop: LoopThread,
        on_stuck: Callable[[str], None] = end_process,
        blocked_max_s: float = BLOCKED_MAX_S,
        interval_s: float = CHECK_INTERVAL_S,
    ) -> None:
        self._loop = loop
        self._on_stuck = on_stuck
        self._blocked_max_s = blocked_max_s
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)

    def start(self) -> None:
        """Begins to watch; call it when the loop turns."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch; call it before the loop is stopped, which looks like a blocked one."""
        self._stopping.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(self._interval_s + 1.0)

    def _watch(self) -> None:
        while not self._stopping.wait(self._interval_s):
            lag_s = self._loop.lag_s
            if lag_s >= self._blocked_max_s:
                self._on_stuck(f"the event loop has not turned for {lag_s:.1f} s")
                return
