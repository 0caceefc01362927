"""A bounded queue with a thread behind it: whoever has something to write never waits for a disk or a pipe."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

ITEMS_MAX = 10_000
"""Items that may wait; one more is dropped and counted: a listener must never hold up what it listens to."""


class HandOver(Generic[T]):
    """Calls `sink` with each item, in order, in a thread of its own.

    Args:
        name: the thread's name.
        sink: gets one item; an `OSError` (the disk is full, the pipe is gone) loses that item and is counted.
        items_max: how many may wait.
    """

    def __init__(self, name: str, sink: Callable[[T], None], items_max: int = ITEMS_MAX) -> None:
        self._sink = sink
        self._items_max = items_max
        self._queue: queue.SimpleQueue[T | threading.Event] = queue.SimpleQueue()
        self._closed = False
        self._lock = threading.Lock()
        self.dropped = 0
        self.failed = 0
        # A daemon thread: a disk that hangs must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> bool:
        """Queues an item; False when it was dropped for lack of room or because this is closed."""
        if self._closed or self._queue.qsize() >= self._items_max:
            with self._lock:
                self.dropped += 1
            return False
        self._queue.put(item)
        return True

    def flush(self, timeout_s: float) -> bool:
        """Waits until everything queued so far went to the sink; False when the time was up."""
        if threading.current_thread() is self._thread:
            return False
        if not self._thread.is_alive():
            return self._queue.empty()
        done = threading.Event()
        self._queue.put(done)
        return done.wait(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Writes what is queued and ends the thread; False when the time was up."""
        until_s = time.monotonic() + timeout_s
        self._closed = True
        flushed = self.flush(timeout_s)
        self._thread.join(max(until_s - time.monotonic(), 0.0))
        return flushed

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            if isinstance(item, threading.Event):
                item.set()
                if self._closed and self._queue.empty():
                    return
                continue
            try:
                self._sink(item)
            except OSError:
                self.failed += 1
            except Exception:  # noqa: BLE001  (one item that can't be written must not end the writing)
                self.failed += 1
