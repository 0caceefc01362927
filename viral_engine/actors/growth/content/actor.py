"""`/growth/content`: looks at the texts of checks, in a process of its own, so that no other check waits for it.

It keeps nothing: a restart loses what is under way and no more, and its callers ask again within their time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viral_engine.messages.content import Content, LookAt
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.actor import NO_REPLY
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.texts.aside import TextsAside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viral_engine.runtime.exits import Exit

WAITING_MAX = 1_000
"""Texts that wait; one more is not looked at. A second is enough for some forty of 4 KiB, for hundreds of a line."""

WORK_S_MAX = 2.0
"""A text of 4 KiB takes 100 ms at worst; at the limit the process is killed and the text stays unseen."""


class ContentActor(LoopActor):
    """Answers `LookAt`."""

    def init(self) -> None:
        """Starts no process: the first text does."""
        self._aside = TextsAside(
            self.path, self.system.clock, Content, waiting_max=WAITING_MAX, work_s_max=WORK_S_MAX, refusals=_refusals
        )
        self.own(self._aside)

    def handle_call(self, message: Any, reply_to: Any) -> Any:
        """Hands the text on; whoever looks at it answers."""
        if not isinstance(message, LookAt):
            return super().handle_call(message, reply_to)
        self._aside.submit(message, reply_to)
        return NO_REPLY

    def terminate(self, exit_reason: Exit) -> None:
        """Ends the process; the texts that wait stay unseen."""
        if hasattr(self, "_aside"):
            self._aside.abort()

    def inspect_state(self) -> Mapping[str, Any]:
        """Returns numbers only."""
        return self._aside.state()


def _refusals(*, hung: bool) -> Refused:
    why = "the content could not be looked at in time" if hung else "content can't be looked at right now"
    return Refused("unavailable", why, http_status=503)
