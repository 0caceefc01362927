"""`/growth/redaction`: redacts texts on a thread of its own, the large ones in a process of their own.

It keeps nothing: a restart loses what is under way and no more, and its callers ask again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from viral_engine.messages.redaction import Redact, RedactionAnswer
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.actor import NO_REPLY
from viral_engine.runtime.exits import Exit
from viral_engine.runtime.thread_actor import ThreadActor
from viral_engine.texts.aside import TextsAside

IN_THREAD_BYTES_MAX = 16_384
"""A fifth of a second of work at most; a larger text would hold the interpreter against the loop for longer."""

LARGE_WAITING_MAX = 4
"""Large texts that wait for the process; one more is refused with 503 and asked again by whoever can wait."""

LARGE_WORK_S_MAX = 15.0
"""A text of 256 KiB takes five seconds at worst. At the limit it is refused with 422: a text that was looked at by half
is not redacted."""


class Redaction(ThreadActor):
    """Answers `Redact`."""

    def init(self) -> None:
        """Starts no process: the first large text does."""
        self._texts = 0
        self._findings: Counter[str] = Counter()
        self.large = TextsAside(
            self.path,
            self.system.clock,
            RedactionAnswer,
            waiting_max=LARGE_WAITING_MAX,
            work_s_max=LARGE_WORK_S_MAX,
            refusals=_refusals,
        )
        self.own(self.large)

    def handle_call(self, message: Any, reply_to: Any) -> Any:
        """Redacts at once, or hands on; whoever works on a large text answers it."""
        if not isinstance(message, Redact):
            return super().handle_call(message, reply_to)
        self._texts += 1
        if len(message.content.encode("utf-8", "surrogatepass")) > IN_THREAD_BYTES_MAX:
            self.large.submit(message, reply_to)
            return NO_REPLY
        from viral_engine.texts.work import answer_of  # noqa: PLC0415  (no start needs it)

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


def _refusals(*, hung: bool) -> Refused:
    if hung:
        return Refused("not_redacted", "the content could not be redacted in time; cut it into parts", field="content")
    return Refused("unavailable", "large texts can't be redacted right now; ask again", http_status=503)
