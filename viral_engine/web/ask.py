"""Asking an actor from a request: one future, no timer and no task of its own."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from viral_engine.runtime.errors import CallError, CallTimeout, DeadLetter, MailboxFull
from viral_engine.runtime.loop import LoopThread
from viral_engine.runtime.system import System


class _Waiting:
    """The `reply_to` of one question: settles an asyncio future, from whichever thread the answer comes."""

    __slots__ = ("_future", "_loop", "_path", "_timeout_s", "deadline_s")

    def __init__(
        self, future: asyncio.Future[Any], loop: LoopThread, path: str, deadline_s: float, timeout_s: float
    ) -> None:
        self._future = future
        self._loop = loop
        self._path = path
        self._timeout_s = timeout_s
        self.deadline_s = deadline_s

    def set(self, value: Any | None = None) -> None:
        if not self._loop.is_current:
            self._loop.post(self.set, value)
        elif not self._future.done():
            self._future.set_result(value)

    def set_exception(self, exc_info: Any = None) -> None:
        error = exc_info if isinstance(exc_info, BaseException) else exc_info[1]
        if not self._loop.is_current:
            self._loop.post(self.set_exception, error)
        elif not self._future.done():
            self._future.set_exception(error)

    def expire(self) -> None:
        self.set_exception(CallTimeout(self._path, self._timeout_s))


async def ask(system: System, path: str, message: Any, timeout_s: float) -> Any:
    """Asks the actor at `path` from the runtime's loop and waits for the answer, its restarts included.

    While nobody has the name, or its holder ended before it began with the message, the next incarnation is asked
    within the same time; the message is handled at most once all the same. A full mailbox is told at once: the
    actor is there and has more to do than it can.

    Raises:
        CallError: no answer, or none in time.
        Exception: what the actor answered with.
    """
    deadline_s = system.clock.monotonic_s() + timeout_s
    try:
        return await _ask_once(system, path, message, deadline_s, timeout_s)
    except CallError as error:
        return await ask_again(system, path, message, deadline_s, timeout_s, error)


async def ask_again(
    system: System, path: str, message: Any, deadline_s: float, timeout_s: float, error: Exception
) -> Any:
    """Goes on as `ask` does after a first try that ended with `error`.

    Raises:
        Exception: as `ask`; `error` itself when asking again could have the message handled twice.
    """
    while _was_not_handled(error, path):
        await _registered(system, path, deadline_s - system.clock.monotonic_s(), timeout_s)
        try:
            return await _ask_once(system, path, message, deadline_s, timeout_s)
        except CallError as next_error:
            error = next_error
    raise error


def _was_not_handled(error: Exception, path: str) -> bool:
    if not isinstance(error, CallError) or isinstance(error, MailboxFull | DeadLetter):
        # The next incarnation has no more room and would refuse it too.
        return False
    return not error.begun and error.path == path


async def _ask_once(system: System, path: str, message: Any, deadline_s: float, timeout_s: float) -> Any:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    waiting = _Waiting(future, system.loop, path, deadline_s, timeout_s)
    # One timer for all that wait: one of its own would cost as much as the question.
    system.deadlines.add(waiting)
    try:
        system.ask(path, message, waiting, deadline_s)
        return await future
    finally:
        system.deadlines.waiting.discard(waiting)


async def _registered(system: System, path: str, remaining_s: float, timeout_s: float) -> None:
    """Waits until somebody has the name."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    wake = _Waiting(future, system.loop, path, math.inf, timeout_s).set
    if remaining_s <= 0 or not system.registry.when_registered(path, wake):
        raise CallTimeout(path, timeout_s)
    try:
        await asyncio.wait_for(future, remaining_s)
    except TimeoutError:
        raise CallTimeout(path, timeout_s) from None
    finally:
        system.registry.stop_waiting(path, wake)
