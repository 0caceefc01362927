"""What two versions of the policy have otherwise is told value by value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED
from viral_engine.domain.policy_difference import VALUE_LENGTH_MAX, policy_difference
from viral_engine.domain.policy_file import policy_of
from viral_engine.domain.policy_text import policy_text

ONE = "[[rule]]\nname = 'one'\nweight = 400\nwhen = { fact = 'allowed', is = false }\n"
TWO = "[[rule]]\nname = 'two'\nweight = 100\ncap = 100\nwhen = { fact = 'reports', at_least = 2 }\n"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("[tiers]\ndeny = 6000\n", ["tiers.deny 7000 -> 6000"]),
        ("id = 'mine'\n[tiers]\ndeny = 7000\n", ['id "default" -> "mine"']),
        ("[score.velocity.device_users]\neach = 9\nlifted_by = ['user']\n", [
            "score.velocity.device_users.each 2500 -> 9",
            'score.velocity.device_users.lifted_by ["user", "ip", "network", "device"] -> ["user"]',
        ]),
        ("[consent]\nwithdrawal_ends_older = false\n", ["consent.withdrawal_ends_older true -> false"]),
        ("[allow_lifts]\ndevice = []\n", ['allow_lifts.device ["device"] removed']),
        ("[actions.'ask.tutor']\n", [
            'actions."ask.tutor".class "operate" added', 'actions."ask.tutor".data "any" added',
            'actions."ask.tutor".limits ["user_action"] added', 'actions."ask.tutor".outage "unavailable" added',
            'actions."ask.tutor".sensitive false added', 'actions."ask.tutor".signup false added',
        ]),
        (ONE + TWO, ["rule one added", "rule two added"]),
    ],
)  # fmt: skip
def test_each_value_that_a_file_changes_is_told_as_the_file_spells_it(source: str, told: list[str]) -> None:
    found = policy_difference(DEFAULT_POLICY, policy_of(source))
    assert found == told
    assert all(policy_difference(policy, policy) == [] for policy in (DEFAULT_POLICY, policy_of(source)))


def test_rules_of_the_same_name_are_compared_and_others_are_new_or_gone() -> None:
    both = policy_of(ONE + TWO)
    assert policy_difference(both, DEFAULT_POLICY) == ["rule one removed", "rule two removed"]
    assert policy_difference(both, policy_of(ONE)) == ["rule two removed"]
    assert policy_difference(both, policy_of(ONE.replace("400", "500") + TWO.replace("cap = 100\n", ""))) == [
        "rule.one.weight 400 -> 500", "rule.two.cap 100 removed",
    ]  # fmt: skip
    assert policy_difference(both, policy_of(TWO + ONE)) == ["the rules stand in another order"]


def test_a_long_condition_is_cut() -> None:
    many = "{ any = [" + ", ".join(["{ fact = 'reports', at_least = 2 }"] * 30) + "] }"
    [told] = policy_difference(policy_of(ONE), policy_of(ONE.replace("{ fact = 'allowed', is = false }", many)))
    assert len(told) < VALUE_LENGTH_MAX * 2 + 20
    assert told.startswith('rule.one.when { fact = "allowed", is = false } -> { any = [{ fact = "reports"')
    assert told.endswith("\N{HORIZONTAL ELLIPSIS}")


def test_of_the_shipped_versions_what_each_brought_is_told() -> None:
    assert policy_difference(SHIPPED[5], SHIPPED[6]) == [
        'score.velocity.domain_signups.lifted_by ["user"] -> ["user", "email_domain"]',
        'score.email_disposable.lifted_by [] -> ["email_domain"]',
    ]
    assert policy_difference(SHIPPED[4], SHIPPED[5]) == ["consent.withdrawal_ends_older false -> true"]
    # The number itself is no value, and neither is what the whole file does not hold.
    assert policy_difference(SHIPPED[5], replace(SHIPPED[5], version=77)) == []
    assert policy_difference(SHIPPED[3], policy_of(policy_text(SHIPPED[3]))) == []
