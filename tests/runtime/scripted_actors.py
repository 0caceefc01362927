"""Actors that do what a test tells them, in either placement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.actor import NO_REPLY, Actor
from viral_engine.runtime.exits import NORMAL, Exit, Ignore, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.loop_actor import LoopActor
    from viral_engine.runtime.thread_actor import ThreadActor


class Boom(Exception):
    """What a test actor crashes with."""


@dataclass(eq=False)
class Script:
    """What the incarnations of one name do and did; a test reads it from its own thread."""

    inits: list[BaseException | Callable[[], Any] | None] = field(default_factory=list)
    on_terminate: Callable[[Exit], Any] | None = None
    events: list[Any] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)

    def enter(self, actor: Actor) -> None:
        """One init: the first entry of `inits` is what happens, and is used up."""
        self.actors.append(actor)
        step = self.inits.pop(0) if self.inits else None
        if isinstance(step, BaseException):
            raise step
        if step is not None:
            step()


def scripted(placement: type[Actor]) -> type[LoopActor | ThreadActor]:
    """Returns a class of this placement whose messages are functions of the actor: their results are answered."""

    class Scripted(placement):  # type: ignore[misc, valid-type]  # one class for both placements
        def init(self, script: Script) -> None:
            self.script = script
            script.enter(self)

        def handle_call(self, message: Any, reply_to: Any) -> Any:
            self.reply_to = reply_to
            return message(self) if callable(message) else message

        def handle_cast(self, message: Any) -> None:
            self.handle_info(message)

        def handle_info(self, message: Any) -> None:
            if callable(message):
                message(self)
            else:
                self.script.events.append(message)

        def inspect_state(self) -> dict[str, Any]:
            return {"events": len(self.script.events)}

        def terminate(self, exit_reason: Exit) -> None:
            if self.script.on_terminate is not None:
                self.script.on_terminate(exit_reason)

    return Scripted


def crash(_actor: Actor) -> None:
    """A message that crashes its actor."""
    raise Boom("boom")


def stop(_actor: Actor) -> None:
    """A message that ends its actor with `normal`."""
    raise Stop(NORMAL)


def no_reply(_actor: Actor) -> Any:
    """A message that somebody else answers."""
    return NO_REPLY


IGNORE = Ignore()
