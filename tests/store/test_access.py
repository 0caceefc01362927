"""Blocks and allows: one live entry per thing, never weakened by adding, never lost by lifting."""

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
import pytest
from rows import NOON_MS, commit

from viral_engine.domain.uuid7 import lowest_uuid7
from viral_engine.messages.access import AllowView, BlockView
from viral_engine.messages.journal import RowsDiffer, Statement
from viral_engine.messages.reading import PAGE_MAX, ReadEntries
from viral_engine.store.access import CHANGED_AT, add_entry, lift_entry, read_entries
from viral_engine.store.engine import Database

FAR_MS = NOON_MS + 10 * 365 * 86_400_000
PAST_MS = 1_000_000_000_000


def entry_id(number: int) -> UUID:
    return lowest_uuid7(NOON_MS + number)


def block(
    number: int, value: str = "d1", list_name: Literal["blocks", "allows"] = "blocks", **changes: Any
) -> tuple[Statement, ...]:
    values: dict[str, Any] = {
        "kind": "device", "value": value, "reason": f"reason {number}", "author": "ada", "expires_at_ms": None,
        "at_ms": NOON_MS,
    }  # fmt: skip
    return add_entry(list_name, entry_id(number), **{**values, **changes})


def lift(number: int, list_name: Literal["blocks", "allows"] = "blocks") -> tuple[Statement, ...]:
    return lift_entry(list_name, entry_id(number), author="bob", reason="mistake", at_ms=NOON_MS)


def entries(store: Database, **question: Any) -> list[Any]:
    with store.engine.connect() as connection:
        return list(read_entries(connection, [ReadEntries(**{"list_name": "blocks", **question})])[0])


def values(store: Database, **question: Any) -> list[str]:
    return [view.value for view in entries(store, **question)]


def test_an_entry_is_shown_as_it_was_added(store: Database) -> None:
    added = commit(store.conninfo, *block(1, expires_at_ms=FAR_MS))[2]
    view = entries(store)[0]
    assert view == BlockView(
        block_id=str(entry_id(1)),
        kind="device",
        value="d1",
        reason="reason 1",
        author="ada",
        created_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
        expires_at=datetime.fromtimestamp(FAR_MS / 1000, UTC),
    )
    assert added == [(view.block_id, view.reason, view.author, view.created_at, view.expires_at)]


def test_the_two_lists_have_nothing_in_common(store: Database) -> None:
    commit(store.conninfo, *block(1, "d1"), *block(2, "d2", "allows"))
    assert values(store) == ["d1"]
    (allow,) = entries(store, list_name="allows")
    assert isinstance(allow, AllowView)
    assert allow.allow_id == str(entry_id(2))


def test_adding_again_returns_the_entry_that_stands(store: Database) -> None:
    commit(store.conninfo, *block(1))
    assert commit(store.conninfo, *block(2))[2][0][0] == str(entry_id(1))
    assert [(view.block_id, view.reason) for view in entries(store)] == [(str(entry_id(1)), "reason 1")]


@pytest.mark.parametrize(("first", "second", "stands"), [(1, 2, 2), (2, 1, 2), (1, None, None), (None, 1, None)])
def test_adding_again_makes_longer_and_never_shorter(
    store: Database, first: int | None, second: int | None, stands: int | None
) -> None:
    def expiry(days: int | None) -> int | None:
        return None if days is None else FAR_MS + days * 86_400_000

    commit(store.conninfo, *block(1, expires_at_ms=expiry(first)))
    commit(store.conninfo, *block(2, expires_at_ms=expiry(second)))
    (view,) = entries(store)
    found = None if view.expires_at is None else round(view.expires_at.timestamp() * 1000)
    assert (view.block_id, found) == (str(entry_id(1)), expiry(stands))
    assert view.reason == ("reason 1" if stands == first else "reason 2")


@pytest.mark.parametrize(("first", "second", "changes"), [(1, 2, True), (2, 1, False), (1, 1, False), (1, None, True)])
def test_adding_again_tells_whether_it_changed_anything(
    store: Database, first: int, second: int | None, *, changes: bool
) -> None:
    commit(store.conninfo, *block(1, expires_at_ms=FAR_MS + first))
    answers = commit(store.conninfo, *block(2, expires_at_ms=None if second is None else FAR_MS + second))
    assert answers[CHANGED_AT] == ([(str(entry_id(1)),)] if changes else [])


def test_an_entry_that_ran_out_makes_room_for_a_new_one(store: Database) -> None:
    commit(store.conninfo, *block(1, at_ms=PAST_MS, expires_at_ms=PAST_MS + 1))
    assert values(store) == []
    assert commit(store.conninfo, *block(2))[2][0][0] == str(entry_id(2))
    with psycopg.connect(store.conninfo) as connection:
        rows = connection.execute("SELECT id::text, lifted_by FROM blocks ORDER BY id").fetchall()
    assert rows == [(str(entry_id(1)), "expiry"), (str(entry_id(2)), None)]


def test_lifting_frees_the_thing_and_keeps_the_history(store: Database) -> None:
    commit(store.conninfo, *block(1))
    assert commit(store.conninfo, *lift(1))[0] == [("device", "d1")]
    assert values(store) == []
    with psycopg.connect(store.conninfo) as connection:
        assert connection.execute("SELECT lifted_by, lift_reason FROM blocks").fetchone() == ("bob", "mistake")
    commit(store.conninfo, *block(2))
    assert [view.block_id for view in entries(store)] == [str(entry_id(2))]


@pytest.mark.parametrize("number", [1, 7])
def test_what_does_not_stand_cannot_be_lifted(store: Database, number: int) -> None:
    commit(store.conninfo, *block(1))
    commit(store.conninfo, *lift(1))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, *lift(number))


def test_kinds_do_not_mix(store: Database) -> None:
    commit(store.conninfo, *block(1, "42"), *block(2, "42", kind="user"))
    assert len(entries(store, values=("42",))) == 2
    assert [view.kind for view in entries(store, kind="user", values=("42",))] == ["user"]


def test_a_blocked_network_must_expire_and_an_allowed_one_need_not(store: Database) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        commit(store.conninfo, *block(1, "10.0.0.0/8", kind="network"))
    commit(store.conninfo, *block(2, "10.0.0.0/8", "allows", kind="network"))


def test_pages_go_from_the_newest_to_the_oldest(store: Database) -> None:
    commit(store.conninfo, *(one for n in range(7) for one in block(n, f"d{n}")))
    first = entries(store, limit=3)
    assert [view.value for view in first] == ["d6", "d5", "d4"]
    assert values(store, limit=3, before=first[-1].block_id) == ["d3", "d2", "d1"]
    assert values(store, limit=0) == ["d6"]
    assert len(values(store, limit=PAGE_MAX * 2)) == 7


def test_what_is_no_id_has_nothing_before_it(store: Database) -> None:
    commit(store.conninfo, *block(1))
    assert values(store, before="not an id") == []


def test_a_batch_of_questions_is_answered_in_its_order(store: Database) -> None:
    commit(store.conninfo, *block(1, "d1"), *block(2, "d2", "allows"), *block(3, "u1", kind="user"))
    questions = [
        ReadEntries(list_name="allows"),
        ReadEntries(list_name="blocks", kind="user"),
        ReadEntries(list_name="blocks", values=("nothing", "nobody")),
        ReadEntries(list_name="blocks"),
    ]
    with store.engine.connect() as connection:
        answers = read_entries(connection, questions)
    assert [[view.value for view in answer] for answer in answers] == [["d2"], ["u1"], [], ["u1", "d1"]]
