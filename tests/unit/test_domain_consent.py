"""Consent: what covers what, who outweighs whom, and every way in which a consent does not hold."""

from typing import Any

import pytest

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import (
    EVIDENCE,
    EVIDENCE_DATES,
    Consent,
    ConsentMethod,
    ConsentStatus,
    DataClass,
    Purpose,
    RecipientClass,
    Scope,
    check_evidence,
    check_method,
    consent_state,
    policy_version,
)
from viral_engine.domain.errors import Invalid
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts
from viral_engine.domain.policy import SHIPPED
from viral_engine.domain.reasons import Reason

PROFILE = Scope(Purpose.THIRD_PARTY, RecipientClass.PUBLIC, DataClass.PROFILE)
SERVICE = Scope(Purpose.SERVICE)


def consent(
    id: str = "c1",  # noqa: A002 - the field's name
    *,
    scope: str = "third_party:public",
    method: ConsentMethod = ConsentMethod.SIGNED_FORM,
    guardian: str = "mother",
    granted_ms: int = 100,
    withdrawn_ms: int | None = None,
    expires_ms: int | None = None,
    policy_version: int = 1,
) -> Consent:
    return Consent(
        id=id,
        scope=scope,
        method=method,
        guardian=guardian,
        granted_ms=granted_ms,
        withdrawn_ms=withdrawn_ms,
        expires_ms=expires_ms,
        policy_version=policy_version,
    )


def state(*rows: Consent, required: Scope = PROFILE, now_ms: int = 1_000) -> ConsentStatus:
    return consent_state(required, rows, now_ms).state


@pytest.mark.parametrize(
    "text",
    [
        "service",
        "service/contact",
        "ai_processing/transcript",
        "third_party:public",
        "third_party:partner/education_record",
    ],
)
def test_a_scope_reads_as_it_is_written(text: str) -> None:
    assert str(Scope.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "third_party", "service:public", "third_party:", "all", "service/", "service/x", "third_party:any"]
)
def test_what_is_not_of_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Scope.parse(text)


def test_what_a_scope_may_be_made_of_is_listed_where_one_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        Scope.parse("everything")
    for word in (*Purpose, *RecipientClass, *DataClass):
        assert str(word) in caught.value.reason


@pytest.mark.parametrize(
    ("given", "required", "covered"),
    [
        ("service", "service/contact", True),
        ("service/contact", "service", False),
        ("service/contact", "service/profile", False),
        ("service", "third_party:public", False),
        ("third_party:public", "service", False),
        ("third_party:public", "third_party:public/profile", True),
        ("third_party:public", "third_party:partner", False),
        ("third_party:public", "third_party:public/education_record", False),
        ("third_party:public/education_record", "third_party:public/education_record", True),
        ("service", "ai_processing/transcript", False),
        ("third_party:partner", "third_party:advertising", False),
    ],
)
def test_a_consent_covers_its_own_purpose_and_recipient_only(given: str, required: str, covered: bool) -> None:  # noqa: FBT001 - a table of cases
    """Disclosure apart from service (16 CFR 312.5(a)(2)), nothing bundled; records are named (34 CFR 99.30)."""
    assert Scope.parse(given).covers(Scope.parse(required)) is covered


def test_a_consent_by_signed_form_is_given_and_named_as_the_basis() -> None:
    found = consent_state(PROFILE, [consent("c7")], 1_000)
    assert (found.required, found.scope, found.basis, found.state) == (
        True,
        "third_party:public/profile",
        "c7",
        ConsentStatus.GIVEN,
    )


@pytest.mark.parametrize("method", list(ConsentMethod))
def test_only_email_plus_and_text_plus_cannot_carry_a_disclosure(method: ConsentMethod) -> None:
    """16 CFR 312.5(b)(2): both are for internal use only."""
    weak = method in {ConsentMethod.EMAIL_PLUS, ConsentMethod.TEXT_PLUS}
    assert state(consent(method=method)) is (ConsentStatus.METHOD_INSUFFICIENT if weak else ConsentStatus.GIVEN)
    assert state(consent(method=method, scope="service"), required=SERVICE) is ConsentStatus.GIVEN


def test_nothing_or_something_else_is_missing() -> None:
    assert state() is ConsentStatus.MISSING
    assert state(consent(scope="service")) is ConsentStatus.MISSING
    assert state(consent(granted_ms=2_000)) is ConsentStatus.MISSING


def test_a_consent_ends_at_its_expiry_and_with_an_older_policy() -> None:
    assert state(consent(expires_ms=1_001)) is ConsentStatus.GIVEN
    assert state(consent(expires_ms=1_000)) is ConsentStatus.EXPIRED
    found = consent_state(PROFILE, [consent(policy_version=1)], 1_000, policy_version_min=2)
    assert found.state is ConsentStatus.POLICY_OUTDATED


def test_a_withdrawal_holds_from_its_instant_on() -> None:
    assert state(consent(withdrawn_ms=1_001)) is ConsentStatus.GIVEN
    assert state(consent(withdrawn_ms=1_000)) is ConsentStatus.WITHDRAWN


def test_a_withdrawal_outweighs_another_guardians_earlier_consent() -> None:
    mother = consent("m", guardian="mother", granted_ms=100)
    father = consent("f", guardian="father", granted_ms=50, withdrawn_ms=200)
    assert state(mother, father) is ConsentStatus.WITHDRAWN
    assert state(father, mother) is ConsentStatus.WITHDRAWN


def test_at_the_same_instant_the_withdrawal_wins() -> None:
    assert (
        state(consent("m", guardian="mother", granted_ms=200), consent("f", guardian="father", withdrawn_ms=200))
        is ConsentStatus.WITHDRAWN
    )


def test_another_guardians_later_consent_counts() -> None:
    father = consent("f", guardian="father", granted_ms=50, withdrawn_ms=200)
    assert state(father, consent("m", guardian="mother", granted_ms=201)) is ConsentStatus.GIVEN


def test_who_withdrew_lifts_their_own_withdrawal_by_consenting_again() -> None:
    """However many rows that makes."""
    mother = consent("m", guardian="mother", granted_ms=100)
    father = consent("f1", guardian="father", granted_ms=50, withdrawn_ms=200)
    again = consent("f2", guardian="father", granted_ms=300)
    assert consent_state(PROFILE, [mother, father, again], 1_000).state is ConsentStatus.GIVEN
    ended = consent("f2", guardian="father", granted_ms=300, expires_ms=500)
    assert state(mother, father, ended) is ConsentStatus.EXPIRED
    withdrawn_again = consent("f2", guardian="father", granted_ms=300, withdrawn_ms=400)
    assert state(mother, father, withdrawn_again) is ConsentStatus.WITHDRAWN


@pytest.mark.parametrize(
    ("again", "told"),
    [
        ({"method": ConsentMethod.EMAIL_PLUS}, ConsentStatus.METHOD_INSUFFICIENT),
        ({"expires_ms": 500}, ConsentStatus.EXPIRED),
        ({"scope": "service"}, ConsentStatus.WITHDRAWN),
        ({"guardian": "mother", "method": ConsentMethod.EMAIL_PLUS}, ConsentStatus.WITHDRAWN),
        ({"withdrawn_ms": 400}, ConsentStatus.WITHDRAWN),
    ],
)
def test_after_a_new_consent_by_who_withdrew_what_is_in_its_way_is_told(
    again: dict[str, Any], told: ConsentStatus
) -> None:
    rows = [
        consent("f1", guardian="father", granted_ms=50, withdrawn_ms=200),
        consent("f2", **{"guardian": "father", "granted_ms": 300, **again}),
    ]
    assert state(*rows) is state(*reversed(rows)) is told


def test_version_1_of_the_policy_still_tells_a_withdrawal_that_was_lifted() -> None:
    """What it decided is evaluated again to the same answer."""
    rows = [consent("f1", withdrawn_ms=200), consent("f2", granted_ms=300, method=ConsentMethod.EMAIL_PLUS)]
    facts = Facts(action="public_profile", now_ms=1_000, band=AgeBand.UNDER_13, consents=tuple(rows))
    told = {version: evaluate(policy, facts) for version, policy in SHIPPED.items()}
    assert [decision.policy_version for decision in told.values()] == [*SHIPPED] == [1, 2, 3, 4, 5, 6]
    assert {version: decision.reasons for version, decision in told.items()} == {
        1: (Reason.CONSENT_WITHDRAWN,),
        2: (Reason.PARENTAL_CONSENT_REQUIRED,),
        3: (Reason.PARENTAL_CONSENT_REQUIRED,),
        4: (Reason.PARENTAL_CONSENT_REQUIRED,),
        5: (Reason.PARENTAL_CONSENT_REQUIRED,),
        6: (Reason.PARENTAL_CONSENT_REQUIRED,),
    }


def test_one_guardians_new_consent_does_not_lift_anothers_withdrawal_of_older_ones() -> None:
    rows = [
        consent("m", guardian="mother", granted_ms=100, expires_ms=500),
        consent("f", guardian="father", granted_ms=50, withdrawn_ms=200),
    ]
    assert state(*rows) is ConsentStatus.WITHDRAWN


def test_withdrawing_the_service_withdraws_disclosure_and_not_the_other_way_round() -> None:
    rows = [consent("s", scope="service", withdrawn_ms=500), consent("d", granted_ms=100)]
    assert state(*rows) is ConsentStatus.WITHDRAWN
    rows = [consent("s", scope="service"), consent("d", granted_ms=100, withdrawn_ms=500)]
    assert state(*rows, required=SERVICE) is ConsentStatus.GIVEN


def test_a_second_row_of_a_child_is_no_error() -> None:
    assert state(consent("a", expires_ms=1), consent("b"), consent("c")) is ConsentStatus.GIVEN


def test_rows_of_who_is_no_guardian_do_not_count() -> None:
    rows = [consent("m", guardian="mother"), consent("x", guardian="stranger", granted_ms=50, withdrawn_ms=900)]
    assert consent_state(PROFILE, rows, 1_000, guardians={"mother"}).state is ConsentStatus.GIVEN
    assert consent_state(PROFILE, rows, 1_000, guardians={"father"}).state is ConsentStatus.MISSING


@pytest.mark.parametrize("method", list(ConsentMethod))
def test_each_method_shows_its_evidence(method: ConsentMethod) -> None:
    """Nothing is verified by a ticked box alone."""
    full = dict.fromkeys(EVIDENCE[method], "2026-10-01")
    check_evidence(method, full)
    for field in EVIDENCE[method]:
        for nothing in (None, False, "", " "):
            with pytest.raises(Invalid) as caught:
                check_evidence(method, {**full, field: nothing})
            assert caught.value.field == f"evidence.{field}"


@pytest.mark.parametrize("when", [
    "2026-10-01", "2024-02-29", "2026-10-01T15:00:00Z", "2026-10-01t15:00:00.123456789z", "2026-10-01T15:00:00-07:00",
])  # fmt: skip
def test_evidence_says_when_by_a_date_or_a_time_of_rfc_3339(when: str) -> None:
    check_evidence(ConsentMethod.SIGNED_FORM, {"document_ref": "d", "signed_on": when})


@pytest.mark.parametrize("method", list(ConsentMethod))
def test_evidence_that_says_no_date_where_it_must_is_refused_with_the_field_s_name(method: ConsentMethod) -> None:
    full = dict.fromkeys(EVIDENCE[method], "2026-10-01")
    for field in EVIDENCE_DATES.intersection(EVIDENCE[method]):
        for slip in (
            "yesterday", "01.10.2026", "20261001", "2026-W40-4", "2026-10", "2026-02-29", "2026-10-01T15:00:00",
            "2026-10-01 15:00:00Z", "2026-10-01T25:00:00Z", "2026-10-01\n", " 2026-10-01", "\uff12026-10-01", 1,
        ):  # fmt: skip
            with pytest.raises(Invalid, match="must be a date") as caught:
                check_evidence(method, {**full, field: slip})
            assert caught.value.field == f"evidence.{field}"


@pytest.mark.parametrize("value", ["2026-01", "", "v2", "1.5", "-1", "0", 0, -3, True, 10**200, "9" * 200, "٣", None])
def test_a_policy_version_that_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(Invalid, match="must be a whole number") as caught:
        policy_version(value)
    assert caught.value.field == "policy_version"


def test_a_policy_version_is_a_number_however_it_is_written() -> None:
    assert [policy_version(value) for value in (3, "3", "003")] == [3, 3, 3]


@pytest.mark.parametrize("method", list(ConsentMethod))
def test_a_method_that_never_covers_a_disclosure_is_refused_for_one(method: ConsentMethod) -> None:
    check_method(method, SERVICE)
    if method in {ConsentMethod.EMAIL_PLUS, ConsentMethod.TEXT_PLUS}:
        with pytest.raises(Invalid, match="never covers a disclosure") as caught:
            check_method(method, PROFILE)
        assert caught.value.field == "method"
    else:
        check_method(method, PROFILE)
