"""Families and farms on one device and address: what is proved goes through, what is not does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from data_actors import outcome
from test_trust_safety import FORM, Engine, engine

from viral_engine.messages.people import AddConsent, ConsentBody, PutUser, UserBody
from viral_engine.store.engine import Database

PLACE = {"device_id": "kitchen-laptop", "ip_address": "192.0.2.7"}


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def parent(on: Engine, name: str) -> None:
    body = UserBody(persona="parent", date_of_birth=date(1985, 5, 5))
    assert outcome(on.ask(PutUser(user_id=name, body=body, author="host"))) is True


def child(on: Engine, name: str, *guardians: str) -> None:
    body = UserBody(persona="student", date_of_birth=date(2015, 5, 5), guardian_ids=list(guardians))
    assert outcome(on.ask(PutUser(user_id=name, body=body, author="host"))) is True
    for guardian in guardians:
        consent = ConsentBody(
            scope="service", method="signed_form", guardian_id=guardian, evidence=FORM, policy_version="1"
        )
        assert isinstance(outcome(on.ask(AddConsent(user_id=name, body=consent, author="host"))), str)


def signups(on: Engine, *names: str) -> list[tuple[str, list[str]]]:
    found: list[Any] = [msgspec.json.decode(outcome(on.check(name, "signup", **PLACE)).answer) for name in names]
    return [(one["decision"], one["reasons"]) for one in found]


def test_a_verified_family_of_five_signs_up_on_one_device_and_address_without_a_denial(running: Engine) -> None:
    for name in ("ann", "bob"):
        parent(running, name)
    for name in ("kid1", "kid2", "kid3"):
        child(running, name, "ann", "bob")
    found = signups(running, "ann", "bob", "kid1", "kid2", "kid3")
    assert [decision for decision, _ in found if decision == "deny"] == []
    # Three children new in a month: a person looks, and nobody is refused.
    assert {reason for _, reasons in found for reason in reasons} == {"household_grew"}


def test_a_family_of_four_whose_children_are_proved_is_not_even_looked_at(running: Engine) -> None:
    for name in ("ann", "bob"):
        parent(running, name)
    for name in ("kid1", "kid2"):
        child(running, name, "ann", "bob")
    assert signups(running, "ann", "bob", "kid1", "kid2") == [("allow", [])] * 4


def test_a_farm_of_six_with_different_parents_on_one_device_does_not_get_in(running: Engine) -> None:
    for number in range(6):
        parent(running, f"parent{number}")
        child(running, f"kid{number}", f"parent{number}")
    found = signups(running, *(f"kid{number}" for number in range(6)))
    assert [decision for decision, _ in found] == ["allow", *["deny"] * 5]
    assert all("duplicate_signup" in reasons for _, reasons in found[1:])


def test_one_parent_with_nine_new_children_goes_to_review(running: Engine) -> None:
    parent(running, "ann")
    for number in range(9):
        child(running, f"kid{number}", "ann")
    found = signups(running, "ann", *(f"kid{number}" for number in range(9)))
    assert found == [("review", ["household_grew"])] * 10
