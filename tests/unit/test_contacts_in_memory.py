"""Who else uses an e-mail's domain or a phone number: counted within a day, families and public providers aside."""

from __future__ import annotations

from typing import Any

from viral_engine import config
from viral_engine.actors.growth.trust_safety.decide import decide
from viral_engine.actors.growth.trust_safety.held import Memory, empty_memory
from viral_engine.actors.growth.trust_safety.policies import Policies
from viral_engine.actors.growth.trust_safety.profiles import Profile
from viral_engine.domain.uuid7 import Uuid7Source
from viral_engine.messages.checks import CheckAction
from viral_engine.runtime.testing import ManualClock


def a_memory() -> Memory:
    return empty_memory(config.load().trust_safety, Policies())


def facts_of(
    memory: Memory, clock: ManualClock, user: str, household: frozenset[str] = frozenset(), **more: Any
) -> str:
    """The recorded facts of one check."""
    memory.profiles.put(Profile(user_id=user, household=household))
    request = CheckAction(
        user_id=user,
        **{"action_type": "signup", "device_id": f"d-{user}", "api_key_id": "k", "received_s": 0.0, **more},
    )
    return decide(memory, request, clock, Uuid7Source(bytes)).row.facts.decode()


def test_sign_ups_with_one_domain_are_counted_by_distinct_users_and_not_the_users_own() -> None:
    memory, clock = a_memory(), ManualClock()
    for number in range(12):
        facts_of(memory, clock, f"u{number}", email=f"{number}@farm.example")
    assert '"domain_signups":11' in facts_of(memory, clock, "u0", email="0@farm.example")
    assert '"domain_signups":12' in facts_of(memory, clock, "new", email="x@farm.example")


def test_a_public_providers_domain_says_nothing() -> None:
    memory, clock = a_memory(), ManualClock()
    for number in range(12):
        facts_of(memory, clock, f"u{number}", email=f"{number}@gmail.com")
    assert "domain_signups" not in facts_of(memory, clock, "new", email="x@gmail.com")


def test_other_users_of_a_phone_number_are_counted_and_the_household_is_not() -> None:
    memory, clock = a_memory(), ManualClock()
    for user in ("a", "b", "c"):
        facts_of(memory, clock, user, phone="+14155550132", action_type="invite")
    assert '"phone_users":3' in facts_of(memory, clock, "d", phone="+14155550132", action_type="invite")
    family = frozenset({"a", "b"})
    assert '"phone_users":2' in facts_of(memory, clock, "e", family, phone="+14155550132", action_type="invite")


def test_after_a_day_they_are_forgotten() -> None:
    memory, clock = a_memory(), ManualClock()
    facts_of(memory, clock, "a", phone="+14155550132")
    clock.advance(86_400.001)
    assert "phone_users" not in facts_of(memory, clock, "b", phone="+14155550132")
