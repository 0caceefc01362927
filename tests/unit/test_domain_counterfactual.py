"""What would have let an attempt through: the smallest sets, and only what a user or a guardian can do."""

from __future__ import annotations

import pytest

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import Consent, ConsentMethod, DataClass, RecipientClass
from viral_engine.domain.counterfactual import Step, what_would_allow
from viral_engine.domain.facts import Facts, ListHit, ListKind, Relation, Trust, Velocity, WindowUse
from viral_engine.domain.policy import DEFAULT_POLICY

CHILD = {"action": "share_personal_info", "band": AgeBand.UNDER_13}
WITHDRAWN = Consent(
    id="c1", scope="third_party:other_users/contact", method=ConsentMethod.SIGNED_FORM, guardian="mum", granted_ms=1,
    withdrawn_ms=2,
)  # fmt: skip


def steps(**known: object) -> list[set[str]]:
    facts = Facts(**{"action": "general", "now_ms": 10, "band": AgeBand.ADULT, **known})  # type: ignore[arg-type]
    return [{step.value for step in found} for found in what_would_allow(DEFAULT_POLICY, facts)]


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ({}, []),
        ({"missing": ("device_id",)}, []),
        ({"velocity": Velocity(device_users=6)}, [{"verify_payment"}]),
        ({"velocity": Velocity(device_users=6), "trust": Trust(phone_verified=True, payment_verified=True)}, []),
        ({"velocity": Velocity(device_users=9)}, []),
        ({"velocity": Velocity(device_users=9), "blocks": (ListHit(ListKind.USER, "b"),)}, []),
        ({"windows": (WindowUse("user_action", 10, 99),)}, [{"wait"}]),
        (CHILD, [{"consent"}]),
        ({**CHILD, "consents": (WITHDRAWN,)}, [{"consent"}]),
        ({**CHILD, "windows": (WindowUse("user_action", 10, 99),)}, [{"consent", "wait"}]),
        ({**CHILD, "relation": Relation.NONE}, []),
        (
            {"data_class": DataClass.EDUCATION_RECORD, "recipient": RecipientClass.PUBLIC, "band": AgeBand.UNKNOWN},
            [{"consent"}],
        ),
    ],
)
def test_the_smallest_sets_of_steps_are_found(known: dict[str, object], wanted: list[set[str]]) -> None:
    assert steps(**known) == wanted


def test_every_step_is_one_that_somebody_outside_can_take() -> None:
    assert {step.value for step in Step} == {
        "verify_email", "verify_phone", "verify_payment", "consent", "wait", "name_device_and_address",
        "leave_out_details",
    }  # fmt: skip
