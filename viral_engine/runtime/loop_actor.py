"""Actors on the runtime's event loop: for state in memory and handlers that never block."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.actor import FLIGHT_RECORDER_SIZE, NO_REPLY, Actor
from viral_engine.runtime.exits import Ignore, Stop
from viral_engine.runtime.flight_recorder import remember

if TYPE_CHECKING:
    import asyncio
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
        # Never pumped here and now: a sender on the loop is in the middle of its own handler.
        if self.system.loop.is_current:
            self.system.loop.call_soon(self._pump)
        else:
            self.system.loop.post(self._pump)

    def _fence(self) -> None:
        # A coroutine that was in the middle of a message may swallow its cancellation, and go on.
        self.left_at_work = self._task is not None and self._position < len(self._batch)
        self.system.loop.post(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _boot(self) -> None:
        if self._ended is None:
            self.busy_since_s = self.system.clock.monotonic_s()
            self._attempt(lambda: self.init(*self.context.args), self._booted, self._boot_failed)

    def _booted(self, extra: Any) -> None:
        self.busy_since_s = None
        if self._mark_running(extra):
            self._pump()

    def _boot_failed(self, error: BaseException) -> None:
        self._finish(self._end_with(error), ignored=isinstance(error, Ignore))

    def _attempt(
        self, handler: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Runs a handler; `done` or `failed` is called when it ends, now or, for a coroutine, later."""
        try:
            result = handler()
        except BaseException as error:  # noqa: BLE001  (the supervised boundary: no exception may leave it)
            failed(error)
            return
        if _is_awaitable(result):
            self._follow(result, done, failed)
        else:
            done(result)

    def _follow(
        self, awaitable: Awaitable[Any], done: Callable[[Any], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Runs a coroutine to its end as a task; its outcome is dropped when this incarnation was killed meanwhile."""

        async def follow() -> None:
            try:
                result = await awaitable
            except BaseException as error:  # noqa: BLE001  (the supervised boundary, a cancellation by itself included)
                self._task = None
                if self._ended is None:
                    failed(error)
                return
            self._task = None
            if self._ended is None:
                done(result)

        if self._ended is not None:
            _discard(awaitable)
            return
        self._task = self.system.loop.create_task(follow(), self.path)
        # A task that is cancelled before its first step never gets to the coroutine.
        self._task.add_done_callback(lambda _task: _discard(awaitable))

    def _pump(self) -> None:
        """Takes what waits. Runs at most once at a time: the mailbox stays awake until it was found empty."""
        if self._ended is not None:
            return
        mailbox = self.mailbox
        while (order := mailbox.take_order()) is not None:
            try:
                self._obey(order)
            except BaseException as error:  # noqa: BLE001  (the supervised boundary)
                self._end(error)
                return
        if self._state == "suspended":
            if not mailbox.fall_asleep(suspended=True):
                self.system.loop.call_soon(self._pump)
            return
        batch = mailbox.take(self._take_max)
        if batch is None:
            if self._has_drained():
                assert self._draining is not None
                self._end(Stop(self._draining.exit_reason))
            return
        if batch and self._begin_batch(batch):
            self._run()
        else:
            self._batch_done(None)

    def _run(self) -> None:
        if self._takes_batches:
            batch = self._batch
            remember(self.recent, batch[-FLIGHT_RECORDER_SIZE:])
            self._attempt(lambda: self.handle_batch(batch), self._batch_done, self._batch_failed)
        else:
            self._run_from(0)

    def _run_from(self, start: int) -> None:
        """Handles the batch from `start` on, until it is done, a handler awaits, or an order comes in."""
        batch, orders, monotonic_s = self._batch, self.mailbox.orders, self.system.monotonic_s
        now_s = 0.0
        for position in range(start, len(batch)):
            if orders:
                self._hold_back(position)
                break
            # In this order: who kills it reads the position after the end, and tells the callers behind it that
            # their messages were never begun.
            self._position = position
            if self._ended is not None:
                return
            envelope = batch[position]
            if envelope.deadline_s is not None:
                # Anew for each: those before it may have taken long.
                now_s = monotonic_s()
            try:
                result = self._handle(envelope, now_s)
                if result is NO_REPLY:
                    envelope.handed_on = True
                elif result is not None and hasattr(result, "__await__"):
                    self._run_coroutine(envelope, result, position)
                    return
                elif envelope.reply_to is not None and self._ended is None:
                    try:
                        # As `_answer` does, without a frame of its own.
                        envelope.reply_to.set(result)
                    except Exception as error:  # noqa: BLE001  (a caller's own mistake)
                        self._caller_failed(error)
            except BaseException as error:  # noqa: BLE001  (the supervised boundary)
                if not self._lives_on(error):
                    self._end(error)
                    return
        self._batch_done(None)

    def _run_coroutine(self, envelope: Envelope, awaitable: Awaitable[Any], position: int) -> None:
        def done(result: Any) -> None:
            try:
                self._answer(envelope, result)
            except BaseException as error:  # noqa: BLE001  (the supervised boundary)
                self._end(error)
                return
            self._run_from(position + 1)

        def failed(error: BaseException) -> None:
            if self._lives_on(error):
                self._run_from(position + 1)
            else:
                self._end(error)

        self._follow(awaitable, done, failed)

    def _batch_failed(self, error: BaseException) -> None:
        if self._lives_on(error):
            self._batch_done(None)
        else:
            self._end(error)

    def _batch_done(self, _result: Any) -> None:
        self._end_batch()
        if self._ended is None:
            self.system.loop.call_soon(self._pump)

    def _end(self, error: BaseException) -> None:
        """Ends the incarnation for an exception of its own, `terminate` first."""
        exit_reason = self._end_with(error)
        if self._ended is not None:
            return
        self.busy_since_s = self.busy_since_s or self.system.clock.monotonic_s()

        def finish(_result: Any) -> None:
            self._finish(exit_reason)

        def finish_worse(worse: BaseException) -> None:
            self._finish(self._end_with(worse))

        self._attempt(lambda: self.terminate(exit_reason), finish, finish_worse)


def _is_awaitable(result: Any) -> bool:
    return hasattr(result, "__await__")


def _discard(awaitable: Awaitable[Any]) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()
