"""Whatever rules a policy brings: more suspicion never lowers a score, more proof never raises it, and it is exact."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import Facts, Referral, Trust, Velocity
from viral_engine.domain.policy_trial import wilson
from viral_engine.domain.rules import (
    KNOWN_FACTS,
    Condition,
    Fade,
    Leaning,
    Operator,
    Rule,
    Sort,
    check_rule,
    rule_terms,
)

COUNTS = st.integers(0, 6)


def comparisons(*, rises: bool) -> st.SearchStrategy[Condition]:
    """Comparisons that hold the more, or the less, the more suspicious an attempt is."""
    found = []
    for name, fact in KNOWN_FACTS.items():
        asks_for_more = rises == (fact.leaning is Leaning.SUSPICION)
        if fact.sort is Sort.NUMBER:
            operator = Operator.AT_LEAST if asks_for_more else Operator.AT_MOST
            found.append(st.builds(Condition, st.just(operator), st.just(name), COUNTS))
        elif fact.sort is Sort.FLAG:
            found.append(st.just(Condition(Operator.IS, name, int(asks_for_more))))
    return st.one_of(found)


def conditions(depth: int = 2, *, rises: bool) -> st.SearchStrategy[Condition]:
    """Conditions that hold the more, or the less, the more suspicious an attempt is."""
    if depth == 0:
        return comparisons(rises=rises)
    parts = st.lists(conditions(depth - 1, rises=rises), min_size=1, max_size=3)
    operators = st.sampled_from([Operator.ALL, Operator.ANY])
    some = st.builds(lambda operator, listed: Condition(operator, parts=tuple(listed)), operators, parts)
    denied = conditions(depth - 1, rises=not rises)
    return comparisons(rises=rises) | some | st.builds(lambda part: Condition(Operator.NOT, parts=(part,)), denied)


RULES = st.builds(
    Rule,
    name=st.just("a"),
    weight=st.integers(1, 5_000),
    why=st.just("because {n}"),
    when=conditions(rises=True),
    each=st.sampled_from(["", "velocity.device_users", "reports"]),
    free=st.just(0),
    cap=st.integers(0, 3_000),
    fades=st.none() | st.builds(Fade, st.just("account_age_days"), st.integers(1, 5)),
)
FACTS = st.builds(
    Facts,
    action=st.just("share"),
    now_ms=st.just(1),
    missing=st.sampled_from([(), ("device_id",), ("device_id", "ip_address")]),
    email_disposable=st.booleans(),
    trust=st.builds(Trust, st.booleans(), st.booleans(), st.booleans()),
    velocity=st.builds(Velocity, *[COUNTS] * len(Velocity._fields)),
    referral=st.builds(Referral, st.booleans(), st.booleans(), st.booleans(), COUNTS, COUNTS),
    account_age_days=COUNTS,
    has_school=st.booleans(),
    in_household=st.booleans(),
)


def total(rule: Rule, facts: Facts) -> int:
    return sum(term.weight for term in rule_terms((rule,), facts))


@given(RULES, FACTS, st.data())
def test_a_rule_that_is_taken_is_monotone_in_every_signal(rule: Rule, facts: Facts, data: st.DataObject) -> None:
    check_rule(rule, "rule[0]")
    before = total(rule, facts)
    assert before >= 0
    field = data.draw(st.sampled_from([*Velocity._fields, *Referral._fields, "email_disposable"]))
    if field == "email_disposable":
        worse = facts._replace(email_disposable=True)
    else:
        group = "velocity" if field in Velocity._fields else "referral"
        held = getattr(facts, group)
        value = getattr(held, field)
        worse = facts._replace(**{group: held._replace(**{field: True if value in (True, False) else value + 1})})
    assert total(rule, worse) >= before
    better = data.draw(
        st.sampled_from([
            facts._replace(trust=Trust(email_verified=True, phone_verified=True, payment_verified=True)),
            facts._replace(account_age_days=(facts.account_age_days or 0) + 1),
            facts._replace(has_school=True),
            facts._replace(in_household=True),
        ])
    )  # fmt: skip
    assert total(rule, better) <= before


@given(RULES)
def test_a_rule_that_would_lower_a_score_for_more_suspicion_is_refused(rule: Rule) -> None:
    upside_down = rule._replace(when=Condition(Operator.NOT, parts=(rule.when,)))
    with pytest.raises(Invalid):
        check_rule(upside_down, "rule[0]")


@given(st.integers(0, 500), st.integers(0, 500))
@example(0, 0)
@example(0, 10)
def test_an_interval_holds_its_share_and_lies_within_nothing_and_all(part: int, more: int) -> None:
    low, high = wilson(part, part + more)
    assert 0.0 <= low <= high <= 1.0
    if part + more:
        assert low <= part / (part + more) <= high
