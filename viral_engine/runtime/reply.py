"""The answer to a call: awaitable on an event loop, `.get()` in a thread, settled once."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import threading
from threading import get_ident
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import pykka

from viral_engine.runtime.errors import CallTimeout, WouldBlockLoop
from viral_engine.runtime.events import CallbackFailed
from viral_engine.runtime.exits import crash
from viral_engine.runtime.loop import on_a_loop_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from viral_engine.runtime.clock import Clock
    from viral_engine.runtime.deadlines import Deadlines
    from viral_engine.runtime.events import Events
    from viral_engine.runtime.loop import LoopThread

    ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

T = TypeVar("T")

_UNRAISABLE = (StopIteration, KeyboardInterrupt, SystemExit)
"""No coroutine can be given the first, and the others would end the loop, not the call."""


class ReplyTo(Protocol):
    """What an actor needs of whoever waits: it may be handed to another actor, which then answers.

    Both methods may be called more than once, from any thread: the first answer wins, the others are dropped.
    """

    def set(self, value: Any | None = None) -> None:
        """Answers with a value."""

    def set_exception(self, exc_info: Any = None) -> None:
        """Answers with an error."""


class Surroundings(Protocol):
    """What a reply needs to know about where it is waited for; a `System` is that."""

    clock: Clock
    monotonic_s: Callable[[], float]
    loop: LoopThread
    deadlines: Deadlines
    events: Events


class Reply(pykka.Future[T], Generic[T]):
    """The caller's end of a call.

    The first `set` or `set_exception` wins and later ones are dropped: the late answer of an incarnation that
    was killed must not disturb a caller who was told so already. Made without arguments it is the future that
    stock pykka expects of an actor class.

    Attributes:
        deadline_s: when the caller stops waiting, on the clock's monotonic seconds; infinite when it waits for ever.
        is_settled: whether an answer or an error has arrived.
    """

    __slots__ = (
        "_error", "_get_hook", "_has_callbacks", "_surroundings", "_unanswered", "_value", "_waiter", "deadline_s",
        "is_settled", "path", "timeout_s",
    )  # fmt: skip

    _callbacks: list[Callable[[], object]]

    def __init__(
        self, path: str = "an actor", timeout_s: float | None = None, surroundings: Surroundings | None = None
    ) -> None:
        self.path = path
        self.timeout_s = timeout_s
        self._surroundings = surroundings
        # All of them here, and none in the class: CPython 3.11 reads an instance's attributes ten times as fast as
        # those that only its class has, and a call makes one of these.
        self.is_settled = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[Any] | None = None
        self._has_callbacks = False
        self._get_hook = None
        if timeout_s is None or surroundings is None:
            self.deadline_s = math.inf
        else:
            monotonic_s = surroundings.monotonic_s
            self.deadline_s = monotonic_s() + timeout_s
        # `pop` of a list is atomic in CPython. A lock would cost more than the rest of the reply.
        self._unanswered = [True]

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """See `pykka.Future`: its `map`, `join` and the like are made of this."""
        super().__init__()
        super().set_get_hook(func)
        # Whoever awaits it asks the hook, not the loop.
        self._surroundings = None

    def set(self, value: Any | None = None) -> None:
        """Answers the caller with `value` unless it was answered before."""
        try:
            self._unanswered.pop()
        except IndexError:
            return
        self._value = value
        self.is_settled = True
        waiter = self._waiter
        if waiter is not None:
            # As `_wake` does, without a frame of its own.
            loop = self._surroundings.loop  # type: ignore[union-attr]  # who has a waiter has these
            if get_ident() != loop.ident:
                loop.post(self._wake, waiter)
            else:
                try:  # noqa: SIM105  (a context manager would cost more than what it guards)
                    waiter.set_result(value)
                except asyncio.InvalidStateError:
                    # Whoever waited was cancelled.
                    pass
        if self._has_callbacks:
            self._run_callbacks()

    def set_exception(self, exc_info: ExcInfo | BaseException | None = None) -> None:
        """Answers the caller with an error: an exception, an `exc_info` triple, or the one being handled."""
        if isinstance(exc_info, BaseException):
            error: BaseException = exc_info
        else:
            exc_type, exc_value, _ = exc_info if exc_info is not None else sys.exc_info()
            assert exc_type is not None
            error = exc_value if exc_value is not None else exc_type()
        self._fail(error)

    def expire(self) -> None:
        """Answers a caller whose time is up."""
        self._fail(CallTimeout(self.path, self.timeout_s or 0.0))

    def _fail(self, error: BaseException) -> None:
        try:
            self._unanswered.pop()
        except IndexError:
            return
        self._error = error
        self.is_settled = True
        if self._waiter is not None:
            self._surroundings.loop.run(self._wake, self._waiter)  # type: ignore[union-attr]  # the same
        if self._has_callbacks:
            self._run_callbacks()

    def on_settled(self, callback: Callable[[], object]) -> None:
        """Calls `callback` when the reply is settled, in the settler's thread; at once if it is already.

        One that raises is told of by `CallbackFailed`, and disturbs nobody.
        """
        # `setdefault` of a dict is atomic: two threads that ask first share one list.
        self.__dict__.setdefault("_callbacks", []).append(callback)
        self._has_callbacks = True
        if self.is_settled:
            self._run_callbacks()

    def _run_callbacks(self) -> None:
        if self._surroundings is not None:
            self._surroundings.deadlines.waiting.discard(self)
        # The settler and a late `on_settled` may both be here: each callback goes to the one that pops it.
        while self._callbacks:
            try:
                callback = self._callbacks.pop(0)
            except IndexError:
                return
            try:
                callback()
            except BaseException as error:  # noqa: BLE001  (the caller's own mistake)
                if self._surroundings is not None:
                    self._surroundings.events.emit(CallbackFailed(self.path, str(crash(error))))

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
        if not self.is_settled:
            if on_a_loop_thread():
                raise WouldBlockLoop(self.path)
            self._wait(timeout)
        return self.result()

    def _wait(self, timeout_s: float | None) -> None:
        done = threading.Event()
        self.on_settled(done.set)
        if self._surroundings is None:
            done.wait(timeout_s)
        else:
            clock = self._surroundings.clock
            patience_s = max(self.deadline_s - clock.monotonic_s(), 0.0)
            if timeout_s is None or timeout_s > patience_s:
                clock.wait(done, None if patience_s == math.inf else patience_s)
                if not self.is_settled:
                    self.expire()
                return
            clock.wait(done, timeout_s)
        if not self.is_settled:
            assert timeout_s is not None
            raise CallTimeout(self.path, timeout_s)

    def __await__(self) -> Generator[Any, None, Any]:
        """Waits on the running event loop without blocking it."""
        surroundings = self._surroundings
        if (
            self.is_settled
            or surroundings is None
            or self._waiter is not None
            or get_ident() != surroundings.loop.ident
        ):
            return (yield from self._await_elsewhere())
        self._waiter = waiter = surroundings.loop.event_loop.create_future()
        deadlines = surroundings.deadlines
        waiting = deadlines.waiting
        # As `Deadlines.add` does, without a frame of its own.
        waiting.add(self)
        if not self.deadline_s >= deadlines.due_s:
            deadlines.look_at(self)
        if self.is_settled:
            # Another thread answered in between, and may not have seen the waiter.
            self._wake(waiter)
        try:
            return (yield from waiter)
        finally:
            # Others who wait for the same reply need its deadline still.
            if not self._has_callbacks:
                waiting.discard(self)

    def _await_elsewhere(self) -> Generator[Any, None, Any]:
        """Waits on a loop that is not the runtime's, or as the second who waits; not at all for what is settled."""
        if not self.is_settled and self._get_hook is None:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            self.on_settled(_WakeElsewhere(future, loop))
            if self._surroundings is None:
                yield from future
            else:
                deadlines = self._surroundings.deadlines
                deadlines.add(self)
                # Whoever is cancelled leaves the deadline to the others: it goes when the reply is settled.
                yield from future
                deadlines.waiting.discard(self)
        if self._error is not None:
            raise _raisable(self._error)
        return self.result()

    def _wake(self, waiter: asyncio.Future[Any]) -> None:
        """Hands the answer to whoever waits on the runtime's loop, where this is called."""
        if waiter.done():
            # Whoever waited was cancelled.
            return
        if self._error is None:
            waiter.set_result(self._value)
        else:
            waiter.set_exception(_raisable(self._error))
            # Whoever is cancelled before it gets this has not missed an error that somebody must hear of.
            waiter.exception()


def _raisable(error: BaseException) -> BaseException:
    """Returns the error as a coroutine may be given it."""
    return RuntimeError(repr(error)) if isinstance(error, _UNRAISABLE) else error


class _WakeElsewhere:
    """Wakes a coroutine on a loop that is not the runtime's."""

    __slots__ = ("_loop", "_waiter")

    def __init__(self, waiter: asyncio.Future[None], loop: asyncio.AbstractEventLoop) -> None:
        self._waiter = waiter
        self._loop = loop

    def __call__(self) -> None:
        # A loop that is closed by now has nobody who waits, and the actor that answers must not suffer for it.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if not self._waiter.done():
            self._waiter.set_result(None)
