"""Actors with a thread of their own: for everything that blocks or computes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from viral_engine.runtime.actor import BATCH_MAX, Actor
from viral_engine.runtime.events import ThreadAbandoned
from viral_engine.runtime.exits import NORMAL, Exit, Ignore, Stop

if TYPE_CHECKING:
    from viral_engine.runtime.mailbox import Envelope


class ThreadActor(Actor):
    """An actor whose handlers may block. It takes all that waits in one go.

    The thread is a daemon thread: one that hangs in a handler can be fenced off but not stopped, and must not
    keep the process alive.
    """

    _thread: threading.Thread | None = None

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
        self._wake()
        if self.busy_since_s is not None and threading.current_thread() is not self._thread:
            abandoned = self.system.abandon_thread(self)
            self.system.events.emit(ThreadAbandoned(self.path, self.incarnation, abandoned))

    def _actor_loop(self) -> None:
        try:
            self.init(*self.context.args)
        except BaseException as error:  # noqa: BLE001  (the supervised boundary: no exception may leave it)
            self._boot_error = error
            self._finish(NORMAL if isinstance(error, Ignore) else self._end_with(error))
            return
        with self._life:
            if self._ended is not None:
                return
            self.state = "running"
        self.booted.set(None)
        try:
            while self._ended is None:
                self._work()
                if self._ended is None:
                    self._wakeup.acquire()
        except BaseException as error:  # noqa: BLE001  (the supervised boundary)
            self._end(error)

    def _work(self) -> None:
        """Handles orders and messages until the mailbox is asleep or this incarnation has ended."""
        mailbox = self.mailbox
        while self._ended is None:
            while (order := mailbox.take_system()) is not None:
                self._obey(order)
            if self.state == "suspended":
                if mailbox.sleep():
                    return
                continue
            batch = mailbox.take(BATCH_MAX)
            if batch:
                self._run(batch)
            elif batch is None:
                return

    def _run(self, batch: list[Envelope]) -> None:
        self._begin_batch(batch)
        if self._takes_batches:
            self._batch_begun_whole = True
            self.recent.append(f"{type(batch[0].message).__name__} x {len(batch)}")
            self.handle_batch(batch)
            self._end_batch()
            return
        for position, envelope in enumerate(batch):
            if self._ended is not None:
                return
            if position and self.mailbox.has_orders:
                self.mailbox.put_back(batch[position:])
                del batch[position:]
                break
            self._position = position
            self._answer(envelope, self._handle(envelope, self.system.clock.monotonic_s()))
        self._end_batch()

    def _end(self, error: BaseException) -> None:
        exit_reason: Exit = self._end_with(error)
        if self._ended is None:
            try:
                self.terminate(exit_reason)
            except BaseException as worse:  # noqa: BLE001  (the supervised boundary)
                exit_reason = self._end_with(worse) if not isinstance(worse, Stop) else worse.exit_reason
        self._finish(exit_reason)
