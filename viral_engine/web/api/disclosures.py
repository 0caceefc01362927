"""The disclosure log of a person: who asked for their records, on what grounds, and what became of it."""

from __future__ import annotations

from viral_engine.domain import canonical
from viral_engine.domain.disclosures import DisclosedRecord
from viral_engine.messages.disclosures import DisclosurePage, ReadDisclosures
from viral_engine.web.api.inputs import instant, page_before, page_limit
from viral_engine.web.disclosing import ON_BEHALF_OF, asker_of, log_shown, subject_of
from viral_engine.web.forms import UUID
from viral_engine.web.routes import Answer, Call, Parameter

PAGE = (
    Parameter("since", "At or after this time; by default all.", {"type": "string", "format": "date-time"}),
    Parameter("before", "The id that the page before ended with.", UUID),
    Parameter("limit", "Rows of the page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
    ON_BEHALF_OF,
)


async def list_disclosures(call: Call) -> Answer:
    """Returns a page of the log; that it was looked at is in the next one.

    Whoever looked at a case of child safety is told to a key of that scope that asks for itself, and to no user ever.
    """
    query = call.query
    asked = ReadDisclosures(
        user_id=canonical.user_id(call.path["user_id"]),
        since=instant(query["since"], "since") if "since" in query else None,
        before=page_before(query),
        limit=page_limit(query),
        child_safety=call.may("child_safety") and asker_of(call) is None,
    )
    standing = await subject_of(call, DisclosedRecord.DISCLOSURES, asked.user_id)
    page: DisclosurePage = await call.read(asked)
    await log_shown(call, DisclosedRecord.DISCLOSURES, (standing,))
    return Answer(200, page)
