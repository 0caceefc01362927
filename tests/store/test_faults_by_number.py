"""Faults of the system before this one, by the number of the list, on a real journal, reader and database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from data_actors import outcome
from test_trust_safety import PATH, Engine, engine

from viral_engine.messages.access import RemoveEntry
from viral_engine.store.engine import Database

LISTED = {
    "user": ("listed", {}, "user_blocked"),
    "device": ("d-listed", {"device_id": "d-listed"}, "device_blocked"),
    "ip": ("192.0.2.77", {"ip_address": "192.0.2.77"}, "ip_blocked"),
    "email_domain": ("listed.example", {"email": "kid@listed.example"}, "email_domain_blocked"),
}


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def test_fault_002_checks_without_device_and_address_end_nobody(running: Engine) -> None:
    for action in ("general", "login", "signup", "share", "public_profile", "no_such_action"):
        assert isinstance(running.reasons("bare", action), list)
    assert running.system.registry.actors[PATH].incarnation == 1


def test_fault_012_a_refused_check_makes_nobody_s_next_one_a_duplicate(running: Engine) -> None:
    entry = outcome(running.block("ann"))
    for device in ("d", "e"):
        assert running.reasons("ann", "signup", device_id=device) == ["user_blocked"]
    lift = RemoveEntry(list_name="blocks", entry_id=entry.entry_id, author="ada", reason="a mistake")
    assert outcome(running.ask(lift)) is None
    assert "duplicate_signup" not in running.reasons("ann", "signup", device_id="e")
    # Nor was the refused one booked for others, as the admitted one is.
    assert "duplicate_signup" not in running.reasons("bob", "signup", device_id="d")
    assert "duplicate_signup" in running.reasons("bob", "signup", device_id="e")


def test_fault_014_a_signup_needs_no_user_that_exists(running: Engine) -> None:
    assert running.reasons("nobody-yet", "signup", device_id="new", ip_address="192.0.2.1") == []


def test_fault_018_every_kind_of_block_is_there_again_after_a_new_start(store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path) as before:
        for kind, (value, _, _) in LISTED.items():
            outcome(before.block(value, kind=kind))
    with engine(store, tmp_path) as after:
        for kind, (_, fields, reason) in LISTED.items():
            assert reason in after.reasons("listed" if kind == "user" else f"by-{kind}", **fields)


def test_fault_031_what_else_somebody_does_on_a_device_is_no_signup(running: Engine) -> None:
    for action in ("general", "login", "share", "invite"):
        assert running.reasons("ann", action, device_id="d", ip_address="192.0.2.1") == []
    assert "duplicate_signup" not in running.reasons("bob", "signup", device_id="d", ip_address="192.0.2.1")


def test_fault_041_who_sends_neither_device_nor_school_is_limited_by_their_own_count(running: Engine) -> None:
    assert [running.reasons("bare") for _ in range(11)] == [[]] * 10 + [["rate_limited"]]
    assert running.reasons("another") == []
