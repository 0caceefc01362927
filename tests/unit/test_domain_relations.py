"""Who may act on somebody else's data, cell by cell, and what a decision makes of it."""

from itertools import product

import pytest

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import Consent, ConsentMethod, ConsentStatus, DataClass, RecipientClass
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, Relation
from viral_engine.domain.matrix import ActionClass
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED
from viral_engine.domain.reasons import Reason
from viral_engine.domain.relations import may_act

# Each line: the class; whether the person, a guardian, a tutor, their school and a stranger may.
EXPECTED = """
    operate         y y y y -
    collect         y y y y -
    ai_process      y y - y -
    show_own_parent y y - y -
    show_tutor      y y y y -
    social          y y - y -
    disclose        y y - y -
    public_share    y y - y -
    record_share    y y - y -
    prompt_invite   y y - y -
    reward          y y - y -
    export          y y - y -
    delete          y y - y -
    unlisted        y y - y -
"""
CELLS = [
    (relation, ActionClass(line.split()[0]), line.split()[1 + column] == "y")
    for line in EXPECTED.strip().splitlines()
    for column, relation in enumerate(Relation)
]
NOW_MS = 1_800_000_000_000
SERVICE = Consent(
    id="c", scope="service", method=ConsentMethod.SIGNED_FORM, guardian="mum", granted_ms=NOW_MS - 1, policy_version=1
)


def of_tutor(action: str, band: AgeBand = AgeBand.UNDER_13, *consents: Consent, **fields: object) -> Facts:
    facts = Facts(action, NOW_MS, band, Relation.TUTOR, "us", consents=consents)
    return facts._replace(**fields)  # type: ignore[arg-type]  # fields of facts


@pytest.mark.parametrize(("relation", "action_class", "expected"), CELLS)
def test_each_cell_says_who_may_act(relation: Relation, action_class: ActionClass, *, expected: bool) -> None:
    assert may_act(relation, action_class) is expected


def test_every_relation_and_class_has_a_cell() -> None:
    assert [cell[:2] for cell in CELLS] == [(to, of) for of, to in product(ActionClass, Relation)]


@pytest.mark.parametrize("action", ["message", "upload", "profile_update", "recording", "transcript_view"])
@pytest.mark.parametrize("version", sorted(SHIPPED))
def test_what_a_tutor_does_for_a_child_is_judged_by_the_childs_consents(action: str, version: int) -> None:
    without = evaluate(SHIPPED[version], of_tutor(action))
    assert (without.outcome, without.reasons) == (Outcome.DENY, (Reason.PARENTAL_CONSENT_REQUIRED,))
    decision = evaluate(SHIPPED[version], of_tutor(action, AgeBand.UNDER_13, SERVICE))
    assert (decision.outcome, decision.reasons, decision.consent.basis) == (Outcome.ALLOW, (), "c")


def test_a_tutor_of_somebody_whose_age_needs_no_consent_needs_none() -> None:
    decision = evaluate(DEFAULT_POLICY, of_tutor("transcript_view", AgeBand.FROM_13_TO_17))
    assert (decision.outcome, decision.consent.state) == (Outcome.ALLOW, ConsentStatus.NOT_REQUIRED)
    unknown = evaluate(DEFAULT_POLICY, of_tutor("transcript_view", AgeBand.UNKNOWN))
    assert Reason.AGE_UNKNOWN in unknown.reasons


@pytest.mark.parametrize(
    "action",
    [
        "data_export", "data_delete", "public_profile", "share_personal_info", "social_features", "record_share",
        "recap_view", "ai_processing", "loop_prompt", "reward_grant", "an_unlisted_one",
    ],
)  # fmt: skip
def test_what_is_not_for_tutors_is_refused_of_an_adult_too(action: str) -> None:
    decision = evaluate(DEFAULT_POLICY, of_tutor(action, AgeBand.ADULT))
    assert decision.outcome is Outcome.DENY
    assert Reason.NOT_AUTHORIZED_FOR_SUBJECT in decision.reasons


@pytest.mark.parametrize(
    ("recipient", "is_allowed"),
    [
        (RecipientClass.TUTOR, True), (RecipientClass.PARENT, True), (RecipientClass.PUBLIC, False),
        (RecipientClass.OTHER_USERS, False), (RecipientClass.PARTNER, False), (RecipientClass.AI_TRAINING, False),
    ],
)  # fmt: skip
def test_a_tutor_gives_nothing_to_a_third_party(recipient: RecipientClass, *, is_allowed: bool) -> None:
    decision = evaluate(DEFAULT_POLICY, of_tutor("message", AgeBand.ADULT, recipient=recipient))
    assert (Reason.NOT_AUTHORIZED_FOR_SUBJECT not in decision.reasons) is is_allowed


def test_what_the_record_is_named_opens_nothing_to_a_tutor() -> None:
    record = of_tutor("record_share", AgeBand.ADULT, data_class=DataClass.EDUCATION_RECORD)
    assert Reason.NOT_AUTHORIZED_FOR_SUBJECT in evaluate(DEFAULT_POLICY, record).reasons
