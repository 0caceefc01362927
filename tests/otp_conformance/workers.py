"""The scripted worker in both placements, and a stranger who belongs to no supervisor."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import CallError
from viral_engine.runtime.exits import Stop
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.thread_actor import ThreadActor

from .reasons import Failure, exit_of
from .script import End, Raise, Script
from .terms import STACK

if TYPE_CHECKING:
    from collections.abc import Generator

    from viral_engine.runtime.exits import Exit
    from viral_engine.runtime.protocol import Context
    from viral_engine.runtime.reply import Reply, ReplyTo


class Scripted(Actor):
    """Carries out its script, which is the last one of its arguments."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        *self.extra, script = context.args
        self.script: Script = script
        self.attempt = script.attempt
        script.start_function(self.system)

    @property
    def cleans_up(self) -> bool:
        """See `Actor`."""
        return self.script.cleans_up

    def _go_through(self, steps: Generator[Reply[Any], None, Any]) -> Any:
        raise NotImplementedError

    def init(self, *args: Any) -> Any:
        """See `Actor`."""
        *extra, script = args
        assert tuple(extra) == script.extra, f"init got {extra} before its own arguments"
        return self._go_through(script.init(self))

    def handle_call(self, message: Any, reply_to: ReplyTo) -> Any:
        """See `Actor`."""
        return self._go_through(self.script.answer(self, message, reply_to))

    def handle_cast(self, message: Any) -> None:
        """See `Actor`."""
        self.handle_info(message)

    def handle_info(self, message: Any) -> None:
        """See `Actor`."""
        match message:
            case End(reason) | ("die", reason):
                raise Stop(exit_of(reason))
            case Raise(reason):
                raise Failure((reason, STACK))

    def terminate(self, exit_reason: Exit) -> Any:
        """See `Actor`."""
        return self._go_through(self.script.terminate(self))


class ScriptedThread(Scripted, ThreadActor):
    """Waits in its thread."""

    def _go_through(self, steps: Generator[Reply[Any], None, Any]) -> Any:
        while True:
            try:
                reply = next(steps)
            except StopIteration as done:
                return done.value
            with suppress(CallError):
                reply.get()


class ScriptedLoop(Scripted, LoopActor):
    """Waits on the loop.

    Attributes:
        waits_for: the reply that it awaits or awaited last.
    """

    waits_for: Reply[Any] | None = None

    async def _go_through(self, steps: Generator[Reply[Any], None, Any]) -> Any:
        while True:
            try:
                self.waits_for = next(steps)
            except StopIteration as done:
                return done.value
            with suppress(CallError):
                await self.waits_for


class Stranger(ThreadActor):
    """Somebody else: holds names, watches others, is no supervisor's child."""

    def handle_info(self, message: Any) -> None:
        """See `Actor`."""


placements: dict[str, type[Scripted]] = {"thread": ScriptedThread, "loop": ScriptedLoop}
