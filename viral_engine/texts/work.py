"""The work itself, the same in the actor's thread and in a process for texts."""

from __future__ import annotations

from typing import overload

from viral_engine.domain.content_signals import look_at
from viral_engine.domain.redaction.known_names import Known
from viral_engine.domain.redaction.redact import redact
from viral_engine.messages.content import Content, LookAt
from viral_engine.messages.redaction import Redact, RedactionAnswer

Question = Redact | LookAt


@overload
def answer_of(message: Redact) -> RedactionAnswer: ...
@overload
def answer_of(message: LookAt) -> Content: ...
def answer_of(message: Question) -> RedactionAnswer | Content:
    """Returns the redacted text and the counts, the way back to the original being dropped here; or what was seen."""
    if isinstance(message, LookAt):
        kinds, signals = look_at(message.text)
        return Content(kinds=tuple(map(str, kinds)), signals=tuple(map(str, signals)), is_seen=True)
    redacted = redact(message.content, Known(message.known), guess=message.guess)
    return RedactionAnswer(
        content=redacted.text, findings={kind.value: count for kind, count in sorted(redacted.counts.items())}
    )
