"""Reading decisions: by id from one day's partition, by user or reason newest first."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    String,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from viral_engine.domain.uuid7 import lowest_uuid7, timestamp_ms_of
from viral_engine.messages.reading import PAGE_MAX, DecisionPage, DecisionView, ReadDecision, ReadDecisions
from viral_engine.store.ids import address_of, uuid_of
from viral_engine.store.statements import instant_of
from viral_engine.store.tables import decisions

__all__ = ["read_decisions", "read_pages"]

_c = decisions.c
_COLUMNS = (
    _c.id, _c.occurred_at, _c.user_id, _c.action_type, _c.decision, _c.reasons, _c.score, _c.policy_version,
    _c.device_id, func.host(_c.ip_address).label("ip_address"), _c.api_key_id, _c.backfill,
    # As text, not parsed: the JSON goes out exactly as it was written.
    cast(_c.answer, Text).label("answer"), cast(_c.facts, Text).label("facts"),
)  # fmt: skip
# The ids travel as one array value, so the planner sees which days' partitions can hold them and opens no other.
_BY_ID = select(*_COLUMNS).where(_c.id == any_(bindparam("ids", type_=ARRAY(PG_UUID))))


def read_decisions(connection: Connection, messages: Sequence[ReadDecision]) -> list[DecisionView | None]:
    """The decision of each id; None for an id that is not there, or is no id at all."""
    ids = [uuid_of(message.decision_id) for message in messages]
    rows = connection.execute(_BY_ID, {"ids": [known for known in ids if known is not None]}).mappings()
    found = {row["id"]: _view(row) for row in rows}
    return [None if known is None else found.get(known) for known in ids]


def read_pages(connection: Connection, messages: Sequence[ReadDecisions]) -> list[DecisionPage]:
    """One page for each question, newest first, all in one statement.

    `since` is about the time of recording, which the id tells: days before it are not looked at. A question without
    a user and without `since` may have to look at every day there is.
    """
    selects = [_select(number, message) for number, message in enumerate(messages)]
    found: list[list[DecisionView]] = [[] for _ in messages]
    statement = union_all(*(select(one.subquery()) for one in selects))
    for row in connection.execute(statement).mappings():
        found[row["asked"]].append(_view(row))
    return [_page(views, message) for views, message in zip(found, messages, strict=True)]


def _select(number: int, message: ReadDecisions) -> Select[Any]:
    wanted: list[Any] = []
    if message.user_id is not None:
        wanted.append(_c.user_id == message.user_id)
    if message.since is not None:
        wanted.append(_c.id >= lowest_uuid7(max(0, int(message.since.timestamp() * 1000))))
    if message.reason is not None:
        wanted.append(literal(message.reason, String) == any_(_c.reasons))
    if message.before is not None:
        before = uuid_of(message.before)
        # What no id can be has nothing before it.
        wanted.append(literal(value=False) if before is None else _c.id < before)
    return (
        select(literal(number).label("asked"), *_COLUMNS)
        .where(*wanted)
        .order_by(_c.id.desc())
        # One more than asked for tells whether there is a next page.
        .limit(_limit(message) + 1)
    )


def _limit(message: ReadDecisions) -> int:
    return min(max(message.limit, 1), PAGE_MAX)


def _page(views: list[DecisionView], message: ReadDecisions) -> DecisionPage:
    # UNION ALL promises no order between or within its parts.
    views.sort(key=lambda view: view.decision_id, reverse=True)
    limit = _limit(message)
    page = views[:limit]
    return DecisionPage(decisions=page, next_before=page[-1].decision_id if len(views) > limit else None)


def _view(row: RowMapping) -> DecisionView:
    identifier: UUID = row["id"]
    return DecisionView(
        decision_id=str(identifier),
        recorded_at=instant_of(timestamp_ms_of(identifier)),
        occurred_at=row["occurred_at"],
        user_id=row["user_id"],
        action_type=row["action_type"],
        decision=row["decision"],
        reasons=row["reasons"],
        score=row["score"],
        policy_version=row["policy_version"],
        device_id=row["device_id"],
        ip_address=address_of(row["ip_address"]),
        api_key_id=row["api_key_id"],
        backfill=row["backfill"],
        answer=row["answer"],
        facts=row["facts"],
    )
