"""Keys, idempotency, nodes, flags, notices and the audit trail."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from data_actors import rows_of, until
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from rows import NOON_MS, commit
from sqlalchemy import text

from viral_engine.messages.checks import CheckAction
from viral_engine.messages.journal import RowsDiffer
from viral_engine.messages.keys import KeyRecord
from viral_engine.messages.once import Claim, ItemClaim
from viral_engine.messages.reading import IdempotentRow, ReadIdempotent, ReadKeys
from viral_engine.store.audit import audit_entry
from viral_engine.store.device_flags import add_flag, signup_attempt
from viral_engine.store.engine import Database
from viral_engine.store.idempotency import (
    claim,
    keep_answer,
    purge_older_than,
    read_idempotent,
    release,
    take_again,
    take_over,
)
from viral_engine.store.keys import create_key, read_keys, revoke_key
from viral_engine.store.nodes import heartbeat, live_nodes
from viral_engine.store.notify import CHANNEL, notify
from viral_engine.store.redact import REDACTED, redacted

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def key(key_id: str, **changes: Any) -> KeyRecord:
    values: dict[str, Any] = {
        "key_id": key_id, "name": "till", "scopes": ["check"], "networks": ["10.0.0.0/8"], "secret_mac": b"\0\xff",
        "created_at": NOON, "expires_at": None, "revoked_at": None,
    }  # fmt: skip
    return KeyRecord(**{**values, **changes})


def kept(store: Database, digest: bytes) -> IdempotentRow | None:
    with store.engine.connect() as connection:
        return read_idempotent(connection, [ReadIdempotent(digest)])[0]


def test_keys_are_read_back_until_they_are_revoked(store: Database) -> None:
    keys = [key("k1"), key("k2", created_at=NOON + timedelta(1), expires_at=NOON + timedelta(2), networks=[])]
    commit(store.conninfo, *(one for k in keys for one in create_key(k, author="ada")))
    with store.engine.connect() as connection:
        assert read_keys(connection, [ReadKeys(), ReadKeys()]) == [keys, keys]
    for _ in range(2):
        commit(store.conninfo, *revoke_key("k1", at_ms=NOON_MS))
    with store.engine.connect() as connection:
        assert read_keys(connection, [ReadKeys()]) == [keys[1:]]


def test_a_key_is_created_once_and_only_a_known_one_is_revoked(store: Database) -> None:
    commit(store.conninfo, *create_key(key("k1"), author="ada"))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, *create_key(key("k1", name="other"), author="ada"))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, *revoke_key("k9", at_ms=NOON_MS))


def operators(store: Database) -> list[str]:
    with store.engine.connect() as connection:
        return [one.key_id for one in read_keys(connection, [ReadKeys()])[0]]


def test_of_two_keys_that_are_revoked_at_the_same_time_one_stays_that_can_make_keys(store: Database) -> None:
    for key_id, more in {"k1": {}, "k2": {}, "gone": {"expires_at": NOON - timedelta(1)}}.items():
        commit(store.conninfo, *create_key(key(key_id, scopes=["operate"], **more), author="ada"))
    refused: list[Exception] = []

    def revoke_the_other() -> None:
        try:
            commit(store.conninfo, *revoke_key("k2", at_ms=NOON_MS))
        except RowsDiffer as differing:
            refused.append(differing)

    other = threading.Thread(target=revoke_the_other)
    with psycopg.connect(store.conninfo) as first:
        for statement in revoke_key("k1", at_ms=NOON_MS):
            first.execute(statement.sql.encode(), statement.parameters)
        other.start()
        # Committed only while the other one waits for it, or has not waited and is done.
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        until(lambda: rows_of(store.conninfo, waiting) or not other.is_alive())
    other.join()
    assert ([type(one) for one in refused], operators(store)) == ([RowsDiffer], ["gone", "k2"])


def test_the_last_key_that_can_make_keys_stays_and_any_other_may_go(store: Database) -> None:
    for key_id, scopes in {"k1": ["operate"], "k2": ["check"]}.items():
        commit(store.conninfo, *create_key(key(key_id, scopes=scopes), author="ada"))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, *revoke_key("k1", at_ms=NOON_MS))
    commit(store.conninfo, *revoke_key("k2", at_ms=NOON_MS))
    assert operators(store) == ["k1"]


def held(digest: bytes, token: bytes = b"t1") -> Claim:
    return Claim(digest, token)


def test_a_digest_is_claimed_once_and_keeps_its_answer(store: Database) -> None:
    claimed = commit(store.conninfo, claim(held(b"d"), b"body", "boot1"), claim(held(b"d", b"t2"), b"other", "boot2"))
    assert claimed == [[(True,)], []]
    row = IdempotentRow(body_digest=b"body", boot_id="boot1", token=b"t1", status=None, answer=None)
    assert kept(store, b"d") == row
    commit(store.conninfo, keep_answer(held(b"d"), 200, b"\0{}"))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, keep_answer(held(b"d"), 500, b"x"))
    assert kept(store, b"d") == structs.replace(row, status=200, answer=b"\0{}")
    assert kept(store, b"e") is None


def test_a_claim_is_released_by_its_owner_while_it_has_no_answer(store: Database) -> None:
    commit(store.conninfo, claim(held(b"d"), b"body", "boot1"))
    assert commit(store.conninfo, release(held(b"d", b"t2"))) == [[]]
    assert commit(store.conninfo, release(held(b"d"))) == [[(True,)]]
    commit(store.conninfo, claim(held(b"d"), b"body", "boot1"), keep_answer(held(b"d"), 200, b"x"))
    assert commit(store.conninfo, release(held(b"d"))) == [[]]


def test_who_was_taken_over_keeps_no_answer_any_more(store: Database) -> None:
    commit(store.conninfo, claim(held(b"d"), b"body", "boot1"))
    assert commit(store.conninfo, take_again(held(b"d", b"t2"), b"t1"))[0] == [(True,)]
    assert commit(store.conninfo, take_again(held(b"d", b"t3"), b"t1"))[0] == []
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, keep_answer(held(b"d"), 200, b"late"))
    commit(store.conninfo, keep_answer(held(b"d", b"t2"), 200, b"x"))
    assert commit(store.conninfo, take_again(held(b"d", b"t3"), b"t2"))[0] == []


def test_an_item_is_kept_once(store: Database) -> None:
    item = ItemClaim(b"d#1", "boot1")
    commit(store.conninfo, keep_answer(item, 200, b"x"))
    with pytest.raises(RowsDiffer):
        commit(store.conninfo, keep_answer(item, 200, b"y"))
    row = kept(store, b"d#1")
    assert row is not None
    assert row.answer == b"x"


def test_only_the_claim_of_a_daemon_that_is_silent_is_taken_over(store: Database) -> None:
    with store.engine.begin() as connection:
        heartbeat(connection, "alive", "http://a")
    for one, boot in ((b"a", "alive"), (b"b", "dead"), (b"c", "dead")):
        commit(store.conninfo, claim(held(one), b"x", boot))
    commit(store.conninfo, keep_answer(held(b"c"), 200, b"x"))
    taken = [
        commit(store.conninfo, take_over(held(digest, b"t2"), boot, "me", silent_s=30))[0]
        for digest, boot in ((b"a", "alive"), (b"b", "dead"), (b"b", "dead"), (b"c", "dead"))
    ]
    assert taken == [[], [(True,)], [], []]
    row = kept(store, b"b")
    assert row is not None
    assert (row.boot_id, row.token) == ("me", b"t2")


def test_old_claims_are_purged_in_portions(store: Database) -> None:
    commit(store.conninfo, *(claim(held(bytes([n])), b"x", "boot") for n in range(5)))
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE idempotency SET created_at = now() - interval '25 h' WHERE digest < '\\x04'"))
    purged = []
    for _ in range(3):
        with store.engine.begin() as connection:
            purged.append(purge_older_than(connection, timedelta(hours=24), rows_max=3))
    assert purged == [3, 1, 0]
    assert kept(store, b"\4") is not None


def test_nodes_live_while_they_show_signs_of_life(store: Database) -> None:
    for boot in ("old", "b", "a"):
        with store.engine.begin() as connection:
            heartbeat(connection, boot, f"http://{boot}")
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE nodes SET heartbeat_at = now() - interval '2 days' WHERE boot_id = 'old'"))
        assert live_nodes(connection, 30) == ["b", "a"]
        heartbeat(connection, "b", "http://new")
        assert dict(connection.execute(text("SELECT boot_id, url FROM nodes")).all()) == {
            "b": "http://new",
            "a": "http://a",
        }


def test_a_notice_reaches_the_listeners_after_the_commit(migrated_database: str) -> None:
    with psycopg.connect(migrated_database, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}".encode())
        commit(migrated_database, notify("user", "a:b"), notify("keys"))
        found = [notice.payload for notice in listener.notifies(timeout=10, stop_after=2)]
    assert found == ["user:a:b", "keys:"]


def test_a_signup_attempt_may_lack_device_and_address(store: Database) -> None:
    """What is missing stays absent."""
    bare = CheckAction(user_id="eve", action_type="signup", api_key_id="k", received_s=0.0)
    full = CheckAction(
        user_id="bob", action_type="signup", device_id="d", ip_address="::1", api_key_id="k", received_s=0.0,
        occurred_ms=5,
    )  # fmt: skip
    commit(store.conninfo, signup_attempt(bare, NOON_MS), signup_attempt(full, 5))
    with psycopg.connect(store.conninfo) as connection:
        rows = connection.execute(
            "SELECT user_id, device_id, host(ip_address), flag_type, backfill, inserted_at"
            " FROM device_flags ORDER BY id"
        )
        assert rows.fetchall() == [
            ("eve", None, None, "signup", False, NOON),
            ("bob", "d", "::1", "signup", True, datetime(1970, 1, 1, 0, 0, 0, 5000, UTC)),
        ]


def test_a_device_has_any_number_of_flags(store: Database) -> None:
    flag: dict[str, Any] = {
        "device_id": "d", "ip_address": None, "user_id": None, "risk_thousandths": 2000, "details": {"a": 1},
        "at_ms": NOON_MS,
    }  # fmt: skip
    commit(store.conninfo, *add_flag("fraud", **flag), *add_flag("fraud", **flag))
    with pytest.raises(ValueError, match="kept for attempts"):
        add_flag("signup", **flag)


def test_an_act_with_personal_keys_is_written_without_them(store: Database) -> None:
    """Refusing them would leave holes in the trail."""
    details = {
        "parent_email": "mum@example.com",
        "parentPhone": 5550100,
        "first_name": "Ada",
        "list_name": "blocks",
        "note": "call mum@example.com or +1 (555) 010-0199\0\ud800",
        "nested": [{"message": {"deep": "secret"}}],
        "until": datetime(2026, 1, 2, tzinfo=UTC),
        "count": 3,
        "id": "123456789012",
    }
    entry = audit_entry("block.add", "key1", at_ms=NOON_MS, subject=("user", "ada"), details=details, request_id="r1")
    commit(store.conninfo, entry)
    with psycopg.connect(store.conninfo) as connection:
        row = connection.execute(
            "SELECT at, author, act, subject_kind, subject_id, details, request_id, sequence FROM audit"
        ).fetchone()
    assert row == (
        NOON, "key1", "block.add", "user", "ada",
        {
            "parent_email": REDACTED,
            "parentPhone": REDACTED,
            "first_name": REDACTED,
            "list_name": "blocks",
            "note": f"call {REDACTED} or {REDACTED}�?",
            "nested": [{"message": REDACTED}],
            "until": "2026-01-02T00:00:00+00:00",
            "count": 3,
            "id": "123456789012",
        },
        "r1", None,
    )  # fmt: skip


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(details=st.dictionaries(st.text(), anything, max_size=5))
def test_no_details_are_ever_refused(details: dict[str, Any]) -> None:
    entry = audit_entry("act", "author", at_ms=NOON_MS, details=details)
    assert isinstance(json.loads(entry.parameters[5]), dict)


@pytest.mark.parametrize("size", [10_000, 100_000])
def test_large_details_are_cut_and_hostile_ones_cost_no_time(size: int) -> None:
    assert len(redacted("+1" + " (5" * size)) < 2000
    assert len(redacted(list(range(size)))) == 200
    deep: Any = "end"
    for _ in range(50):
        deep = [deep]
    assert redacted(deep) == [[[[[["…"]]]]]]
