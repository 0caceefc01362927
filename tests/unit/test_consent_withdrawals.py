"""What a withdrawal does to other consents: it ends the older ones for good, and later ones stand on their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import Consent, ConsentMethod, ConsentState, ConsentStatus, Scope, consent_state
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts
from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED, Policy
from viral_engine.domain.policy_file import policy_of

CONTACT = Scope.parse("third_party:other_users/contact")
SCOPES = ("service", "service/contact", "third_party:other_users", "third_party:other_users/contact",
          "third_party:other_users/profile", "third_party:public")  # fmt: skip
REQUIRED = ("service/contact", "third_party:other_users/contact", "third_party:other_users/profile")
INSTANTS = st.integers(0, 8)


def signed(name: str, granted_ms: int, *, guardian: str = "mother", scope: str = "third_party:other_users") -> Consent:
    return Consent(
        id=name, scope=scope, method=ConsentMethod.SIGNED_FORM, guardian=guardian, granted_ms=granted_ms
    )  # fmt: skip


ONE = signed("one", 100, scope="third_party:other_users/contact")
TWO = replace(signed("two", 200), withdrawn_ms=300)
THREE = replace(signed("three", 400), expires_ms=500)


def decided(policy: Policy, now_ms: int, *rows: Consent) -> ConsentState:
    facts = Facts(action="share_personal_info", now_ms=now_ms, band=AgeBand.UNDER_13, consents=rows)
    return evaluate(policy, facts).consent


def told(now_ms: int, *rows: Consent) -> tuple[str | None, ConsentStatus]:
    found = decided(DEFAULT_POLICY, now_ms, *rows)
    # In any order of the rows.
    assert decided(DEFAULT_POLICY, now_ms, *reversed(rows)) == found
    return found.basis, found.state


def test_a_consent_after_a_withdrawal_is_the_basis_itself_and_revives_no_older_one() -> None:
    rows = (ONE, TWO, THREE)
    assert told(299, ONE) == ("one", ConsentStatus.GIVEN)
    assert told(300, *rows) == (None, ConsentStatus.WITHDRAWN)
    assert told(400, *rows) == ("three", ConsentStatus.GIVEN)
    assert told(500, *rows) == (None, ConsentStatus.EXPIRED)


def test_a_consent_of_another_guardian_that_a_withdrawal_ended_stays_ended_once_that_is_lifted() -> None:
    father = signed("father", 250, guardian="father")
    assert told(500, father, TWO, THREE) == (None, ConsentStatus.EXPIRED)
    # At the same instant the withdrawal wins.
    assert told(500, replace(father, granted_ms=300), TWO, THREE) == (None, ConsentStatus.EXPIRED)
    assert told(500, replace(father, granted_ms=301), TWO, THREE) == ("father", ConsentStatus.GIVEN)


def test_what_is_told_is_in_the_way_of_the_newer_consent_and_not_of_those_that_ended() -> None:
    outdated = replace(THREE, expires_ms=None, policy_version=0)
    assert told(500, replace(ONE, expires_ms=250), TWO, outdated) == (None, ConsentStatus.POLICY_OUTDATED)


def test_a_withdrawal_that_nobody_lifted_is_told_whatever_became_of_newer_consents() -> None:
    newer = replace(THREE, guardian="father")
    assert told(450, TWO, newer) == ("three", ConsentStatus.GIVEN)
    assert told(500, TWO, newer) == (None, ConsentStatus.WITHDRAWN)


@pytest.mark.parametrize(("scope", "ends"), [
    ("third_party:other_users/contact", True), ("service", True), ("service/contact", False),
    ("third_party:other_users/profile", False), ("third_party:public", False),
])  # fmt: skip
def test_only_what_a_withdrawal_covers_ends_for_good(scope: str, ends: bool) -> None:  # noqa: FBT001 - a table of cases
    withdrawn = replace(TWO, scope=scope)
    lifting = replace(THREE, scope=scope)
    basis, _ = told(500, ONE, withdrawn, lifting)
    assert basis == (None if ends else "one")


def test_versions_to_4_still_fall_back_to_an_older_consent_and_later_ones_do_not() -> None:
    """What they decided is evaluated again to the same answer."""
    found = {version: decided(policy, 500, ONE, TWO, THREE).basis for version, policy in SHIPPED.items()}
    assert found == {1: "one", 2: "one", 3: "one", 4: "one", 5: None, 6: None}


def test_a_policy_file_may_keep_the_older_rule() -> None:
    kept = policy_of("[consent]\nwithdrawal_ends_older = false\n")
    left_out = policy_of("[consent]\nversion_min = 1\n")
    assert (left_out.withdrawal_ends_older, decided(kept, 500, ONE, TWO, THREE).basis) == (True, "one")


@st.composite
def consents(draw: st.DrawFn) -> list[Consent]:
    """Rows of two guardians within a few instants, so that equal instants are common."""
    return [
        Consent(
            id=f"c{number}",
            scope=draw(st.sampled_from(SCOPES)),
            method=draw(st.sampled_from((ConsentMethod.SIGNED_FORM, ConsentMethod.EMAIL_PLUS))),
            guardian=draw(st.sampled_from(("mother", "father"))),
            granted_ms=draw(INSTANTS),
            policy_version=draw(st.integers(0, 1)),
            expires_ms=draw(st.none() | INSTANTS),
            withdrawn_ms=draw(st.none() | INSTANTS),
        )
        for number in range(draw(st.integers(0, 5)))
    ]


def covering_withdrawals(required: Scope, rows: list[Consent], now_ms: int) -> list[int]:
    """The instants of withdrawals up to now, told apart from the code by the rule's own words."""
    return [
        row.withdrawn_ms
        for row in rows
        if row.withdrawn_ms is not None
        and max(row.withdrawn_ms, row.granted_ms) <= now_ms
        and (row.scope == "service" or Scope.parse(row.scope).covers(required))
    ]


@given(consents(), st.sampled_from(REQUIRED), INSTANTS)
def test_the_basis_was_given_after_every_withdrawal_of_what_it_is_for(
    rows: list[Consent], required: str, now_ms: int
) -> None:
    scope = Scope.parse(required)
    found = consent_state(scope, rows, now_ms)
    basis = next((row for row in rows if row.id == found.basis), None)
    assert (basis is None) is (found.state is not ConsentStatus.GIVEN)
    if basis is not None:
        assert basis.granted_ms > max(covering_withdrawals(scope, rows, now_ms), default=-1)


@given(consents(), st.sampled_from(REQUIRED), st.data())
def test_a_withdrawal_more_never_turns_a_refusal_into_an_allowance(
    rows: list[Consent], required: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(rows) - 1)) if rows else None
    if at is None or rows[at].withdrawn_ms is not None:
        return
    withdrawn_ms = data.draw(INSTANTS)
    more = [*rows[:at], replace(rows[at], withdrawn_ms=withdrawn_ms), *rows[at + 1 :]]
    for now_ms in range(9):
        before = consent_state(Scope.parse(required), rows, now_ms).state
        if before is not ConsentStatus.GIVEN:
            assert consent_state(Scope.parse(required), more, now_ms).state is not ConsentStatus.GIVEN


@given(consents(), st.sampled_from(REQUIRED))
def test_what_does_not_hold_holds_again_only_once_somebody_consents(rows: list[Consent], required: str) -> None:
    states = [consent_state(Scope.parse(required), rows, now_ms).state for now_ms in range(9)]
    granted = {row.granted_ms for row in rows}
    for now_ms in range(1, 9):
        if states[now_ms] is ConsentStatus.GIVEN and states[now_ms - 1] is not ConsentStatus.GIVEN:
            assert now_ms in granted
