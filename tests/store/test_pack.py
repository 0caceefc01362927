"""Packing decisions into binary COPY rows: what comes back, and what is refused before it spoils a batch."""

import os
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from rows import NOON_MS, commit, copy_in, decision

from viral_engine.domain import canonical
from viral_engine.domain.uuid7 import Uuid7Source
from viral_engine.messages.journal import DecisionRow
from viral_engine.messages.reading import DecisionView, ReadDecision
from viral_engine.store.decisions import read_decisions
from viral_engine.store.engine import Database
from viral_engine.store.pack import _REPEATED_MAX, _repeated, check_decision, insert_decision, pack_decision

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
addresses = st.one_of(st.none(), st.ip_addresses().map(str).map(canonical.ip_address))
ids = Uuid7Source(os.urandom)


def spaced_json(value: dict[str, str]) -> bytes:
    """JSON with spaces where no encoder of ours puts them, so that a parsed text would come back different."""
    inner = " , ".join(f'"{key.encode().hex()}" :  "{text.encode().hex()}"' for key, text in value.items())
    return f"{{ {inner} }}".encode()


decision_rows = st.builds(
    DecisionRow,
    decision_id=st.builds(lambda: ids.next_bytes(NOON_MS)),
    occurred_ms=st.integers(0, 253_402_300_799_999),
    user_id=texts,
    action_type=texts,
    decision=texts,
    reasons=st.lists(texts, max_size=5).map(tuple),
    score=st.integers(-(2**31), 2**31 - 1),
    policy_version=st.integers(-(2**31), 2**31 - 1),
    device_id=st.one_of(st.none(), texts),
    ip_address=addresses,
    api_key_id=texts,
    counted=st.booleans(),
    backfill=st.booleans(),
    answer=st.dictionaries(texts, texts, max_size=3).map(spaced_json),
    facts=st.just(b'{ "b":1,\n"a" : [1.50, "\\u0000"] }'),
)


def read_back(database: Database, row: DecisionRow) -> DecisionView:
    with database.engine.connect() as connection:
        (view,) = read_decisions(connection, [ReadDecision(row.decision_id.hex())])
    assert view is not None
    return view


def assert_same(view: DecisionView, row: DecisionRow) -> None:
    assert view.decision_id.replace("-", "") == row.decision_id.hex()
    assert view.recorded_at == datetime.fromtimestamp(int.from_bytes(row.decision_id[:6], "big") / 1000, UTC)
    assert round(view.occurred_at.timestamp() * 1000) == row.occurred_ms
    assert (view.answer.encode(), view.facts.encode()) == (row.answer, row.facts)
    same = set(DecisionView.__struct_fields__) - {
        "decision_id", "recorded_at", "occurred_at", "answer", "facts", "reasons",
    }  # fmt: skip
    assert {name: getattr(view, name) for name in same} == {name: getattr(row, name) for name in same}
    assert tuple(view.reasons) == row.reasons


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(decision_rows, min_size=1, max_size=8))
def test_a_packed_row_comes_back_bit_for_bit(store: Database, rows: list[DecisionRow]) -> None:
    copy_in(store.conninfo, rows)
    for row in rows:
        assert_same(read_back(store, row), row)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=decision_rows)
def test_an_inserted_row_is_the_same_as_a_copied_one_and_may_come_twice(store: Database, row: DecisionRow) -> None:
    commit(store.conninfo, insert_decision(row), insert_decision(row))
    assert_same(read_back(store, row), row)


def test_counted_is_stored_as_given(store: Database) -> None:
    rows = [decision(counted=True), decision(counted=False, backfill=True, at_ms=NOON_MS + 1)]
    copy_in(store.conninfo, rows)
    with psycopg.connect(store.conninfo) as connection:
        found = connection.execute("SELECT counted, backfill FROM decisions ORDER BY id").fetchall()
    assert found == [(True, False), (False, True)]


@pytest.mark.parametrize("pack", [pack_decision, insert_decision, check_decision])
@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("user_id", "a\0b", "user_id must not contain the NUL"),
        ("device_id", "a\0b", "device_id must not contain the NUL"),
        ("action_type", "a\0b", "action_type must not contain the NUL"),
        ("decision", "a\0b", "decision must not contain the NUL"),
        ("reasons", ("ok", "a\0b"), "reasons must not contain the NUL"),
        ("api_key_id", "a\0b", "api_key_id must not contain the NUL"),
        ("answer", b'{"a": "\0"}', "answer must not contain the NUL"),
        ("facts", b'{"a": "\0"}', "facts must not contain the NUL"),
        ("user_id", "a\ud800", "user_id must not contain lone"),
        ("device_id", "\udfff", "device_id must not contain lone"),
        ("reasons", ("\ud800",), "reasons must not contain lone"),
        ("action_type", "\ud800", "action_type must not contain lone"),
        ("ip_address", "10.0.0.256", "ip_address must be"),
        ("ip_address", "::g", "ip_address must be"),
        ("ip_address", "10.0.0.1\0", "ip_address must be"),
        ("score", 2**31, "score must fit"),
        ("policy_version", -(2**31) - 1, "policy_version must fit"),
        ("occurred_ms", 253_402_300_800_000, "occurred_at must lie"),
        ("occurred_ms", -1, "occurred_at must lie"),
        ("decision_id", b"short", "id must have 16"),
    ],
)
def test_what_the_database_cannot_hold_is_refused_with_the_name_of_its_column(
    pack: object, column: str, value: object, says: str
) -> None:
    row = structs.replace(decision(), **{column: value})
    assert callable(pack)
    with pytest.raises(ValueError, match=says):
        pack(row)


def test_a_row_with_broken_json_is_refused_by_the_database(store: Database) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        copy_in(store.conninfo, [decision(answer=b"{")])
    with pytest.raises(psycopg.errors.CharacterNotInRepertoire):
        copy_in(store.conninfo, [decision(answer=b'"\xff"')])


def test_ever_new_action_names_do_not_fill_the_memory() -> None:
    for number in range(_REPEATED_MAX + 10):
        pack_decision(decision(action_type=f"made_up_{number}"))
    assert len(_repeated) <= _REPEATED_MAX
