"""Actors with a thread of their own: for everything that blocks or computes."""

from __future__ import annotations

import inspect
import threading
from typing import Any

from viral_engine.runtime.actor import FLIGHT_RECORDER_SIZE, Actor
from viral_engine.runtime.events import ThreadAbandoned
from viral_engine.runtime.exits import Ignore, Stop
from viral_engine.runtime.flight_recorder import remember

_HANDLERS = ("init", "handle_call", "handle_cast", "handle_info", "handle_batch", "terminate")


class ThreadActor(Actor):
    """An actor whose handlers may block. It takes all that waits in one go.

    The thread is a daemon thread: one that hangs in a handler can be fenced off but not stopped, and must not
    keep the process alive.
    """

    _thread: threading.Thread | None = None

    def __init_subclass__(cls, **more: Any) -> None:
        """Refuses coroutines: a thread that calls one gets something that nobody awaits."""
        super().__init_subclass__(**more)
        for name in _HANDLERS:
            if inspect.iscoroutinefunction(cls.__dict__.get(name)):
                raise TypeError(f"{cls.__name__}.{name} is a coroutine, which only a LoopActor runs")

    def _start_actor_loop(self) -> None:
        # A binary semaphore: the mailbox wakes exactly once for each time it fell asleep.
        self._wakeup = threading.Lock()
        self._wakeup.acquire()
        self._thread = threading.Thread(target=self._actor_loop, name=self.path, daemon=True)
        self._thread.start()

    @property
    def thread_ident(self) -> int | None:
        """The thread's identifier, for whoever wants to see its stack."""
        return self._thread.ident if self._thread is not None else None

    @property
    def thread_is_alive(self) -> bool:
        """Whether the thread still runs, which after a kill means that it hangs in a handler."""
        return self._thread is not None and self._thread.is_alive()

    def _wake(self) -> None:
        try:
            self._wakeup.release()
        except RuntimeError:
            # A kill woke the thread in the same moment.
            return

    def _fence(self) -> None:
        if self._thread is not None:
            self._wake()
        if self.busy_since_s is not None and threading.current_thread() is not self._thread:
            abandoned = self.system.abandon_thread(self)
            self.system.events.emit(ThreadAbandoned(self.path, self.incarnation, abandoned))

    def _actor_loop(self) -> None:
        if self._ended is not None:
            return
        self.busy_since_s = self.system.clock.monotonic_s()
        try:
            extra = self.init(*self.context.args)
        except BaseException as error:  # noqa: BLE001  (the supervised boundary: no exception may leave it)
            self._finish(self._end_with(error), ignored=isinstance(error, Ignore))
            return
        self.busy_since_s = None
        if not self._mark_running(extra):
            return
        try:
            while self._ended is None:
                self._work()
                self._wakeup.acquire()
        except BaseException as error:  # noqa: BLE001  (the supervised boundary)
            self._end(error)

    def _work(self) -> None:
        """Handles orders and messages until the mailbox is asleep or this incarnation has ended."""
        mailbox = self.mailbox
        while self._ended is None:
            while (order := mailbox.take_order()) is not None:
                self._obey(order)
            if self._state == "suspended":
                if mailbox.fall_asleep(suspended=True):
                    return
                continue
            batch = mailbox.take(self._take_max)
            if batch is None:
                if self._has_drained():
                    assert self._draining is not None
                    raise Stop(self._draining.exit_reason)
                return
            if batch:
                if self._begin_batch(batch):
                    self._run()
                self._end_batch()

    def _run(self) -> None:
        batch = self._batch
        if self._takes_batches:
            remember(self.recent, batch[-FLIGHT_RECORDER_SIZE:])
            try:
                self.handle_batch(batch)
            except BaseException as error:
                if not self._lives_on(error):
                    raise
            return
        orders, clock = self.mailbox.orders, self.system.clock
        for position, envelope in enumerate(batch):
            if orders:
                self._hold_back(position)
                return
            # In this order: who kills it reads the position after the end, and tells the callers behind it that
            # their messages were never begun.
            self._position = position
            if self._ended is not None:
                return
            try:
                self._answer(envelope, self._handle(envelope, clock.monotonic_s()))
            except BaseException as error:
                if not self._lives_on(error):
                    raise

    def _end(self, error: BaseException) -> None:
        """Ends the incarnation for an exception of its own, `terminate` first."""
        exit_reason = self._end_with(error)
        self.busy_since_s = self.busy_since_s or self.system.clock.monotonic_s()
        if self._ended is None:
            try:
                self.terminate(exit_reason)
            except BaseException as worse:  # noqa: BLE001  (the supervised boundary)
                exit_reason = self._end_with(worse)
        self._finish(exit_reason)
