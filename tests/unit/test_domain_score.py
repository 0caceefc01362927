"""The fraud score: one reporter alone, decay, caps, trust, and who is never denied by it."""

import pytest

from viral_engine.domain.duplicates import SignupUse
from viral_engine.domain.facts import Facts, Flag, FlagSeverity, ListHit, ListKind, Referral, Trust, Velocity
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy_file import policy_of
from viral_engine.domain.score import contributions_of, tier_of
from viral_engine.domain.weights import WEIGHTS

PROVED = Trust(email_verified=True, phone_verified=True, payment_verified=True)


def score(**known: object) -> int:
    facts = Facts(action="general", now_ms=1, **known)  # type: ignore[arg-type] # a test names its fields
    return sum(term.weight for term in contributions_of(WEIGHTS, facts, unlisted=False, signup=False))


def flag(source: str = "s", age_days: int = 0, severity: FlagSeverity = FlagSeverity.CRITICAL) -> Flag:
    return Flag(id="f", kind=ListKind.DEVICE, severity=severity, source=source, age_days=age_days)


def outcome(**known: object) -> Outcome:
    return tier_of(WEIGHTS.tiers, score(**known))


@pytest.mark.parametrize("reports", [1, 10, 1_000])
def test_one_reporter_alone_never_denies_however_often_they_report(reports: int) -> None:
    """It takes several sources, and something else besides."""
    assert score(flags=(flag(),) * reports) == WEIGHTS.flags.source_cap
    worst = score(flags=(flag(),) * reports, missing=("device_id", "ip_address", "email"), email_disposable=True)
    assert worst < 7_000


def test_reports_corroborated_by_others_weigh_more_and_still_need_something_besides() -> None:
    many = tuple(flag(source) for source in "abcdef")
    assert outcome(flags=many[:2]) is Outcome.REVIEW
    assert score(flags=many) == WEIGHTS.flags.cap
    assert outcome(flags=many, missing=("device_id", "ip_address")) is Outcome.DENY


def test_a_report_fades_and_is_gone_after_its_time() -> None:
    weights = [score(flags=(flag(age_days=days, severity=FlagSeverity.HIGH),)) for days in (0, 45, 89, 90, 5_000)]
    assert weights == [3_000, 1_500, 34, 0, 0]


def test_proofs_lower_a_suspicion_never_below_nothing() -> None:
    assert score(velocity=Velocity(device_users=7), trust=PROVED) == 7_500 - 2_500
    assert score(velocity=Velocity(device_users=7), trust=Trust(phone_verified=True)) == 7_500 - 1_000
    assert score(missing=("device_id",), trust=PROVED) == 0
    assert score(trust=PROVED) == 0


def test_all_that_speaks_against_a_referrer_is_capped_together() -> None:
    worst = Referral(self_referral=True, same_household=True, circle=True, referees=900, referees_sharing=900)
    assert score(referral=worst) == WEIGHTS.referral_cap


def test_a_cap_is_a_term_of_its_own() -> None:
    facts = Facts(action="general", now_ms=1, velocity=Velocity(user_refusals=50))
    terms = contributions_of(WEIGHTS, facts, unlisted=False, signup=False)
    assert [(term.rule, term.weight) for term in terms] == [("user_refusals", 15_000), ("user_refusals_cap", -12_000)]
    assert terms[0].why == "50 attempts of the user ran into a limit in 10 minutes"


@pytest.mark.parametrize("members", [2, 3, 4, 5])
@pytest.mark.parametrize("wrongly", [False, True])
def test_no_family_on_one_device_and_address_is_denied(members: int, wrongly: bool) -> None:  # noqa: FBT001 - both cases
    """Wrongly: held for one person and a circle on top."""
    others = members - 1
    velocity = Velocity(device_users=others, address_users=others, address_signups=others)
    referral = Referral(
        self_referral=wrongly, circle=wrongly, same_household=True, referees=others, referees_sharing=others
    )
    assert outcome(velocity=velocity, referral=referral) in ({Outcome.REVIEW} if wrongly else {Outcome.ALLOW_FLAGGED})


def test_a_farm_is_denied_from_its_ninth_member_on_even_with_verified_e_mail() -> None:
    def member(others: int, **place: int) -> Outcome:
        referral = Referral(same_household=True, referees=others, referees_sharing=others)
        return outcome(referral=referral, velocity=Velocity(**place), trust=Trust(email_verified=True))

    assert all(member(others, device_users=others) is Outcome.DENY for others in range(7, 200))
    assert all(member(others, address_signups=others) is Outcome.DENY for others in range(8, 200))
    assert all(member(others, address_users=others) is Outcome.DENY for others in range(8, 200))


def test_a_script_with_many_accounts_on_one_address_is_denied_once_it_runs_into_limits() -> None:
    assert outcome(velocity=Velocity(address_users=30, address_refusals=35)) is Outcome.DENY
    crowd = Velocity(address_users=500, address_signups=2)
    assert outcome(velocity=crowd) is Outcome.CHALLENGE


@pytest.mark.parametrize("kind", [ListKind.NETWORK, ListKind.IP])
def test_what_the_pupils_of_a_school_share_weighs_nothing_behind_its_allowed_address(kind: ListKind) -> None:
    shared = Velocity(
        device_users=300, device_refusals=300, address_users=300, address_refusals=300, address_signups=300
    )
    referral = Referral(same_household=True, referees_sharing=300)
    school = (ListHit(kind, "school"),)
    assert score(velocity=shared, referral=referral, allows=school) == 0
    own = shared._replace(user_refusals=1_000)
    assert outcome(velocity=own, allows=school) is Outcome.ALLOW_FLAGGED


def test_an_allowed_device_lifts_what_its_users_share_and_nothing_of_its_address() -> None:
    device = (ListHit(ListKind.DEVICE, "lab"),)
    assert score(velocity=Velocity(device_users=50, device_refusals=50), allows=device) == 0
    assert score(velocity=Velocity(address_users=50), allows=device) == 5_000


def test_an_allowed_user_is_not_judged_by_velocity_but_by_reports() -> None:
    user = (ListHit(ListKind.USER, "trusted"),)
    assert score(velocity=Velocity(user_refusals=50, device_users=50, address_users=50), allows=user) == 0
    assert score(flags=(flag(),), allows=user) == 3_000


def test_an_allowed_domain_lifts_what_speaks_of_the_domain_and_nothing_else() -> None:
    domain = (ListHit(ListKind.EMAIL_DOMAIN, "club"),)
    assert score(velocity=Velocity(domain_signups=50), email_disposable=True) == 5_000
    assert score(velocity=Velocity(domain_signups=50), email_disposable=True, allows=domain) == 0
    rest = Velocity(*(50 for _ in Velocity._fields))._replace(domain_signups=0)
    known: dict[str, object] = {"velocity": rest, "referral": Referral(circle=True, referees=9), "flags": (flag(),)}
    assert score(**known, allows=domain) == score(**known) > 0
    # Who is trusted may still have a throw-away box.
    assert score(email_disposable=True, allows=(ListHit(ListKind.USER, "trusted"),)) == 2_500


@pytest.mark.parametrize("name", ["email_disposable", "unknown_action", "signups_unknown"])
def test_a_policy_s_file_may_let_an_allow_lift_what_a_flag_weighs(name: str) -> None:
    facts = Facts(
        action="signup", now_ms=1, allows=(ListHit(ListKind.DEVICE, "lab"),), email_disposable=True,
        signup=SignupUse(known=False),
    )  # fmt: skip
    policy = policy_of(f"[score.{name}]\nlifted_by = ['device']\n")
    before, after = (
        {term.rule for term in contributions_of(weights, facts, unlisted=True, signup=True)}
        for weights in (WEIGHTS, policy.weights)
    )
    assert before - after == {name}


def test_what_an_allow_lifts_makes_no_new_version_of_a_weight_and_its_numbers_do() -> None:
    policy = policy_of("[score.velocity]\nphone_users = { lifted_by = [] }\ndevice_users = { each = 9 }\n")
    assert [policy.weights.velocity[name].version for name in ("phone_users", "device_users")] == [1, 2]
