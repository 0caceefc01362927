"""`POST /v1/redactions`: a text without what identifies people, for the audience that is going to read it."""

from __future__ import annotations

from viral_engine.domain import canonical
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.errors import Invalid
from viral_engine.domain.redaction.audiences import guesses_names
from viral_engine.domain.redaction.known_names import Known
from viral_engine.messages.people import UserView
from viral_engine.messages.reading import NotRead, ReadUser
from viral_engine.messages.redaction import Redact, RedactionAnswer, RedactionBody
from viral_engine.runtime.errors import CallError
from viral_engine.web.routes import Answer, Call

BODY_BYTES_MAX = 262_144
"""256 KiB; a larger body is refused with 413."""


async def post_redaction(call: Call) -> Answer:
    """Redacts a text; nothing of it is kept."""
    body: RedactionBody = call.body
    if "\0" in body.content:
        raise Invalid("content", "must not contain NUL")
    known = tuple(body.known or ())
    # Only to refuse here, with the path, what the actor could not use.
    Known(known)
    subject_id = None if body.subject_id is None else canonical.user_id(body.subject_id, "subject_id")
    guess = guesses_names(await _band(call, subject_id), body.audience)
    answer: RedactionAnswer = await call.redact(Redact(content=body.content, known=known, guess=guess))
    return Answer(200, answer)


async def _band(call: Call, subject_id: str | None) -> AgeBand:
    """Returns the subject's age band from the record, never from the caller; what cannot be known is a child's."""
    if subject_id is None:
        return AgeBand.UNKNOWN
    try:
        view: UserView | None = await call.read(ReadUser(subject_id))
    except (NotRead, CallError):
        # Redacting more than needed is no reason to refuse.
        return AgeBand.UNKNOWN
    # Of the date of birth alone: an adulthood that the company attested counts for that person's own acts.
    return AgeBand.UNKNOWN if view is None else AgeBand(view.age_band)
