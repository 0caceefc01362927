"""The disclosure log: entries are added and read, never changed. Refused checks are in it by their own rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from viral_engine.domain.disclosures import LET_THROUGH, REFUSALS, DisclosedRecord, Grounds, Result
from viral_engine.domain.uuid7 import lowest_uuid7, timestamp_ms_of
from viral_engine.messages.disclosures import Disclosure, DisclosurePage, DisclosureView, ReadDisclosures
from viral_engine.messages.journal import Statement
from viral_engine.messages.reading import PAGE_MAX
from viral_engine.store.ids import uuid_of
from viral_engine.store.statements import instant_of, statement

__all__ = ["add_disclosures", "read_disclosures"]

_LOWEST, _HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
_ADD = (
    "INSERT INTO disclosures"
    " (id, at, subject_id, record, record_id, asked_by, on_behalf_of, grounds, reason, request_id)"
    " SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
    " %s::text[], %s::text[], %s::text[])"
)
# A case is told of by its queue, looked up by its id: what names none, as entries about whole pages once did, may be of
# any. A query of one value, for a join or EXISTS could be answered by reading all cases.
# What a check about somebody else refused is in the table, under the decision's id; what it refused to users about
# themselves is told by the decision. One of the own person has no relation in its facts: that is the default.
_PAGE = text(
    """
(SELECT id, subject_id, record, record_id, asked_by, on_behalf_of, grounds, ARRAY[reason] AS reasons, request_id
    FROM disclosures WHERE subject_id = :user AND id >= :since AND id < :before
    AND (CAST(:child_safety AS boolean) OR record <> 'case' OR (SELECT queue FROM cases WHERE cases.id =
        CASE WHEN disclosures.record_id ~ '^[0-9a-f-]{36}$' THEN disclosures.record_id::uuid END) = 'review')
    ORDER BY id DESC LIMIT :limit)
UNION ALL
(SELECT id, user_id, 'action', id::text AS record_id, 'key:' || api_key_id, user_id, 'self', reasons, NULL
    FROM decisions WHERE user_id = :user AND id >= :since AND id < :before
    AND decision <> ALL(CAST(:let_through AS text[])) AND reasons && CAST(:refusals AS text[])
    AND facts ->> 'relation' IS NULL ORDER BY id DESC LIMIT :limit)
ORDER BY id DESC LIMIT :limit
"""
)


def add_disclosures(entries: Sequence[Disclosure]) -> Statement:
    """Adds entries, at the times that their ids tell.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    return statement(
        _ADD,
        [one.disclosure_id for one in entries],
        [instant_of(timestamp_ms_of(one.disclosure_id)) for one in entries],
        [one.subject_id for one in entries],
        [one.record.value for one in entries],
        [one.record_id for one in entries],
        [one.asked_by for one in entries],
        [one.on_behalf_of for one in entries],
        [one.grounds.value for one in entries],
        [one.reason for one in entries],
        [one.request_id for one in entries],
        rows_expected=len(entries),
    )


def read_disclosures(connection: Connection, messages: Sequence[ReadDisclosures]) -> list[DisclosurePage]:
    """A page for each question, newest first; equal questions are asked once."""
    answers: dict[ReadDisclosures, DisclosurePage] = {}
    for message in messages:
        if message not in answers:
            answers[message] = _page(connection, message)
    return [answers[message] for message in messages]


def _page(connection: Connection, message: ReadDisclosures) -> DisclosurePage:
    limit = min(max(message.limit, 1), PAGE_MAX)
    since_ms = None if message.since is None else max(0, int(message.since.timestamp() * 1000))
    wanted = {
        "user": message.user_id,
        "child_safety": message.child_safety,
        "since": _LOWEST if since_ms is None else lowest_uuid7(since_ms),
        # What no id can be has nothing before it.
        "before": _HIGHEST if message.before is None else uuid_of(message.before) or _LOWEST,
        "let_through": [outcome.value for outcome in LET_THROUGH],
        "refusals": [reason.value for reason in REFUSALS],
        # One more than asked for tells whether there is a next page.
        "limit": limit + 1,
    }
    views = [_view(row) for row in connection.execute(_PAGE, wanted)]
    page = views[:limit]
    return DisclosurePage(disclosures=page, next_before=page[-1].disclosure_id if len(views) > limit else None)


def _view(row: Row[Any]) -> DisclosureView:
    # Of a decision's reasons, the weightiest that kept the record.
    reason = next((one for one in row.reasons if one is not None and _keeps(one, row.record)), None)
    return DisclosureView(
        disclosure_id=str(row.id),
        at=instant_of(timestamp_ms_of(row.id)),
        subject_id=row.subject_id,
        record=DisclosedRecord(row.record),
        record_id=row.record_id,
        asked_by=row.asked_by,
        on_behalf_of=row.on_behalf_of,
        grounds=Grounds(row.grounds),
        result=Result.GRANTED if reason is None else Result.REFUSED,
        reason=reason,
        request_id=row.request_id,
    )


def _keeps(reason: str, record: str) -> bool:
    return record != DisclosedRecord.ACTION or reason in REFUSALS
