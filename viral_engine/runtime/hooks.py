"""What an actor may override: its handlers, and what it does at both ends of its life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka

from viral_engine.runtime.errors import UnhandledMessage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viral_engine.runtime.exits import Exit
    from viral_engine.runtime.mailbox import Envelope
    from viral_engine.runtime.reply import ReplyTo

BATCH_MAX = 1_024
"""Messages taken from a mailbox at once."""


class Hooks(pykka.Actor):
    """The handlers of an actor. Those of a `LoopActor` may be coroutines."""

    path: str

    def init(self, *args: Any) -> Any:
        """Prepares the incarnation; raise `Stop` or `Ignore` to end it here. A LoopActor's may be a coroutine.

        Whoever starts it by hand gets what it returns, as `Started.extra`.
        """

    def handle_call(self, message: Any, reply_to: ReplyTo) -> Any:
        """Returns the answer to a call, or NO_REPLY when `reply_to` was handed on or kept for later."""
        raise UnhandledMessage(self.path, message)

    def handle_cast(self, message: Any) -> Any:
        """Handles a message that nobody waits for."""
        raise UnhandledMessage(self.path, message)

    def handle_info(self, message: Any) -> Any:
        """Handles timers, `Down` and everything else that is not a call or a cast."""
        raise UnhandledMessage(self.path, message)

    def handle_batch(self, batch: Sequence[Envelope]) -> Any:
        """Handles all that was waiting, at most `BATCH_MAX`, for instance in one transaction.

        Overriding this replaces the other handlers. Whoever overrides it answers each call's `reply_to` itself, or
        gives it away and sets the envelope's `handed_on`.
        """
        raise UnhandledMessage(self.path, batch)

    def terminate(self, exit_reason: Exit) -> Any:
        """Cleans up before the incarnation ends; not called when it was killed."""

    def identity_of(self, message: Any) -> Any:
        """Returns what makes two messages the same when one of them ended this actor (`runtime.dead_letters`).

        Override it where a repeated message carries something of its own, such as when it was sent.
        """
        return message

    def inspect_state(self) -> Mapping[str, Any]:
        """Returns what an operator may see of the state: plain data, nothing personal."""
        return {}
