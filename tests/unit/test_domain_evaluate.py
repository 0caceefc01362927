"""One attempt in, one decision out: what refuses, what only ranks, what takes a place."""

import pytest

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import Consent, ConsentMethod, ConsentStatus, DataClass, RecipientClass
from viral_engine.domain.duplicates import SignupUse
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, Flag, FlagSeverity, ListHit, ListKind, Relation, Velocity, WindowUse
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import DEFAULT_POLICY
from viral_engine.domain.reasons import Reason

ALLOW, DENY = Outcome.ALLOW, Outcome.DENY
USER = WindowUse("user_action", 3, 41_000)
DEVICE = WindowUse("device", 3, 41_000)
ADDRESS = WindowUse("address", 3, 41_000)
SENSITIVE = ["share_personal_info", "public_profile", "social_features", "data_export"]


def facts(action: str = "general", **known: object) -> Facts:
    given: dict[str, object] = {"windows": (USER, DEVICE, ADDRESS), **known}
    return Facts(action=action, now_ms=1_000_000, **given)  # type: ignore[arg-type] # a test names its fields


def signed(scope: str, **known: object) -> Consent:
    return Consent(id="c1", scope=scope, method=ConsentMethod.SIGNED_FORM, guardian="g", granted_ms=1, **known)  # type: ignore[arg-type]


def test_an_ordinary_attempt_is_allowed_without_a_reason_and_takes_its_places() -> None:
    decision = evaluate(DEFAULT_POLICY, facts())
    assert (decision.outcome, decision.reasons, decision.score, decision.contributions) == (ALLOW, (), 0, ())
    assert decision.places_taken == ("user_action", "device", "address")
    assert decision.consent.state is ConsentStatus.NOT_REQUIRED
    assert (decision.policy_id, decision.policy_version) == ("default", 6)


def test_an_attempt_of_which_nothing_is_known_is_allowed() -> None:
    """Absence of data is no guilt."""
    decision = evaluate(DEFAULT_POLICY, Facts(action="general", now_ms=1, missing=("device_id", "ip_address", "email")))
    assert (decision.outcome, decision.score) == (ALLOW, 1_000)
    assert decision.missing == ("device_id", "ip_address", "email")
    assert decision.limits is None


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (ListKind.USER, Reason.USER_BLOCKED),
        (ListKind.DEVICE, Reason.DEVICE_BLOCKED),
        (ListKind.IP, Reason.IP_BLOCKED),
        (ListKind.NETWORK, Reason.IP_BLOCKED),
        (ListKind.EMAIL_DOMAIN, Reason.EMAIL_DOMAIN_BLOCKED),
    ],
)
def test_a_block_refuses_even_who_is_on_the_allow_list(kind: ListKind, reason: Reason) -> None:
    allows = tuple(ListHit(each, "a") for each in ListKind)
    decision = evaluate(DEFAULT_POLICY, facts(blocks=(ListHit(kind, "b"),), allows=allows))
    assert (decision.outcome, decision.reasons) == (DENY, (reason,))


def test_the_eleventh_is_refused_takes_no_place_there_and_takes_its_places_elsewhere() -> None:
    full = WindowUse("user_action", 10, 31_200)
    decision = evaluate(DEFAULT_POLICY, facts(windows=(full, DEVICE, ADDRESS)))
    assert (decision.outcome, decision.reasons) == (DENY, (Reason.RATE_LIMITED,))
    assert decision.places_taken == ("device", "address")
    assert decision.limits is not None
    assert decision.limits == ("user_action", 10, 0, 31_200, 31_200)


def test_the_tenth_passes_and_leaves_nothing() -> None:
    decision = evaluate(DEFAULT_POLICY, facts(windows=(WindowUse("user_action", 9, 5), DEVICE, ADDRESS)))
    assert decision.outcome is ALLOW
    assert decision.limits == ("user_action", 10, 0, 5, None)


def test_the_limit_that_is_told_is_the_one_with_the_longest_wait() -> None:
    full = (WindowUse("user_action", 10, 9_000), WindowUse("device", 60, 40_000), WindowUse("address", 600, 20_000))
    decision = evaluate(DEFAULT_POLICY, facts(windows=full))
    assert decision.limits is not None
    assert (decision.limits.window, decision.limits.retry_after_ms) == ("device", 40_000)
    assert decision.places_taken == ()


def test_a_refusal_for_another_reason_takes_every_place() -> None:
    """Probing is not free."""
    decision = evaluate(DEFAULT_POLICY, facts(blocks=(ListHit(ListKind.USER, "b"),)))
    assert decision.places_taken == ("user_action", "device", "address")


def test_an_allowed_network_lifts_the_addresss_limit_and_nobodys_own() -> None:
    full = (WindowUse("user_action", 3, 1), WindowUse("device", 3, 1), WindowUse("address", 600, 1))
    network = (ListHit(ListKind.NETWORK, "school"),)
    decision = evaluate(DEFAULT_POLICY, facts(windows=full, allows=network))
    assert (decision.outcome, decision.places_taken) == (ALLOW, ("user_action", "device"))
    own = (WindowUse("user_action", 10, 1), DEVICE, ADDRESS)
    assert evaluate(DEFAULT_POLICY, facts(windows=own, allows=network)).outcome is DENY
    user = (ListHit(ListKind.USER, "trusted"),)
    assert evaluate(DEFAULT_POLICY, facts(windows=own, allows=user)).outcome is ALLOW


def test_reading_has_windows_of_its_own() -> None:
    """Looking at pages eats nobody's budget of actions."""
    full = (WindowUse("user_action", 10, 1), WindowUse("user_read", 3, 1))
    decision = evaluate(DEFAULT_POLICY, facts("profile_view", windows=full))
    assert (decision.outcome, decision.places_taken) == (ALLOW, ("user_read",))


def test_the_sixth_share_in_five_minutes_is_a_duplicate() -> None:
    """Shares are counted by user."""
    fifth = facts("share", windows=(USER, WindowUse("share", 4, 200_000)))
    sixth = facts("share", windows=(USER, WindowUse("share", 5, 200_000)))
    assert evaluate(DEFAULT_POLICY, fifth).outcome is ALLOW
    decision = evaluate(DEFAULT_POLICY, sixth)
    assert (decision.outcome, decision.reasons) == (DENY, (Reason.DUPLICATE_SHARE,))
    assert decision.places_taken == ("user_action",)


@pytest.mark.parametrize(
    ("signup", "duplicate"),
    [
        (SignupUse(0, 0), False),
        (SignupUse(1, 0), True),
        (SignupUse(0, 2), False),
        (SignupUse(0, 3), True),
    ],
)
def test_a_second_signup_on_a_device_and_a_fourth_from_an_address_are_duplicates(
    signup: SignupUse,
    duplicate: bool,  # noqa: FBT001 - a table of cases
) -> None:
    """Siblings, schools and shared networks are not shut out."""
    decision = evaluate(DEFAULT_POLICY, facts("signup", signup=signup))
    assert (Reason.DUPLICATE_SIGNUP in decision.reasons) is duplicate
    assert decision.books_signup is not duplicate
    assert Reason.DUPLICATE_SIGNUP not in evaluate(DEFAULT_POLICY, facts("general", signup=signup)).reasons
    school = (ListHit(ListKind.NETWORK, "school"),)
    assert evaluate(DEFAULT_POLICY, facts("signup", signup=signup, allows=school)).outcome is ALLOW


def test_an_allowed_device_says_nothing_about_its_address() -> None:
    device = (ListHit(ListKind.DEVICE, "lab"),)
    assert evaluate(DEFAULT_POLICY, facts("signup", signup=SignupUse(9, 0), allows=device)).outcome is ALLOW
    assert evaluate(DEFAULT_POLICY, facts("signup", signup=SignupUse(0, 9), allows=device)).outcome is DENY


def test_a_full_book_of_signups_denies_nobody_and_is_seen() -> None:
    decision = evaluate(DEFAULT_POLICY, facts("signup", signup=SignupUse(known=False)))
    assert decision.outcome is ALLOW
    assert [term.rule for term in decision.contributions] == ["signups_unknown"]


@pytest.mark.parametrize("action", SENSITIVE)
@pytest.mark.parametrize("band", [AgeBand.UNKNOWN, AgeBand.UNDER_13, AgeBand.FROM_13_TO_17])
def test_a_minor_or_an_unknown_age_needs_consent_for_what_is_sensitive(action: str, band: AgeBand) -> None:
    """An unknown age is protected like a child's."""
    asked = facts(action, band=band, jurisdiction="us")
    decision = evaluate(DEFAULT_POLICY, asked)
    assert decision.outcome is DENY
    assert Reason.PARENTAL_CONSENT_REQUIRED in decision.reasons
    assert (Reason.AGE_UNKNOWN in decision.reasons) is (band is AgeBand.UNKNOWN)
    assert decision.consent.scope is not None
    given = evaluate(DEFAULT_POLICY, asked._replace(consents=(signed(decision.consent.scope),)))
    assert (given.outcome, given.reasons, given.consent.basis) == (ALLOW, (), "c1")
    row = signed(decision.consent.scope, withdrawn_ms=2)
    withdrawn = evaluate(DEFAULT_POLICY, asked._replace(consents=(row,)))
    assert withdrawn.outcome is DENY
    assert Reason.CONSENT_WITHDRAWN in withdrawn.reasons
    assert withdrawn.consent.state is ConsentStatus.WITHDRAWN


@pytest.mark.parametrize("action", SENSITIVE)
def test_an_adult_passes(action: str) -> None:
    decision = evaluate(DEFAULT_POLICY, facts(action, band=AgeBand.ADULT))
    assert (decision.outcome, decision.reasons) == (ALLOW, ())


def test_the_allow_list_never_beats_consent() -> None:
    allows = tuple(ListHit(kind, "a") for kind in ListKind)
    decision = evaluate(DEFAULT_POLICY, facts("public_profile", band=AgeBand.UNDER_13, allows=allows))
    assert decision.reasons == (Reason.PARENTAL_CONSENT_REQUIRED,)


def test_an_unlisted_action_is_noted_for_an_adult_and_refused_for_everybody_else() -> None:
    adult = evaluate(DEFAULT_POLICY, facts("new_button", band=AgeBand.ADULT))
    assert (adult.outcome, adult.reasons, adult.score) == (ALLOW, (Reason.UNKNOWN_ACTION,), 1_000)
    child = evaluate(DEFAULT_POLICY, facts("new_button", band=AgeBand.UNDER_13))
    assert child.reasons == (Reason.PARENTAL_CONSENT_REQUIRED, Reason.UNKNOWN_ACTION)
    assert child.outcome is DENY


def test_naming_a_third_party_turns_any_action_into_a_disclosure() -> None:
    child = facts("general", band=AgeBand.UNDER_13, recipient=RecipientClass.PARTNER, data_class=DataClass.PROFILE)
    decision = evaluate(DEFAULT_POLICY, child)
    assert decision.consent.scope == "third_party:partner/profile"
    assert decision.outcome is DENY
    parent = child._replace(recipient=RecipientClass.PARENT)
    assert evaluate(DEFAULT_POLICY, parent).outcome is ALLOW


def test_an_education_record_leaves_only_by_a_consent_that_names_it() -> None:
    record = facts("public_profile", band=AgeBand.FROM_13_TO_17, data_class=DataClass.EDUCATION_RECORD)
    wide = record._replace(consents=(signed("third_party:public"),))
    decision = evaluate(DEFAULT_POLICY, wide)
    assert decision.outcome is DENY
    assert Reason.FERPA_RESTRICTED in decision.reasons
    named = record._replace(consents=(signed("third_party:public/education_record"),))
    assert evaluate(DEFAULT_POLICY, named).outcome is ALLOW
    milder = facts("record_share", band=AgeBand.UNDER_13, data_class=DataClass.ACCOUNT)
    assert evaluate(DEFAULT_POLICY, milder).consent.scope == "third_party:public/education_record"


def test_a_stranger_may_do_nothing_about_somebody_elses_data() -> None:
    """The subject is checked, not the caller alone."""
    decision = evaluate(DEFAULT_POLICY, facts(band=AgeBand.ADULT, relation=Relation.NONE))
    assert (decision.outcome, decision.reasons) == (DENY, (Reason.NOT_AUTHORIZED_FOR_SUBJECT,))


def test_all_rules_speak_whatever_the_others_say_and_the_reasons_are_ranked() -> None:
    decision = evaluate(
        DEFAULT_POLICY,
        facts(
            "public_profile",
            windows=(WindowUse("user_action", 10, 1),),
            blocks=(ListHit(ListKind.DEVICE, "b"), ListHit(ListKind.USER, "c")),
            flags=(Flag(id="f", kind=ListKind.DEVICE, severity=FlagSeverity.HIGH, source="s", age_days=0),),
            velocity=Velocity(device_users=9),
        ),
    )
    assert decision.reasons == (
        Reason.USER_BLOCKED,
        Reason.DEVICE_BLOCKED,
        Reason.RATE_LIMITED,
        Reason.FRAUD_DETECTED,
        Reason.DEVICE_FLAGGED,
        Reason.PARENTAL_CONSENT_REQUIRED,
        Reason.AGE_UNKNOWN,
    )


@pytest.mark.parametrize(
    ("users", "outcome", "reasons"),
    [
        (4, Outcome.ALLOW, ()),
        (5, Outcome.ALLOW_FLAGGED, (Reason.FRAUD_SUSPECTED,)),
        (6, Outcome.CHALLENGE, (Reason.FRAUD_SUSPECTED,)),
        (7, Outcome.DENY, (Reason.FRAUD_DETECTED,)),
    ],
)
def test_the_tiers_lead_from_a_note_to_a_refusal(users: int, outcome: Outcome, reasons: tuple[Reason, ...]) -> None:
    """There is no single cut-off."""
    decision = evaluate(DEFAULT_POLICY, facts(velocity=Velocity(device_users=users)))
    assert (decision.outcome, decision.reasons) == (outcome, reasons)
