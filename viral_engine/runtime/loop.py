"""The event loop's thread: it belongs to the runtime, like a scheduler of the BEAM, and is never restarted."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections import deque
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.events import Events, LoopBlocked, LoopRecovered

if TYPE_CHECKING:
    from collections.abc import Callable

CHECK_INTERVAL_S = 0.25
BLOCKED_AFTER_S = 1.0
"""A loop that did not turn for so long is reported with its stack."""

RUNS_MAX = 64
"""Callbacks of the run queue between two looks at the sockets."""

_loop_threads: set[int] = set()
"""Identifiers of the threads that turn a loop of the runtime."""


def on_a_loop_thread() -> bool:
    """Tells whether the calling thread turns a loop of the runtime, where nothing may block."""
    return threading.get_ident() in _loop_threads


class LoopThread:
    """One event loop in one thread, and the watchdog that sees it stuck.

    Args:
        make_loop: makes the event loop, for instance `uvloop.new_event_loop`.
        events: where a blocked loop is reported.

    Attributes:
        event_loop: the event loop that this thread turns.
        ident: the thread's identifier; None before it runs.
    """

    def __init__(
        self, make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop, events: Events | None = None
    ) -> None:
        self.event_loop = self._loop = make_loop()
        self._events = events or Events()
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        self._watchdog = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)
        self._stopping = threading.Event()
        self._run_queue: deque[Callable[[], object]] = deque()
        self._run_scheduled = False
        self._posted: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._post_scheduled = False
        self._post_lock = threading.Lock()
        self._turned_s = time.monotonic()
        self.ident: int | None = None

    def start(self) -> None:
        """Starts the loop and its watchdog; returns once the loop turns."""
        self._thread.start()
        turned = threading.Event()
        self.post(turned.set)
        turned.wait()
        self._watchdog.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ends the loop after what is queued; harmless when it was never started."""
        self._stopping.set()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout_s)
        if self._watchdog.is_alive():
            self._watchdog.join(timeout_s)

    @property
    def is_running(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    @property
    def is_current(self) -> bool:
        """Whether the calling thread is the loop's."""
        return threading.get_ident() == self.ident

    @property
    def lag_s(self) -> float:
        """Seconds since the loop last answered its watchdog."""
        return max(time.monotonic() - self._turned_s, 0.0)

    def run(self, callback: Callable[..., object], *args: Any) -> None:
        """Calls `callback(*args)` on the loop: now when this is its thread, soon when not."""
        if threading.get_ident() == self.ident:
            callback(*args)
        else:
            self.post(callback, *args)

    def stack(self) -> str:
        """Returns where the loop's thread is right now, as a traceback."""
        frame = sys._current_frames().get(self.ident or 0)  # noqa: SLF001  (the only way to see another thread's stack)
        return "".join(traceback.format_stack(frame)) if frame is not None else ""

    def post(self, callback: Callable[..., object], *args: Any) -> None:
        """Calls `callback(*args)` on the loop, from any thread.

        Many posts between two turns wake the loop once: a thread that answers a batch of callers costs one
        write to the loop's pipe.
        """
        with self._post_lock:
            self._posted.append((callback, args))
            if self._post_scheduled:
                return
            self._post_scheduled = True
        try:
            self._loop.call_soon_threadsafe(self._run_posted)
        except RuntimeError:
            # The loop is closed: nobody is left to be told.
            with self._post_lock:
                self._post_scheduled = False
                self._posted.clear()

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Puts a callback on the run queue; only from the loop's own thread.

        The queue is worked off within one turn of the loop, what its callbacks add included: a message that passes
        through three actors costs one look at the sockets, not six. After `RUNS_MAX` the sockets have their turn.
        """
        self._run_queue.append(callback)
        if not self._run_scheduled:
            self._run_scheduled = True
            self._loop.call_soon(self._run_queued)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Sets a timer; only from the loop's own thread."""
        return self._loop.call_later(max(delay_s, 0.0), callback)

    def create_task(self, coroutine: Any, name: str) -> asyncio.Task[Any]:
        """Runs a coroutine as a task; only from the loop's own thread."""
        return self._loop.create_task(coroutine, name=name)

    def _run_queued(self) -> None:
        queue = self._run_queue
        for _ in range(RUNS_MAX):
            if not queue:
                self._run_scheduled = False
                return
            try:
                queue.popleft()()
            except Exception as error:  # noqa: BLE001  (one actor's callback must not eat the others')
                self._loop.call_exception_handler({"message": "a queued callback failed", "exception": error})
        self._loop.call_soon(self._run_queued)

    def _run_posted(self) -> None:
        with self._post_lock:
            self._post_scheduled = False
            posted, self._posted = self._posted, deque()
        for callback, args in posted:
            try:
                callback(*args)
            except Exception as error:  # noqa: BLE001  (one caller's callback must not eat the others')
                self._loop.call_exception_handler({"message": "a posted callback failed", "exception": error})

    def _run(self) -> None:
        ident = self.ident = threading.get_ident()
        _loop_threads.add(ident)
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            if tasks:
                self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            asyncio.set_event_loop(None)
            self._loop.close()
            _loop_threads.discard(ident)

    def _turned(self) -> None:
        self._turned_s = time.monotonic()

    def _watch(self) -> None:
        blocked_since_s: float | None = None
        while not self._stopping.wait(CHECK_INTERVAL_S):
            lag_s = self.lag_s
            if lag_s < BLOCKED_AFTER_S:
                if blocked_since_s is not None:
                    self._events.emit(LoopRecovered(blocked_s=time.monotonic() - blocked_since_s))
                    blocked_since_s = None
            elif blocked_since_s is None:
                blocked_since_s = time.monotonic() - lag_s
                self._events.emit(LoopBlocked(lag_s=lag_s, stack=self.stack()))
            self.post(self._turned)
