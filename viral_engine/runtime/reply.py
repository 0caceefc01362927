"""The answer to a call: awaitable on an event loop, `.get()` in a thread, settled once."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import pykka

from viral_engine.runtime.errors import CallTimeout, WouldBlockLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from viral_engine.runtime.clock import Clock
    from viral_engine.runtime.loop import LoopThread

    ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

T = TypeVar("T")


class ReplyTo(Protocol):
    """What an actor needs of whoever waits: it may be handed to another actor, which then answers."""

    def set(self, value: Any | None = None) -> None:
        """Answers with a value."""

    def set_exception(self, exc_info: Any = None) -> None:
        """Answers with an error."""


class Reply(pykka.Future[T], Generic[T]):
    """The caller's end of a call.

    The first `set` or `set_exception` wins and later ones are dropped: the late answer of an incarnation that
    was killed must not disturb a caller who was told so already. Made without arguments it is the future that
    stock pykka expects of an actor class.
    """

    def __init__(
        self,
        path: str = "an actor",
        timeout_s: float | None = None,
        clock: Clock | None = None,
        loop: LoopThread | None = None,
    ) -> None:
        super().__init__()
        self.path = path
        self._timeout_s = timeout_s
        self._clock = clock
        self._loop = loop
        self._deadline_s = None if timeout_s is None or clock is None else clock.monotonic_s() + timeout_s
        self._lock = threading.Lock()
        self._settled = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[], None]] = []

    @property
    def deadline_s(self) -> float | None:
        """When the caller stops waiting, on the clock's monotonic seconds; None when it waits for ever."""
        return self._deadline_s

    @property
    def is_settled(self) -> bool:
        """Whether an answer or an error has arrived."""
        return self._settled

    def set(self, value: Any | None = None) -> None:
        """Answers the caller with `value` unless it was answered before."""
        self._settle(value, None)

    def set_exception(self, exc_info: ExcInfo | BaseException | None = None) -> None:
        """Answers the caller with an error: an exception, an `exc_info` triple, or the one being handled."""
        if isinstance(exc_info, BaseException):
            error: BaseException = exc_info
        else:
            exc_type, exc_value, _ = exc_info if exc_info is not None else sys.exc_info()
            assert exc_type is not None
            error = exc_value if exc_value is not None else exc_type()
        self._settle(None, error)

    def _settle(self, value: Any, error: BaseException | None) -> None:
        with self._lock:
            if self._settled:
                return
            self._value = value
            self._error = error
            self._settled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_settled(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when the reply is settled, in the settler's thread; at once if it is already."""
        with self._lock:
            if not self._settled:
                self._callbacks.append(callback)
                return
        callback()

    def result(self) -> Any:
        """Returns the value or raises the error of a settled reply."""
        if self._get_hook is not None:
            return pykka.Future.get(self)
        if self._error is not None:
            raise self._error
        return self._value

    def get(self, *, timeout: float | None = None) -> Any:
        """Waits in a thread.

        Args:
            timeout: seconds to wait at most, beside the call's own deadline.

        Raises:
            WouldBlockLoop: on the event loop, when there is no answer yet.
            CallTimeout: the time was up.
        """
        if self._get_hook is not None:
            return pykka.Future.get(self, timeout=timeout)
        if not self._settled:
            if self._loop is not None and self._loop.is_current:
                raise WouldBlockLoop(self.path)
            wait_s = self._shorter_wait_s(timeout)
            done = threading.Event()
            self.on_settled(done.set)
            arrived = done.wait(wait_s) if self._clock is None else self._clock.wait(done, wait_s)
            if not arrived and not self._is_overdue():
                raise CallTimeout(self.path, wait_s or 0.0)
            if not arrived:
                self.expire()
        return self.result()

    def _is_overdue(self) -> bool:
        return (
            self._deadline_s is not None and self._clock is not None and self._clock.monotonic_s() >= self._deadline_s
        )

    def _shorter_wait_s(self, timeout: float | None) -> float | None:
        if self._deadline_s is None or self._clock is None:
            return timeout
        remaining_s = max(self._deadline_s - self._clock.monotonic_s(), 0.0)
        return remaining_s if timeout is None else min(timeout, remaining_s)

    def __await__(self) -> Generator[Any, None, Any]:
        """Waits on the running event loop without blocking it."""
        if not self._settled and self._get_hook is None:
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()

            def wake() -> None:
                if not waiter.done():
                    waiter.set_result(None)

            def settled() -> None:
                if self._loop is not None and self._loop.is_current:
                    wake()
                elif self._loop is not None and self._loop.runs(loop):
                    self._loop.post(wake)
                else:
                    loop.call_soon_threadsafe(wake)

            self.on_settled(settled)
            timer = None
            if self._deadline_s is not None and self._clock is not None:
                timer = self._clock.call_at(self._deadline_s, self.expire)
            try:
                yield from waiter
            finally:
                if timer is not None:
                    timer.cancel()
        return self.result()

    def expire(self) -> None:
        """Answers a caller whose time is up."""
        self._settle(None, CallTimeout(self.path, self._timeout_s or 0.0))
