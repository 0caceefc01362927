"""The work itself, the same in the actor's thread and in the process for large texts."""

from __future__ import annotations

from viral_engine.domain.redaction.known_names import Known
from viral_engine.domain.redaction.redact import redact
from viral_engine.messages.redaction import Redact, RedactionAnswer


def answer_of(message: Redact) -> RedactionAnswer:
    """Returns the redacted text and the counts; the way back to the original is dropped here."""
    redacted = redact(message.content, Known(message.known), guess=message.guess)
    return RedactionAnswer(
        content=redacted.text, findings={kind.value: count for kind, count in sorted(redacted.counts.items())}
    )
