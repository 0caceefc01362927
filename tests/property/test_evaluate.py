"""Laws of `evaluate` on any facts: repeatable, exact in its sums, monotone in each signal."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from viral_engine.domain.actions import CATALOGUE
from viral_engine.domain.consent import Consent, Scope
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import (
    Facts,
    Flag,
    FlagSeverity,
    ListHit,
    ListKind,
    Referral,
    Trust,
    Velocity,
    WindowUse,
    facts_for_json,
    facts_from_dict,
    facts_to_dict,
)
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import DEFAULT_POLICY, policy_from_dict, policy_to_dict

counts = st.integers(0, 40)
names = st.text("abc", min_size=1, max_size=2)
scopes = st.sampled_from(
    ["service", "third_party:public", "third_party:other_users", "third_party:public/profile", "export"]
)
flags = st.builds(
    Flag,
    id=names,
    kind=st.sampled_from([ListKind.USER, ListKind.DEVICE, ListKind.IP]),
    severity=st.sampled_from(FlagSeverity),
    source=names,
    age_days=st.integers(0, 200),
)
instants = st.integers(0, 2_000)
facts = st.builds(
    Facts,
    action=st.sampled_from([*CATALOGUE, "unlisted"]),
    now_ms=st.integers(0, 2_000),
    missing=st.lists(st.sampled_from(["device_id", "ip_address", "email"]), unique=True).map(tuple),
    blocks=st.lists(st.builds(ListHit), max_size=2).map(tuple),
    allows=st.lists(st.builds(ListHit), max_size=2).map(tuple),
    windows=st.lists(
        st.builds(WindowUse, st.sampled_from(["user_action", "device", "address", "share"]), counts, instants),
        max_size=3,
        unique_by=lambda use: use.window,
    ).map(tuple),
    velocity=st.builds(Velocity, **dict.fromkeys(Velocity._fields, counts)),
    referral=st.builds(Referral, referees=counts, referees_sharing=counts),
    flags=st.lists(flags, max_size=5).map(tuple),
    labels=st.sets(st.sampled_from(["on_watch", "vpn", "beta"])).map(sorted).map(tuple),
    consents=st.lists(st.builds(Consent, id=names, scope=scopes, guardian=names, granted_ms=instants), max_size=3).map(
        tuple
    ),
    schema=st.just(1),
)
SUSPICIONS = [
    *((Velocity, name) for name in Velocity._fields),
    *((Referral, name) for name in Referral._fields),
]


@given(facts)
def test_recorded_facts_give_the_same_decision_again(known: Facts) -> None:
    again = facts_from_dict(json.loads(json.dumps(facts_to_dict(known))))
    assert again == known
    assert msgspec.json.decode(msgspec.json.encode(facts_for_json(known))) == facts_to_dict(known)
    stored = policy_from_dict(json.loads(json.dumps(policy_to_dict(DEFAULT_POLICY))))
    assert evaluate(stored, again) == evaluate(DEFAULT_POLICY, known) == evaluate(DEFAULT_POLICY, known)


@given(facts)
def test_labels_change_no_decision_of_the_shipped_policy(known: Facts) -> None:
    assert evaluate(DEFAULT_POLICY, known) == evaluate(DEFAULT_POLICY, known._replace(labels=()))


@given(facts)
def test_contributions_are_whole_and_sum_to_the_score(known: Facts) -> None:
    decision = evaluate(DEFAULT_POLICY, known)
    assert sum(term.weight for term in decision.contributions) == decision.score >= 0
    assert all(type(term.weight) is int and term.weight for term in decision.contributions)


@given(facts)
def test_a_refusal_has_a_reason_and_an_allow_has_none_that_refuses(known: Facts) -> None:
    decision = evaluate(DEFAULT_POLICY, known)
    if decision.outcome is Outcome.DENY:
        assert decision.reasons
    assert not (decision.books_signup and decision.outcome is Outcome.DENY)
    assert len(set(decision.reasons)) == len(decision.reasons)


@given(facts, st.sampled_from(SUSPICIONS), st.integers(1, 20))
def test_more_of_any_suspicious_signal_never_lowers_the_score(
    known: Facts, signal: tuple[type, str], more: int
) -> None:
    part, name = signal
    field = part.__name__.lower()
    value = getattr(getattr(known, field), name)
    worse = value + more if type(value) is int else True
    raised = known._replace(**{field: getattr(known, field)._replace(**{name: worse})})
    assert evaluate(DEFAULT_POLICY, raised).score >= evaluate(DEFAULT_POLICY, known).score


@given(facts, flags, st.integers(0, 300))
def test_a_report_more_or_a_younger_one_never_lowers_the_score(known: Facts, flag: Flag, older: int) -> None:
    plain = evaluate(DEFAULT_POLICY, known).score
    fresh = evaluate(DEFAULT_POLICY, known._replace(flags=(*known.flags, flag))).score
    aged = flag._replace(age_days=flag.age_days + older)
    stale = evaluate(DEFAULT_POLICY, known._replace(flags=(*known.flags, aged))).score
    assert plain <= stale <= fresh


@given(facts)
def test_a_throw_away_mailbox_never_lowers_the_score(known: Facts) -> None:
    low = evaluate(DEFAULT_POLICY, known._replace(email_disposable=False)).score
    assert evaluate(DEFAULT_POLICY, known._replace(email_disposable=True)).score >= low


@given(facts, st.sampled_from(Trust._fields))
def test_no_proof_ever_raises_the_score(known: Facts, proof: str) -> None:
    without = known._replace(trust=known.trust._replace(**{proof: False}))
    proved = known._replace(trust=known.trust._replace(**{proof: True}))
    assert evaluate(DEFAULT_POLICY, proved).score <= evaluate(DEFAULT_POLICY, without).score


@given(st.lists(st.sampled_from(["device_id", "ip_address", "email"]), unique=True), st.sampled_from([*CATALOGUE]))
def test_absence_alone_neither_denies_nor_flags(missing: list[str], action: str) -> None:
    decision = evaluate(DEFAULT_POLICY, Facts(action=action, now_ms=1, missing=tuple(missing)))
    assert decision.score < 2_000


@given(facts)
def test_a_place_is_taken_exactly_where_there_was_one(known: Facts) -> None:
    places = {limit.window: limit.places for limit in DEFAULT_POLICY.action(known.action).limits}
    decision = evaluate(DEFAULT_POLICY, known)
    room = {use.window for use in known.windows if use.window in places and use.used < places[use.window]}
    assert set(decision.places_taken) <= room
    if not known.allows:
        assert set(decision.places_taken) == room


@given(scopes)
def test_a_scope_covers_itself(text: str) -> None:
    scope = Scope.parse(text)
    assert scope.covers(scope)
    assert Scope.parse(str(scope)) == scope
