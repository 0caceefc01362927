"""Actors on the runtime's event loop: for state in memory and handlers that never block."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.actor import BATCH_MAX, Actor
from viral_engine.runtime.exits import NORMAL, Ignore, Stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from viral_engine.runtime.mailbox import Envelope


class LoopActor(Actor):
    """An actor without a thread: a burst of messages is one callback of the loop, an idle one is no task at all.

    Handlers may be coroutines. The next message waits until the coroutine is done, so one message is handled
    at a time here too; never await another actor in one that callers of the check depend on.
    """

    _task: asyncio.Task[Any] | None = None

    def _start_actor_loop(self) -> None:
        self.system.loop.post(self._boot)

    def _wake(self) -> None:
        if self.system.loop.is_current:
            self.system.loop.call_soon(self._pump)
        else:
            self.system.loop.post(self._pump)

    def _fence(self) -> None:
        if self._task is not None:
            self.system.loop.post(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _boot(self) -> None:
        if self._ended is not None:
            return
        self._attempt(lambda: self.init(*self.context.args), self._booted, self._boot_failed)

    def _booted(self, _result: Any) -> None:
        with self._life:
            if self._ended is not None:
                return
            self.state = "running"
        self.booted.set(None)
        self._pump()

    def _boot_failed(self, error: BaseException) -> None:
        self._boot_error = error
        self._finish(NORMAL if isinstance(error, Ignore) else self._end_with(error))

    def _attempt(
        self, handler: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[BaseException], None]
    ) -> bool:
        """Runs a handler; False when it is a coroutine, which calls `done` or `failed` when it ends."""
        try:
            result = handler()
        except BaseException as error:  # noqa: BLE001  (the supervised boundary: no exception may leave it)
            failed(error)
            return True
        if not inspect.isawaitable(result):
            done(result)
            return True
        self._task = self.system.loop.create_task(self._follow(result, done, failed), self.path)
        return False

    async def _follow(
        self, awaitable: Awaitable[Any], done: Callable[[Any], None], failed: Callable[[BaseException], None]
    ) -> None:
        try:
            result = await awaitable
        except asyncio.CancelledError as error:
            # Cancelled by a kill: everybody was told already. Cancelled by itself: a crash like any other.
            if self._ended is None:
                failed(error)
            return
        except BaseException as error:  # noqa: BLE001  (the supervised boundary)
            failed(error)
            return
        finally:
            self._task = None
        if self._ended is None:
            done(result)

    def _pump(self) -> None:
        """Takes what waits. Runs at most once at a time: the mailbox stays awake until it was found empty."""
        if self._ended is not None:
            return
        mailbox = self.mailbox
        while (order := mailbox.take_system()) is not None:
            try:
                self._obey(order)
            except Stop as stop:
                self._end(stop)
                return
        if self.state == "suspended":
            if not mailbox.sleep():
                self.system.loop.call_soon(self._pump)
            return
        batch = mailbox.take(BATCH_MAX)
        if batch:
            self._begin_batch(batch)
            self._run(0)
        elif batch is not None:
            self.system.loop.call_soon(self._pump)

    def _run(self, start: int) -> None:
        """Handles the batch from `start` on, until it is done, a handler awaits, or an order comes in."""
        if self._takes_batches:
            self._batch_begun_whole = True
            batch = self._batch
            self.recent.append(f"{type(batch[0].message).__name__} x {len(batch)}")
            self._attempt(lambda: self.handle_batch(batch), self._batch_done, self._end)
            return
        now_s = self.system.clock.monotonic_s()
        batch, mailbox = self._batch, self.mailbox
        for position in range(start, len(batch)):
            if mailbox.has_orders and position > start:
                mailbox.put_back(batch[position:])
                del batch[position:]
                break
            self._position = position
            envelope = batch[position]
            try:
                result = self._handle(envelope, now_s)
                if result is not None and inspect.isawaitable(result):
                    self._run_coroutine(envelope, result, position)
                    return
                self._answer(envelope, result)
            except BaseException as error:  # noqa: BLE001  (the supervised boundary)
                self._end(error)
                return
            if self._ended is not None:
                return
        self._batch_done(None)

    def _run_coroutine(self, envelope: Envelope, awaitable: Awaitable[Any], position: int) -> None:
        def done(result: Any) -> None:
            self._answer(envelope, result)
            self._run(position + 1)

        self._task = self.system.loop.create_task(self._follow(awaitable, done, self._end), self.path)

    def _batch_done(self, _result: Any) -> None:
        self._end_batch()
        if self._ended is None:
            self.system.loop.call_soon(self._pump)

    def _end(self, error: BaseException) -> None:
        """Ends the incarnation for an exception of its own, `terminate` first."""
        exit_reason = self._end_with(error)
        self.busy_since_s = self.busy_since_s or time.monotonic()

        def finish(_result: Any) -> None:
            self._finish(exit_reason)

        def finish_worse(worse: BaseException) -> None:
            self._finish(self._end_with(worse))

        self._attempt(lambda: self.terminate(exit_reason), finish, finish_worse)
