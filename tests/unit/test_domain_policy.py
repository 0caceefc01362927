"""Policies and facts as stored: exact both ways, and refused when they cannot work."""

import json
from typing import Any

import pytest

from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import Facts, Velocity, WindowUse, facts_from_dict, facts_to_dict
from viral_engine.domain.policy import DEFAULT_POLICY, policy_from_dict, policy_to_dict


def stored() -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(policy_to_dict(DEFAULT_POLICY)))
    return plain


def test_the_default_policy_survives_its_storage() -> None:
    assert policy_from_dict(stored()) == DEFAULT_POLICY


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2),
        (("version",), "1"),
        (("version",), True),
        (("mode",), "later"),
        (("surprise",), 1),
        (("matrix", "us", "social"), {}),
        (("matrix",), {}),
        (("weights", "trust_cap"), -1),
        (("weights", "trust", "email_verified"), -1),
        (("weights", "velocity", "device_users", "each"), -1),
        (("weights", "velocity", "devices_users"), {"each": 1, "why": "a slip of the pen"}),
        (("weights", "trust", "friend"), 1),
        (("weights", "referral", "self_referral", "each"), 1),
        (("weights", "flags", "decay_days"), 0),
        (("weights", "tiers"), [{"score": 2, "outcome": "deny"}, {"score": 1, "outcome": "review"}]),
        (("weights", "tiers"), [{"score": 1, "outcome": "deny"}, {"score": 2, "outcome": "review"}]),
    ],
)
def test_a_policy_that_cannot_work_is_refused_with_its_place(path: tuple[str, ...], value: object) -> None:
    plain = stored()
    inner = plain
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(Invalid) as caught:
        policy_from_dict(plain)
    assert caught.value.field.startswith("policy")


def test_recorded_facts_are_small_and_hold_what_differs() -> None:
    facts = Facts(action="general", now_ms=5, windows=(WindowUse("device", 3, 41),), velocity=Velocity(device_users=1))
    assert facts_to_dict(facts) == {
        "schema": 1,
        "action": "general",
        "now_ms": 5,
        "windows": [["device", 3, 41]],
        "velocity": {"device_users": 1},
    }


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"schema": None},
        {"email": "a@b.example"},
        {"now_ms": 1.5},
        {"now_ms": True},
        {"band": "adult"},
        {"windows": [["device", 3]]},
        {"windows": "device"},
        {"velocity": []},
        {"consents": [{"id": "c"}]},
    ],
)
def test_facts_of_another_schema_or_shape_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        facts_from_dict({"schema": 1, "action": "general", "now_ms": 5} | change)
    with pytest.raises(Invalid):
        facts_from_dict({"schema": 1, "action": "general"})
