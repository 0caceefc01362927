"""Reading what happened in the order in which it did: decisions with their users as of then, lists with their times."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Select, Text, cast, extract, func, literal, select, text, union_all

from viral_engine.domain.uuid7 import lowest_uuid7, timestamp_ms_of
from viral_engine.messages.history import PastDecision, PastEntry, ReadPastDecisions, ReadPastEntries
from viral_engine.messages.reading import PAGE_MAX
from viral_engine.store.device_flags import SIGNUP
from viral_engine.store.ids import address_of, uuid_of
from viral_engine.store.profiles import profiles_then
from viral_engine.store.statements import instant_of
from viral_engine.store.tables import decisions

__all__ = ["read_past_decisions", "read_past_entries"]

_c = decisions.c
_COLUMNS = (
    _c.id, cast(func.round(extract("epoch", _c.occurred_at) * 1_000), BigInteger).label("occurred_ms"), _c.user_id,
    _c.action_type, _c.decision, _c.reasons, _c.score, _c.policy_version, _c.device_id,
    func.host(_c.ip_address).label("ip_address"), _c.counted, _c.backfill, cast(_c.facts, Text).label("facts"),
)  # fmt: skip
_MS = "(extract(epoch FROM {}) * 1000)::bigint"
_ENTRY = (
    f"SELECT id::text AS entry_id, kind, value, {_MS.format('created_at')} AS begins_ms,"  # noqa: S608 - constants
    f" {_MS.format('expires_at')} AS expires_ms, {_MS.format('lifted_at')} AS ends_ms{{}} FROM {{}}"
    " WHERE (CAST(:before AS uuid) IS NULL OR id < CAST(:before AS uuid))"
    " AND (lifted_at IS NULL OR lifted_at > :since) AND (expires_at IS NULL OR expires_at > :since)"
    " ORDER BY id DESC LIMIT :rows"
)
_QUERIES = {
    "blocks": text(_ENTRY.format("", "blocks")),
    "allows": text(_ENTRY.format("", "allows")),
    "labels": text(_ENTRY.format(", label", "labels")),
    "flags": text(
        f"SELECT id::text AS entry_id, flag_type AS kind, {_MS.format('inserted_at')} AS begins_ms,"  # noqa: S608
        " device_id AS value, risk_thousandths AS risk FROM device_flags"
        " WHERE (CAST(:before AS bigint) IS NULL OR id < CAST(:before AS bigint))"
        " AND device_id IS NOT NULL AND flag_type <> :signup ORDER BY id DESC LIMIT :rows"
    ),
    # A report's case has the report's id.
    "reports": text(
        f"SELECT reports.id::text AS entry_id, reports.kind, value, {_MS.format('at')} AS begins_ms,"  # noqa: S608
        f" {_MS.format('closed_at')} AS ends_ms, outcome AS ended_as, severity, reporter_id"
        " FROM reports LEFT JOIN cases ON cases.id = reports.id"
        " WHERE (CAST(:before AS uuid) IS NULL OR reports.id < CAST(:before AS uuid))"
        " AND (CAST(:child_safety AS boolean) OR category <> 'child_safety')"
        " AND at > CAST(:since AS timestamptz) - interval '400 days' ORDER BY reports.id DESC LIMIT :rows"
    ),
    "starts": text(
        f"SELECT boot_id AS entry_id, {_MS.format('started_at')} AS begins_ms FROM nodes"  # noqa: S608
        " WHERE started_at > :since AND (CAST(:before AS text) IS NULL OR boot_id < CAST(:before AS text))"
        " ORDER BY boot_id DESC LIMIT :rows"
    ),
}  # fmt: skip


def read_past_decisions(connection: Connection, messages: Sequence[ReadPastDecisions]) -> list[list[PastDecision]]:
    """One page for each question, oldest first: one statement for the decisions of all, one for their users."""
    selects = [_select(number, message) for number, message in enumerate(messages)]
    rows = connection.execute(union_all(*(select(one.subquery()) for one in selects))).mappings().all()
    asked = [(row["user_id"], instant_of(timestamp_ms_of(row["id"]))) for row in rows]
    profiles = profiles_then(connection, asked) if asked else []
    answers: list[list[PastDecision]] = [[] for _ in messages]
    for row, (profile, changed_since) in zip(rows, profiles, strict=True):
        values = dict(row)
        number, decision_id = values.pop("asked"), values.pop("id")
        past = PastDecision(
            **{
                **values,
                "decision_id": str(decision_id),
                "at_ms": timestamp_ms_of(decision_id),
                "ip_address": address_of(values["ip_address"]),
                "facts": msgspec.json.decode(values["facts"]),
                "profile": profile,
                "changed_since": changed_since,
            }
        )
        answers[number].append(past)
    for answer in answers:
        # UNION ALL promises no order.
        answer.sort(key=lambda past: past.decision_id)
    return answers


def _select(number: int, message: ReadPastDecisions) -> Select[Any]:
    wanted: list[Any] = [_c.id >= lowest_uuid7(max(0, message.since_ms))]
    if message.after is not None:
        after = uuid_of(message.after)
        # What no id can be has nothing after it.
        wanted.append(literal(value=False) if after is None else _c.id > after)
    return (
        select(literal(number).label("asked"), *_COLUMNS)
        .where(*wanted)
        .order_by(_c.id)
        .limit(min(max(message.limit, 1), PAGE_MAX))
    )


def read_past_entries(connection: Connection, messages: Sequence[ReadPastEntries]) -> list[list[PastEntry]]:
    """One page for each question, newest first; equal questions are asked once."""
    answers: dict[ReadPastEntries, list[PastEntry]] = {}
    for message in messages:
        if message not in answers:
            wanted = {
                "before": message.before, "since": instant_of(max(0, message.since_ms)), "signup": SIGNUP,
                "child_safety": message.child_safety, "rows": min(max(message.limit, 1), PAGE_MAX),
            }  # fmt: skip
            query = _QUERIES[message.source]
            known = {name: value for name, value in wanted.items() if name in query.compile().params}
            rows = connection.execute(query, known).mappings()
            answers[message] = [PastEntry(**row) for row in rows]
    return [answers[message] for message in messages]
