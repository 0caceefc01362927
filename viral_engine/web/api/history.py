"""What happened, page by page, for whoever builds the facts of recorded decisions once more."""

from __future__ import annotations

import re
from datetime import datetime
from typing import get_args

from msgspec import structs

from viral_engine.domain.errors import Invalid
from viral_engine.messages.history import (
    EntrySource,
    PastDecision,
    PastDecisions,
    PastEntries,
    PastEntry,
    ReadPastDecisions,
    ReadPastEntries,
)
from viral_engine.messages.refusals import not_found
from viral_engine.web.api.inputs import UUID_FORM, instant, page_limit, uuid_text
from viral_engine.web.api.shown_facts import shown_facts
from viral_engine.web.forms import UUID
from viral_engine.web.routes import Answer, Call, Parameter

_LIMIT = Parameter("limit", "Rows of the page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50})
_WHEN = {"type": "string", "format": "date-time"}

DECISIONS = (
    Parameter("since", "Recorded at or after this time.", _WHEN, required=True),
    Parameter("after", "The id that the page before ended with.", UUID),
    _LIMIT,
)
ENTRIES = (
    Parameter("source", "What to list.", {"type": "string", "enum": list(get_args(EntrySource))}, required=True),
    Parameter("since", "What stood at any time after this one.", _WHEN, required=True),
    Parameter(
        "before", "The id that the page before ended with.", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
    ),
    _LIMIT,
)
_BEFORE = {"flags": re.compile(r"\d{1,18}"), "starts": re.compile(r"[\w-]{1,64}", re.ASCII)}
"""What ids look like that are no UUIDs."""


async def list_past_decisions(call: Call) -> Answer:
    """Returns a page of decisions, oldest first, with their users as of then.

    Most keys are not told which reports were weighed.
    """
    limit = page_limit(call.query)
    after = uuid_text(call.query["after"], "after") if "after" in call.query else None
    question = ReadPastDecisions(since_ms=_since_ms(call), after=after, limit=limit)
    found: list[PastDecision] = await call.read(question)
    tells = call.may("child_safety")
    decisions = [structs.replace(one, facts=shown_facts(one.facts, child_safety=tells)) for one in found]
    # A page that is not full is the last one.
    next_after = decisions[-1].decision_id if len(decisions) == limit else None
    return Answer(200, PastDecisions(decisions=decisions, next_after=next_after))


async def list_past_entries(call: Call) -> Answer:
    """Returns a page of a list, of flags, reports or starts, newest first, with the times of their changes.

    Reports of child safety are there for keys of that scope alone.
    """
    limit = page_limit(call.query)
    source = next((one for one in get_args(EntrySource) if one == call.query.get("source")), None)
    if source is None:
        raise Invalid("source", f"must be one of {', '.join(get_args(EntrySource))}")
    before = call.query.get("before")
    if before is not None and _BEFORE.get(source, UUID_FORM).fullmatch(before) is None:
        raise not_found("this entry")
    question = ReadPastEntries(
        source=source, since_ms=_since_ms(call), before=before, limit=limit, child_safety=call.may("child_safety")
    )
    entries: list[PastEntry] = await call.read(question)
    next_before = entries[-1].entry_id if len(entries) == limit else None
    return Answer(200, PastEntries(entries=entries, next_before=next_before))


def _since_ms(call: Call) -> int:
    if "since" not in call.query:
        raise Invalid("since", "is missing")
    since: datetime = instant(call.query["since"], "since")
    return max(0, int(since.timestamp() * 1_000))
