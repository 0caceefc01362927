"""Blocks, allows and labels: added, lifted, read. Nothing is deleted: a lifted row says who lifted it and why."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import sql
from sqlalchemy import Connection, RowMapping, Table, and_, func, literal, or_, select, union_all

from viral_engine.messages.access import AllowView, BlockView, EntryKind, LabelView, ListName
from viral_engine.messages.journal import Statement
from viral_engine.messages.reading import PAGE_MAX, ReadEntries
from viral_engine.store.audit import audit_entry_of
from viral_engine.store.ids import uuid_of
from viral_engine.store.notify import notify
from viral_engine.store.reviews import ASKS_FOR_BLOCK, OF_CHILD_SAFETY
from viral_engine.store.statements import instant_of, statement
from viral_engine.store.tables import allows, blocks, labels

__all__ = [
    "CHANGED_AT",
    "LABELS_OF_ONE_MAX",
    "ONCE",
    "STANDING_AT",
    "add_entry",
    "lift_entry",
    "name_entry",
    "read_entries",
    "view_of",
]

CHANGED_AT, STANDING_AT = 1, 2
"""Which statements of `add_entry` answer the id of the entry if it is new or longer now, and the entry as it stands."""

LABELS_OF_ONE_MAX = 50
"""Labels of one thing: a decision's facts hold all of them."""

ONCE: Mapping[ListName, tuple[str, ...]] = {
    "blocks": ("kind", "value"),
    "allows": ("kind", "value"),
    "labels": ("kind", "value", "label"),
}
"""What an entry of each list is about: it stands there once."""

_TABLES: dict[str, Table] = {"blocks": blocks, "allows": allows, "labels": labels}
_ID_FIELDS = {"blocks": "block_id", "allows": "allow_id", "labels": "label_id"}
# An entry that has run out still holds the place of its thing: it makes room first, and stays as history.
_LAPSE = (
    "UPDATE {list} SET lifted_at = expires_at, lifted_by = 'expiry', lift_reason = 'expired'"
    " WHERE ({once}) = ({values}) AND lifted_at IS NULL AND expires_at <= %s"
)
_ADD = (
    "INSERT INTO {list} AS standing (id, {once}, reason, author, created_at, expires_at)"
    " SELECT %s, {values}, %s, %s, %s, %s{room} ON CONFLICT ({once}) WHERE lifted_at IS NULL DO UPDATE SET"
    " reason = excluded.reason, author = excluded.author, expires_at = excluded.expires_at"
    " WHERE standing.expires_at < coalesce(excluded.expires_at, 'infinity') RETURNING id::text"
)
_STANDING = (
    "SELECT id::text, reason, author, created_at, expires_at FROM {list}"
    " WHERE ({once}) = ({values}) AND lifted_at IS NULL"
)
_NAMED = "SELECT id AS {id_field} FROM {list} WHERE ({once}) = ({values}) AND lifted_at IS NULL"
# A label that stands already may be made longer however many others there are.
_ROOM = (
    " WHERE (SELECT count(*) FROM labels WHERE kind = %s AND value = %s AND label <> %s AND lifted_at IS NULL"
    " AND expires_at > %s) < %s"
)
_LIFT = (
    "UPDATE {list} SET lifted_at = %s, lifted_by = %s, lift_reason = %s WHERE id = %s AND lifted_at IS NULL{guard}"
    " RETURNING kind, value"
)


def _of(list_name: ListName, template: str, room: str = "") -> str:
    once = ONCE[list_name]
    return (
        sql.SQL(template)
        .format(
            list=sql.Identifier(list_name),
            once=sql.SQL(", ").join(map(sql.Identifier, once)),
            values=sql.SQL(", ").join(sql.Placeholder() * len(once)),
            room=sql.SQL(room),
            id_field=sql.Identifier(_ID_FIELDS[list_name]),
            guard=sql.SQL(f" AND (%s OR NOT {OF_CHILD_SAFETY})" if list_name == "blocks" else ""),
        )
        .as_string()
    )


def add_entry(
    list_name: ListName,
    entry_id: UUID,
    *,
    kind: EntryKind,
    value: str,
    reason: str,
    author: str,
    expires_at_ms: int | None,
    at_ms: int,
    label: str = "",
    asked_by: tuple[Any, ...] = (),
) -> tuple[Statement, ...]:
    """Puts a thing on a list.

    The second statement answers an id when something was changed by it, and the third one (id, reason, author,
    created_at, expires_at) of the entry as it then stands;
    `RowsDiffer` when the thing has `LABELS_OF_ONE_MAX` other labels.

    A thing stands on a list once. Putting it there again returns the entry that stands, made longer if the new one
    would outlast it (reason and author are then the new one's, who answer for it) and otherwise untouched: an add
    never weakens what is there, a retry adds nothing, and lifting the entry lifts the block, not one of several.

    Args:
        list_name: Which list.
        entry_id: Of the new entry, a UUIDv7: entries are shown in the order of their ids.
        kind: Of the thing.
        value: Canonical (`domain.canonical`).
        reason: For operators.
        author: Who put it there.
        expires_at_ms: None for never; a blocked network and a label must expire.
        at_ms: Now.
        label: On the list of labels: under each of its labels a thing stands once.
        asked_by: On the list of blocks: the report that asks for it (`same_report`). One that has brought its block, or
            whose case is closed, changes nothing, and the third statement answers a row only if a block stands.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    at = instant_of(at_ms)
    expires_at = None if expires_at_ms is None else instant_of(expires_at_ms)
    once = (kind, value, label)[: len(ONCE[list_name])]
    room: str = ""
    values: tuple[Any, ...] = ()
    if list_name == "labels":
        room, values = _ROOM, (*once, at, LABELS_OF_ONE_MAX)
    elif asked_by:
        room, values = ASKS_FOR_BLOCK, asked_by
    return (
        statement(_of(list_name, _LAPSE), *once, at),
        statement(_of(list_name, _ADD, room), entry_id, *once, reason, author, at, expires_at, *values),
        statement(_of(list_name, _STANDING), *once, rows_expected=None if asked_by else 1),
        notify(list_name, value),
    )


def name_entry(
    list_name: ListName,
    kind: EntryKind,
    value: str,
    label: str = "",
    *,
    author: str,
    at_ms: int,
    details: Mapping[str, Any],
) -> Statement:
    """The audit entry of `add_entry`, after it: it names the entry as it then stands, which may have been there before.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    once = (kind, value, label)[: len(ONCE[list_name])]
    return audit_entry_of(
        _of(list_name, _NAMED),
        *once,
        act=f"{list_name}.add",
        author=author,
        at_ms=at_ms,
        subject=(kind, value),
        details=details,
    )


def lift_entry(
    list_name: ListName, entry_id: UUID, *, author: str, reason: str, at_ms: int, child_safety: bool = False
) -> tuple[Statement, ...]:
    """Takes an entry off its list, answering (kind, value); `RowsDiffer` when none of that id stands there.

    The audit has whom or what it was about as its subject, so that all that was done to them is found by it. A block
    of child safety is lifted with `child_safety` alone; otherwise it is as if it did not stand there.
    """
    guarded = (child_safety,) if list_name == "blocks" else ()
    return (
        statement(_of(list_name, _LIFT), instant_of(at_ms), author, reason, entry_id, *guarded, rows_expected=1),
        notify(list_name, str(entry_id)),
        audit_entry_of(
            f"SELECT kind AS subject_kind, value AS subject_id FROM {list_name} WHERE id = %s",  # noqa: S608 - a list's name
            entry_id,
            act=f"{list_name}.lift",
            author=author,
            at_ms=at_ms,
            details={"reason": reason, f"{list_name.removesuffix('s')}_id": str(entry_id)},
        ),
    )


def view_of(list_name: ListName, row: RowMapping) -> BlockView | AllowView | LabelView:
    """A row of a list as the list's own view."""
    shared: dict[str, Any] = {
        name: row[name] for name in ("kind", "value", "reason", "author", "created_at", "expires_at")
    }
    if list_name == "blocks":
        return BlockView(block_id=str(row["id"]), **shared)
    if list_name == "allows":
        return AllowView(allow_id=str(row["id"]), **shared)
    return LabelView(label_id=str(row["id"]), label=row["label"], **shared)


def read_entries(
    connection: Connection, messages: Sequence[ReadEntries]
) -> list[list[BlockView] | list[AllowView] | list[LabelView]]:
    """Live entries of each question, newest first: one SELECT per question, all in one statement."""
    selects = [_select(number, message) for number, message in enumerate(messages)]
    answers: list[list[Any]] = [[] for _ in messages]
    for row in connection.execute(union_all(*(select(one.subquery()) for one in selects))).mappings():
        answers[row["asked"]].append(view_of(messages[row["asked"]].list_name, row))
    for answer, message in zip(answers, messages, strict=True):
        key = _ID_FIELDS[message.list_name]
        answer.sort(key=lambda view, key=key: getattr(view, key), reverse=True)  # type: ignore[misc]
    return answers


def _select(number: int, message: ReadEntries) -> Any:
    columns = _TABLES[message.list_name].c
    wanted = [columns.lifted_at.is_(None), or_(columns.expires_at.is_(None), columns.expires_at > func.now())]
    if message.kind is not None:
        wanted.append(columns.kind == message.kind)
    if message.values is not None:
        wanted.append(columns.value.in_(message.values))
    label = columns.label if "label" in columns else literal("")
    if message.label is not None:
        wanted.append(label == message.label)
    if message.before is not None:
        before = uuid_of(message.before)
        # What no id can be has nothing before it.
        wanted.append(literal(value=False) if before is None else columns.id < before)
    return (
        select(
            literal(number).label("asked"), columns.id, columns.kind, columns.value, columns.reason, columns.author,
            columns.created_at, columns.expires_at, label.label("label"),
        )
        .where(and_(*wanted))
        .order_by(columns.id.desc())
        .limit(min(max(message.limit, 1), PAGE_MAX))
    )  # fmt: skip
