"""Whom a block would hit: counted from what is recorded, within bounds that the answer tells."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import psycopg
import pytest
from rows import NOON_MS, commit, copy_in, decision
from test_people import consent, consent_id, put, verified

from viral_engine.messages.access import EntryKind
from viral_engine.messages.would_hit import HIT_IDS_MAX, ReadWouldHit, WouldHit
from viral_engine.store.consents import withdraw_consent
from viral_engine.store.engine import Database
from viral_engine.store.statements import instant_of
from viral_engine.store.would_hit import BOUNDS, Bounds, read_would_hit

DAY_MS = 86_400_000
SINCE_MS = NOON_MS - 30 * DAY_MS
PATIENT = Bounds(budget_s=60.0)


def asked(store: Database, kind: EntryKind, value: str, bounds: Bounds = PATIENT) -> WouldHit:
    with store.engine.connect() as connection:
        return read_would_hit(connection, [ReadWouldHit(kind=kind, value=value, since_ms=SINCE_MS)], bounds)[0]


def attempts(store: Database, *of: dict[str, Any]) -> None:
    copy_in(store.conninfo, [decision(**one) for one in of])


def test_a_device_an_address_and_a_network_hit_whoever_had_a_decision_with_them(store: Database) -> None:
    attempts(
        store,
        {"user_id": "1", "device_id": "d-1", "ip_address": "192.0.2.7"},
        {"user_id": "1", "device_id": "d-1", "ip_address": "192.0.2.7"},
        {"user_id": "2", "device_id": "d-1", "ip_address": "192.0.2.8"},
        {"user_id": "3", "device_id": "d-3", "ip_address": "2001:db8::1"},
        {"user_id": "4"},
    )
    assert asked(store, "device", "d-1").user_ids == ["1", "2"]
    assert asked(store, "ip", "192.0.2.8").user_ids == ["2"]
    assert asked(store, "ip", "2001:db8::1").user_ids == ["3"]
    assert asked(store, "network", "192.0.2.0/24").user_ids == ["1", "2"]
    assert asked(store, "network", "2001:db8::/32").user_ids == ["3"]
    nobody = asked(store, "device", "d-9")
    assert (nobody.user_count, nobody.household_count, nobody.school_count) == (0, 0, 0)
    assert (nobody.looked_at, nobody.complete, nobody.since) == (5, True, instant_of(SINCE_MS))


def test_what_was_recorded_before_the_span_hits_nobody(store: Database) -> None:
    attempts(store, {"user_id": "old", "device_id": "d-1", "at_ms": SINCE_MS - 1})
    attempts(store, {"user_id": "new", "device_id": "d-1", "at_ms": SINCE_MS})
    assert asked(store, "device", "d-1").user_ids == ["new"]
    assert asked(store, "user", "old").user_count == 0


def test_a_domain_hits_its_users_and_those_of_the_domains_below_it(store: Database) -> None:
    emails = {"1": "a@example.org", "2": "b@mail.example.org", "3": "c@notexample.org", "4": "d@org"}
    commit(store.conninfo, *(one for user, email in emails.items() for one in put(user, email=email)))
    found = asked(store, "email_domain", "example.org")
    assert (found.user_ids, found.looked_at, found.since, found.complete) == (["1", "2"], 4, None, True)


def test_a_user_is_hit_of_whom_anything_is_known(store: Database) -> None:
    commit(store.conninfo, *put("1"), *consent(1, "4", "5"), *verified("6", "email_verified"))
    attempts(store, {"user_id": "2"})
    assert [asked(store, "user", user).user_ids for user in "123456"] == [
        ["1"], ["2"], [], ["4"], ["5"], ["6"],
    ]  # fmt: skip


def test_verified_households_and_schools_of_the_users_are_named(store: Database) -> None:
    commit(store.conninfo, *put("kid1", school_id="s-1"), *put("kid2", school_id="s-1"), *put("kid3", school_id="s-2"))
    commit(
        store.conninfo,
        # One family of two guardians, one whose children are two, one that was taken back, one that only says so.
        *consent(1, "kid1", "mum1"), *consent(2, "kid1", "dad1"), *consent(3, "kid2", "mum2"),
        *consent(4, "other", "mum2"), *consent(5, "kid3", "mum3"), *put("kid4", household_id="h-1"),
        *withdraw_consent(consent_id(5), "kid3", objection_id=consent_id(900), author="key1", at_ms=NOON_MS + 9),
    )  # fmt: skip
    attempts(store, *({"user_id": user, "device_id": "d-1"} for user in ("kid1", "dad1", "kid2", "kid3", "kid4")))
    found = asked(store, "device", "d-1")
    assert found.user_count == 5
    assert (found.household_count, found.households) == (2, [["dad1", "mum1"], ["mum2"]])
    assert (found.school_count, found.school_ids) == (2, ["s-1", "s-2"])
    assert asked(store, "user", "mum2").households == [["mum2"]]


def test_all_are_counted_and_two_hundred_are_named(store: Database) -> None:
    attempts(store, *({"user_id": f"u{number:03}", "device_id": "d-1"} for number in range(HIT_IDS_MAX + 30)))
    found = asked(store, "device", "d-1")
    assert (found.user_count, len(found.user_ids), found.complete) == (HIT_IDS_MAX + 30, HIT_IDS_MAX, True)


def test_a_look_that_ends_at_a_bound_has_seen_the_newest_and_says_so(store: Database) -> None:
    attempts(store, *({"user_id": f"u{n}", "device_id": "d-1", "at_ms": NOON_MS - n * 1_000} for n in range(10)))
    at_rows = asked(store, "device", "d-1", Bounds(rows=5, page=2, budget_s=60.0))
    assert (at_rows.user_ids, at_rows.looked_at, at_rows.complete) == (["u0", "u1", "u2", "u3", "u4"], 5, False)
    assert at_rows.since == instant_of(NOON_MS - 4_000)
    at_users = asked(store, "device", "d-1", Bounds(users=3, page=2, budget_s=60.0))
    assert (at_users.user_count, at_users.complete) == (3, False)
    at_once = asked(store, "device", "d-1", Bounds(budget_s=0.0))
    assert (at_once.user_count, at_once.looked_at, at_once.complete) == (0, 0, False)
    in_pages = asked(store, "device", "d-1", Bounds(page=3, budget_s=60.0))
    assert (in_pages.user_count, in_pages.looked_at, in_pages.complete) == (10, 10, True)


def test_an_answer_holds_neither_an_email_nor_a_phone(store: Database) -> None:
    commit(store.conninfo, *put("1", email="secret@example.org", phone="+14155550147"))
    told = msgspec.json.encode(asked(store, "email_domain", "example.org")).decode()
    assert '"1"' in told
    assert [one for one in ("secret", "4155550147") if one in told] == []


@pytest.mark.parametrize("kind", get_args(EntryKind))
def test_nothing_is_stored_and_the_time_out_is_of_the_question_alone(store: Database, kind: EntryKind) -> None:
    value = {"ip": "192.0.2.7", "network": "192.0.2.0/24"}.get(kind, "x.org")
    asked(store, kind, value, BOUNDS)
    with psycopg.connect(store.conninfo) as connection:
        assert connection.execute("SELECT count(*) FROM blocks").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (0,)
    with store.engine.connect() as again:
        assert again.exec_driver_sql("SHOW statement_timeout").scalar_one() == "5s"
