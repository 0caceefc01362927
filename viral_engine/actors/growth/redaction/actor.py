"""`/growth/redaction`: redacts texts on a thread of its own, the large ones in a process of their own.

It keeps nothing: a restart loses what is under way and no more, and its callers ask again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from viral_engine.actors.growth.redaction.large_texts import LargeTexts
from viral_engine.actors.growth.redaction.work import answer_of
from viral_engine.messages.redaction import Redact
from viral_engine.runtime.actor import NO_REPLY
from viral_engine.runtime.exits import Exit
from viral_engine.runtime.thread_actor import ThreadActor

IN_THREAD_BYTES_MAX = 16_384
"""A fifth of a second of work at most; a larger text would hold the interpreter against the loop for longer."""


class Redaction(ThreadActor):
    """Answers `Redact`."""

    def init(self) -> None:
        """Starts no process: the first large text does."""
        self._texts = 0
        self._findings: Counter[str] = Counter()
        self.large = LargeTexts(self.path, self.system.clock)
        self.own(self.large)

    def handle_call(self, message: Any, reply_to: Any) -> Any:
        """Redacts at once, or hands on; whoever works on a large text answers it."""
        if not isinstance(message, Redact):
            return super().handle_call(message, reply_to)
        self._texts += 1
        if len(message.content.encode("utf-8", "surrogatepass")) > IN_THREAD_BYTES_MAX:
            self.large.submit(message, reply_to)
            return NO_REPLY
        answer = answer_of(message)
        self._findings.update(answer.findings)
        return answer

    def terminate(self, exit_reason: Exit) -> None:
        """Ends the process; the large texts that wait are refused with 503."""
        if hasattr(self, "large"):
            self.large.close()

    def inspect_state(self) -> Mapping[str, Any]:
        """Returns numbers only."""
        return {"texts": self._texts, "findings": dict(self._findings), **self.large.state()}
