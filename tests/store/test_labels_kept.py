"""Labels on a real database: each once, never shortened, bounded, known to every node, there after any death."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from data_actors import kill, locked, outcome, rows_of, until
from rows import NOON_MS, commit
from test_trust_safety import PATH, Engine, engine

from viral_engine.domain.uuid7 import lowest_uuid7
from viral_engine.messages.access import AddEntry, EntryStands, LabelView, RemoveEntry
from viral_engine.messages.database import CleanUp, Invalidate
from viral_engine.messages.journal import RowsDiffer
from viral_engine.messages.reading import ReadEntries
from viral_engine.messages.refusals import Refused
from viral_engine.store.access import LABELS_OF_ONE_MAX, add_entry, lift_entry, read_entries
from viral_engine.store.engine import Database
from viral_engine.store.notify import CHANNEL

DAY_MS = 86_400_000
FAR_MS = NOON_MS + 30 * 365 * DAY_MS


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def label(number: int, name: str = "on_watch", value: str = "ann", **changes: Any) -> Any:
    values: dict[str, Any] = {
        "kind": "user", "reason": f"reason {number}", "author": "ada", "expires_at_ms": FAR_MS, "at_ms": NOON_MS,
    }  # fmt: skip
    return add_entry("labels", lowest_uuid7(NOON_MS + number), value=value, label=name, **{**values, **changes})


def shown(store: Database, **question: Any) -> list[tuple[str, str]]:
    with store.engine.connect() as connection:
        (views,) = read_entries(connection, [ReadEntries(list_name="labels", **question)])
    return [(view.value, view.label) for view in views if isinstance(view, LabelView)]


def add(on: Engine, name: str, value: str = "ann", days: float = 1.0, **changes: Any) -> Any:
    fields: dict[str, Any] = {"list_name": "labels", "kind": "user", "reason": "test", "author": "ada"}
    expires_at = datetime.now(UTC) + timedelta(days=days)
    return on.ask(AddEntry(**{**fields, "value": value, "label": name, "expires_at": expires_at, **changes}))


def labels_of(on: Engine, user: str = "ann", **fields: Any) -> list[str]:
    """What a decision's record says."""
    decision_id = msgspec.json.decode(outcome(on.check(user, **fields)).answer)["decision_id"]
    (row,) = rows_of(on.database.conninfo, "SELECT facts FROM decisions WHERE id = %s::uuid", decision_id)
    return list(row[0].get("labels", []))


def test_a_thing_has_each_of_its_labels_once_and_never_for_less_long(store: Database) -> None:
    commit(store.conninfo, *label(1), *label(2, "beta"))
    again = commit(store.conninfo, *label(3, expires_at_ms=FAR_MS - DAY_MS))[2][0]
    longer = commit(store.conninfo, *label(4, expires_at_ms=FAR_MS + DAY_MS))[2][0]
    first = str(lowest_uuid7(NOON_MS + 1))
    assert [(row[0], row[1]) for row in (again, longer)] == [(first, "reason 1"), (first, "reason 4")]
    assert longer[4] - again[4] == timedelta(days=1)
    assert shown(store) == [("ann", "beta"), ("ann", "on_watch")]


def test_a_label_that_ran_out_makes_room_for_the_same_one(store: Database) -> None:
    commit(store.conninfo, *label(1, at_ms=1_000, expires_at_ms=2_000))
    assert shown(store) == []
    assert commit(store.conninfo, *label(2))[2][0][0] == str(lowest_uuid7(NOON_MS + 2))
    assert shown(store) == [("ann", "on_watch")]


def test_labels_are_found_by_thing_and_by_name(store: Database) -> None:
    commit(store.conninfo, *label(1), *label(2, "beta"), *label(3, value="bob"), *label(4, kind="device", value="d"))
    assert shown(store, label="on_watch") == [("d", "on_watch"), ("bob", "on_watch"), ("ann", "on_watch")]
    assert shown(store, kind="user", values=("ann",)) == [("ann", "beta"), ("ann", "on_watch")]
    assert shown(store, kind="user", values=("ann",), label="beta") == [("ann", "beta")]
    assert shown(store, label="on_watch", limit=1, before=str(lowest_uuid7(NOON_MS + 3))) == [("ann", "on_watch")]


def test_a_batch_of_all_three_lists_is_answered_in_its_order(store: Database) -> None:
    plain: dict[str, Any] = {"reason": "r", "author": "a", "expires_at_ms": None, "at_ms": NOON_MS}
    commit(store.conninfo, *label(1), *add_entry("blocks", lowest_uuid7(1), kind="user", value="bad", **plain))
    questions = [ReadEntries(list_name=name) for name in ("blocks", "labels", "allows", "labels")]
    with store.engine.connect() as connection:
        answers = read_entries(connection, questions)
    assert [[view.value for view in answer] for answer in answers] == [["bad"], ["ann"], [], ["ann"]]


def test_a_thing_has_so_many_labels_and_those_may_still_be_made_longer(store: Database) -> None:
    commit(store.conninfo, *(one for n in range(LABELS_OF_ONE_MAX) for one in label(n, f"l{n}")))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, *label(90, "one_more"))
    commit(store.conninfo, *label(91, "one_more", value="bob"))
    assert commit(store.conninfo, *label(92, "l7", expires_at_ms=FAR_MS + 1))[2][0][1] == "reason 92"
    commit(store.conninfo, *lift_entry("labels", lowest_uuid7(NOON_MS), author="a", reason="r", at_ms=NOON_MS))
    assert commit(store.conninfo, *label(93, "one_more"))[2][0][1] == "reason 93"


def test_a_label_counts_from_its_answer_on_and_is_told_in_the_act_s_audit(running: Engine) -> None:
    assert labels_of(running) == []
    stands = outcome(add(running, "on_watch"))
    assert isinstance(stands, EntryStands)
    assert stands.is_new
    assert outcome(add(running, "vpn", "192.0.2.0/24", kind="network")).is_new
    assert labels_of(running, ip_address="192.0.2.7") == ["on_watch", "vpn"]
    remove = RemoveEntry(list_name="labels", entry_id=stands.entry_id, author="ada", reason="sorry")
    assert outcome(running.ask(remove)) is None
    assert labels_of(running, ip_address="192.0.2.7") == ["vpn"]
    assert outcome(running.ask(remove)).http_status == 404
    query = "SELECT act, subject_kind, details ->> 'label' FROM audit WHERE act LIKE 'labels.%%' ORDER BY id"
    assert rows_of(running.database.conninfo, query) == [
        ("labels.add", "user", "on_watch"), ("labels.add", "network", "vpn"), ("labels.lift", "user", None),
    ]  # fmt: skip


def test_labels_outlive_a_kill_and_a_cold_start(store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path) as on:
        assert outcome(add(on, "on_watch")).is_new
        with locked(store.conninfo, "labels"):
            reply = add(on, "beta")
            until(lambda: on.state["committing"] == 1)
            kill(on.system, PATH)
        assert outcome(reply).is_new
        assert labels_of(on) == ["beta", "on_watch"]
    with engine(store, tmp_path) as on:
        assert (on.state["labels"], labels_of(on)) == (2, ["beta", "on_watch"])
        assert outcome(add(on, "beta")).is_new is False


def test_a_label_that_has_ended_says_nothing_and_is_cleaned_up(running: Engine) -> None:
    assert isinstance(outcome(add(running, "brief", days=1e-8)), EntryStands)
    assert until(lambda: labels_of(running) == [])
    running.system.cast(PATH, CleanUp())
    until(lambda: running.state["labels"] == 0)


def test_a_label_of_another_node_is_known_after_its_word(running: Engine) -> None:
    commit(running.database.conninfo, *label(1))
    assert labels_of(running) == []
    running.system.cast(PATH, Invalidate("labels", "ann"))
    until(lambda: running.state["labels"] == 1)
    assert labels_of(running) == ["on_watch"]


def test_adding_and_removing_leave_word_for_the_other_nodes() -> None:
    first = lowest_uuid7(NOON_MS + 1)
    lifting = lift_entry("labels", first, author="a", reason="r", at_ms=NOON_MS)
    told = [one.parameters for one in (*label(1), *lifting) if "pg_notify" in one.sql]
    assert told == [(CHANNEL, "labels:ann"), (CHANNEL, f"labels:{first}")]


def test_a_full_list_and_a_thing_with_too_many_labels_refuse_one_more(store: Database, tmp_path: Path) -> None:
    commit(store.conninfo, *(one for n in range(LABELS_OF_ONE_MAX) for one in label(n, f"l{n}")))
    with engine(store, tmp_path, entries_max=LABELS_OF_ONE_MAX + 1) as on:
        refused = outcome(add(on, "one_more"))
        assert isinstance(refused, Refused)
        assert (refused.http_status, refused.code, refused.field) == (409, "limit_reached", "value")
        assert outcome(add(on, "one_more", "bob")).is_new
        full = outcome(add(on, "one_more", "eve"))
        assert (full.http_status, full.code, full.field) == (409, "limit_reached", None)
        assert isinstance(outcome(on.block("bad")), EntryStands)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"name": "On Watch"}, "label"), ({"name": ""}, "label"), ({"expires_at": None}, "expires_at")],
)
def test_what_is_no_label_is_refused_with_the_field_s_name(
    running: Engine, changes: dict[str, Any], field: str
) -> None:
    refused = outcome(add(running, **{"name": "fine", **changes}))
    assert isinstance(refused, Refused)
    assert (refused.http_status, refused.field) == (422, field)
