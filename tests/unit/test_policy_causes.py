"""What the trial of a policy tells of a decision that it changes: why, of whom and of which action."""

from __future__ import annotations

from typing import Any

import pytest

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.duplicates import SignupUse
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, ListHit, ListKind, Velocity, WindowUse, facts_to_dict
from viral_engine.domain.policy import SHIPPED, versioned
from viral_engine.domain.policy_file import policy_of
from viral_engine.domain.policy_trial import Trial

BUSY = Facts(action="general", now_ms=1, velocity=Velocity(device_users=5, user_refusals=4))
"""Scores 2,500 + 1,200."""

USED = Facts(action="general", now_ms=1, windows=(WindowUse("user_action", 5, 9), WindowUse("address", 700, 9)))
CHILD = Facts(action="invite", now_ms=1, band=AgeBand.UNDER_13, content_kinds=("email",))
SIGNUP = Facts(action="signup", now_ms=1, signup=SignupUse(device_others=1), household_members=6, in_household=True)
ALLOWED = USED._replace(allows=(ListHit(ListKind.IP, "a1"),))
ODD = Facts(action="ask.tutor", now_ms=1)


def record(facts: Facts, version: int = 4) -> dict[str, Any]:
    decided = evaluate(SHIPPED[version], facts)
    return {
        "decision_id": "d1", "user_id": "kid", "action_type": facts.action, "facts": facts_to_dict(facts),
        "policy": {"id": "default", "version": version}, "decision": decided.outcome.value,
        "reasons": [reason.value for reason in decided.reasons], "score": decided.score,
    }  # fmt: skip


def tried(source: str, *records: dict[str, Any]) -> Trial:
    trial = Trial(policy_of(source), {**SHIPPED, 9: versioned(policy_of("[tiers]\ndeny = 7001\n"), 9)}.__getitem__)
    for one in records:
        trial.add(one)
    return trial


@pytest.mark.parametrize(
    ("facts", "source", "why"),
    [
        (BUSY, "[tiers]\nchallenge = 3000\n", ("tier challenge from 3,000, was 4,000",)),
        (BUSY, "[tiers]\nallow_flagged = 3900\n",
         ("tier allow_flagged from 3,900, was 2,000", "-fraud_suspected")),
        # Of the tiers between, none decides.
        (BUSY, "[tiers]\nallow_flagged = 100\nchallenge = 200\nreview = 300\n", ("tier review from 300, was 5,500",)),
        (BUSY, "[score.velocity.device_users]\neach = 3000\n", ("device_users +500",)),
        (BUSY, "[score.velocity]\ndevice_users = { each = 0 }\nuser_refusals = { each = 325 }\n",
         ("device_users -2,500", "user_refusals +100", "-fraud_suspected")),
        (BUSY, "[[rule]]\nname = 'mine'\nweight = 900\nwhen = { fact = 'has_school', is = false }\n", ("mine +900",)),
        (USED._replace(windows=USED.windows[:1]), "[limits.user_action]\nattempts = 5\nseconds = 90\n", (
            "limit user_action 5 in 90 s, was 10 in 60 s", "+rate_limited")),
        (USED, "[limits.address]\nattempts = 701\n", ("limit address 701 in 60 s, was 600 in 60 s", "-rate_limited")),
        (USED, "[actions.general]\nlimits = []\n", ("limit address none, was 600 in 60 s", "-rate_limited")),
        (USED, "[limits.address]\nreason = 'duplicate_share'\n", (
            "limit address told as duplicate_share, was rate_limited", "+duplicate_share", "-rate_limited")),
        (ALLOWED, "[allow_lifts]\nip = []\n", ("limit address 600 in 60 s, was none", "+rate_limited")),
        (CHILD, "[content.private]\nunder_13 = 'review'\n", ("content content_pii review, was deny",)),
        (CHILD._replace(action="message", content_kinds=()),
         "[matrix.'*'.collect]\nunder_13 = 'none'\n", (
            "consent not_required, was missing", "-parental_consent_required")),
        (SIGNUP, "[signup]\ndevice_others_max = 1\n", (
            "signup.device_others_max 1, was 0", "-duplicate_signup")),
        (SIGNUP, "[signup]\nhousehold_members_max = 5\n", ("signup.household_members_max 5, was 8", "+household_grew")),
        (SIGNUP, "[actions.signup]\nsignup = false\n", ("actions.signup.signup false, was true", "-duplicate_signup")),
        (ODD, "[actions.'ask.tutor']\nclass = 'operate'\n", (
            "unknown_action -1,000", "actions.ask.tutor added", "consent not_required, was missing",
            "-age_unknown", "-parental_consent_required", "-unknown_action")),
    ],
)  # fmt: skip
def test_a_decision_that_changes_is_told_with_what_makes_it_so(facts: Facts, source: str, why: tuple[str, ...]) -> None:
    [change] = tried(source, record(facts)).changes
    assert change.why == why
    assert (change.user_id, change.action_type) == ("kid", facts.action)


def test_what_differs_and_bears_on_nothing_of_the_attempt_is_not_told() -> None:
    source = (
        "[tiers]\nchallenge = 3000\n[limits.user_action]\nattempts = 4\n[content]\nsecret = 'review'\n[signup]\n"
        "device_others_max = 3\n[actions.general]\nclass = 'show_tutor'\n[score.velocity.phone_users]\neach = 9\n"
    )
    adult = BUSY._replace(band=AgeBand.ADULT)
    [change] = tried(source, record(adult)).changes
    assert change.why == ("tier challenge from 3,000, was 4,000",)


def test_decisions_are_counted_by_their_causes() -> None:
    source = "[tiers]\nchallenge = 3000\n[limits.address]\nattempts = 800\n"
    trial = tried(source, *[record(BUSY)] * 3, *[record(USED)] * 2, record(Facts(action="general", now_ms=1)))
    assert (trial.cohorts["all"].changed, trial.causes) == (5, {"tier challenge": 3, "limit address": 2})


def test_facts_that_are_not_those_it_was_decided_on_are_a_cause_themselves() -> None:
    [change] = tried("[tiers]\ndeny = 7500\n", {**record(BUSY), "decision": "deny"}).changes
    assert change.why == ("on these facts version 4 says allow_flagged",)


def test_each_decision_is_compared_with_the_version_that_decided_it() -> None:
    heavy = BUSY._replace(velocity=Velocity(device_users=7))
    [change] = tried("[tiers]\ndeny = 8000\n", {**record(heavy), "policy": {"id": "mine", "version": 9}}).changes
    assert change.why[0] == "tier deny from 8,000, was 7,001"
